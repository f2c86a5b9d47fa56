//! What an engine does with the profiles: reads them, and writes held updates to them.
//!
//! A held update goes the way of `POST /users/track`, objects, rules and write keys alike; only HTTP is left out. Its
//! events let nobody into a Canvas: journeys don't hear of what they wrote themselves, in this host as in the simulation.

use serde_json::{Map, Value as Json};

use super::{Kept, Memory};
use crate::engine::core::batcher::{Answers, Part, Reply};
use crate::engine::core::{Millis, Outcome, UserIx, World};
use crate::track::{self, Array, Batch, Directory, Prepared, Profile, WriteKey};
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
        let objects = Objects::of(parts, |_, _| true);
        let Some((batch, kept)) = self.commit_held(now, &objects) else {
            let cause = "the profiles are in maintenance".to_owned();
            let wait = Outcome::Retry { after: Some(MAINTENANCE), cause };
            return Reply::new(Some(503), Answers::All(wait));
        };
        match kept.done().await {
            Ok(()) => objects.reply(&batch),
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
        let objects = Objects::of(parts, |part, object| written.contains(&(part, object)));
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
        let parsed = match Prepared::parse(&objects.body, &objects.limits(&self.directory)) {
            Ok(parsed) => parsed,
            // Only a body that isn't arrays of objects is refused as a whole.
            Err(_) => return Batch::default(),
        };
        self.commit(&parsed, Some(&objects.keys), now.0)
    }
}

/// Objects of held updates as the body of a request, with their keys in its order.
struct Objects {
    body: Map<String, Json>,
    keys: Vec<WriteKey>,
}

impl Objects {
    fn of(parts: &[Part], wanted: impl Fn(usize, u32) -> bool) -> Objects {
        let (mut body, mut keys) = (Map::new(), Vec::new());
        let digests: Vec<u128> = parts.iter().map(|part| part.write.key.digest()).collect();
        for (at, array) in Array::ALL.into_iter().enumerate() {
            let mut objects = Vec::new();
            for (ix, part) in parts.iter().enumerate() {
                for (number, text) in part.texts(at).filter(|(number, _)| wanted(ix, *number)) {
                    let mut object: Json = serde_json::from_str(text).unwrap_or_default();
                    if let Json::Object(object) = &mut object {
                        let (key, id) = track::named_by(&part.write.key.user);
                        object.insert(key.into(), id.into());
                    }
                    objects.push(object);
                    keys.push(WriteKey { write: digests[ix], object: number });
                }
            }
            if !objects.is_empty() {
                body.insert(array.name().to_owned(), Json::Array(objects));
            }
        }
        Objects { body, keys }
    }

    /// The directory's, but for the size of requests: the batcher keeps to its own.
    fn limits(&self, directory: &Directory) -> track::Limits {
        track::Limits { per_array: usize::MAX, combined: None, ..directory.limits }
    }

    fn reply(&self, batch: &Batch) -> Reply {
        let outcomes = |array: Array| -> Vec<Outcome> {
            let given = self.body.get(array.name()).and_then(Json::as_array).map_or(0, Vec::len);
            let objects = self.body.get(array.name()).and_then(Json::as_array);
            let objects = objects.into_iter().flatten();
            let known = batch.outcomes(array).unwrap_or_default().iter().zip(objects).map(outcome);
            let unread = || Outcome::Refused("the object can't be read".to_owned());
            known.chain(std::iter::repeat_with(unread)).take(given).collect()
        };
        let [attributes, events, purchases] = Array::ALL.map(outcomes);
        let all = [&attributes, &events, &purchases];
        let whole = all.iter().all(|array| array.iter().all(|one| *one == Outcome::Applied));
        let answers = match whole {
            true => Answers::All(Outcome::Applied),
            false => Answers::Each { attributes, events, purchases },
        };
        Reply::new(Some(201), answers)
    }
}

fn outcome((outcome, object): (&track::Outcome, &Json)) -> Outcome {
    match outcome {
        track::Outcome::Nobody if object.get("braze_id").is_some() => Outcome::Refused(
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
