//! One shard in a run, with what it is to be told next and the buffers that it works in.

use std::sync::Arc;

use flowrun_core::{Canvas, Decided, Effect, Input, Millis, Pace, Settings, Shard};
use flowrun_log::Epoch;
use flowrun_profiles::{Known, Memory};

use crate::agenda::Coming;

pub(crate) struct Place {
    pub shard: Shard,
    pub epoch: Epoch,
    pub inputs: Vec<Input>,
    /// What is among the inputs from outside, until it is in the log.
    pub unacknowledged: Vec<Coming>,
    /// What was in flight when the machine died, to be performed again.
    pub in_flight: Vec<Effect>,
    pub decided: Decided,
    known: Known,
    /// Nothing to decide at this moment.
    pub quiet: bool,
}

impl Place {
    pub fn new(settings: Settings, epoch: Epoch) -> Place {
        Place {
            shard: Shard::new(settings),
            epoch,
            inputs: Vec::new(),
            unacknowledged: Vec::new(),
            in_flight: Vec::new(),
            decided: Decided::default(),
            known: Known::default(),
            quiet: true,
        }
    }

    /// The same after the machine has died: all is gone that was in memory.
    pub fn died(&mut self, settings: Settings, epoch: Epoch, canvases: &[Arc<Canvas>]) {
        *self = Place::new(settings, epoch);
        for canvas in canvases {
            self.shard.add_canvas(canvas.clone());
        }
    }

    pub fn look(&mut self, now: Millis, pace: Pace) {
        self.shard.pace(pace);
        let due = pace == Pace::Free && self.shard.next_wake().is_some_and(|wake| wake <= now);
        self.quiet = !due && self.inputs.is_empty();
    }

    pub fn decide(&mut self, now: Millis, store: &Memory) {
        if !self.quiet {
            let world = self.known.of(store);
            self.shard.step(now, &mut self.inputs, &world, &mut self.decided);
        }
    }

    /// About how much there is to do: what is to be told, or what was decided last.
    pub fn work(&self) -> usize {
        if self.quiet { 0 } else { self.inputs.len().max(self.decided.record.changes.len()) }
    }
}
