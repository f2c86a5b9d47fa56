//! How the engine is: figures for operators, published after every round.

use flowrun_core::{Millis, Tally};
use flowrun_log::Size;

/// What is under way, and what has happened since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status {
    pub users: u64,
    pub entered: u64,
    pub completed: u64,
    pub exited: u64,
    pub failed: u64,
    /// Turned away by audience or reentry.
    pub turned_away: u64,
    pub waiting: u64,
    pub held: u64,
    pub sending: u64,
    pub dead_letters: u64,
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ended {
    /// Writes, messages and fetches that were broken off when the time was up.
    pub unfinished: u64,
}
