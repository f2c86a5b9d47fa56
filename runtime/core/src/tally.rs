//! How many went where: the counters that tables, funnels and the conservation check read.

use serde::{Deserialize, Serialize};

/// Counters of one step of a Canvas.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct StepTally {
    pub arrived: u64,
    pub advanced: u64,
    pub exited: u64,
    pub failed: u64,
    /// Users who are there now, by what they rest in.
    pub waiting: u64,
    pub held: u64,
    pub sending: u64,
    /// Updates that their template aborted.
    pub aborted: u64,
}

/// Counters of one Canvas.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    pub entered: u64,
    /// Turned away: the audience condition did not hold.
    pub outside_audience: u64,
    /// Turned away: the rule for entering again did not allow it.
    pub not_again: u64,
    /// Turned away: a condition of the entry could not be evaluated.
    pub audience_errors: u64,
    /// Turned away: the condition on the event that would let them in did not hold.
    pub other_events: u64,
    /// Turned away: the user's id is empty or longer than an id may be.
    pub bad_ids: u64,
    pub completed: u64,
    /// Ended for another reason than `completed`, by a step's decision.
    pub exited: u64,
    /// Ended because a step failed and nothing was wired to its failure door.
    pub failed: u64,
    pub dead_letters: u64,
    pub messages: u64,
    pub steps: Vec<StepTally>,
    /// Ended because their user was deleted.
    pub deleted: u64,
    /// Turned away: the Canvas was paused.
    pub paused: u64,
}

impl Tally {
    /// Without those who were turned away: they are counted, and not in any record.
    pub(crate) fn of_records(&self) -> Tally {
        let (outside_audience, not_again, audience_errors) = (0, 0, 0);
        let (other_events, bad_ids, paused) = (0, 0, 0);
        Tally {
            outside_audience,
            not_again,
            audience_errors,
            other_events,
            bad_ids,
            paused,
            ..self.clone()
        }
    }

    /// Users who wanted to enter and did not.
    pub fn turned_away(&self) -> u64 {
        self.outside_audience
            + self.not_again
            + self.other_events
            + self.audience_errors
            + self.bad_ids
            + self.paused
    }

    /// Who is here now: waiting, held, sending, over all steps.
    pub fn resting(&self) -> (u64, u64, u64) {
        self.steps.iter().fold((0, 0, 0), |(waiting, held, sending), step| {
            (waiting + step.waiting, held + step.held, sending + step.sending)
        })
    }

    pub fn ended(&self) -> u64 {
        self.completed + self.exited + self.failed + self.deleted
    }

    /// Adds the counters of the same Canvas on another shard.
    pub fn add(&mut self, other: &Tally) {
        self.entered += other.entered;
        self.outside_audience += other.outside_audience;
        self.not_again += other.not_again;
        self.audience_errors += other.audience_errors;
        self.other_events += other.other_events;
        self.bad_ids += other.bad_ids;
        self.completed += other.completed;
        self.exited += other.exited;
        self.failed += other.failed;
        self.dead_letters += other.dead_letters;
        self.messages += other.messages;
        self.deleted += other.deleted;
        self.paused += other.paused;
        self.steps.resize(self.steps.len().max(other.steps.len()), StepTally::default());
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.arrived += theirs.arrived;
            mine.advanced += theirs.advanced;
            mine.exited += theirs.exited;
            mine.failed += theirs.failed;
            mine.waiting += theirs.waiting;
            mine.held += theirs.held;
            mine.sending += theirs.sending;
            mine.aborted += theirs.aborted;
        }
    }
}
