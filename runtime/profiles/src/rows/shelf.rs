//! Where rows lie: the fresh ones in the journal, the others in groups of neighbours.
//!
//! The journal has the changes of every commit, in pieces; the writer knows which row's last
//! change lies in which piece. When the journal grows over its share, its oldest pieces go:
//! rows whose last change they hold are put into their groups, and the piece is removed, all in
//! the transaction that keeps the new changes. So no commit has to put away everything.

use std::collections::{BTreeMap, VecDeque};

use flowrun_log::file::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use flowrun_log::file::{Failure, Store};
use flowrun_log::packing;

use super::row::{self, Change, Key};
use super::{Error, Row, former, groups};

/// Changes since the last time that rows were put away, in order: key and value, key and
/// value, each after its length. A piece is packed where that makes it shorter.
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("pieces");

/// The length that stands for no value: the row is gone.
const GONE: u32 = u32::MAX;

/// How much of the journal is packed into one value. A third is left of it as a rule, which
/// just fits into the run of pages that the database takes for it.
const PIECE: usize = 160 << 10;

/// Such a part of the journal's share is put away at once, so that rows which are neighbours
/// meet, though they changed in different commits: each group is then written once for all.
const AT_ONCE: usize = 8;

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
        let there = store.read()?;
        store.write(|change| {
            change.open_table(JOURNAL)?;
            groups::create(change)?;
            former::take_over(&there, change, &|fault| damaged(&store, fault))
        })?;
        drop(there);
        let fresh = read(&store, each).map_err(|failure| store.unread(failure))?;
        Ok((Shelf { store, most_bytes }, fresh))
    }

    /// Makes changes durable, all or none: those that are have been taken away.
    pub fn save(
        &self,
        fresh: &mut Fresh,
        changes: &mut BTreeMap<Key, Option<Box<[u8]>>>,
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
                journal.insert(number, &packing::marked(bytes)[..])?;
            }
            let mut put = BTreeMap::new();
            for (number, keys) in fresh.pieces.iter().take(old) {
                journal.remove(number)?;
                let latest = keys.iter().filter_map(|key| Some((key, fresh.rows.get(key)?)));
                let last = latest.filter(|(_, latest)| latest.piece == *number);
                put.extend(last.map(|(key, latest)| (key, &latest.value)));
            }
            groups::put(change, &put, &|fault| damaged(&self.store, fault))
        })?;
        fresh.forget(old);
        fresh.take(std::mem::take(changes), pieces);
        Ok(())
    }

    pub fn file_bytes(&self) -> u64 {
        self.store.bytes()
    }
}

/// Takes every row that is there over into an empty file, out of the journal as well.
pub(super) fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), Failure> {
    to.open_table(JOURNAL)?;
    groups::create(to)?;
    // What is damaged was refused when the file was opened.
    let damaged = |fault: &str| {
        let (place, fault) = ("the profiles".to_owned(), fault.to_owned());
        Failure::Refused(Error::Damaged { place, fault })
    };
    let mut latest: BTreeMap<Key, Option<Box<[u8]>>> = BTreeMap::new();
    for entry in from.open_table(JOURNAL)?.iter()? {
        let (_, piece) = entry?;
        latest.extend(changes(&piece_of(piece.value(), &damaged)?, &damaged)?);
    }
    merge(&latest, to, &mut |each| groups::each(from, &damaged, each))
}

/// Fills empty groups with rows that come in order, and with what has changed of them since.
pub(super) fn merge(
    latest: &BTreeMap<Key, Option<Box<[u8]>>>,
    to: &WriteTransaction,
    rows: &mut dyn FnMut(&mut groups::Each<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut latest = latest.iter().peekable();
    groups::fill(to, &mut |filling| {
        rows(&mut |key, value| {
            while let Some((key, value)) = latest.next_if(|(other, _)| other[..] < *key) {
                value.as_ref().map_or(Ok(()), |value| filling.take(key, value))?;
            }
            if latest.peek().is_some_and(|(other, _)| other[..] == *key) {
                return Ok(());
            }
            filling.take(key, value)
        })?;
        for (key, value) in latest.by_ref() {
            value.as_ref().map_or(Ok(()), |value| filling.take(key, value))?;
        }
        Ok(())
    })
}

fn damaged(store: &Store, fault: &str) -> Failure {
    Failure::Refused(store.damaged(fault))
}

impl Fresh {
    /// How many of the oldest pieces have to go when so much is added.
    fn excess(&self, added: usize, most: usize) -> usize {
        if self.bytes + added <= most {
            return 0;
        }
        let wanted = (2 * added).max(most / AT_ONCE);
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

    fn take(&mut self, changes: BTreeMap<Key, Option<Box<[u8]>>>, pieces: Vec<Piece>) {
        let mut changes = changes.into_iter();
        for (number, count, _) in pieces {
            let mut keys = Vec::with_capacity(count);
            for (key, value) in changes.by_ref().take(count) {
                keys.push(key.clone());
                self.put(number, key, value);
            }
            self.pieces.push_back((number, keys));
            self.next = number + 1;
        }
    }

    fn put(&mut self, piece: u64, key: Key, value: Option<Box<[u8]>>) {
        let key_bytes = key.len();
        self.bytes += weight(&key, &value);
        if let Some(before) = self.rows.insert(key, Latest { piece, value }) {
            self.bytes -= weight_of(key_bytes, &before.value);
        }
    }
}

fn weight(key: &Key, value: &Option<Box<[u8]>>) -> usize {
    weight_of(key.len(), value)
}

fn weight_of(key_bytes: usize, value: &Option<Box<[u8]>>) -> usize {
    key_bytes + value.as_ref().map_or(0, |value| value.len()) + OVERHEAD
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
    let damaged = |fault: &str| damaged(store, fault);
    for entry in transaction.open_table(JOURNAL)?.iter()? {
        let (number, piece) = entry?;
        let number = number.value();
        let mut keys = Vec::new();
        for (key, value) in changes(&piece_of(piece.value(), &damaged)?, &damaged)? {
            fresh.put(number, key.clone(), value);
            keys.push(key);
        }
        fresh.pieces.push_back((number, keys));
        fresh.next = number + 1;
    }
    groups::each(&transaction, &damaged, &mut |key, value| {
        if !fresh.rows.contains_key(key) {
            each(row::decode(key, value).map_err(|fault| damaged(&fault))?);
        }
        Ok(())
    })?;
    for (key, latest) in &fresh.rows {
        if let Some(value) = &latest.value {
            each(row::decode(key, value).map_err(|fault| damaged(&fault))?);
        }
    }
    Ok(fresh)
}

fn piece_of(stored: &[u8], damaged: groups::Damaged<'_>) -> Result<Vec<u8>, Failure> {
    packing::unmarked(stored).map_err(|fault| damaged(&format!("a piece of the journal: {fault}")))
}

/// The changes of a piece that isn't packed.
pub(super) fn changes(
    mut piece: &[u8],
    damaged: groups::Damaged<'_>,
) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    while !piece.is_empty() {
        let change = taken(&mut piece);
        changes.push(change.ok_or_else(|| damaged("a change in the journal is cut off"))?);
    }
    Ok(changes)
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
