//! Which Canvases stand still, and the timers that wait for them to go on.

use std::collections::{BTreeMap, BTreeSet};

use flowrun_sdk::Millis;

use crate::CanvasIx;
use crate::timers::Timer;

/// Paused Canvases, each by the first of its versions.
#[derive(Default)]
pub(crate) struct Pauses {
    paused: BTreeSet<CanvasIx>,
    /// Timers that were looked at while their Canvas was paused. Not part of a snapshot: it follows from who
    /// waits for what.
    stalled: BTreeMap<CanvasIx, Vec<(Millis, Timer)>>,
}

impl Pauses {
    pub fn is_empty(&self) -> bool {
        self.paused.is_empty()
    }

    pub fn is_paused(&self, family: CanvasIx) -> bool {
        !self.paused.is_empty() && self.paused.contains(&family)
    }

    pub fn begin(&mut self, family: CanvasIx) {
        self.paused.insert(family);
    }

    /// Ends a pause, and gives back what was due meanwhile.
    pub fn end(&mut self, family: CanvasIx) -> Vec<(Millis, Timer)> {
        self.paused.remove(&family);
        self.stalled.remove(&family).unwrap_or_default()
    }

    /// Puts a timer aside until its Canvas goes on.
    pub fn stall(&mut self, family: CanvasIx, due: Millis, timer: Timer) {
        self.stalled.entry(family).or_default().push((due, timer));
    }

    pub fn keep(&self) -> Vec<CanvasIx> {
        self.paused.iter().copied().collect()
    }

    pub fn from_kept(paused: Vec<CanvasIx>) -> Pauses {
        Pauses { paused: paused.into_iter().collect(), stalled: BTreeMap::new() }
    }
}
