//! What a run has amounted to, and who watches it.

use flowrun_core::batcher::Request;
use flowrun_core::trace::Line;
use flowrun_core::{Millis, Record, ShardId, Tally};

/// Watches a run.
pub trait Watcher {
    /// Whether lines are wanted at all. Without them a run is faster.
    fn wants_lines(&self) -> bool {
        true
    }

    fn line(&mut self, line: &Line);

    /// What a shard has decided, once it is in the log. Far cheaper than lines.
    fn record(&mut self, _shard: ShardId, _record: &Record) {}

    /// A request that leaves now.
    fn request(&mut self, _now: Millis, _request: &Request) {}

    /// Called now and then: the virtual time, and what has happened so far.
    fn progress(&mut self, _now: Millis, _totals: &Totals) {}

    /// Asked after every moment whether to go on.
    fn goes_on(&mut self) -> bool {
        true
    }
}

/// What a run has amounted to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub users: u64,
    pub entered: u64,
    pub completed: u64,
    pub exited: u64,
    pub failed: u64,
    pub waiting: u64,
    pub held: u64,
    pub sending: u64,
    pub dead_letters: u64,
    pub objects: u64,
    pub requests: u64,
    pub messages: u64,
    /// Users who wanted to enter and were turned away by audience or reentry.
    pub turned_away: u64,
    /// How often the machine died and came back.
    pub crashes: u64,
    /// Moments at which nobody could enter or wake, since the backend was too slow.
    pub crowded: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, tally: &Tally) {
        self.entered += tally.entered;
        self.completed += tally.completed;
        self.exited += tally.exited;
        self.failed += tally.failed;
        self.dead_letters += tally.dead_letters;
        self.messages += tally.messages;
        self.turned_away += tally.turned_away();
        let (waiting, held, sending) = tally.resting();
        self.waiting += waiting;
        self.held += held;
        self.sending += sending;
    }
}
