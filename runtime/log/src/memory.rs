//! The log in memory: for simulations, which crash on purpose, and for runs that are over
//! when the process is.

use std::collections::BTreeMap;

use flowrun_core::{Record, ShardId};

use crate::{Epoch, Error, Sequence, ShardLog};

/// What a log in memory is kept for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keep {
    /// To be read back: records are kept as the bytes that a disk would get.
    #[default]
    Records,
    /// Nobody reads it back: only epochs and sequence numbers are kept.
    Nothing,
}

#[derive(Default)]
pub struct Memory {
    keep: Keep,
    shards: BTreeMap<ShardId, Shard>,
}

#[derive(Default)]
struct Shard {
    epoch: u64,
    last: u64,
    records: Vec<Vec<u8>>,
}

impl Memory {
    pub fn new(keep: Keep) -> Memory {
        Memory { keep, shards: BTreeMap::new() }
    }

    /// Bytes of all records that are kept.
    pub fn bytes(&self) -> usize {
        self.shards.values().flat_map(|shard| &shard.records).map(Vec::len).sum()
    }
}

impl ShardLog for Memory {
    fn open(&mut self, shard: ShardId) -> Epoch {
        let shard = self.shards.entry(shard).or_default();
        shard.epoch += 1;
        Epoch(shard.epoch)
    }

    fn append(&mut self, id: ShardId, epoch: Epoch, record: &Record) -> Result<Sequence, Error> {
        let shard = self.shards.entry(id).or_default();
        if epoch.0 != shard.epoch {
            return Err(Error::Fenced { shard: id.0, held: epoch.0, current: shard.epoch });
        }
        shard.last += 1;
        if self.keep == Keep::Records {
            shard.records.push(record.encode());
        }
        Ok(Sequence(shard.last))
    }

    fn read_from(&self, id: ShardId, from: Sequence) -> Result<Vec<Record>, Error> {
        let Some(shard) = self.shards.get(&id) else { return Ok(Vec::new()) };
        let skip = from.0.saturating_sub(1) as usize;
        let records = shard.records.iter().enumerate().skip(skip);
        records
            .map(|(ix, bytes)| {
                let unreadable =
                    |source| Error::Unreadable { shard: id.0, sequence: ix as u64 + 1, source };
                Record::decode(bytes).map_err(unreadable)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use flowrun_core::{Change, JourneyIx, Millis};

    use super::*;

    fn record(at: i64) -> Record {
        Record { at: Millis(at), changes: vec![Change::Resumed { journey: JourneyIx(7) }] }
    }

    #[test]
    fn what_was_appended_is_read_back_in_order() {
        let mut log = Memory::default();
        let epoch = log.open(ShardId(1));
        for at in 1..=3 {
            assert_eq!(log.append(ShardId(1), epoch, &record(at)).unwrap(), Sequence(at as u64));
        }
        assert_eq!(log.read_from(ShardId(1), Sequence(2)).unwrap(), [record(2), record(3)]);
        assert!(log.read_from(ShardId(2), Sequence(1)).unwrap().is_empty());
    }

    #[test]
    fn a_former_owner_can_append_nothing() {
        let mut log = Memory::default();
        let former = log.open(ShardId(0));
        let current = log.open(ShardId(0));
        let refused = log.append(ShardId(0), former, &record(1)).unwrap_err();
        assert_eq!(refused.to_string(), "shard 0 was taken over: epoch 1 ended when 2 began");
        assert!(log.append(ShardId(0), current, &record(1)).is_ok());
    }
}
