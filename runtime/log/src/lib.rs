//! Where records become durable, before anything they decide is done.
//!
//! A log is append-only per shard, and fenced: whoever takes a shard over opens it under
//! a higher epoch, after which appends under older ones are refused. So two owners can't
//! both believe that theirs was the decision.
#![forbid(unsafe_code)]

mod memory;

use flowrun_core::{Record, ShardId, Unreadable};

pub use memory::{Keep, Memory};

/// Which term of ownership of a shard an append belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Epoch(pub u64);

/// A record's place in its shard's log, from 1, without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sequence(pub u64);

/// Why an append or a read failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("shard {shard} was taken over: epoch {held} ended when {current} began")]
    Fenced { shard: u16, held: u64, current: u64 },
    #[error("the log of shard {shard} holds, at {sequence}, {source}")]
    Unreadable { shard: u16, sequence: u64, source: Unreadable },
}

/// A durable log of the records of many shards.
pub trait ShardLog {
    /// Takes a shard over: ends every earlier epoch, and gives the new one.
    fn open(&mut self, shard: ShardId) -> Epoch;

    /// Makes a record durable. When this returns, it survives.
    fn append(&mut self, shard: ShardId, epoch: Epoch, record: &Record) -> Result<Sequence, Error>;

    /// The records of a shard from a place on, in order.
    fn read_from(&self, shard: ShardId, from: Sequence) -> Result<Vec<Record>, Error>;
}
