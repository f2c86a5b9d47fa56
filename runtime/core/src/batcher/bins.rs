//! The three bins of a request, and the part of a write that lies in them.

use crate::effect::Write;
use crate::planted::{Bug, is_planted};
use crate::trace::Counts;
use crate::{CommitLevel, Progress};

/// How many objects one request may carry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    pub attributes: usize,
    pub events: usize,
    pub purchases: usize,
    /// Over all three, where the backend counts that way.
    pub combined: Option<usize>,
}

impl Limits {
    /// POST /users/track: 75 of each.
    pub const USER_TRACK: Limits =
        Limits { attributes: 75, events: 75, purchases: 75, combined: None };

    pub(super) fn fits(&self, filled: Counts, more: Counts) -> bool {
        let sum = sum(filled, more);
        let extra = usize::from(is_planted(Bug::SeventySix));
        sum.attributes <= self.attributes + extra
            && sum.events <= self.events + extra
            && sum.purchases <= self.purchases + extra
            && self.combined.is_none_or(|combined| sum.total() <= combined)
    }

    /// Whether nothing of one kind fits any more. What could still take an event might
    /// wait for one, but who brings an attribute as well would have to close it anyway.
    pub(super) fn is_full(&self, filled: Counts) -> bool {
        let extra = usize::from(is_planted(Bug::SeventySix));
        filled.attributes >= self.attributes + extra
            || filled.events >= self.events + extra
            || filled.purchases >= self.purchases + extra
            || self.combined.is_some_and(|combined| filled.total() >= combined)
    }

    pub(super) fn room(&self, filled: Counts) -> Room {
        let extra = usize::from(is_planted(Bug::SeventySix));
        Room {
            attributes: (self.attributes + extra).saturating_sub(filled.attributes),
            events: (self.events + extra).saturating_sub(filled.events),
            purchases: (self.purchases + extra).saturating_sub(filled.purchases),
            combined: self.combined.map_or(usize::MAX, |max| max.saturating_sub(filled.total())),
        }
    }
}

/// What is still free in a request.
#[derive(Clone, Copy)]
pub(super) struct Room {
    attributes: usize,
    events: usize,
    purchases: usize,
    combined: usize,
}

/// The objects of one write that lie in one request, by their numbers in the write:
/// attributes first, then events, then purchases.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    pub write: Write,
    /// The objects, but for those that were done when the attempt began.
    from: u32,
    to: u32,
    /// What earlier parts, and for refusals earlier attempts, have brought about.
    pub(super) refused: Option<Box<str>>,
    pub(super) again: Option<Box<(Option<flowrun_sdk::Millis>, String)>>,
    pub(super) level: CommitLevel,
    /// Its user was deleted while it was under way: nobody waits for what becomes of it.
    withdrawn: bool,
}

impl Part {
    pub(super) fn first(write: Write) -> Part {
        let level = CommitLevel::Applied;
        let refused = write.refused.clone();
        Part { write, from: 0, to: 0, refused, again: None, level, withdrawn: false }
    }

    /// Goes on to the objects after this part's, if there are any.
    pub(super) fn advance(&mut self) -> bool {
        self.from = self.to;
        self.left().next().is_some()
    }

    pub fn counts(&self) -> Counts {
        self.count(self.objects())
    }

    /// The objects not yet in any request of this attempt.
    pub(super) fn remaining(&self) -> Counts {
        self.count(self.left())
    }

    /// The numbers of the part's objects.
    pub fn objects(&self) -> impl Iterator<Item = u32> {
        (self.from..self.to).filter(|&object| !self.write.done.contains(object as usize))
    }

    fn left(&self) -> impl Iterator<Item = u32> {
        let total = self.write.objects.len() as u32;
        (self.to..total).filter(|&object| !self.write.done.contains(object as usize))
    }

    pub(super) fn range(&self) -> std::ops::Range<u32> {
        self.from..self.to
    }

    fn count(&self, objects: impl Iterator<Item = u32>) -> Counts {
        let mut counts = Counts::default();
        for object in objects {
            match self.array_of(object) {
                0 => counts.attributes += 1,
                1 => counts.events += 1,
                _ => counts.purchases += 1,
            }
        }
        counts
    }

    fn array_of(&self, object: u32) -> usize {
        let objects = &self.write.objects;
        let (attributes, events) = (objects.attributes.len(), objects.events.len());
        match object as usize {
            object if object < attributes => 0,
            object if object < attributes + events => 1,
            _ => 2,
        }
    }

    /// Moves as many objects into the part as there is room for, in order.
    pub(super) fn take(&mut self, room: Room) -> Counts {
        let mut free = [room.attributes, room.events, room.purchases];
        let mut combined = room.combined;
        let total = self.write.objects.len() as u32;
        for object in self.to..total {
            if !self.write.done.contains(object as usize) {
                let bin = &mut free[self.array_of(object)];
                if *bin == 0 || combined == 0 {
                    break;
                }
                *bin -= 1;
                combined -= 1;
            }
            self.to = object + 1;
        }
        self.counts()
    }

    /// The JSON texts of the part's objects of one array (0 attributes, 1 events,
    /// 2 purchases), each with its number in the write.
    pub fn texts(&self, array: usize) -> impl Iterator<Item = (u32, &str)> {
        let objects = &self.write.objects;
        let (attributes, events) = (objects.attributes.len(), objects.events.len());
        self.objects().filter(move |&object| self.array_of(object) == array).map(move |object| {
            let ix = object as usize;
            let text = match array {
                0 => &objects.attributes[ix],
                1 => &objects.events[ix - attributes],
                _ => &objects.purchases[ix - attributes - events],
            };
            (object, &**text)
        })
    }

    /// Whether its user was deleted while it was under way.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    pub(super) fn withdraw(&mut self) {
        self.withdrawn = true;
    }

    pub(super) fn done_mut(&mut self) -> &mut Progress {
        &mut self.write.done
    }
}

pub(super) fn sum(a: Counts, b: Counts) -> Counts {
    Counts {
        attributes: a.attributes + b.attributes,
        events: a.events + b.events,
        purchases: a.purchases + b.purchases,
    }
}
