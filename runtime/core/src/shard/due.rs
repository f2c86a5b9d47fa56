//! Timers that are due: waits that end, deadlines that pass, attempts to be made again.

use flowrun_sdk::{Door, Millis};

use super::{TIMERS_PER_CALL, Turn};
use crate::JourneyIx;
use crate::journey::State as Rest;
use crate::outbox::Stage;
use crate::record::Change;
use crate::timers::Timer;

impl Turn<'_> {
    /// Fires what is due. Who set a timer may have moved on since: then nothing happens.
    pub(super) fn due(&mut self) {
        for _ in 0..TIMERS_PER_CALL {
            let Some((due, timer)) = self.shard.state.timers.pop_due(self.shard.now) else {
                return;
            };
            match timer {
                Timer::Journey(slot) => self.wait_over(due, JourneyIx(slot)),
                Timer::Deadline(slot) => self.deadline_passed(due, slot),
                Timer::Write(slot) => self.write_again(due, slot),
                Timer::Message(slot) => self.send_again(due, slot),
            }
        }
    }

    fn wait_over(&mut self, fired: Millis, journey: JourneyIx) {
        let Some(found) = self.shard.state.journeys.get(journey) else { return };
        if let Rest::Waiting { due, then } = found.state
            && due == fired
        {
            self.leave(journey, then, None);
        }
    }

    fn deadline_passed(&mut self, fired: Millis, slot: u32) {
        let Some((write, pending)) = self.shard.state.writes.in_slot(slot) else { return };
        if pending.deadline != Some(fired) {
            return;
        }
        let Some(journey) = pending.journey else { return };
        self.emit(Change::Overdue { write });
        self.leave(journey, Door::ON_TIMEOUT, None);
    }

    fn write_again(&mut self, fired: Millis, slot: u32) {
        let Some((write, pending)) = self.shard.state.writes.in_slot(slot) else { return };
        if pending.stage == (Stage::Retry { due: fired }) {
            self.emit(Change::WriteResent { write });
            let effect = self.shard.write_effect(write);
            self.perform(effect);
        }
    }

    fn send_again(&mut self, fired: Millis, slot: u32) {
        let Some((message, pending)) = self.shard.state.messages.in_slot(slot) else { return };
        if pending.stage == (Stage::Retry { due: fired }) {
            self.emit(Change::SendResent { message });
            let effect = self.shard.send_effect(message);
            self.perform(effect);
        }
    }
}
