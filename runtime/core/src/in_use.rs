//! Which Canvas versions a shard still speaks of: those that somebody is on, and those that
//! something left to be done came from. The others are numbers in counters and no more.

use std::collections::BTreeSet;

use crate::CanvasIx;
use crate::outbox::Origin;
use crate::shard::Shard;

impl Shard {
    /// The versions that a journey, a write, a message or a dead letter is of.
    pub fn in_use(&self) -> BTreeSet<CanvasIx> {
        let state = self.state();
        let journeys = state.journeys.iter().map(|(_, journey)| journey.canvas);
        let writes = state.writes.iter().map(|(_, write)| write.origin);
        let messages = state.messages.iter().map(|(_, message)| message.origin);
        let letters = state.letters.iter().map(|(_, letter)| letter.origin);
        let canvas = |origin: Origin| origin.canvas;
        let left = writes.chain(messages).chain(letters).map(canvas);
        // Millions of journeys are on a handful of versions.
        let mut seen = vec![false; state.canvases.len()];
        journeys.chain(left).for_each(|canvas| seen[canvas.index()] = true);
        let used = seen.into_iter().zip(0..).filter(|(seen, _)| *seen);
        used.map(|(_, number)| CanvasIx(number)).collect()
    }
}
