//! Synthetic users: as many as one likes, drawn from a declared population.
//!
//! Invariant: a user follows from the seed, their number and the declaration alone. More
//! users, other threads or another Canvas leave every user what they were.

mod attribute;
mod dice;
mod draw;

use std::ops::ControlFlow;
use std::sync::Arc;

use flowrun_core::track::{Array, Object, Profile};
use flowrun_core::{CanvasIx, Context, Millis};
use flowrun_profiles::Memory;

pub use attribute::{Attribute, object_of};
pub use dice::{Dice, Purpose};
pub use draw::{After, Draw, Draws, Known, LARGEST_WEIGHT, Number, Shape, Weighted};

use crate::agenda::{Arrival, Happening};

/// Who there is, when they come, and how.
#[derive(Debug, Default)]
pub struct Population {
    pub attributes: Vec<Attribute>,
    /// Users begin as one of these, if there are any; attributes are drawn on top.
    pub samples: Vec<Sample>,
    pub enter: Enter,
    pub entry_properties: Draws,
    /// What they do to enter; without it they enter by a call.
    pub event: Option<Occasion>,
}

/// A user of a file who is drawn from.
#[derive(Debug)]
pub struct Sample {
    pub attributes: Object,
    pub entry_properties: Option<Arc<Context>>,
}

/// When users come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Enter {
    #[default]
    AtStart,
    /// Evenly over so long a time.
    Over(Millis),
    PerDay(u64),
}

/// An event with drawn properties.
#[derive(Clone, Debug)]
pub struct Occasion {
    name: Box<str>,
    pub properties: Draws,
    /// As profiles count it.
    object: Arc<Object>,
}

impl Occasion {
    /// # Errors
    /// If no event can be called so.
    pub fn new(name: &str, properties: Draws) -> Result<Occasion, String> {
        // A time to come is the present when the event is noted.
        let object = serde_json::json!({"name": name, "time": "9999-12-31T00:00:00Z"});
        let object = object.as_object().expect("an object is written above");
        let object = Object::parse(Array::Events, object).map_err(|error| error.message)?;
        Ok(Occasion { name: name.into(), properties, object: Arc::new(object) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn happening(
        &self,
        at: Millis,
        user: &str,
        dice: &Dice,
        profile: &Profile,
    ) -> Happening {
        let properties = self.properties.draw(dice, profile);
        Happening {
            at,
            user: user.into(),
            name: self.name.clone(),
            properties: (!properties.is_empty()).then(|| Arc::new(properties)),
            object: self.object.clone(),
        }
    }
}

/// What of a run decides how its users are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    pub seed: u64,
    pub start: Millis,
    /// Who would come later doesn't come.
    pub until: Option<Millis>,
    pub canvas: CanvasIx,
    /// Threads that make users; it makes no difference to them.
    pub threads: usize,
}

/// Users with their profiles, and how they will enter.
#[derive(Default)]
pub struct People {
    pub store: Memory,
    pub arrivals: Vec<Arrival>,
    pub happenings: Vec<Happening>,
}

impl People {
    pub fn entering(&self) -> u64 {
        (self.arrivals.len() + self.happenings.len()) as u64
    }
}

/// How many users a thread makes before it is asked whether to go on.
const BLOCK: u64 = 16_384;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A user who has just been made.
struct Made {
    profile: Profile,
    way: Option<Way>,
}

enum Way {
    Arrival(Arrival),
    Happening(Happening),
}

impl Population {
    /// So many users. `watch` hears how many there are and may end it.
    pub fn people(
        &self,
        users: u64,
        frame: &Frame,
        watch: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> People {
        let mut people = People::default();
        people.store.reserve(users as usize);
        match self.event {
            None => people.arrivals.reserve_exact(users as usize),
            Some(_) => people.happenings.reserve_exact(users as usize),
        }
        let mut next = 0;
        while next < users {
            let threads = (frame.threads.max(1) as u64).min((users - next).div_ceil(BLOCK));
            let blocks = (0..threads).map(|thread| {
                let from = (next + thread * BLOCK).min(users);
                from..(from + BLOCK).min(users)
            });
            let made: Vec<Vec<Made>> = std::thread::scope(|scope| {
                let make = |numbers: std::ops::Range<u64>| {
                    scope.spawn(move || numbers.map(|number| self.user(number, frame)).collect())
                };
                let threads: Vec<_> = blocks.map(make).collect();
                let joined = threads.into_iter().map(|thread| thread.join());
                joined.map(|made| made.expect("making a user doesn't panic")).collect()
            });
            made.into_iter().flatten().for_each(|made| people.take(made));
            next = people.store.len() as u64;
            if watch(next).is_break() {
                break;
            }
        }
        people
    }

    fn user(&self, number: u64, frame: &Frame) -> Made {
        let id = id(number);
        let dice = |purpose| Dice::new(frame.seed, &id, Purpose::of(purpose));
        let mut profile = Profile::new(&id);
        let mut entry_properties = None;
        if !self.samples.is_empty() {
            let drawn = dice("$sample").below(self.samples.len() as u64);
            let sample = &self.samples[drawn as usize];
            let _ = sample.attributes.apply(&mut profile, frame.start.0);
            entry_properties.clone_from(&sample.entry_properties);
        }
        for attribute in &self.attributes {
            attribute.give(frame.seed, &mut profile, frame.start);
        }
        let at = frame.start + self.enter.after(number, &mut dice("$enter"));
        if frame.until.is_some_and(|until| at > until) {
            return Made { profile, way: None };
        }
        let way = match &self.event {
            Some(event) => Way::Happening(event.happening(at, &id, &dice("$event"), &profile)),
            None => {
                if !self.entry_properties.is_empty() {
                    let drawn = self.entry_properties.draw(&dice("$entry_properties"), &profile);
                    let mut all = entry_properties.as_deref().cloned().unwrap_or_default();
                    all.extend(drawn);
                    entry_properties = Some(Arc::new(all));
                }
                let (user, canvas) = (id.into(), frame.canvas);
                Way::Arrival(Arrival { at, canvas, user, context: entry_properties })
            }
        };
        Made { profile, way: Some(way) }
    }
}

impl People {
    fn take(&mut self, made: Made) {
        self.store.put(made.profile);
        match made.way {
            Some(Way::Arrival(arrival)) => self.arrivals.push(arrival),
            Some(Way::Happening(happening)) => self.happenings.push(happening),
            None => {}
        }
    }
}

impl Enter {
    /// How long after the start; at whole minutes.
    fn after(self, number: u64, dice: &mut Dice) -> Millis {
        match self {
            Enter::AtStart => Millis(0),
            Enter::Over(length) => {
                Millis(dice.below((length.0 / MINUTE).max(1) as u64) as i64 * MINUTE)
            }
            Enter::PerDay(users) => {
                let day = Millis((number / users.max(1)).min(1 << 30) as i64 * DAY);
                day + Millis(dice.below((DAY / MINUTE) as u64) as i64 * MINUTE)
            }
        }
    }
}

/// The id of a synthetic user: as wide for all, so that the order of ids is that of making.
fn id(number: u64) -> String {
    format!("user-{number:08}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(threads: usize) -> Frame {
        let (start, until) = (Millis(1_767_603_600_000), None);
        Frame { seed: 5, start, until, canvas: CanvasIx(0), threads }
    }

    fn population() -> Population {
        let mut weighted = Weighted::default();
        weighted.add(Some("FR".into()), 1.0);
        weighted.add(Some("US".into()), 1.0);
        let country = Attribute::new("country", Draw::OneOf(weighted)).unwrap();
        Population {
            attributes: vec![country],
            enter: Enter::Over(Millis(30 * DAY)),
            ..Population::default()
        }
    }

    #[test]
    fn users_are_the_same_on_any_number_of_threads_and_among_any_others() {
        let make = |users, threads| {
            let mut quiet = |_| ControlFlow::Continue(());
            population().people(users, &frame(threads), &mut quiet)
        };
        let one = make(40_000, 1);
        for other in [make(40_000, 3), make(40_123, 2)] {
            assert!(one.store.iter().zip(other.store.iter()).all(|(one, other)| one == other));
            assert_eq!(one.arrivals[..], other.arrivals[..40_000]);
        }
    }

    #[test]
    fn users_come_when_it_was_said() {
        for (enter, users, until, expected) in [
            (Enter::AtStart, 100, None, 100),
            (Enter::PerDay(10), 100, Some(3 * DAY), 30),
            (Enter::Over(Millis(10 * DAY)), 1000, Some(10 * DAY), 1000),
            (Enter::Over(Millis(1)), 10, None, 10),
        ] {
            let until = until.map(|after| frame(1).start + Millis(after));
            let frame = Frame { until, ..frame(1) };
            let population = Population { enter, ..Population::default() };
            let people = population.people(users, &frame, &mut |_| ControlFlow::Continue(()));
            // At the end of the third day the fourth begins, and one may come at once.
            assert!(people.entering().abs_diff(expected) <= 1, "{enter:?} {}", people.entering());
            assert_eq!(people.store.len() as u64, users);
        }
    }

    #[test]
    fn who_enters_by_an_event_does_it() {
        let draws = Draws(vec![("total".into(), Draw::Fixed(900.into()))]);
        let event = Some(Occasion::new("order_completed", draws).unwrap());
        let population = Population { event, ..Population::default() };
        let people = population.people(2, &frame(1), &mut |_| ControlFlow::Continue(()));
        let happening = &people.happenings[1];
        assert_eq!((&*happening.name, &*happening.user), ("order_completed", "user-00000001"));
        assert_eq!(happening.properties.as_ref().unwrap()["total"], 900);
        assert!(Occasion::new("", Draws::default()).is_err());
    }
}
