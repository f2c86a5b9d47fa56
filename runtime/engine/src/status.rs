//! How the engine is: figures for operators, published after every round.

use std::collections::BTreeSet;

use flowrun_core::{CanvasIx, Millis, Tally};
use flowrun_log::Size;

/// What is under way, and what has happened since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status {
    pub users: u64,
    pub entered: u64,
    pub completed: u64,
    pub exited: u64,
    pub failed: u64,
    /// Journeys that ended because their user was deleted.
    pub deleted: u64,
    /// Turned away by audience, reentry, or a pause.
    pub turned_away: u64,
    pub waiting: u64,
    pub held: u64,
    pub sending: u64,
    /// Dead letters that have ever come, and those that wait for somebody to deal with them.
    pub dead_letters: u64,
    pub letters: u64,
    pub messages: u64,
    /// Writes in the batcher, and requests that are under way.
    pub writes: u64,
    pub under_way: u64,
    /// Messages that wait for their channel, and fetches that wait for an answer.
    pub posting: u64,
    pub fetching: u64,
    /// Requests and objects sent since the start.
    pub requests: u64,
    pub objects: u64,
    /// Entries and events that wait for their round.
    pub queued: u64,
    /// Whether the backend can't keep up: nobody enters, and timers are held back.
    pub crowded: bool,
    /// Whether a shard holds as many dead letters as it may: nobody enters and timers are held
    /// back until some are replayed or discarded.
    pub burdened: bool,
    /// Timers that came due while nobody was there, or while their Canvas was paused, and that
    /// wait to be let go.
    pub overdue: u64,
    /// Whether the disk is full, so that nothing can be committed and nobody enters.
    pub disk_full: bool,
    /// As of a moment ago.
    pub logged: Logged,
}

/// What the log holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Logged {
    pub size: Size,
    /// When a snapshot was last taken since the start.
    pub snapshotted: Option<Millis>,
}

impl Status {
    pub(crate) fn add(&mut self, tally: &Tally) {
        self.entered += tally.entered;
        self.completed += tally.completed;
        self.exited += tally.exited;
        self.failed += tally.failed;
        self.deleted += tally.deleted;
        self.dead_letters += tally.dead_letters;
        self.messages += tally.messages;
        self.turned_away += tally.turned_away();
        let (waiting, held, sending) = tally.resting();
        self.waiting += waiting;
        self.held += held;
        self.sending += sending;
    }
}

/// How a stop has gone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ended {
    /// Writes, messages and fetches that were broken off when the time was up.
    pub unfinished: u64,
    /// The Canvas versions that the log still speaks of. Not known if it has records that no
    /// snapshot stands for.
    pub in_use: Option<BTreeSet<CanvasIx>>,
}
