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
use crate::pages::Pages;
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
    /// When it came to its step. In a snapshot this is a column of its own: see [`crate::arrivals`].
    #[serde(skip)]
    pub since: Since,
}

/// A moment in whole seconds, as precise as it takes to say how long somebody stands somewhere:
/// rounded down, and from 1970 to 2106. With milliseconds a journey would take 8 bytes more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Since(u32);

impl Since {
    pub fn moment(self) -> Millis {
        Millis(i64::from(self.0) * 1000)
    }

    /// How many seconds it is after another, around the range's ends if that is shorter.
    pub fn after(self, other: Since) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    pub fn plus(self, seconds: i32) -> Since {
        Since(self.0.wrapping_add_signed(seconds))
    }
}

impl From<Millis> for Since {
    fn from(at: Millis) -> Since {
        Since(at.0.div_euclid(1000).clamp(0, u32::MAX.into()) as u32)
    }
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

const _: () = assert!(size_of::<Option<Journey>>() == 40, "of these there are millions");

/// All journeys of a shard, in slots that are used again.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Journeys {
    slots: Pages<Option<Journey>>,
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
        while self.slots.len() <= ix.index() {
            self.slots.push(None);
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

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Journey> {
        self.slots.iter_mut().filter_map(Option::as_mut)
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
