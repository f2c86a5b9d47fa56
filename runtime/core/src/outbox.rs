//! What was committed to be done and isn't finally done yet: writes and messages.
//!
//! The effects of a shard can always be derived from these two tables; recovery performs
//! them again from here. Writes of one user form a queue in the order of their commits;
//! only its head is at the backend, so that they arrive in that order.

use std::sync::Arc;

use flowrun_sdk::{Message, Millis, Objects};
use serde::{Deserialize, Serialize};

use crate::{CanvasIx, ItemId, JourneyIx, LetterId, NodeIx, Progress, UserIx};

/// Where a write or message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Behind an earlier write of the same user.
    Queued,
    /// Handed to the host.
    InFlight,
    /// Waits for its next attempt.
    Retry { due: Millis },
}

/// Whose it is: what its key consists of, and stays when the journey has gone on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub user: UserIx,
    pub canvas: CanvasIx,
    pub node: NodeIx,
    pub entry: u32,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PendingWrite {
    pub origin: Origin,
    /// The journey that is held; none once its deadline has passed.
    pub journey: Option<JourneyIx>,
    pub objects: Arc<Objects>,
    pub done: Progress,
    /// Why an object was refused while others have to come again.
    pub refused: Option<Box<str>>,
    /// The attempt that is in flight or next, from 1.
    pub attempt: u32,
    /// Failures so far that count against the retry policy.
    pub failures: u32,
    pub stage: Stage,
    pub deadline: Option<Millis>,
    /// The user's next write.
    pub next: u32,
    /// The dead letter that it is made again from.
    pub letter: Option<LetterId>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct PendingMessage {
    pub origin: Origin,
    /// The journey that waits for it; none if a dead letter's is sent again.
    pub journey: Option<JourneyIx>,
    pub content: Arc<Message>,
    pub attempt: u32,
    pub failures: u32,
    pub stage: Stage,
    pub letter: Option<LetterId>,
}

/// Slots that are used again, each use under a number of its own.
#[derive(Serialize, Deserialize)]
pub(crate) struct Outbox<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct Slot<T> {
    use_no: u32,
    item: Option<T>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Outbox { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Outbox<T> {
    /// The id that the next item is to take.
    pub fn vacant(&self) -> ItemId {
        let slot = self.free.last().copied().unwrap_or(self.slots.len() as u32);
        let use_no = self.slots.get(slot as usize).map_or(0, |slot| slot.use_no + 1);
        ItemId { slot, use_no }
    }

    pub fn insert(&mut self, id: ItemId, item: T) {
        if self.free.last() == Some(&id.slot) {
            self.free.pop();
        } else if (id.slot as usize) < self.slots.len() {
            self.free.retain(|free| *free != id.slot);
        }
        while self.slots.len() <= id.slot as usize {
            self.slots.push(Slot { use_no: 0, item: None });
        }
        let slot = &mut self.slots[id.slot as usize];
        assert!(slot.item.is_none(), "an item takes a vacant slot");
        *slot = Slot { use_no: id.use_no, item: Some(item) };
    }

    /// The item, unless its slot is vacant or in another use.
    pub fn get(&self, id: ItemId) -> Option<&T> {
        let slot = self.slots.get(id.slot as usize).filter(|slot| slot.use_no == id.use_no)?;
        slot.item.as_ref()
    }

    pub fn get_mut(&mut self, id: ItemId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.slot as usize).filter(|slot| slot.use_no == id.use_no)?;
        slot.item.as_mut()
    }

    /// The item that a slot holds now.
    pub fn in_slot(&self, slot: u32) -> Option<(ItemId, &T)> {
        let found = self.slots.get(slot as usize)?;
        Some((ItemId { slot, use_no: found.use_no }, found.item.as_ref()?))
    }

    /// The same slots with items of another kind: how a former format is read.
    pub fn map<U>(self, mut item: impl FnMut(T) -> U) -> Outbox<U> {
        let slots = self.slots.into_iter();
        let slots =
            slots.map(|Slot { use_no, item: one }| Slot { use_no, item: one.map(&mut item) });
        Outbox { slots: slots.collect(), free: self.free }
    }

    pub fn remove(&mut self, id: ItemId) -> T {
        let slot = &mut self.slots[id.slot as usize];
        assert_eq!(slot.use_no, id.use_no, "an item is removed once");
        self.free.push(id.slot);
        slot.item.take().expect("an item is removed once")
    }

    pub fn iter(&self) -> impl Iterator<Item = (ItemId, &T)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(ix, slot)| {
            Some((ItemId { slot: ix as u32, use_no: slot.use_no }, slot.item.as_ref()?))
        })
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
