//! What our own stores know of a user, and how a request is applied to it.
//!
//! It remembers of each user the key of the last write, and which of its objects are in.
//! That is enough to apply every write once: writes of a user arrive in the order of
//! their commits, and the next one only after the former has its final outcome.

use std::rc::Rc;
use std::sync::Arc;

use flowrun_core::batcher::{Answers, Part, Reply, Request};
use flowrun_core::sdk::Objects;
use flowrun_core::{Millis, Outcome, Progress};
use flowrun_track::{Array, Object, Profile, Warning};

/// Values of applied objects that a profile doesn't hold as they were written: the vendor
/// answers success then, and so do we; here it is said all the same.
#[derive(Clone, Debug, Default)]
pub struct NotKept {
    pub count: u64,
    /// The first ones in words, each with its user.
    pub told: Vec<String>,
}

/// Values that are told one by one.
const TOLD: usize = 5;

impl NotKept {
    fn note(&mut self, user: &Profile, warnings: &[Warning]) {
        for warning in warnings {
            self.count += 1;
            if self.told.len() < TOLD {
                self.told.push(format!("{}: {warning}", user.external_id().unwrap_or_default()));
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub profile: Profile,
    pub last_key: u128,
    /// Which objects of that write are in.
    pub applied: Progress,
}

impl User {
    pub fn new(profile: Profile) -> User {
        User { profile, last_key: 0, applied: Progress::default() }
    }

    pub fn id(&self) -> &str {
        self.profile.external_id().expect("only profiles with an id are put")
    }

    /// Another write than the last one begins with nothing applied.
    fn begin(&mut self, key: u128) {
        if self.last_key != key {
            (self.last_key, self.applied) = (key, Progress::default());
        }
    }

    /// Applies an object of a write that another backend has written.
    pub fn acknowledge(&mut self, now: Millis, part: &Part, objects: &Parsed, object: usize) {
        self.begin(part.write.key.digest());
        if let (Ok(known), false) = (&objects[object], self.applied.contains(object)) {
            let _ = known.apply(&mut self.profile, now.0);
            self.applied.insert(object);
        }
    }

    fn apply(
        &mut self,
        now: Millis,
        job: &Job<'_>,
        array: usize,
        outcomes: &mut Vec<Outcome>,
        not_kept: &mut NotKept,
    ) {
        let mut numbers = job.part.texts(array).map(|(object, _)| object as usize).peekable();
        if numbers.peek().is_none() {
            return;
        }
        self.begin(job.key);
        for number in numbers {
            outcomes.push(match &job.objects[number] {
                Err(reason) => Outcome::Refused(reason.clone()),
                Ok(_) if self.applied.contains(number) => Outcome::Applied,
                Ok(object) => {
                    let applied = object.apply(&mut self.profile, now.0);
                    not_kept.note(&self.profile, &applied.warnings);
                    self.applied.insert(number);
                    Outcome::Applied
                }
            });
        }
    }
}

/// Applies a request to the users of its parts, which lie at `places`, and says of each
/// object what became of it.
pub(crate) fn commit(
    now: Millis,
    request: &Request,
    places: &[usize],
    users: &mut [User],
    not_kept: &mut NotKept,
) -> Reply {
    let parts = request.parts.iter().zip(places).zip(parsed(&request.parts));
    let jobs: Vec<Job<'_>> = parts
        .map(|((part, &place), objects)| Job { part, place, key: part.write.key.digest(), objects })
        .collect();
    let mut outcomes = [Vec::new(), Vec::new(), Vec::new()];
    // Attributes of all users first, then events, then purchases: as User Track does.
    for (array, outcomes) in outcomes.iter_mut().enumerate() {
        for job in &jobs {
            users[job.place].apply(now, job, array, outcomes, not_kept);
        }
    }
    let [attributes, events, purchases] = outcomes;
    let all = [&attributes, &events, &purchases];
    let answers = if all.iter().all(|array| array.iter().all(|one| *one == Outcome::Applied)) {
        Answers::All(Outcome::Applied)
    } else {
        Answers::Each { attributes, events, purchases }
    };
    Reply::new(Some(201), answers)
}

/// The objects that another backend says are written, as part and number in the write.
pub(crate) fn written(parts: &[Part], reply: &Reply) -> Vec<(usize, usize)> {
    let mut written = Vec::new();
    reply.each(parts, |part, object, _, outcome| {
        // Of a user who was deleted meanwhile nothing is kept.
        let kept = !parts[part].is_withdrawn();
        if kept && matches!(outcome, Outcome::Applied | Outcome::Accepted) {
            written.push((part, object as usize));
        }
    });
    written
}

/// A part of a request, with all that is needed to apply it.
struct Job<'a> {
    part: &'a Part,
    place: usize,
    key: u128,
    objects: Parsed,
}

/// A write's objects; why one can't be, in place of those that can't.
pub(crate) type Parsed = Rc<[Result<Object, String>]>;

const ARRAYS: [Array; 3] = [Array::Attributes, Array::Events, Array::Purchases];

/// The parsed objects of each part. Users of one cohort often share one update.
pub(crate) fn parsed<'a>(parts: &'a [Part]) -> impl Iterator<Item = Parsed> + 'a {
    let mut last: Option<(&'a Arc<Objects>, Parsed)> = None;
    parts.iter().map(move |part| {
        let objects = &part.write.objects;
        match &last {
            Some((known, parsed)) if Arc::ptr_eq(known, objects) => parsed.clone(),
            _ => {
                let texts = [&objects.attributes, &objects.events, &objects.purchases];
                let all = ARRAYS.iter().zip(texts);
                let all =
                    all.flat_map(|(array, texts)| texts.iter().map(|text| parse(*array, text)));
                let parsed: Parsed = all.collect();
                last = Some((objects, parsed.clone()));
                parsed
            }
        }
    })
}

fn parse(array: Array, text: &str) -> Result<Object, String> {
    let object = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Object::parse(array, &object).map_err(|error| error.message.clone())
}
