//! From a backend's answer per object to an outcome per write.

use flowrun_sdk::Millis;

use super::Part;
use crate::planted::{Bug, is_planted};
use crate::trace::Outcomes;
use crate::{CommitLevel, ItemId, Outcome, Progress, ShardId, WriteOutcome};

/// What came back for a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The HTTP status, of backends that have one.
    pub status: Option<u16>,
    pub answers: Answers,
    /// How long the backend wants no further request at all: a rate limit, or a key that
    /// was turned down.
    pub pause: Option<Millis>,
}

/// One outcome per object of the request: all attributes of its parts in order, then all
/// events, then all purchases, as they stand in the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answers {
    /// The same for all.
    All(Outcome),
    Each {
        attributes: Vec<Outcome>,
        events: Vec<Outcome>,
        purchases: Vec<Outcome>,
    },
}

impl Answers {
    fn of(&self, array: usize, index: usize) -> Outcome {
        match self {
            Answers::All(outcome) => outcome.clone(),
            Answers::Each { attributes, events, purchases } => [attributes, events, purchases]
                [array]
                .get(index)
                .cloned()
                .unwrap_or_else(|| Outcome::Unknown("no answer about this object".into())),
        }
    }
}

/// How an attempt at a write ended, for the shard that it came from.
#[derive(Clone, PartialEq, Debug)]
pub struct Settlement {
    pub shard: ShardId,
    pub write: ItemId,
    pub attempt: u32,
    pub done: Progress,
    pub outcome: WriteOutcome,
}

impl Reply {
    pub fn new(status: Option<u16>, answers: Answers) -> Reply {
        Reply { status, answers, pause: None }
    }

    /// What is said of each object: the part that it lies in, its number in the write, its
    /// array, and the outcome.
    pub fn each(&self, parts: &[Part], mut see: impl FnMut(usize, u32, usize, Outcome)) {
        for_each_object(parts, |part, object, array, index| {
            see(part, object, array, self.answers.of(array, index));
        });
    }

    /// How many objects met which outcome.
    pub fn outcomes(&self, parts: &[Part]) -> Outcomes {
        let mut outcomes = Outcomes::default();
        let mut count = |outcome: &Outcome, objects: usize| {
            let counter = match outcome {
                Outcome::Applied => &mut outcomes.applied,
                Outcome::Accepted => &mut outcomes.accepted,
                Outcome::Refused(_) => &mut outcomes.refused,
                Outcome::Retry { .. } => &mut outcomes.retry,
                Outcome::Unknown(_) => &mut outcomes.unknown,
            };
            *counter += objects;
        };
        if let Answers::All(outcome) = &self.answers {
            count(outcome, parts.iter().map(|part| part.objects().count()).sum());
            return outcomes;
        }
        for_each_object(parts, |_, _, array, index| count(&self.answers.of(array, index), 1));
        outcomes
    }
}

/// Walks the objects in the order of parts, with their array and place in it.
fn for_each_object(parts: &[Part], mut see: impl FnMut(usize, u32, usize, usize)) {
    let mut next = [0; 3];
    for (part_ix, part) in parts.iter().enumerate() {
        for (array, next) in next.iter_mut().enumerate() {
            for (object, _) in part.texts(array) {
                see(part_ix, object, array, *next);
                *next += 1;
            }
        }
    }
}

/// Puts the answers to their writes, which are taken away. Those with objects left come back as
/// second list.
pub(super) fn settle(parts: &mut Vec<Part>, reply: &Reply) -> (Vec<Settlement>, Vec<Part>) {
    let mut answers: Vec<(usize, u32, usize, usize)> = Vec::new();
    if let Answers::All(outcome) = &reply.answers {
        for part in parts.iter_mut() {
            for object in part.range() {
                if !part.write.done.contains(object as usize) {
                    take_answer(part, object, outcome);
                }
            }
        }
    } else {
        for_each_object(parts, |part, object, array, index| {
            answers.push((part, object, array, index));
        });
        for (part, object, array, index) in answers {
            take_answer(&mut parts[part], object, &reply.answers.of(array, index));
        }
    }
    if is_planted(Bug::NeighbourDropped) && parts.iter().any(|part| part.refused.is_some()) {
        parts.iter_mut().for_each(|part| part.again = None);
    }
    let mut settlements = Vec::with_capacity(parts.len());
    let mut rest = Vec::new();
    for mut part in parts.drain(..) {
        if part.is_withdrawn() {
            continue;
        }
        // A write that has to come again anyway doesn't send its further parts first:
        // its objects reach the backend in order.
        if part.again.is_none() && part.advance() {
            rest.push(part);
        } else {
            settlements.push(settlement(part));
        }
    }
    (settlements, rest)
}

fn take_answer(part: &mut Part, object: u32, outcome: &Outcome) {
    match outcome {
        Outcome::Applied => part.done_mut().insert(object as usize),
        Outcome::Accepted => {
            part.level = CommitLevel::Accepted;
            part.done_mut().insert(object as usize);
        }
        Outcome::Refused(_) if is_planted(Bug::PartialErrorLost) => {
            part.done_mut().insert(object as usize);
        }
        Outcome::Refused(reason) => {
            part.done_mut().refuse(object as usize);
            part.refused.get_or_insert_with(|| reason.as_str().into());
        }
        Outcome::Retry { after, cause } => again(part, *after, cause),
        Outcome::Unknown(cause) => again(part, None, cause),
    }
}

/// Of several waits the longest; and one that counts as a failure over one that doesn't.
fn again(part: &mut Part, after: Option<Millis>, cause: &str) {
    part.again = Some(Box::new(match part.again.take().map(|again| *again) {
        None => (after, cause.to_owned()),
        Some((Some(before), text)) => match after {
            Some(after) => (Some(before.max(after)), text),
            None => (None, cause.to_owned()),
        },
        Some(failure) => failure,
    }));
}

fn settlement(part: Part) -> Settlement {
    let outcome = match (part.again.map(|again| *again), part.refused) {
        (Some((after, cause)), refused) => WriteOutcome::Again { after, cause, refused },
        (None, Some(reason)) => WriteOutcome::Refused(reason.into()),
        (None, None) => WriteOutcome::Committed(part.level),
    };
    let Part { write, .. } = part;
    Settlement {
        shard: write.shard,
        write: write.id,
        attempt: write.attempt,
        done: write.done,
        outcome,
    }
}
