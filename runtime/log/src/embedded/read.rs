//! Reading records back one at a time, and checking each: that it is the next, that its
//! bytes are those that were written, and that its epoch is not below the one before.

use flowrun_core::{Record, ShardId};

use super::frame::Head;
use super::layout::{RECORDS, Row, SNAPSHOT_PIECES, SNAPSHOTS, SnapshotRow};
use crate::file::redb::{self, ReadTransaction};
use crate::file::{Failure, Store};
use crate::{Error, Sequence};

type Pieces = redb::Range<'static, (u16, u64, u32), &'static [u8]>;

/// The records of a shard from a place on.
pub(super) struct Reader<'a> {
    store: &'a Store,
    pieces: Pieces,
    shard: ShardId,
    next: u64,
    last: u64,
    epoch: u64,
    /// No record's epoch is above the one that the shard is in.
    highest: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        store: &'a Store,
        transaction: &ReadTransaction,
        shard: ShardId,
        from: u64,
        row: Row,
    ) -> Result<Reader<'a>, Failure> {
        let records = transaction.open_table(RECORDS)?;
        let pieces = records.range((shard.0, from, 0)..=(shard.0, u64::MAX, u32::MAX))?;
        Ok(Reader {
            store,
            pieces,
            shard,
            next: from,
            last: row.last,
            epoch: 0,
            highest: row.epoch,
        })
    }

    fn read(&mut self) -> Result<(Sequence, Record), Error> {
        let bytes = self.bytes().map_err(|failure| self.store.unread(failure))?;
        let sequence = self.next;
        self.next += 1;
        let record = Record::decode(&bytes).map_err(|source| Error::Unreadable {
            shard: self.shard.0,
            sequence,
            source,
        })?;
        Ok((Sequence(sequence), record))
    }

    /// The bytes of the next record.
    fn bytes(&mut self) -> Result<Vec<u8>, Failure> {
        let (head, mut bytes) = {
            let value = self.piece(0)?;
            let first = value.value();
            let (head, rest) = Head::decode(first).ok_or_else(|| self.fault("it has no head"))?;
            (head, rest.to_vec())
        };
        let mut number = 0;
        while (bytes.len() as u64) < head.len {
            number += 1;
            let value = self.piece(number)?;
            if value.value().is_empty() {
                return Err(self.fault("it has an empty piece"));
            }
            bytes.extend_from_slice(value.value());
        }
        head.check(self.shard, self.next, &bytes).map_err(|fault| self.fault(&fault))?;
        if head.epoch < self.epoch || head.epoch > self.highest {
            return Err(self.fault("its epoch is out of order"));
        }
        self.epoch = head.epoch;
        Ok(bytes)
    }

    /// The next piece in the file, which must be this one of the next record.
    fn piece(&mut self, number: u32) -> Result<redb::AccessGuard<'static, &'static [u8]>, Failure> {
        let Some((key, value)) = self.pieces.next().transpose()? else {
            return Err(self.fault("it is missing"));
        };
        if key.value() != (self.shard.0, self.next, number) {
            return Err(self.fault("a piece of it is missing"));
        }
        Ok(value)
    }

    fn fault(&self, fault: &str) -> Failure {
        let place = format!("record {} of shard {}", self.next, self.shard.0);
        Failure::Refused(self.store.damaged(&format!("{place}: {fault}")))
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<(Sequence, Record), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next > self.last {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.next = u64::MAX;
            self.last = 0;
        }
        Some(read)
    }
}

/// A shard's snapshot, not yet checked.
pub(super) fn snapshot(
    transaction: &ReadTransaction,
    shard: ShardId,
) -> Result<Option<(SnapshotRow, Vec<u8>)>, Failure> {
    let Some(row) = transaction.open_table(SNAPSHOTS)?.get(shard.0)? else { return Ok(None) };
    let row = SnapshotRow::from(row.value());
    let mut bytes = Vec::new();
    // A piece is below 64 KiB, and as many as the row says were there when the file was opened.
    bytes.reserve_exact(row.pieces as usize * (64 << 10));
    let pieces = transaction.open_table(SNAPSHOT_PIECES)?;
    for (piece, number) in pieces.range((shard.0, 0)..=(shard.0, u32::MAX))?.zip(0..) {
        let (key, piece) = piece?;
        if key.value() != (shard.0, number) || bytes.len() as u64 > row.head.len {
            break;
        }
        bytes.extend_from_slice(piece.value());
    }
    Ok(Some((row, bytes)))
}
