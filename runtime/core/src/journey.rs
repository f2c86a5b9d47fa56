//! One user's passage through one Canvas.
//!
//! | state    | ends by                                   | then                                |
//! |----------|-------------------------------------------|-------------------------------------|
//! | Ready    | the step's decision, in the same call     | any other, or the end               |
//! | Waiting  | the moment it waits for                   | Ready at the next step              |
//! | Fetching | `Fetched` of the same visit               | Ready at the same step              |
//! | Held     | the write's final outcome, or its deadline| Ready by `next`, `on_failure`, `on_timeout` |
//! | Sending  | the message's final outcome               | Ready by `next` or `on_failure`     |
//! | Parked   | its Canvas goes on after a pause          | Ready at the same step              |
//!
//! While a Canvas is paused, nobody is visited (who is Ready becomes Parked) and no wait ends.
//! A user's deletion ends a journey in any state.
//!
//! Every other input finds nothing to do: replies to former items carry a use number that
//! no longer matches, and timers are checked against the state.

use std::sync::Arc;

use flowrun_sdk::{Door, Millis};
use serde::{Deserialize, Serialize};

use crate::input::Context;
use crate::{CanvasIx, ItemId, JourneyIx, NodeIx, UserIx};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Journey {
    pub user: UserIx,
    pub canvas: CanvasIx,
    pub node: NodeIx,
    /// The user's entries into this Canvas, this one included.
    pub entry: u32,
    pub state: State,
    #[serde(with = "crate::record::json_text")]
    pub context: Option<Arc<Context>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum State {
    /// At a step, to be decided in this call. No journey is ready between calls.
    Ready,
    Waiting {
        due: Millis,
        then: Door,
    },
    Fetching {
        visit: u32,
    },
    Held {
        write: ItemId,
    },
    Sending {
        message: ItemId,
    },
    /// At a step of a Canvas that was paused.
    Parked {
        since: Millis,
    },
}

/// All journeys of a shard, in slots that are used again.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Journeys {
    slots: Vec<Option<Journey>>,
    free: Vec<JourneyIx>,
}

impl Journeys {
    /// The slot that the next journey is to take.
    pub fn vacant(&self) -> JourneyIx {
        self.free.last().copied().unwrap_or(JourneyIx(self.slots.len() as u32))
    }

    pub fn insert(&mut self, ix: JourneyIx, journey: Journey) {
        if self.free.last() == Some(&ix) {
            self.free.pop();
        } else if ix.index() < self.slots.len() {
            // Only replay comes here, if slots were freed in another order before a snapshot.
            self.free.retain(|free| *free != ix);
        }
        if self.slots.len() <= ix.index() {
            self.slots.resize(ix.index() + 1, None);
        }
        let slot = &mut self.slots[ix.index()];
        assert!(slot.is_none(), "a journey takes a vacant slot");
        *slot = Some(journey);
    }

    pub fn remove(&mut self, ix: JourneyIx) -> Journey {
        let journey = self.slots[ix.index()].take().expect("who ends has begun");
        self.free.push(ix);
        journey
    }

    pub fn get(&self, ix: JourneyIx) -> Option<&Journey> {
        self.slots.get(ix.index()).and_then(Option::as_ref)
    }

    /// A journey that is known to be there.
    pub fn at(&self, ix: JourneyIx) -> &Journey {
        self.slots[ix.index()].as_ref().expect("the journey goes on")
    }

    pub fn at_mut(&mut self, ix: JourneyIx) -> &mut Journey {
        self.slots[ix.index()].as_mut().expect("the journey goes on")
    }

    pub fn iter(&self) -> impl Iterator<Item = (JourneyIx, &Journey)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(ix, slot)| Some((JourneyIx(ix as u32), slot.as_ref()?)))
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
