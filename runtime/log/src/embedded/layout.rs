//! The tables of the file, and whether they agree.

use flowrun_core::ShardId;

use super::frame::Head;
use crate::file::Failure;
use crate::file::redb::{
    Key, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableError, Value,
    WriteTransaction,
};

/// Pieces of records by shard, sequence number and number of the piece. The first piece
/// begins with the record's head.
pub(super) const RECORDS: TableDefinition<(u16, u64, u32), &[u8]> = TableDefinition::new("records");

/// Epoch, first and last sequence number, pieces and stored bytes in between.
pub(super) const SHARDS: TableDefinition<u16, [u64; 5]> = TableDefinition::new("shards");

/// Place, head (epoch, form and length, checksum) and pieces of each shard's snapshot.
pub(super) const SNAPSHOTS: TableDefinition<u16, [u64; 5]> = TableDefinition::new("snapshots");

pub(super) const SNAPSHOT_PIECES: TableDefinition<(u16, u32), &[u8]> =
    TableDefinition::new("snapshot_pieces");

/// Numbers about the log as a whole.
const LOG: TableDefinition<&str, u64> = TableDefinition::new("log");
const SHARD_COUNT: &str = "shards";

/// What is known of a shard without reading its records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub epoch: u64,
    /// Of the records that are there: `last + 1` if none are.
    pub first: u64,
    pub last: u64,
    pub pieces: u64,
    pub bytes: u64,
}

impl Row {
    pub(super) fn stored(self) -> [u64; 5] {
        [self.epoch, self.first, self.last, self.pieces, self.bytes]
    }
}

impl From<[u64; 5]> for Row {
    fn from([epoch, first, last, pieces, bytes]: [u64; 5]) -> Row {
        Row { epoch, first, last, pieces, bytes }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SnapshotRow {
    pub upto: u64,
    pub head: Head,
    pub pieces: u32,
}

impl SnapshotRow {
    pub(super) fn stored(self) -> [u64; 5] {
        let [epoch, len, checksum] = self.head.fields();
        [self.upto, epoch, len, checksum, self.pieces.into()]
    }
}

impl From<[u64; 5]> for SnapshotRow {
    fn from([upto, epoch, len, checksum, pieces]: [u64; 5]) -> SnapshotRow {
        SnapshotRow { upto, head: [epoch, len, checksum].into(), pieces: pieces as u32 }
    }
}

/// How many shards there are; `None` in a file that was just begun.
pub(super) fn shards(transaction: &ReadTransaction) -> Result<Option<u16>, Failure> {
    let log = match transaction.open_table(LOG) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        log => log?,
    };
    Ok(log.get(SHARD_COUNT)?.and_then(|count| u16::try_from(count.value()).ok()))
}

/// Makes all tables, and fixes the number of shards.
pub(super) fn create(change: &WriteTransaction, shards: u16) -> Result<u16, Failure> {
    change.open_table(LOG)?.insert(SHARD_COUNT, u64::from(shards))?;
    change.open_table(RECORDS)?;
    change.open_table(SHARDS)?;
    change.open_table(SNAPSHOTS)?;
    change.open_table(SNAPSHOT_PIECES)?;
    Ok(shards)
}

/// Takes everything over into an empty file.
pub(super) fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Failure> {
    table(LOG, from, to)?;
    table(RECORDS, from, to)?;
    table(SHARDS, from, to)?;
    table(SNAPSHOTS, from, to)?;
    table(SNAPSHOT_PIECES, from, to)
}

fn table<K: Key + 'static, V: Value + 'static>(
    name: TableDefinition<K, V>,
    from: &ReadTransaction,
    to: &WriteTransaction,
) -> Result<(), Failure> {
    let mut copied = to.open_table(name)?;
    for entry in from.open_table(name)?.iter()? {
        let (key, value) = entry?;
        copied.insert(key.value(), value.value())?;
    }
    Ok(())
}

pub(super) fn row(
    shards: &impl ReadableTable<u16, [u64; 5]>,
    shard: ShardId,
) -> Result<Row, Failure> {
    let row = shards.get(shard.0)?.map(|row| row.value().into());
    Ok(row.unwrap_or(Row { epoch: 0, first: 1, last: 0, pieces: 0, bytes: 0 }))
}

/// What doesn't agree, if something doesn't: each shard's records must begin and end where
/// its row says, and there must be as many pieces as all rows say. That the numbers between
/// are dense is seen when they are read.
pub(super) fn fault(transaction: &ReadTransaction) -> Result<Option<String>, Failure> {
    let records = transaction.open_table(RECORDS)?;
    let snapshots = transaction.open_table(SNAPSHOTS)?;
    let (mut pieces, mut snapshot_pieces) = (0, 0);
    for entry in transaction.open_table(SHARDS)?.iter()? {
        let (shard, row) = entry?;
        let (shard, row) = (shard.value(), Row::from(row.value()));
        let mut there = records.range((shard, 0, 0)..=(shard, u64::MAX, u32::MAX))?;
        let place = |key: (u16, u64, u32)| key.1;
        let first = there.next().transpose()?.map(|(key, _)| place(key.value()));
        let last = there.next_back().transpose()?.map(|(key, _)| place(key.value())).or(first);
        let expected = (row.first <= row.last).then_some((row.first, row.last));
        if first.zip(last) != expected {
            return Ok(Some(format!("records of shard {shard} are missing at an end")));
        }
        let snapshot = snapshots.get(shard)?.map(|row| SnapshotRow::from(row.value()));
        if snapshot.map_or(0, |snapshot| snapshot.upto) + 1 != row.first {
            return Ok(Some(format!("shard {shard} has no snapshot that fits its records")));
        }
        pieces += row.pieces;
        snapshot_pieces += snapshot.map_or(0, |snapshot| u64::from(snapshot.pieces));
    }
    if records.len()? != pieces {
        return Ok(Some(format!("{} pieces of records of {pieces}", records.len()?)));
    }
    let there = transaction.open_table(SNAPSHOT_PIECES)?.len()?;
    if there != snapshot_pieces {
        return Ok(Some(format!("{there} pieces of snapshots of {snapshot_pieces}")));
    }
    Ok(None)
}
