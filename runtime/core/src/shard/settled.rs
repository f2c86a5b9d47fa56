//! `Settled`: an attempt at a held update has ended.

use flowrun_sdk::Door;

use super::Turn;
use crate::outbox::Stage;
use crate::planted::{Bug, is_planted};
use crate::record::{Change, Final, Unfinished};
use crate::users::NONE;
use crate::{CommitLevel, ItemId, Progress, WriteOutcome};

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
        let outcome = match outcome {
            WriteOutcome::Again { .. } if is_planted(Bug::ReleaseUncommitted) => {
                WriteOutcome::Committed(CommitLevel::Applied)
            }
            outcome => outcome,
        };
        let policy = self.shard.settings.retry;
        let (due, failures, refused) = match outcome {
            WriteOutcome::Committed(level) => {
                return self.settle(id, Final::Committed(level), Door::NEXT);
            }
            WriteOutcome::Refused(reason) => return self.refuse(id, done, &reason),
            // A wait that the backend asks for is no failure of the write.
            WriteOutcome::Again { after: Some(after), refused, .. } => {
                (self.now() + policy.told(after), write.failures, refused)
            }
            WriteOutcome::Again { after: None, cause, refused } => {
                let failures = write.failures + u32::from(!is_planted(Bug::AttemptsNotCounted));
                if failures >= policy.attempts {
                    let reason = format!("gave up after {failures} attempts; the last: {cause}");
                    return self.refuse(id, done, &reason);
                }
                let wait = policy.delay(failures, self.shard.salt(id));
                (self.now() + wait, failures, refused)
            }
        };
        let done = if is_planted(Bug::RefusedResent) { Progress::default() } else { done };
        let state = Box::new(Unfinished { done, refused });
        self.emit(Change::WriteRetry { write: id, due, failures, state });
    }

    /// The write never will be made: kept as a dead letter, and its user goes on.
    fn refuse(&mut self, id: ItemId, done: Progress, reason: &str) {
        self.bury_write(id, done, reason.into());
        self.settle(id, Final::Refused(reason.into()), Door::ON_FAILURE);
    }

    fn settle(&mut self, id: ItemId, outcome: Final, door: Door) {
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
