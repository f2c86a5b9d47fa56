//! The log in memory: for simulations, which crash on purpose, and for runs that are over
//! when the process is.

use std::collections::{BTreeMap, VecDeque};

use flowrun_core::{Record, ShardId};

use crate::{Append, Epoch, Error, Records, Sequence, ShardLog, Size, Snapshot};

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
    /// Those after the snapshot.
    records: VecDeque<Vec<u8>>,
    snapshot: Option<Snapshot>,
}

impl Shard {
    /// The place of the first record that is there; after the last if none is.
    fn first(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.upto.0) + 1
    }
}

impl Memory {
    pub fn new(keep: Keep) -> Memory {
        Memory { keep, shards: BTreeMap::new() }
    }

    /// Takes a shard over: ends every earlier epoch, and gives the new one. Memory doesn't
    /// fail at it.
    pub fn open(&mut self, shard: ShardId) -> Epoch {
        let shard = self.shards.entry(shard).or_default();
        shard.epoch += 1;
        Epoch(shard.epoch)
    }

    /// All records of a shard from a place on, at once: they are in memory anyway.
    pub fn read_from(&self, shard: ShardId, from: Sequence) -> Result<Vec<Record>, Error> {
        ShardLog::read_from(self, shard, from)?.map(|read| read.map(|(_, record)| record)).collect()
    }

    /// Bytes of all records that are kept.
    pub fn bytes(&self) -> usize {
        self.shards.values().flat_map(|shard| &shard.records).map(Vec::len).sum()
    }

    fn owned(&self, shard: ShardId, epoch: Epoch) -> Result<(), Error> {
        let current = self.shards.get(&shard).map_or(0, |shard| shard.epoch);
        Error::of_epoch(shard, epoch, current).map_or(Ok(()), Err)
    }
}

impl ShardLog for Memory {
    fn open(&mut self, shard: ShardId) -> Result<Epoch, Error> {
        Ok(Memory::open(self, shard))
    }

    fn append_all(&mut self, appends: &[Append<'_>]) -> Result<Vec<Sequence>, Error> {
        appends.iter().try_for_each(|append| self.owned(append.shard, append.epoch))?;
        let mut places = Vec::with_capacity(appends.len());
        for append in appends {
            let shard = self.shards.entry(append.shard).or_default();
            shard.last += 1;
            if self.keep == Keep::Records {
                shard.records.push_back(append.record.encode());
            }
            places.push(Sequence(shard.last));
        }
        Ok(places)
    }

    fn read_from(&self, id: ShardId, from: Sequence) -> Result<Records<'_>, Error> {
        let Some(shard) = self.shards.get(&id) else { return Ok(Box::new(std::iter::empty())) };
        let (first, from) = (shard.first(), from.0.max(1));
        if from < first {
            return Err(Error::Dropped { shard: id.0, first });
        }
        let records = shard.records.iter().zip(first..);
        let records = records.skip_while(move |(_, sequence)| *sequence < from);
        Ok(Box::new(records.map(move |(bytes, sequence)| {
            let unreadable = |source| Error::Unreadable { shard: id.0, sequence, source };
            Ok((Sequence(sequence), Record::decode(bytes).map_err(unreadable)?))
        })))
    }

    fn snapshot(
        &mut self,
        id: ShardId,
        epoch: Epoch,
        upto: Sequence,
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.owned(id, epoch)?;
        let shard = self.shards.entry(id).or_default();
        let (earliest, last) = (shard.first() - 1, shard.last);
        if upto.0 < earliest || upto.0 > last {
            return Err(Error::Misplaced { shard: id.0, upto: upto.0, earliest, last });
        }
        if self.keep == Keep::Records {
            shard.records.drain(..(upto.0 - earliest) as usize);
            shard.snapshot = Some(Snapshot { upto, bytes: bytes.to_vec() });
        }
        Ok(())
    }

    fn latest_snapshot(&self, shard: ShardId) -> Result<Option<Snapshot>, Error> {
        Ok(self.shards.get(&shard).and_then(|shard| shard.snapshot.clone()))
    }

    fn last(&self, shard: ShardId) -> Result<Sequence, Error> {
        Ok(Sequence(self.shards.get(&shard).map_or(0, |shard| shard.last)))
    }

    fn size(&self) -> Result<Size, Error> {
        let records = self.shards.values().map(|shard| shard.records.len() as u64).sum();
        let snapshots = self.shards.values().filter_map(|shard| shard.snapshot.as_ref());
        let snapshot_bytes = snapshots.map(|snapshot| snapshot.bytes.len() as u64).sum();
        let record_bytes = self.bytes() as u64;
        Ok(Size { records, record_bytes, snapshot_bytes, file_bytes: 0 })
    }
}

#[cfg(test)]
mod tests {
    use flowrun_core::{Change, JourneyIx, Millis};

    use super::*;

    #[test]
    fn a_log_that_nobody_reads_keeps_only_numbers() {
        let mut log = Memory::new(Keep::Nothing);
        let epoch = log.open(ShardId(0));
        let changes = vec![Change::Resumed { journey: JourneyIx(7) }];
        let record = Record { at: Millis(1), changes };
        for place in 1..=3 {
            assert_eq!(log.append(ShardId(0), epoch, &record).unwrap(), Sequence(place));
        }
        log.snapshot(ShardId(0), epoch, Sequence(2), b"state").unwrap();
        assert_eq!((log.bytes(), log.last(ShardId(0)).unwrap()), (0, Sequence(3)));
        assert_eq!(log.size().unwrap(), Size::default());
    }
}
