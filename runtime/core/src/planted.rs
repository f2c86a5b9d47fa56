//! Faults of our own, to see that the simulator finds them.
//!
//! Compiled in only with the feature `planted`, which nothing but the test for it turns on;
//! and even then each does nothing until it is switched on. In every other build asking for a
//! bug is a constant.

/// A fault that can be switched on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bug {
    /// A user is released though nobody knows what became of the write.
    ReleaseUncommitted = 1,
    /// The entry is left out of write keys: the second visit is taken for the first.
    KeyReused,
    /// The next attempt at a write is never due.
    RetryDropped,
    /// Effects are performed before the record is in the log.
    ActBeforeCommit,
    /// One object too many in each bin.
    SeventySix,
    /// A refused object counts as written.
    PartialErrorLost,
    /// Timers fire although nobody waits for them any more.
    TimerTwice,
    /// Timers fire a second early.
    TimerEarly,
    /// A refused object takes its neighbours with it.
    NeighbourDropped,
    /// The wait that a backend asked for is not kept.
    RetryAfterIgnored,
    /// A user's next write doesn't wait for the one before.
    TwoInFlight,
    /// Failures are not counted.
    AttemptsNotCounted,
    /// An answer to one request is taken for the answer to another.
    AnswersMixedUp,
    /// After a crash, messages that may go out once go out again.
    AtMostOnceResent,
    /// Objects with an outcome are sent again with the others.
    RefusedResent,
    /// What another backend has written is not there to be read.
    StaleRead,
    /// A deleted user's writes are not withdrawn.
    DeletedStaysInOutbox,
    /// A dead letter is replayed under another key than its own.
    ReplayedUnderAnotherKey,
    /// Whoever is released in a paused Canvas goes on.
    PauseIgnored,
}

impl Bug {
    pub const ALL: [Bug; 19] = [
        Bug::ReleaseUncommitted,
        Bug::KeyReused,
        Bug::RetryDropped,
        Bug::ActBeforeCommit,
        Bug::SeventySix,
        Bug::PartialErrorLost,
        Bug::TimerTwice,
        Bug::TimerEarly,
        Bug::NeighbourDropped,
        Bug::RetryAfterIgnored,
        Bug::TwoInFlight,
        Bug::AttemptsNotCounted,
        Bug::AnswersMixedUp,
        Bug::AtMostOnceResent,
        Bug::RefusedResent,
        Bug::StaleRead,
        Bug::DeletedStaysInOutbox,
        Bug::ReplayedUnderAnotherKey,
        Bug::PauseIgnored,
    ];
}

#[cfg(feature = "planted")]
mod switch {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Bug;

    static ON: AtomicU8 = AtomicU8::new(0);

    /// Switches one bug on, and any other off.
    pub fn plant(bug: Option<Bug>) {
        ON.store(bug.map_or(0, |bug| bug as u8), Ordering::SeqCst);
    }

    pub fn is_planted(bug: Bug) -> bool {
        ON.load(Ordering::Relaxed) == bug as u8
    }
}

#[cfg(not(feature = "planted"))]
mod switch {
    pub const fn is_planted(_: super::Bug) -> bool {
        false
    }
}

pub use switch::*;
