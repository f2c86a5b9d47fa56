//! A rehearsal: one Canvas, a few users, a scripted backend, and time that one moves by hand.
//!
//! Everything that is known of a rehearsal is read from the trace and from the requests that the
//! backend got, so that it can't know more than a person who looks at the two.
//!
//! ```
//! use std::sync::Arc;
//!
//! use flowrun_canvas::{NoFiles, Source, load};
//! use flowrun_simulation::{Response, Rehearsal, Rule, State};
//! use serde_json::json;
//!
//! let text = "
//! canvas: gold
//! steps:
//!   - id: cool_off
//!     delay: { for: 2d }
//!   - id: mark
//!     user_update:
//!       attributes: [{ vip: true }]
//!   - id: tell
//!     message: { channel: push, body: 'You are VIP now.' }
//! ";
//! let source = Source { path: "gold.yaml".into(), text: text.into() };
//! let canvas = load(source, &flowrun_steps::catalogue(), &NoFiles).canvas.expect("a Canvas");
//!
//! let mut rehearsal = Rehearsal::new(Arc::new(canvas));
//! rehearsal.user(json!({"external_id": "ada", "first_name": "Ada"}));
//! rehearsal.script().rule(Rule::new(Response::status(503)).step("mark").times(2));
//!
//! rehearsal.enter("ada");
//! rehearsal.advance("1d");
//! assert_eq!(rehearsal.whereabouts("ada").unwrap().step, "cool_off");
//!
//! rehearsal.advance("1d");
//! let State::Held { attempt, .. } = rehearsal.whereabouts("ada").unwrap().state else { panic!() };
//! assert_eq!(attempt, 1);
//! assert!(rehearsal.messages("ada").is_empty(), "nobody is told before it is written");
//!
//! assert!(rehearsal.to_the_end());
//! assert_eq!(rehearsal.attribute("ada", "vip"), Some(json!(true)));
//! assert_eq!(rehearsal.messages("ada")[0].body, "You are VIP now.");
//! assert_eq!(rehearsal.path("ada"), ["cool_off", "mark", "tell"]);
//! ```

mod keep;
mod post;
mod whereabouts;

use std::cell::Ref;
use std::sync::Arc;

use flowrun_core::sdk::Duration;
use flowrun_core::trace::{Line, What};
use flowrun_core::track::{Array, Object, Profile, date};
use flowrun_core::{Canvas, CanvasIx, Context, DeadLetter, Millis, Tally};
use flowrun_outbound::Fixtures;
use flowrun_profiles::Memory;
use serde_json::{Map, Value as Json};

use crate::agenda::{Arrival, Happening};
use crate::host::{Options, Simulation};
use crate::outside::Outside;
use crate::script::{Script, Sent};
use crate::totals::Totals;
use crate::{Answers, Fetch};

use keep::Keep;
use post::Post;
pub use whereabouts::{Letter, State, Whereabouts};

/// The only Canvas of a rehearsal.
const CANVAS: CanvasIx = CanvasIx(0);

/// Monday, 5 January 2026, 09:00 UTC.
const START: Millis = Millis(1_767_603_600_000);

/// Moments that may pass before a rehearsal is said to have no end.
const MOST_MOMENTS: u64 = 200_000;

/// One Canvas, its users, and a clock that stands until it is moved.
///
/// The calls that take text and JSON are for tests written by hand: they panic on what makes no
/// sense. Those that take a [`Profile`], an [`Arrival`] or a [`Happening`] never do.
pub struct Rehearsal {
    canvas: Arc<Canvas>,
    simulation: Simulation,
    script: Script,
    post: Post,
    fetch: Box<dyn Fetch>,
    keep: Keep,
    now: Millis,
}

impl Rehearsal {
    pub fn new(canvas: Arc<Canvas>) -> Rehearsal {
        Rehearsal::with(canvas, START, 0)
    }

    /// With the moment at which it starts, and what chance is drawn from.
    pub fn with(canvas: Arc<Canvas>, start: Millis, seed: u64) -> Rehearsal {
        let options = Options { seed, start, threads: 1, ..Options::default() };
        let mut simulation = Simulation::new(options, Memory::default());
        simulation.add_canvas(canvas.clone());
        let script = Script::default();
        simulation.write_to(Box::new(script.clone()));
        let post = Post { script: script.clone(), fixtures: Fixtures::default() };
        let (fetch, keep) = (Box::new(Answers::default()), Keep::new(MOST_MOMENTS));
        Rehearsal { canvas, simulation, script, post, fetch, keep, now: start }
    }

    /// Answers Connected Content and webhooks from here.
    pub fn answer_from(&mut self, fixtures: Fixtures) {
        self.fetch = Box::new(Answers::only(fixtures.clone()));
        self.post.fixtures = fixtures;
    }

    /// What the backend is told to do, and what it got.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Adds a user: `{"external_id": "ada", "country": "FR"}`. They don't enter by that.
    ///
    /// # Panics
    /// If it is no user.
    #[track_caller]
    pub fn user(&mut self, attributes: Json) {
        let Json::Object(mut attributes) = attributes else { panic!("a user is an object") };
        let Some(Json::String(id)) = attributes.shift_remove("external_id") else {
            panic!("a user has an `external_id`")
        };
        let object = match Object::parse(Array::Attributes, &attributes) {
            Ok(object) => object,
            Err(error) => panic!("`{id}` is no user: {}", error.message),
        };
        let mut profile = Profile::new(&id);
        let _ = object.apply(&mut profile, self.now.0);
        self.put(profile);
    }

    /// Adds a user who is given as a profile.
    pub fn put(&mut self, profile: Profile) {
        self.script.know(profile.clone());
        self.simulation.put_profile(profile);
    }

    /// The user enters now.
    pub fn enter(&mut self, user: &str) {
        self.enter_with(user, None);
    }

    /// The user enters now, with entry properties.
    pub fn enter_with(&mut self, user: &str, context: Option<Arc<Context>>) {
        self.arrive(Arrival { at: self.now, canvas: CANVAS, user: user.into(), context });
    }

    /// Somebody enters at a moment.
    pub fn arrive(&mut self, arrival: Arrival) {
        let canvas = CANVAS;
        self.simulation.add_arrivals([Arrival { canvas, at: arrival.at.max(self.now), ..arrival }]);
    }

    /// The user does something now.
    ///
    /// # Panics
    /// If the name or the properties are none.
    #[track_caller]
    pub fn event(&mut self, user: &str, name: &str, properties: Json) {
        let mut event = Map::new();
        event.insert("name".to_owned(), name.into());
        event.insert("properties".to_owned(), properties);
        match Self::happening(self.now, user, event) {
            Ok(happening) => self.happen(happening),
            Err(why) => panic!("`{name}` is no event: {why}"),
        }
    }

    /// An event object of User Track (`name`, `properties`) as something that happens; its
    /// `time` is the moment.
    ///
    /// # Errors
    /// Why it is no event.
    pub fn happening(
        at: Millis,
        user: &str,
        mut event: Map<String, Json>,
    ) -> Result<Happening, String> {
        event.insert("time".to_owned(), flowrun_core::trace::rfc3339(at).into());
        let object = Object::parse(Array::Events, &event).map_err(|error| error.message.clone())?;
        let Some(Json::String(name)) = event.shift_remove("name") else {
            return Err("an event has a `name`".to_owned());
        };
        let properties = match event.shift_remove("properties") {
            Some(Json::Object(properties)) => Some(Arc::new(properties)),
            _ => None,
        };
        let (user, name, object) = (user.into(), name.into(), Arc::new(object));
        Ok(Happening { at, user, name, properties, object })
    }

    /// Somebody does something at a moment.
    pub fn happen(&mut self, happening: Happening) {
        let at = happening.at.max(self.now);
        self.simulation.add_happenings([Happening { at, ..happening }]);
    }

    /// Moves time on by a length: `2d`, `1d 12h`.
    ///
    /// # Panics
    /// If it is no length of time.
    #[track_caller]
    pub fn advance(&mut self, length: &str) {
        match length.parse::<Duration>() {
            Ok(length) => drop(self.until(self.now + length.as_millis())),
            Err(error) => panic!("{error}"),
        }
    }

    /// Moves time on to a moment, which is given as text.
    ///
    /// # Panics
    /// If it is no moment.
    #[track_caller]
    pub fn until_time(&mut self, moment: &str) {
        match date::event(moment) {
            Some(instant) => drop(self.until(Millis(instant.ms()))),
            None => panic!("`{moment}` is no moment: write 2026-01-05T09:00:00Z"),
        }
    }

    /// Moves time on to a moment. What happens at the moment itself, happens. False if that
    /// takes too many tries: see [`Self::to_the_end`].
    pub fn until(&mut self, moment: Millis) -> bool {
        let came = self.go(Some(moment));
        if came {
            self.now = self.now.max(moment);
        }
        came
    }

    /// Moves time on until nothing more will happen. False if that never comes: something is
    /// tried again for ever.
    pub fn to_the_end(&mut self) -> bool {
        self.go(None)
    }

    fn go(&mut self, until: Option<Millis>) -> bool {
        let mut outside = Outside { channel: &mut self.post, fetch: &mut *self.fetch };
        self.keep.begin();
        self.simulation.run_until(until, &mut outside, &mut self.keep);
        self.now = self.now.max(self.simulation.now());
        !self.keep.is_exhausted()
    }

    pub fn now(&self) -> Millis {
        self.now
    }

    pub fn canvas(&self) -> &Arc<Canvas> {
        &self.canvas
    }

    /// Everything that happened, in order.
    pub fn trace(&self) -> &[Line] {
        &self.keep.lines
    }

    /// All that happened to a user, in order.
    pub fn timeline(&self, user: &str) -> Vec<&Line> {
        self.keep.of(user).collect()
    }

    /// Where a user is, or how they ended; of several entries, in the last. `None`: they never
    /// entered.
    pub fn whereabouts(&self, user: &str) -> Option<Whereabouts> {
        self.all_whereabouts(user).pop()
    }

    /// Where a user is in each of their entries.
    pub fn all_whereabouts(&self, user: &str) -> Vec<Whereabouts> {
        whereabouts::of(self.keep.of(user), &self.script.requests(), user)
    }

    /// The steps that a user came to, in order; of several entries, in the last.
    pub fn path(&self, user: &str) -> Vec<&str> {
        let last = self.keep.of(user).filter_map(|line| line.entry).max();
        let lines = self.keep.of(user).filter(|line| line.entry == last);
        let arrived = lines.filter(|line| matches!(line.what, What::Arrived));
        arrived.filter_map(|line| line.step.as_deref()).collect()
    }

    /// The messages that a user got, in order.
    pub fn messages(&self, user: &str) -> Vec<Letter<'_>> {
        self.keep.of(user).filter_map(Letter::of).collect()
    }

    /// A user as steps read them.
    pub fn profile(&self, user: &str) -> Option<&Profile> {
        self.simulation.profiles().get(user)
    }

    /// An attribute of a user as steps read it.
    pub fn attribute(&self, user: &str, name: &str) -> Option<Json> {
        Some(self.profile(user)?.attribute(name)?.to_json())
    }

    /// The requests that the backend got.
    pub fn requests(&self) -> Ref<'_, [Sent]> {
        self.script.requests()
    }

    pub fn dead_letters(&self) -> impl Iterator<Item = DeadLetter> {
        self.simulation.dead_letters()
    }

    pub fn tally(&self) -> Tally {
        self.simulation.tally(CANVAS)
    }

    pub fn totals(&self) -> Totals {
        self.simulation.totals()
    }
}
