//! `Pause`, `Resume`: a Canvas stands still, in all its versions, and goes on.
//!
//! While it is paused nobody enters, no wait ends, no step is asked, and nothing new is held
//! or sent: who would be at a step is *parked* there. What is under way is not forgotten: an
//! update that is held is tried until it has its outcome, since later updates of the same user
//! in other Canvases come after it; whom it releases is parked at the next step. Messages that
//! have not been started come back.
//!
//! When it goes on, waits and parked journeys are timers that are overdue: they fire in the
//! order of their moments, as many at a time as the host allows.

use flowrun_sdk::Millis;

use super::{Shard, State, Turn};
use crate::effect::{Effect, Recall};
use crate::record::Change;
use crate::timers::Timer;
use crate::{CanvasIx, JourneyIx};

impl Turn<'_> {
    pub(super) fn pause(&mut self, name: &str) {
        let Some(canvas) = self.shard.state.family_named(name) else { return };
        if self.shard.state.pauses.is_paused(canvas) {
            return;
        }
        self.emit(Change::Paused { canvas });
        let canvas = self.shard.state.canvas(canvas).head.name.clone();
        self.perform(Effect::Recall(Recall { shard: self.shard.settings.id, canvas }));
    }

    pub(super) fn go_on(&mut self, name: &str) {
        let Some(canvas) = self.shard.state.family_named(name) else { return };
        if self.shard.state.pauses.is_paused(canvas) {
            self.emit(Change::Unpaused { canvas });
        }
    }

    /// Parks whoever has come to a step of a paused Canvas in this call.
    pub(super) fn park(&mut self, canvas: CanvasIx) {
        for node in 0..self.shard.ready[canvas.index()].len() {
            let mut ready = std::mem::take(&mut self.shard.ready[canvas.index()][node]);
            for journey in ready.drain(..) {
                self.emit(Change::Parked { journey });
            }
            self.shard.ready[canvas.index()][node] = ready;
        }
    }
}

impl Shard {
    /// Lets what is due by now wait to be let go, a few at a time: see [`super::Pace`]. For a
    /// host that comes back after a while.
    pub fn spread(&mut self, now: Millis) {
        while let Some((due, timer)) = self.state.timers.pop_due(now) {
            if self.state.still_wants(due, timer) {
                self.state.overdue.set(due, timer);
            }
        }
    }

    /// Up to so many of the moments that have passed and wait to be let go, the earliest first.
    pub fn overdue(&mut self, most: usize) -> Vec<Millis> {
        self.state.overdue.earliest(most)
    }

    /// How many timers wait to be let go; some may turn out to be nobody's.
    pub fn count_overdue(&self) -> usize {
        self.state.overdue.len()
    }
}

impl State {
    /// The first loaded version of the Canvas of a name.
    pub fn family_named(&self, name: &str) -> Option<CanvasIx> {
        let first = self.canvases.iter().position(|canvas| *canvas.head.name == *name)?;
        Some(CanvasIx(first as u16))
    }

    pub fn is_paused(&self, canvas: CanvasIx) -> bool {
        !self.pauses.is_empty() && self.pauses.is_paused(self.family(canvas))
    }

    /// Puts a timer aside whose Canvas is paused; whether it has. An update that is held is
    /// tried again all the same.
    pub fn stalls(&mut self, due: Millis, timer: Timer) -> bool {
        if self.pauses.is_empty() {
            return false;
        }
        let canvas = match timer {
            Timer::Journey(slot) => {
                self.journeys.get(JourneyIx(slot)).map(|journey| journey.canvas)
            }
            Timer::Deadline(slot) => self.writes.in_slot(slot).map(|found| found.1.origin.canvas),
            Timer::Message(slot) => self.messages.in_slot(slot).map(|found| found.1.origin.canvas),
            Timer::Write(_) => None,
        };
        let Some(canvas) = canvas.filter(|canvas| self.is_paused(*canvas)) else { return false };
        self.pauses.stall(self.family(canvas), due, timer);
        true
    }
}
