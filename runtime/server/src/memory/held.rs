//! What an engine does with the profiles: reads them, and writes held updates to them.
//!
//! A held update goes the way of `POST /users/track`, objects, rules and write keys alike; only HTTP is left out. Its
//! events let nobody into a Canvas: journeys don't hear of what they wrote themselves, in this host as in the simulation.

use super::{Kept, Memory};
use crate::engine::core::batcher::{Answers, Part, Reply};
use crate::engine::core::{Millis, Outcome, UserIx, World};
use crate::track::{self, Array, Batch, Directory, Limits, Prepared, Profile, WriteKey, Writing};
use crate::workspace::Busy;

/// How long to wait for the end of a maintenance.
const MAINTENANCE: Millis = Millis(1_000);
/// How long a full disk is left alone.
const WHILE_FULL: Millis = Millis(1_000);

/// Profiles as decisions read them: by external id, or by braze_id where there is none.
struct Read<'a>(&'a Directory);

impl World for Read<'_> {
    fn profile(&self, _: Option<UserIx>, id: &str) -> Option<&Profile> {
        match track::named_by(id) {
            ("braze_id", _) => self.0.profiles.profile(self.0.of_journey(id)?),
            _ => self.0.profiles.by_external_id(id),
        }
    }
}

impl Memory {
    /// Lends the profiles to one decision.
    pub(crate) fn lend(&self, look: &mut dyn FnMut(&dyn World)) {
        self.read(|directory| look(&Read(directory)));
    }

    /// Writes held updates, and says of each object what became of it.
    pub(crate) async fn write_held(&self, now: Millis, parts: &[Part]) -> Reply {
        if let Err(busy) = self.room() {
            return unwritten(busy);
        }
        // Read before anybody has to wait for it.
        let objects = Objects::of(parts, &self.limits_of_held(), |_, _| true);
        let Some((batch, kept)) = self.commit_held(now, &objects) else {
            let cause = "the profiles are in maintenance".to_owned();
            let wait = Outcome::Retry { after: Some(MAINTENANCE), cause };
            return Reply::new(Some(503), Answers::All(wait));
        };
        match kept.done().await {
            Ok(()) => reply(parts, &batch),
            Err(busy) => unwritten(busy),
        }
    }

    /// Applies what a backend elsewhere has written.
    pub(crate) fn acknowledge(&self, now: Millis, parts: &[Part], reply: &Reply) {
        let mut written = std::collections::BTreeSet::new();
        reply.each(parts, |part, object, _, outcome| {
            if matches!(outcome, Outcome::Applied | Outcome::Accepted) {
                written.insert((part, object));
            }
        });
        let objects = Objects::of(parts, &self.limits_of_held(), |part, object| {
            written.contains(&(part, object))
        });
        let mut state = self.state();
        // A maintenance is about requests; what is written elsewhere can't wait for its end.
        state.apply_held(&objects, now);
        // Who is released by it waits for the disk: see `kept_now`.
        let _ = self.keep(&mut state);
    }

    /// Ends when all that was changed is durable.
    pub(crate) async fn kept_now(&self) -> Result<(), Busy> {
        let kept = self.keep(&mut self.state());
        kept.done().await
    }

    /// The directory's, but for the size of requests: the batcher keeps to its own.
    fn limits_of_held(&self) -> Limits {
        let limits = self.read(|directory| directory.limits);
        Limits { per_array: usize::MAX, combined: None, ..limits }
    }

    fn commit_held(&self, now: Millis, objects: &Objects) -> Option<(Batch, Kept)> {
        let mut state = self.state();
        if state.queue.is_some() {
            return None;
        }
        let batch = state.apply_held(objects, now);
        Some((batch, self.keep(&mut state)))
    }
}

/// Of writes that the disk didn't take: while it is full they wait, and else nobody knows.
fn unwritten(busy: Busy) -> Reply {
    let cause = match busy {
        Busy::NoSpace | Busy::Unsaved => "no space is left on the disk of the profiles".to_owned(),
        other => other.to_string(),
    };
    match busy {
        Busy::NoSpace | Busy::Unsaved => Reply {
            status: None,
            answers: Answers::All(Outcome::Retry { after: Some(WHILE_FULL), cause }),
            pause: Some(WHILE_FULL),
        },
        _ => Reply::new(None, Answers::All(Outcome::Unknown(cause))),
    }
}

impl super::State {
    fn apply_held(&mut self, objects: &Objects, now: Millis) -> Batch {
        self.commit(&objects.prepared, Some(&objects.keys), now.0)
    }
}

/// Objects of held updates, read, with their keys in the order of requests.
struct Objects {
    prepared: Prepared,
    keys: Vec<WriteKey>,
}

impl Objects {
    fn of(parts: &[Part], limits: &Limits, wanted: impl Fn(usize, u32) -> bool) -> Objects {
        let digests: Vec<u128> = parts.iter().map(|part| part.write.key.digest()).collect();
        let mut writing = Writing::new(limits);
        for array in Array::ALL {
            let objects = each(parts, array).filter(|(ix, number, _)| wanted(*ix, *number));
            let objects = objects.map(|(ix, number, text)| {
                let key = WriteKey { write: digests[ix], object: number };
                (&*parts[ix].write.key.user, text, key)
            });
            writing.array(array, each(parts, array).count(), objects);
        }
        let (prepared, keys) = writing.done();
        Objects { prepared, keys }
    }
}

/// The objects of one array in the order of requests: part, number within the write, text.
fn each(parts: &[Part], array: Array) -> impl Iterator<Item = (usize, u32, &str)> {
    let parts = parts.iter().enumerate();
    parts.flat_map(move |(ix, part)| {
        part.texts(array as usize).map(move |(number, text)| (ix, number, text))
    })
}

fn reply(parts: &[Part], batch: &Batch) -> Reply {
    let is_in = |outcome: &track::Outcome| {
        matches!(outcome, track::Outcome::Applied { .. } | track::Outcome::Known { .. })
    };
    let mut all = Array::ALL.into_iter().filter_map(|array| batch.outcomes(array));
    if all.all(|outcomes| outcomes.iter().all(is_in)) {
        return Reply::new(Some(201), Answers::All(Outcome::Applied));
    }
    let outcomes = |array: Array| -> Vec<Outcome> {
        let objects = each(parts, array).map(|(ix, ..)| &*parts[ix].write.key.user);
        let outcomes = batch.outcomes(array).unwrap_or_default();
        outcomes.iter().zip(objects).map(outcome).collect()
    };
    let [attributes, events, purchases] = Array::ALL.map(outcomes);
    Reply::new(Some(201), Answers::Each { attributes, events, purchases })
}

fn outcome((outcome, user): (&track::Outcome, &str)) -> Outcome {
    match outcome {
        track::Outcome::Nobody if track::named_by(user).0 == "braze_id" => Outcome::Refused(
            "no profile has the user's braze_id any more: it was deleted, or merged into another"
                .to_owned(),
        ),
        // Nobody: the object was for existing profiles only, and was taken as such.
        track::Outcome::Applied { .. } | track::Outcome::Known { .. } | track::Outcome::Nobody => {
            Outcome::Applied
        }
        track::Outcome::Refused(error) => Outcome::Refused(error.message.clone()),
    }
}
