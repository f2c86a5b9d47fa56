//! Why the engine can't take something, and why it ended.

/// Nothing was taken over, unless it says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Busy {
    /// A queue is full, or the backend can't keep up.
    #[error("too much is waiting; send it again later")]
    Full,
    #[error("the disk is full, and nothing was taken; send it again later")]
    NoSpace,
    /// It was taken, and is committed when there is space, unless the process ends before.
    #[error("the disk is full, and what was sent waits for space; send it again later")]
    Unsaved,
    #[error("the engine is stopping; send it again later")]
    Stopping,
    /// The engine has ended, or the commit failed: what was handed over may have happened.
    #[error("the engine has failed; what was sent may be lost")]
    Failed,
}

/// Why the engine ended by itself. It stops rather than do what it can't make durable.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    #[error("the log can't be written or read: {0}")]
    Log(String),
    /// What a backend elsewhere has written can't be kept here.
    #[error("the profiles can't be written any more; start again, and it goes on from the disk")]
    Profiles,
    /// A stop came while the disk was full.
    #[error("stopped while the disk was full: what was not committed is lost, nothing else")]
    NoSpace,
    #[error("the state can't be restored from its log: {0}")]
    Snapshot(String),
    #[error("the engine broke off while deciding; this is a fault of flowrun or of a plugin")]
    Panicked,
}

impl From<flowrun_log::Error> for Error {
    fn from(error: flowrun_log::Error) -> Error {
        Error::Log(error.to_string())
    }
}
