//! `Settled`: an attempt at a held update has ended.

use flowrun_sdk::Door;

use super::Turn;
use crate::outbox::Stage;
use crate::record::Change;
use crate::users::NONE;
use crate::{ItemId, Progress, WriteOutcome};

impl Turn<'_> {
    /// Releases the user if the outcome is final, or plans the next attempt. Answers to
    /// former attempts, and second answers to one attempt, find nothing and are dropped.
    pub(super) fn write_answered(
        &mut self,
        id: ItemId,
        attempt: u32,
        done: Progress,
        outcome: WriteOutcome,
    ) {
        let Some(write) = self.shard.state.writes.get(id) else { return };
        if write.attempt != attempt || write.stage != Stage::InFlight {
            return;
        }
        match outcome {
            WriteOutcome::Committed(_) => self.settle(id, outcome, Door::NEXT),
            WriteOutcome::Refused(_) => self.refuse(id, outcome),
            WriteOutcome::Again { after: Some(after), refused, .. } => {
                // A wait that the backend asks for is no failure of the write.
                let due = self.now() + self.shard.settings.retry.told(after);
                let failures = write.failures;
                self.emit(Change::WriteRetry { write: id, due, failures, done, refused });
            }
            WriteOutcome::Again { after: None, cause, refused } => {
                let failures = write.failures + 1;
                let policy = self.shard.settings.retry;
                if failures >= policy.attempts {
                    let reason = format!("gave up after {failures} attempts; the last: {cause}");
                    return self.refuse(id, WriteOutcome::Refused(reason));
                }
                let due = self.now() + policy.delay(failures, self.shard.salt(id));
                self.emit(Change::WriteRetry { write: id, due, failures, done, refused });
            }
        }
    }

    /// The write never will be made: kept as a dead letter, and its user goes on.
    fn refuse(&mut self, id: ItemId, outcome: WriteOutcome) {
        let WriteOutcome::Refused(reason) = &outcome else { unreachable!("called with refusals") };
        let write = self.shard.state.writes.get(id).expect("the caller has found it");
        let (origin, reason, payload) = (write.origin, reason.clone(), write.objects.to_json());
        self.bury(origin, reason, payload);
        self.settle(id, outcome, Door::ON_FAILURE);
    }

    fn settle(&mut self, id: ItemId, outcome: WriteOutcome, door: Door) {
        let write = self.shard.state.writes.get(id).expect("the caller has found it");
        let (journey, user) = (write.journey, write.origin.user);
        self.emit(Change::Settled { write: id, outcome });
        if let Some(journey) = journey {
            self.leave(journey, door, None);
        }
        // The user's next write has been waiting for this one.
        let next = self.shard.state.users.first_write(user);
        if next != NONE {
            let (next, _) = self.shard.state.writes.in_slot(next).expect("it is queued");
            let effect = self.shard.write_effect(next);
            self.perform(effect);
        }
    }
}
