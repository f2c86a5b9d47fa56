//! Situations that have to occur: a run in which nothing interesting happened proves nothing.

use std::collections::BTreeMap;

macro_rules! marks {
    ($($name:ident: $text:literal),* $(,)?) => {
        /// A situation that tests have to meet.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Mark { $(#[doc = $text] $name),* }

        impl Mark {
            pub const ALL: &'static [Mark] = &[$(Mark::$name),*];

            /// The situation in words.
            pub fn text(self) -> &'static str {
                match self { $(Mark::$name => $text),* }
            }
        }
    };
}

marks! {
    TimeoutWithEffect: "a timeout, and the write had its effect",
    TimeoutThenSuccess: "a timeout with effect, and a resend that was settled",
    TimeoutWithoutEffect: "a timeout, and the write had no effect",
    DuplicateReply: "a reply that came twice",
    LateReply: "a reply after its deadline",
    ReplyAfterGiveUp: "a write settled after its user had gone on by on_timeout",
    PartialFailure: "a refused object beside an applied one in one request",
    RateLimitFullBatch: "429 for a full request",
    ClosedByLinger: "a request closed before it was full",
    ClosedBySize: "a request closed because it was full",
    CrashDecided: "a crash after deciding",
    CrashCommitted: "a crash after committing",
    CrashActed: "a crash after acting",
    CrashRecovering: "a crash while recovering",
    SnapshotRestored: "a shard that came back from a snapshot and the records after it",
    CrashWhileHeld: "a crash while somebody was held",
    TwoHoldOneUser: "two updates of one user, one waiting for the other",
    RefusedWrite: "a write that was refused in the end",
    GaveUp: "a write whose attempts were used up",
    Unauthorized: "a key that was turned down, and later taken",
    KeyForgotten: "a resend after the backend had forgotten the key",
    MessageUnknown: "a message of which nobody knows whether it went out",
    MessageRepeated: "a message that was sent again under its id",
    ClockBack: "a clock that was set back",
    ClockForward: "a clock that was set forward",
    DstGap: "a delay over the hour that a zone leaves out",
    DstOverlap: "a delay over the hour that a zone has twice",
    FlowReplacedWhileHeld: "a Canvas replaced by a new version while somebody was held",
    QueueFull: "a backend so slow that nobody could enter for a while",
    DeletionWhileHeld: "a user deleted while held",
    PausedWhileHeld: "a Canvas paused while somebody was held",
    WriteReplayed: "a dead letter's write made again, and written",
    MessageReplayed: "a dead letter's message sent again",
    Burdened: "so many dead letters that nobody could enter for a while",
    PanicWhileHeld: "a step that panicked while somebody was held",
    StepNonsense: "a step that took a door it has not, or answered for others than it was asked about",
    StepFailed: "a step that could not do its work, and its user took the failure door",
}

/// How often each situation occurred.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marks(BTreeMap<Mark, u64>);

impl Marks {
    pub fn hit(&mut self, mark: Mark) {
        *self.0.entry(mark).or_default() += 1;
    }

    pub fn count(&self, mark: Mark) -> u64 {
        self.0.get(&mark).copied().unwrap_or(0)
    }

    pub fn add(&mut self, other: &Marks) {
        for (mark, count) in &other.0 {
            *self.0.entry(*mark).or_default() += count;
        }
    }

    /// The situations that did not occur.
    pub fn missed(&self) -> impl Iterator<Item = Mark> {
        Mark::ALL.iter().copied().filter(|mark| self.count(*mark) == 0)
    }
}
