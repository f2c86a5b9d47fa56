//! Dead letters: what could not be done for good, kept until somebody does something about it.
//!
//! A letter holds what is left to be done, so that it can be done again under its key: of a
//! write the objects that are not in, of a message the message. What a step could not do for
//! a user at all (a template that fails) has nothing to be sent: its payload is for people.
//!
//! How many there may be is bounded: see [`LetterLimits`].

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_sdk::{Message, Millis, Objects};
use serde::{Deserialize, Serialize};

use crate::outbox::Origin;
use crate::{ItemId, LetterId, Progress, UserIx, WriteKey};

/// How many dead letters a shard holds before it is *burdened*: its host then lets nobody in
/// and no timer fire, until letters are replayed or discarded. What is under way still ends, so
/// that a shard may hold some more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LetterLimits {
    pub count: usize,
    /// Of what they hold.
    pub bytes: usize,
}

impl LetterLimits {
    /// For runs that are over when the process is.
    pub const NONE: LetterLimits = LetterLimits { count: usize::MAX, bytes: usize::MAX };
}

impl Default for LetterLimits {
    fn default() -> LetterLimits {
        LetterLimits { count: 10_000, bytes: 64 << 20 }
    }
}

/// A dead letter, as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// Its number in its shard.
    pub id: LetterId,
    pub at: Millis,
    pub key: WriteKey,
    pub reason: String,
    /// The update's objects, the rendered text, or the message, as JSON or text.
    pub payload: String,
    pub replay: Replay,
}

/// Whether a dead letter can be replayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replay {
    Possible,
    /// It is on its way already.
    UnderWay,
    /// Its Canvas is paused.
    Paused,
    /// It holds nothing that could be written or sent again.
    Nothing,
    /// It may have gone out, and must not go out twice.
    InDoubt,
}

impl Replay {
    /// Why it can't be; none if it can.
    pub fn obstacle(self) -> Option<&'static str> {
        match self {
            Replay::Possible => None,
            Replay::UnderWay => Some("it is being replayed already"),
            Replay::Paused => Some("its Canvas is paused: resume that first"),
            Replay::Nothing => Some(
                "it holds nothing to be written or sent again: mend what the reason names, and \
                 let the user enter again",
            ),
            Replay::InDoubt => Some("it may have gone out, and is to go out at most once"),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Letter {
    pub at: Millis,
    pub origin: Origin,
    pub reason: Box<str>,
    pub left: Left,
    /// What it is made again by.
    pub under_way: Option<Again>,
}

/// What is left to be done.
#[derive(Serialize, Deserialize)]
pub(crate) enum Left {
    /// Nothing that could be done by itself; this was at hand.
    Text(Box<str>),
    Write {
        objects: Arc<Objects>,
        /// The objects that are in.
        done: Progress,
    },
    Message(Arc<Message>),
    /// It may have gone out.
    InDoubt(Arc<Message>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Again {
    Write(ItemId),
    Message(ItemId),
}

impl Letter {
    pub fn payload(&self) -> String {
        match &self.left {
            Left::Text(text) => text.to_string(),
            Left::Write { objects, .. } => objects.to_json(),
            Left::Message(content) | Left::InDoubt(content) => payload_of(content),
        }
    }

    pub fn replay(&self) -> Replay {
        match &self.left {
            _ if self.under_way.is_some() => Replay::UnderWay,
            Left::Text(_) => Replay::Nothing,
            Left::Write { objects, done } if done.count() >= objects.len() => Replay::Nothing,
            Left::Write { .. } | Left::Message(_) => Replay::Possible,
            Left::InDoubt(_) => Replay::InDoubt,
        }
    }

    fn bytes(&self) -> usize {
        let left = match &self.left {
            Left::Text(text) => text.len(),
            Left::Write { objects, .. } => {
                let arrays = [&objects.attributes, &objects.events, &objects.purchases];
                arrays.into_iter().flatten().map(|object| object.len()).sum()
            }
            Left::Message(content) | Left::InDoubt(content) => {
                let fields = content.fields.iter();
                let fields: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
                content.body.len() + content.subject.as_ref().map_or(0, |text| text.len()) + fields
            }
        };
        size_of::<Letter>() + self.reason.len() + left
    }
}

/// A message as people are shown it.
pub(crate) fn payload_of(content: &Message) -> String {
    serde_json::to_string(content).expect("a message is plain data")
}

/// The letters of a shard, in the order of their coming.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Letters {
    next: u64,
    kept: BTreeMap<LetterId, Letter>,
    /// Those that are not being replayed, and the bytes of what they hold.
    waiting: usize,
    bytes: usize,
}

impl Letters {
    pub fn add(&mut self, letter: Letter) -> LetterId {
        let id = LetterId(self.next);
        self.next += 1;
        self.put(id, letter);
        id
    }

    /// Those from a number on.
    pub fn from(&self, id: LetterId) -> impl Iterator<Item = (LetterId, &Letter)> {
        self.kept.range(id..).map(|(id, letter)| (*id, letter))
    }

    fn put(&mut self, id: LetterId, letter: Letter) {
        if letter.under_way.is_none() {
            self.waiting += 1;
            self.bytes += letter.bytes();
        }
        self.kept.insert(id, letter);
    }

    fn take(&mut self, id: LetterId) -> Letter {
        let letter = self.kept.remove(&id).expect("a letter stays until it is done");
        if letter.under_way.is_none() {
            self.waiting -= 1;
            self.bytes -= letter.bytes();
        }
        letter
    }

    pub fn get(&self, id: LetterId) -> Option<&Letter> {
        self.kept.get(&id)
    }

    /// Notes what it is made again by.
    pub fn begin(&mut self, id: LetterId, again: Again) {
        let letter = self.take(id);
        assert_eq!(letter.under_way, None, "a letter is under way once at a time");
        self.put(id, Letter { under_way: Some(again), ..letter });
    }

    /// It could not be done this time either.
    pub fn renew(&mut self, id: LetterId, at: Millis, reason: &str, left: Left) {
        let Letter { origin, .. } = self.take(id);
        self.put(id, Letter { at, origin, reason: reason.into(), left, under_way: None });
    }

    pub fn remove(&mut self, id: LetterId) {
        self.take(id);
    }

    /// The letters of a user.
    pub fn of(&self, user: UserIx) -> Vec<LetterId> {
        let own = self.kept.iter().filter(|(_, letter)| letter.origin.user == user);
        own.map(|(id, _)| *id).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (LetterId, &Letter)> {
        self.kept.iter().map(|(id, letter)| (*id, letter))
    }

    /// The letter that came last.
    pub fn newest(&self) -> Option<LetterId> {
        self.kept.last_key_value().map(|(id, _)| *id)
    }

    /// How many wait for somebody to do something about them, and the bytes of what they
    /// hold. One that is being replayed does not: its replay has to get on.
    pub fn waiting(&self) -> (usize, usize) {
        (self.waiting, self.bytes)
    }

    /// Whether the sums are those of their parts.
    pub fn agree(&self) -> bool {
        let waiting = self.kept.values().filter(|letter| letter.under_way.is_none());
        let sums =
            waiting.fold((0, 0), |(count, bytes), letter| (count + 1, bytes + letter.bytes()));
        sums == (self.waiting, self.bytes)
            && self.newest().is_none_or(|newest| newest.0 < self.next)
    }
}
