//! Where rows lie: those that changed last in the journal, the others in groups of neighbours.
//!
//! The journal has the changes of every commit, in pieces. When it grows over its share, its
//! oldest pieces go: their rows are put into their groups, each as its last change among them
//! has left it, and the pieces are removed, all in the transaction that keeps the new changes.
//! So no commit has to put away everything. A row may lie in a group as it was and in the
//! journal as it is: the journal has the last word.

use std::collections::{HashMap, VecDeque};

use flowrun_log::file::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use flowrun_log::file::{Failure, Store};
use flowrun_log::packing::{self, Packer};

use super::row::{self, Change};
use super::waiting::{LONGEST_PIECE, PIECE, Waiting};
use super::{Error, Row, former, groups};

/// Changes since the last time that rows were put away, in order: key and value, key and
/// value, each after its length. A piece is packed where that makes it shorter.
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("pieces");

/// Such a part of the journal's share is put away at once, so that rows which are neighbours
/// meet, though they changed in different commits: each group is then written once for all.
const AT_ONCE: usize = 8;

/// Room for old pieces that is kept from one time to the next.
const LONGEST_OLD: usize = 16 << 20;

/// How long a packed piece is to be: the database keeps it in a run of pages whose number is a
/// power of two, and pieces that follow may get less shorter.
const RUN: usize = 60 << 10;

/// What a piece takes beside its bytes.
const OVERHEAD: usize = 64;

pub(super) struct Shelf {
    store: Store,
    most_bytes: usize,
}

/// The journal's pieces, oldest first: what the writer keeps in mind, and what it works in.
#[derive(Default)]
pub(super) struct Journal {
    /// Numbers, and how much each counts.
    pieces: VecDeque<(u64, usize)>,
    bytes: usize,
    /// The next number.
    next: u64,
    packer: Packer,
    cutter: groups::Cutter,
    /// Pieces on their way into groups, as they were before they were packed.
    old: Vec<u8>,
}

impl Shelf {
    /// Gives every row that is there, and what the journal has.
    pub fn new(
        store: Store,
        most_bytes: usize,
        each: &mut dyn FnMut(Row),
    ) -> Result<(Shelf, Journal), Error> {
        let there = store.read()?;
        store.write(|change| {
            change.open_table(JOURNAL)?;
            groups::create(change)?;
            former::take_over(&there, change, &|fault| damaged(&store, fault))
        })?;
        drop(there);
        let journal = read(&store, each).map_err(|failure| store.unread(failure))?;
        Ok((Shelf { store, most_bytes }, journal))
    }

    /// Makes changes durable, all or none: those that are have been taken away.
    pub fn save(&self, journal: &mut Journal, waiting: &mut Waiting) -> Result<(), Error> {
        if waiting.pieces.is_empty() {
            return Ok(());
        }
        let added = waiting.pieces.iter().map(|piece| weight(piece)).sum();
        let too_old = journal.excess(added, self.most_bytes);
        let Journal { pieces, next, packer, cutter, old, .. } = journal;
        let damaged = |fault: &str| damaged(&self.store, fault);
        let mut most = waiting.most;
        self.store.write(|change| {
            let mut table = change.open_table(JOURNAL)?;
            for (number, piece) in (*next..).zip(&waiting.pieces) {
                let stored = packer.marked(piece);
                table.insert(number, stored)?;
                if piece.len() >= PIECE / 2 {
                    most = (piece.len() * RUN / stored.len()).clamp(PIECE, LONGEST_PIECE);
                }
            }
            old.clear();
            for (number, _) in pieces.iter().take(too_old) {
                if let Some(piece) = table.remove(number)? {
                    unpack(piece.value(), old, &damaged)?;
                }
            }
            groups::put(change, &latest(row::changes(old).map_err(damaged)?), cutter, &damaged)
        })?;
        journal.forget(too_old);
        waiting.pieces.iter().for_each(|piece| journal.note(journal.next, weight(piece)));
        waiting.clear();
        waiting.most = most;
        Ok(())
    }

    pub fn file_bytes(&self) -> u64 {
        self.store.bytes()
    }
}

impl Journal {
    /// How many of the oldest pieces have to go when so much is added.
    fn excess(&self, added: usize, most: usize) -> usize {
        if self.bytes + added <= most {
            return 0;
        }
        let wanted = (2 * added).max(most / AT_ONCE);
        let mut freed = 0;
        let enough = self.pieces.iter().position(|(_, bytes)| {
            let done = freed >= wanted;
            freed += bytes;
            done
        });
        enough.unwrap_or(self.pieces.len())
    }

    fn forget(&mut self, pieces: usize) {
        for (_, bytes) in self.pieces.drain(..pieces) {
            self.bytes -= bytes;
        }
        self.old.shrink_to(LONGEST_OLD);
    }

    fn note(&mut self, number: u64, bytes: usize) {
        self.pieces.push_back((number, bytes));
        self.bytes += bytes;
        self.next = number + 1;
    }
}

fn weight(piece: &[u8]) -> usize {
    piece.len() + OVERHEAD
}

/// The last change of each row, in the order of the rows.
pub(super) fn latest(mut changes: Vec<Change<'_>>) -> Vec<Change<'_>> {
    // The last one first, since that is the one that stays.
    changes.reverse();
    changes.sort_by_key(|(key, _)| row::place(key));
    changes.dedup_by_key(|(key, _)| row::place(key));
    changes
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
    let mut journal = Vec::new();
    for entry in from.open_table(JOURNAL)?.iter()? {
        unpack(entry?.1.value(), &mut journal, &damaged)?;
    }
    let latest = latest(row::changes(&journal).map_err(damaged)?);
    merge(&latest, to, &mut |each| groups::each(from, &damaged, each))
}

/// Fills empty groups with rows that come in order, and with what has changed of them since.
pub(super) fn merge(
    latest: &[Change<'_>],
    to: &WriteTransaction,
    rows: &mut dyn FnMut(&mut groups::Each<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut latest = latest.iter().peekable();
    groups::fill(to, &mut |filling| {
        rows(&mut |key, value| {
            while let Some((key, value)) = latest.next_if(|(other, _)| *other < key) {
                value.map_or(Ok(()), |value| filling.take(key, value))?;
            }
            if latest.peek().is_some_and(|(other, _)| *other == key) {
                return Ok(());
            }
            filling.take(key, value)
        })?;
        for (key, value) in latest.by_ref() {
            value.map_or(Ok(()), |value| filling.take(key, value))?;
        }
        Ok(())
    })
}

fn damaged(store: &Store, fault: &str) -> Failure {
    Failure::Refused(store.damaged(fault))
}

/// Reads the journal, then everything: of a row that both have, the journal has the last word.
fn read(store: &Store, each: &mut dyn FnMut(Row)) -> Result<Journal, Failure> {
    let transaction = store.read()?;
    let mut journal = Journal::default();
    let damaged = |fault: &str| damaged(store, fault);
    let mut bytes = Vec::new();
    for entry in transaction.open_table(JOURNAL)?.iter()? {
        let (number, piece) = entry?;
        let before = bytes.len();
        unpack(piece.value(), &mut bytes, &damaged)?;
        journal.note(number.value(), weight(&bytes[before..]));
    }
    let latest: HashMap<_, _> = row::changes(&bytes).map_err(damaged)?.into_iter().collect();
    let mut give = |key: &[u8], value: &[u8]| {
        each(row::decode(key, value).map_err(|fault| damaged(&fault))?);
        Ok(())
    };
    groups::each(&transaction, &damaged, &mut |key, value| match latest.contains_key(key) {
        true => Ok(()),
        false => give(key, value),
    })?;
    let mut latest: Vec<Change<'_>> = latest.into_iter().collect();
    latest.sort_unstable();
    latest.iter().try_for_each(|(key, value)| value.map_or(Ok(()), |value| give(key, value)))?;
    Ok(journal)
}

fn unpack(stored: &[u8], bytes: &mut Vec<u8>, damaged: groups::Damaged<'_>) -> Result<(), Failure> {
    let unmarked = packing::unmark(stored, bytes);
    unmarked.map_err(|fault| damaged(&format!("a piece of the journal: {fault}")))
}
