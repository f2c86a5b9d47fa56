//! What went wrong in a transaction, sorted by what can be done about it.

use std::fmt;
use std::io::ErrorKind;

use crate::Error;

/// Why a transaction came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// Whoever made the transaction didn't want it: nothing is wrong with the file.
    Refused(Error),
    Storage(redb::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

macro_rules! storage {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Failure {
            fn from(error: redb::$error) -> Failure {
                Failure::Storage(error.into())
            }
        })*
    };
}

storage!(StorageError, TableError, CommitError, TransactionError, DatabaseError);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(error) => error.fmt(f),
            Failure::Storage(redb::Error::Io(error)) => error.fmt(f),
            Failure::Storage(error) => error.fmt(f),
        }
    }
}

impl Failure {
    /// The disk has no room. That this isn't the answer of a sync, the caller must know.
    pub(super) fn is_full(&self) -> bool {
        let Failure::Storage(redb::Error::Io(error)) = self else { return false };
        let kinds = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
        kinds.contains(&error.kind())
    }

    /// The database was given up, as it is when its disk is full.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Failure::Storage(redb::Error::DatabaseClosed))
    }

    pub(super) fn is_in_use(&self) -> bool {
        use redb::Error::{DatabaseAlreadyOpen, LockProtocolMismatch};
        matches!(self, Failure::Storage(DatabaseAlreadyOpen | LockProtocolMismatch))
    }

    /// What is on the disk isn't what was written to it.
    pub(super) fn is_damage(&self) -> bool {
        use redb::Error as Found;
        match self {
            Failure::Storage(Found::Io(error)) => {
                // The database says so of a file that doesn't begin as its files do, and a
                // file that is too short can't be read to its end.
                matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
            }
            Failure::Storage(
                Found::Corrupted(_)
                | Found::RepairAborted
                | Found::UpgradeRequired(_)
                | Found::TableTypeMismatch { .. }
                | Found::TableIsMultimap(_)
                | Found::TableIsNotMultimap(_)
                | Found::TypeDefinitionChanged { .. }
                | Found::TableDoesNotExist(_),
            ) => true,
            _ => false,
        }
    }
}
