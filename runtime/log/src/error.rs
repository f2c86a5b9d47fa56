//! Why a log, or a file that it is kept in, failed: what the caller may do next is in the
//! kind of the error.

use flowrun_core::{ShardId, Unreadable};

use crate::Epoch;

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("shard {shard} was taken over: epoch {held} ended when {current} began")]
    Fenced { shard: u16, held: u64, current: u64 },

    #[error("shard {shard} was not opened: open it before writing to it")]
    NotOpened { shard: u16 },

    /// Nothing was written, and nothing is lost. The same may be tried again later.
    #[error("no space is left on the disk of {place}: free some; nothing was lost ({cause})")]
    Full { place: String, cause: String },

    /// The process must end. What was acknowledged is there; of what was under way, all or
    /// nothing is. Only reading the file anew tells, so this object refuses everything else.
    #[error(
        "{place} can't be written any more ({cause}): end the process and start it again, it \
         then goes on from what is on the disk"
    )]
    Lost { place: String, cause: String },

    #[error("{place} is in use by another process: stop it, or use another folder")]
    InUse { place: String },

    #[error("{place} can't be opened: {cause}")]
    Unopened { place: String, cause: String },

    /// The disk did not give back what was written.
    #[error("{place} is damaged ({fault}): restore it from a copy")]
    Damaged { place: String, fault: String },

    #[error(
        "{place} is written in format {found}, and this release reads format {known}: use a \
         release that reads both"
    )]
    Format { place: String, found: u64, known: u64 },

    #[error(
        "{place} has no room for more than {most} versions: begin another state folder once the \
         journeys in this one have ended"
    )]
    Versions { place: String, most: usize },

    #[error("the log of shard {shard} holds, at {sequence}, {source}")]
    Unreadable { shard: u16, sequence: u64, source: Unreadable },

    #[error("records of shard {shard} before {first} were dropped: start from the snapshot")]
    Dropped { shard: u16, first: u64 },

    #[error(
        "a snapshot of shard {shard} at {upto} has no place in its log: it must lie between \
         {earliest} and {last}"
    )]
    Misplaced { shard: u16, upto: u64, earliest: u64, last: u64 },
}

impl Error {
    /// Why a write under `held` to a shard in epoch `current` is refused, if it is.
    pub(crate) fn of_epoch(shard: ShardId, held: Epoch, current: u64) -> Option<Error> {
        match current {
            0 => Some(Error::NotOpened { shard: shard.0 }),
            current if current == held.0 => None,
            current => Some(Error::Fenced { shard: shard.0, held: held.0, current }),
        }
    }

    /// Whether the process must end.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Error::Lost { .. } | Error::Damaged { .. })
    }
}
