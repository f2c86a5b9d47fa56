//! Where records become durable, before anything they decide is done.
//!
//! A log is append-only per shard, and fenced: whoever takes a shard over opens it under
//! a higher epoch, after which appends under older ones are refused. So two owners can't
//! both believe that theirs was the decision. A snapshot stands for all records up to its
//! place, which are dropped with the same commit.
//!
//! Beside the log on disk stand the [`Folder`] that it lies in, and the [`Registry`] of the
//! Canvas versions that its records call by numbers. All of it reaches the disk through one seam,
//! [`files`].
//!
//! Both logs behave alike; `tests/conformance` holds them to it. What a disk can do to the
//! embedded one is tried in `tests/crash`.
#![forbid(unsafe_code)]

mod embedded;
mod error;
pub mod file;
pub mod files;
mod folder;
mod memory;
mod registry;

use flowrun_core::{Record, ShardId};

pub use embedded::Embedded;
pub use error::Error;
pub use files::Dir;
pub use folder::{Begin, Folder};
pub use memory::{Keep, Memory};
pub use registry::{Kept, Registry};

/// Which term of ownership of a shard an append belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Epoch(pub u64);

/// A record's place in its shard's log, from 1, without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sequence(pub u64);

/// A record on its way into a log.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    pub shard: ShardId,
    pub epoch: Epoch,
    pub record: &'a Record,
}

/// A shard's state as it was when the record at `upto` had been applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    pub upto: Sequence,
    /// In a format of the shard's own.
    pub bytes: Vec<u8>,
}

/// Records in order, read one at a time: a log may be longer than memory. Ends after the
/// first error.
pub type Records<'a> = Box<dyn Iterator<Item = Result<(Sequence, Record), Error>> + Send + 'a>;

/// How much a log holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Records that no snapshot stands for yet, of all shards.
    pub records: u64,
    /// Their bytes, as encoded.
    pub record_bytes: u64,
    pub snapshot_bytes: u64,
    /// What the file takes; 0 in memory.
    pub file_bytes: u64,
}

/// A durable log of the records of many shards.
pub trait ShardLog {
    /// Takes a shard over: ends every earlier epoch, and gives the new one.
    fn open(&mut self, shard: ShardId) -> Result<Epoch, Error>;

    /// Makes records of any shards durable under one sync: all of them, or, with an error,
    /// none. When this returns, they survive.
    fn append_all(&mut self, appends: &[Append<'_>]) -> Result<Vec<Sequence>, Error>;

    /// Makes one record durable. When this returns, it survives.
    fn append(&mut self, shard: ShardId, epoch: Epoch, record: &Record) -> Result<Sequence, Error> {
        let places = self.append_all(&[Append { shard, epoch, record }])?;
        Ok(places[0])
    }

    /// The records of a shard from a place on, in order. Those that a snapshot stands for
    /// are gone: reading starts after the snapshot.
    fn read_from(&self, shard: ShardId, from: Sequence) -> Result<Records<'_>, Error>;

    /// Makes a shard's state durable in place of its records up to `upto`, and of the
    /// snapshot before.
    fn snapshot(
        &mut self,
        shard: ShardId,
        epoch: Epoch,
        upto: Sequence,
        bytes: &[u8],
    ) -> Result<(), Error>;

    fn latest_snapshot(&self, shard: ShardId) -> Result<Option<Snapshot>, Error>;

    /// The place of the last record, dropped or not; 0 of an empty log.
    fn last(&self, shard: ShardId) -> Result<Sequence, Error>;

    fn size(&self) -> Result<Size, Error>;
}
