//! Where rows lie: the fresh ones in the journal, the others in the table.
//!
//! The journal has the changes of every commit, in pieces; the writer knows which row's last
//! change lies in which piece. When the journal grows over its share, its oldest pieces go:
//! rows whose last change they hold are put into the table, and the piece is removed, all in
//! the transaction that keeps the new changes. So no commit has to put away everything.

use std::collections::{BTreeMap, VecDeque};

use flowrun_log::file::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use flowrun_log::file::{Failure, Store};

use super::row::{self, Change, Key};
use super::{Error, Row};

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");

/// Changes since the last time that rows were put away, in order: key and value, key and
/// value, each after its length.
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

/// The length that stands for no value: the row is gone.
const GONE: u32 = u32::MAX;

/// How much of the journal lies in one value: with the database's own bytes it just fits a
/// run of pages.
const PIECE: usize = (64 << 10) - 256;

/// So much is put away at least, so that rows which are neighbours meet.
const AT_ONCE: usize = 1 << 20;

/// What a fresh row takes in memory beside its bytes.
const OVERHEAD: usize = 128;

pub(super) struct Shelf {
    store: Store,
    most_bytes: usize,
}

/// Rows whose last change is in the journal only: what the writer keeps in mind.
#[derive(Default)]
pub(super) struct Fresh {
    rows: BTreeMap<Key, Latest>,
    /// The keys of each piece of the journal, oldest first.
    pieces: VecDeque<(u64, Vec<Key>)>,
    bytes: usize,
    /// The journal's next number.
    next: u64,
}

/// The last change of a row, and the piece that it lies in.
struct Latest {
    piece: u64,
    value: Option<Box<[u8]>>,
}

impl Shelf {
    /// Gives every row that is there, and what is fresh of it.
    pub fn new(
        store: Store,
        most_bytes: usize,
        each: &mut dyn FnMut(Row),
    ) -> Result<(Shelf, Fresh), Error> {
        store.write(|change| {
            change.open_table(ROWS)?;
            change.open_table(JOURNAL)?;
            Ok(())
        })?;
        let fresh = read(&store, each).map_err(|failure| store.unread(failure))?;
        Ok((Shelf { store, most_bytes }, fresh))
    }

    /// Makes changes durable, all or none.
    pub fn save(
        &self,
        fresh: &mut Fresh,
        changes: &BTreeMap<Key, Option<Box<[u8]>>>,
    ) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let pieces = pieces(changes, fresh.next);
        let added: usize = changes.iter().map(|(key, value)| weight(key, value)).sum();
        let old = fresh.excess(added, self.most_bytes);
        self.store.write(|change| {
            let mut journal = change.open_table(JOURNAL)?;
            for (number, _, bytes) in &pieces {
                journal.insert(number, &bytes[..])?;
            }
            let mut put = BTreeMap::new();
            for (number, keys) in fresh.pieces.iter().take(old) {
                journal.remove(number)?;
                let latest = keys.iter().filter_map(|key| Some((key, fresh.rows.get(key)?)));
                put.extend(latest.filter(|(_, latest)| latest.piece == *number));
            }
            put_away(change, &put)
        })?;
        fresh.forget(old);
        fresh.take(changes, pieces);
        Ok(())
    }

    pub fn file_bytes(&self) -> u64 {
        self.store.bytes()
    }
}

/// Takes every row that is there over into an empty file, out of the journal as well.
pub(super) fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Failure> {
    to.open_table(JOURNAL)?;
    let mut latest: BTreeMap<Key, Option<Box<[u8]>>> = BTreeMap::new();
    for entry in from.open_table(JOURNAL)?.iter()? {
        let (_, piece) = entry?;
        let mut rest = piece.value();
        // A journal that is cut off was refused when the file was opened.
        while let Some((key, value)) = taken(&mut rest) {
            latest.insert(key, value);
        }
    }
    let mut rows = to.open_table(ROWS)?;
    for entry in from.open_table(ROWS)?.iter()? {
        let (key, value) = entry?;
        if !latest.contains_key(key.value()) {
            rows.insert(key.value(), value.value())?;
        }
    }
    for (key, value) in &latest {
        if let Some(value) = value {
            rows.insert(&key[..], &value[..])?;
        }
    }
    Ok(())
}

fn put_away(change: &WriteTransaction, put: &BTreeMap<&Key, &Latest>) -> Result<(), Failure> {
    let mut rows = change.open_table(ROWS)?;
    for (key, latest) in put {
        match &latest.value {
            Some(value) => drop(rows.insert(&key[..], &value[..])?),
            None => drop(rows.remove(&key[..])?),
        }
    }
    Ok(())
}

impl Fresh {
    /// How many of the oldest pieces have to go when so much is added.
    fn excess(&self, added: usize, most: usize) -> usize {
        if self.bytes + added <= most {
            return 0;
        }
        let wanted = (2 * added).max(AT_ONCE.min(most));
        let mut freed = 0;
        let enough = self.pieces.iter().position(|(_, keys)| {
            let done = freed >= wanted;
            freed += keys.len() * OVERHEAD + PIECE.min(most);
            done
        });
        enough.unwrap_or(self.pieces.len())
    }

    fn forget(&mut self, pieces: usize) {
        for (number, keys) in self.pieces.drain(..pieces) {
            for key in keys {
                if self.rows.get(&key).is_some_and(|latest| latest.piece == number)
                    && let Some(latest) = self.rows.remove(&key)
                {
                    self.bytes -= weight(&key, &latest.value);
                }
            }
        }
    }

    fn take(&mut self, changes: &BTreeMap<Key, Option<Box<[u8]>>>, pieces: Vec<Piece>) {
        let mut changes = changes.iter();
        for (number, count, _) in pieces {
            let mut keys = Vec::with_capacity(count);
            for (key, value) in changes.by_ref().take(count) {
                self.put(number, key.clone(), value.clone());
                keys.push(key.clone());
            }
            self.pieces.push_back((number, keys));
            self.next = number + 1;
        }
    }

    fn put(&mut self, piece: u64, key: Key, value: Option<Box<[u8]>>) {
        self.bytes += weight(&key, &value);
        if let Some(before) = self.rows.insert(key.clone(), Latest { piece, value }) {
            self.bytes -= weight(&key, &before.value);
        }
    }
}

fn weight(key: &Key, value: &Option<Box<[u8]>>) -> usize {
    key.len() + value.as_ref().map_or(0, |value| value.len()) + OVERHEAD
}

/// A piece of the journal: its number, how many changes it has, its bytes.
type Piece = (u64, usize, Vec<u8>);

fn pieces(changes: &BTreeMap<Key, Option<Box<[u8]>>>, first: u64) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (key, value) in changes {
        let len = 8 + key.len() + value.as_ref().map_or(0, |value| value.len());
        let fits = |piece: &&mut Piece| piece.2.len() + len <= PIECE;
        if pieces.last_mut().filter(|piece| fits(piece)).is_none() {
            pieces.push((first + pieces.len() as u64, 0, Vec::new()));
        }
        let Some((_, count, bytes)) = pieces.last_mut() else { continue };
        *count += 1;
        bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        bytes.extend_from_slice(key);
        let len = value.as_ref().map_or(GONE, |value| value.len() as u32);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    pieces
}

/// Reads the journal, then everything: of a row that both have, the journal has the last word.
fn read(store: &Store, each: &mut dyn FnMut(Row)) -> Result<Fresh, Failure> {
    let transaction = store.read()?;
    let mut fresh = Fresh::default();
    let damaged = |fault: String| Failure::Refused(store.damaged(&fault));
    for entry in transaction.open_table(JOURNAL)?.iter()? {
        let (number, piece) = entry?;
        let number = number.value();
        let (mut rest, mut keys) = (piece.value(), Vec::new());
        while !rest.is_empty() {
            let (key, value) = taken(&mut rest)
                .ok_or_else(|| damaged("a change in the journal is cut off".to_owned()))?;
            fresh.put(number, key.clone(), value);
            keys.push(key);
        }
        fresh.pieces.push_back((number, keys));
        fresh.next = number + 1;
    }
    for entry in transaction.open_table(ROWS)?.iter()? {
        let (key, value) = entry?;
        if !fresh.rows.contains_key(key.value()) {
            each(row::decode(key.value(), value.value()).map_err(damaged)?);
        }
    }
    for (key, latest) in &fresh.rows {
        if let Some(value) = &latest.value {
            each(row::decode(key, value).map_err(damaged)?);
        }
    }
    Ok(fresh)
}

/// Takes a change from a piece of the journal.
fn taken(rest: &mut &[u8]) -> Option<Change> {
    let len = length(rest)?;
    let key = part(rest, len)?.into();
    let value = match length(rest)? {
        GONE => None,
        len => Some(part(rest, len)?.into()),
    };
    Some((key, value))
}

fn length(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(part(rest, 4)?.try_into().ok()?))
}

fn part<'a>(rest: &mut &'a [u8], len: u32) -> Option<&'a [u8]> {
    let (part, more) = rest.split_at_checked(len as usize)?;
    *rest = more;
    Some(part)
}
