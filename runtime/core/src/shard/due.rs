//! Timers that are due: waits that end, deadlines that pass, attempts to be made again.

use flowrun_sdk::{Door, Millis};

use super::Turn;
use crate::JourneyIx;
use crate::journey::State as Rest;
use crate::planted::{Bug, is_planted};
use crate::record::Change;
use crate::timers::Timer;

impl Turn<'_> {
    /// Fires what is due. Who set a timer may have moved on since: then nothing happens.
    pub(super) fn due(&mut self) {
        let early = if is_planted(Bug::TimerEarly) { Millis(1_000) } else { Millis(0) };
        for _ in 0..self.shard.overdue_per_call {
            let Some((due, timer)) = self.shard.state.overdue.pop_due(Millis::MAX) else { break };
            self.fire(due, timer);
        }
        for _ in 0..self.shard.timers_per_call {
            let Some((due, timer)) = self.shard.state.timers.pop_due(self.shard.now + early) else {
                return;
            };
            self.fire(due, timer);
        }
    }

    fn fire(&mut self, due: Millis, timer: Timer) {
        if !self.shard.state.still_wants(due, timer) || self.shard.state.stalls(due, timer) {
            return;
        }
        match timer {
            Timer::Journey(slot) => self.wait_over(JourneyIx(slot)),
            Timer::Deadline(slot) => self.deadline_passed(slot),
            Timer::Write(slot) => self.write_again(slot),
            Timer::Message(slot) => self.send_again(slot),
        }
    }

    fn wait_over(&mut self, journey: JourneyIx) {
        match self.shard.state.journeys.at(journey).state {
            Rest::Waiting { then, .. } => self.leave(journey, then, None),
            Rest::Parked { .. } => {
                self.emit(Change::Resumed { journey });
                self.arrive(journey);
            }
            _ => unreachable!("its timer was still wanted"),
        }
    }

    fn deadline_passed(&mut self, slot: u32) {
        let (write, pending) = self.shard.state.writes.in_slot(slot).expect("still wanted");
        let journey = pending.journey.expect("still wanted");
        self.emit(Change::Overdue { write });
        self.leave(journey, Door::ON_TIMEOUT, None);
    }

    fn write_again(&mut self, slot: u32) {
        let (write, _) = self.shard.state.writes.in_slot(slot).expect("still wanted");
        self.emit(Change::WriteResent { write });
        let effect = self.shard.write_effect(write);
        self.perform(effect);
    }

    fn send_again(&mut self, slot: u32) {
        let (message, _) = self.shard.state.messages.in_slot(slot).expect("still wanted");
        self.emit(Change::SendResent { message });
        let effect = self.shard.send_effect(message);
        self.perform(effect);
    }
}
