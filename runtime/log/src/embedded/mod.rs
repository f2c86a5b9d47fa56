//! The log in a database file: for one machine.
//!
//! A record, which is the work of a whole cohort, is one value, packed where that pays and cut
//! where the database's pages are; it goes with its shard's row (epoch, first, last) in one transaction. The
//! transaction takes one sync, and whatever a crash leaves of it is found by checksums: the
//! whole file is compared with them when it is opened, which costs less than the recovery
//! that reads it all anyway. A second sync per commit would save that comparison, and halve
//! the appends per second.

mod frame;
mod layout;
mod read;

use flowrun_core::ShardId;

use crate::file::redb::{ReadableTable, StorageBackend, WriteTransaction};
use crate::file::{Care, Failure, Kind, Store};
use crate::files::Dir;
use crate::packing::{KEPT, Packer};
use crate::{Append, Epoch, Error, Records, Sequence, ShardLog, Size, Snapshot};
use layout::{Row, SnapshotRow};

/// Records and snapshots of many shards in one file.
#[derive(Debug)]
pub struct Embedded {
    store: Store,
    shards: u16,
    packer: Packer,
    /// What a record is encoded into.
    room: Vec<u8>,
}

/// What the file is written in. Raise it with every change to `layout` or `frame`.
const FORMAT: u64 = 2;

/// What is read as well: nothing in it is packed. It becomes the other with the first write.
const FORMER: u64 = 1;

/// Appends write, and recovery reads everything once: little of it is worth keeping.
const CACHE_BYTES: usize = 16 << 20;

impl Embedded {
    /// The file's name in its folder.
    pub const FILE: &str = "log.redb";

    /// Opens the log in a folder, or begins one. How many shards users are spread over is
    /// fixed when it begins: a user must be found in the shard they were put in.
    ///
    /// # Errors
    /// If the folder can't be written, another process has it open, the file is of another
    /// format or damaged, or a shard's records aren't all there.
    pub fn open(folder: impl Into<Dir>, shards_if_new: u16) -> Result<Embedded, Error> {
        let folder = folder.into();
        let kind = kind(format!("the log in {}", folder.path().display()));
        Embedded::begin(Store::in_folder(&folder, Embedded::FILE, kind)?, shards_if_new)
    }

    /// The same log in something else than a file: for tests that let it fail.
    pub fn with_backend(
        backend: impl StorageBackend + Clone,
        shards_if_new: u16,
    ) -> Result<Embedded, Error> {
        Embedded::begin(Store::with_backend(backend, kind("the log".into()))?, shards_if_new)
    }

    fn begin(store: Store, shards_if_new: u16) -> Result<Embedded, Error> {
        let shards = match layout::shards(&store.read()?).map_err(|fault| store.unread(fault))? {
            Some(shards) => shards,
            None => store.write(|change| layout::create(change, shards_if_new.max(1)))?,
        };
        if let Some(fault) =
            layout::fault(&store.read()?).map_err(|failure| store.unread(failure))?
        {
            return Err(store.damaged(&fault));
        }
        Ok(Embedded { store, shards, packer: Packer::default(), room: Vec::new() })
    }

    /// Writes the file of a folder anew, so that it holds nothing of records that were dropped.
    /// Answers `false`, and does nothing, if there are records that no snapshot stands for.
    ///
    /// # Errors
    /// As [`Embedded::open`]; the file is then as it was.
    pub fn renew(folder: impl Into<Dir>) -> Result<bool, Error> {
        let folder = folder.into();
        let size = Embedded::open(&folder, 1)?.size()?;
        if size.records > 0 {
            return Ok(false);
        }
        let kind = kind(format!("the log in {}", folder.path().display()));
        Store::renew(&folder, Embedded::FILE, kind, layout::copy)?;
        Ok(true)
    }

    /// How many shards the log was begun with.
    pub fn shards(&self) -> u16 {
        self.shards
    }
}

fn kind(place: String) -> Kind {
    let formats = FORMER..=FORMAT;
    Kind { place, formats, care: Care::CheckAll, cache_bytes: CACHE_BYTES }
}

/// A shard's row, if the epoch is the one that it was opened under.
fn owned(change: &WriteTransaction, shard: ShardId, epoch: Epoch) -> Result<Row, Failure> {
    let row = layout::row(&change.open_table(layout::SHARDS)?, shard)?;
    Error::of_epoch(shard, epoch, row.epoch).map_or(Ok(row), |refused| Err(refused.into()))
}

impl ShardLog for Embedded {
    fn open(&mut self, shard: ShardId) -> Result<Epoch, Error> {
        self.store.write(|change| {
            let mut shards = change.open_table(layout::SHARDS)?;
            let mut row = layout::row(&shards, shard)?;
            row.epoch += 1;
            shards.insert(shard.0, row.stored())?;
            Ok(Epoch(row.epoch))
        })
    }

    fn append_all(&mut self, appends: &[Append<'_>]) -> Result<Vec<Sequence>, Error> {
        if appends.is_empty() {
            return Ok(Vec::new());
        }
        let Embedded { store, packer, room, .. } = self;
        store.write(|change| {
            let mut places = Vec::with_capacity(appends.len());
            let mut records = change.open_table(layout::RECORDS)?;
            for append in appends {
                let mut row = owned(change, append.shard, append.epoch)?;
                row.last += 1;
                let taken = Some(std::mem::take(room)).filter(|room| room.capacity() <= KEPT);
                *room = append.record.encode_into(taken.unwrap_or_default());
                let stored = frame::Stored::new(room, packer);
                let head = frame::Head::of(append.shard, row.last, row.epoch, &stored);
                for (number, piece) in frame::pieces(stored.bytes) {
                    let key = (append.shard.0, row.last, number);
                    let head = if number == 0 { &head.encode()[..] } else { &[] };
                    let mut value = records.insert_reserve(key, head.len() + piece.len())?;
                    let (front, rest) = value.as_mut().split_at_mut(head.len());
                    front.copy_from_slice(head);
                    rest.copy_from_slice(piece);
                    row.pieces += 1;
                }
                row.bytes += stored.bytes.len() as u64;
                change.open_table(layout::SHARDS)?.insert(append.shard.0, row.stored())?;
                places.push(Sequence(row.last));
            }
            Ok(places)
        })
    }

    fn read_from(&self, shard: ShardId, from: Sequence) -> Result<Records<'_>, Error> {
        let unread = |failure| self.store.unread(failure);
        let transaction = self.store.read()?;
        let shards =
            transaction.open_table(layout::SHARDS).map_err(|error| unread(error.into()))?;
        let row = layout::row(&shards, shard).map_err(unread)?;
        let from = from.0.max(1);
        if from < row.first {
            return Err(Error::Dropped { shard: shard.0, first: row.first });
        }
        let reader = read::Reader::new(&self.store, &transaction, shard, from, row);
        Ok(Box::new(reader.map_err(unread)?))
    }

    fn snapshot(
        &mut self,
        shard: ShardId,
        epoch: Epoch,
        upto: Sequence,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let Embedded { store, packer, .. } = self;
        let stored = frame::Stored::new(bytes, packer);
        store.write(|change| {
            let mut row = owned(change, shard, epoch)?;
            let (earliest, upto) = (row.first - 1, upto.0);
            if upto < earliest || upto > row.last {
                let (shard, last) = (shard.0, row.last);
                return Err(Error::Misplaced { shard, upto, earliest, last }.into());
            }
            let mut pieces = change.open_table(layout::SNAPSHOT_PIECES)?;
            pieces.retain_in((shard.0, 0)..=(shard.0, u32::MAX), |_, _| false)?;
            let mut count = 0;
            for (number, piece) in frame::pieces(stored.bytes) {
                pieces.insert((shard.0, number), piece)?;
                count = number + 1;
            }
            let head = frame::Head::of(shard, upto, epoch.0, &stored);
            let snapshot = SnapshotRow { upto, head, pieces: count };
            change.open_table(layout::SNAPSHOTS)?.insert(shard.0, snapshot.stored())?;
            let mut records = change.open_table(layout::RECORDS)?;
            records.retain_in(
                (shard.0, 0, 0)..=(shard.0, upto, u32::MAX),
                |(.., number), value| {
                    row.pieces -= 1;
                    row.bytes -= frame::payload(number, value) as u64;
                    false
                },
            )?;
            row.first = upto + 1;
            change.open_table(layout::SHARDS)?.insert(shard.0, row.stored())?;
            Ok(())
        })
    }

    fn latest_snapshot(&self, shard: ShardId) -> Result<Option<Snapshot>, Error> {
        let read = read::snapshot(&self.store.read()?, shard);
        let read = read.map_err(|failure| self.store.unread(failure))?;
        let Some((row, bytes)) = read else { return Ok(None) };
        match row.head.open(shard, row.upto, bytes) {
            Ok(bytes) => Ok(Some(Snapshot { upto: Sequence(row.upto), bytes })),
            Err(fault) => {
                let place = format!("the snapshot of shard {} at {}", shard.0, row.upto);
                Err(self.store.damaged(&format!("{place}: {fault}")))
            }
        }
    }

    fn last(&self, shard: ShardId) -> Result<Sequence, Error> {
        let row = self.store.read()?.open_table(layout::SHARDS).map_err(Failure::from);
        let row = row.and_then(|shards| layout::row(&shards, shard));
        row.map(|row| Sequence(row.last)).map_err(|failure| self.store.unread(failure))
    }

    fn size(&self) -> Result<Size, Error> {
        let transaction = self.store.read()?;
        let sum = || -> Result<Size, Failure> {
            let mut size = Size { file_bytes: self.store.bytes(), ..Size::default() };
            for row in transaction.open_table(layout::SHARDS)?.iter()? {
                let row = Row::from(row?.1.value());
                size.records += row.last + 1 - row.first;
                size.record_bytes += row.bytes;
            }
            for row in transaction.open_table(layout::SNAPSHOTS)?.iter()? {
                size.snapshot_bytes += SnapshotRow::from(row?.1.value()).head.len();
            }
            Ok(size)
        };
        sum().map_err(|failure| self.store.unread(failure))
    }
}
