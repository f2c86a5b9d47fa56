//! The rows that were put away: neighbours together, packed as one.
//!
//! A group has the rows from its own key on, up to the next group's. Rows are small and alike,
//! so that a page of the disk holds three times as many of them packed as it would one by one:
//! this is what a changed row costs when it is put away, whether its neighbours changed as well
//! or not. A group that grows over a page when it is packed, or over [`MOST`] before, is cut into
//! equal parts; one whose rows are all gone goes with them.

use std::collections::BTreeMap;
use std::ops::Bound;

use flowrun_log::file::Failure;
use flowrun_log::file::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use flowrun_log::packing;

use super::row::Key;

const GROUPS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("groups");

/// The longest group, not packed, unless a single row is longer: what is packed again when one
/// of its rows changes.
const MOST: usize = 16 << 10;

/// What a packed group is to fit into: a page of the database, without its own bytes.
const PAGE: usize = 4096 - 64;

/// A row's value by its key, in order; none in place of one that is gone.
pub(super) type Put<'a> = BTreeMap<&'a Key, &'a Option<Box<[u8]>>>;

type Pair<'a> = (&'a [u8], &'a [u8]);

/// Is given rows one by one, in order.
pub(super) type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), Failure> + 'a;

/// What to say of bytes that can't be read.
pub(super) type Damaged<'a> = &'a dyn Fn(&str) -> Failure;

pub(super) fn create(change: &WriteTransaction) -> Result<(), Failure> {
    change.open_table(GROUPS)?;
    Ok(())
}

/// Puts rows into the groups that they belong to.
pub(super) fn put(
    change: &WriteTransaction,
    put: &Put<'_>,
    damaged: Damaged<'_>,
) -> Result<(), Failure> {
    let mut groups = change.open_table(GROUPS)?;
    let mut rest = put.iter().peekable();
    while let Some((first, _)) = rest.peek() {
        let (here, stored) = match groups.range::<&[u8]>(..=&first[..])?.next_back().transpose()? {
            Some((key, value)) => (Some(key.value().to_vec()), unpacked(value.value(), damaged)?),
            None => (None, Vec::new()),
        };
        let after = here.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let end = groups.range::<&[u8]>((after, Bound::Unbounded))?.next().transpose()?;
        let end = end.map(|(key, _)| key.value().to_vec());
        let mut changed = Vec::new();
        let is_here = |key: &Key| end.as_ref().is_none_or(|end| key[..] < end[..]);
        while let Some((key, value)) = rest.next_if(|(key, _)| is_here(key)) {
            changed.push((&key[..], value.as_deref()));
        }
        let rows = merged(&pairs(&stored, damaged)?, &changed);
        let mut parts = parts(&rows).into_iter();
        // The first part stays under the group's key, which is nobody else's.
        match (here, parts.next()) {
            (Some(here), Some((_, first))) => drop(groups.insert(&here[..], &first[..])?),
            (Some(here), None) => drop(groups.remove(&here[..])?),
            (None, Some((key, first))) => drop(groups.insert(key, &first[..])?),
            (None, None) => {}
        }
        for (key, part) in parts {
            groups.insert(key, &part[..])?;
        }
    }
    Ok(())
}

/// Fills an empty table with rows that come in order, many at once.
pub(super) fn fill(
    change: &WriteTransaction,
    rows: &mut dyn FnMut(&mut Filling<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut filling = Filling { change, rows: Vec::new(), bytes: 0 };
    rows(&mut filling)?;
    filling.write()
}

/// Rows on their way into an empty table.
pub(super) struct Filling<'a> {
    change: &'a WriteTransaction,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
}

impl Filling<'_> {
    pub fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.bytes += key.len() + value.len();
        self.rows.push((key.to_vec(), value.to_vec()));
        if self.bytes < 64 * MOST { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), Failure> {
        let mut groups = self.change.open_table(GROUPS)?;
        let rows: Vec<Pair<'_>> =
            self.rows.iter().map(|(key, value)| (&key[..], &value[..])).collect();
        for (key, part) in parts(&rows) {
            groups.insert(key, &part[..])?;
        }
        self.rows.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Gives all rows, in order.
pub(super) fn each(
    transaction: &ReadTransaction,
    damaged: Damaged<'_>,
    each: &mut Each<'_>,
) -> Result<(), Failure> {
    for group in transaction.open_table(GROUPS)?.iter()? {
        let (_, value) = group?;
        for (key, value) in pairs(&unpacked(value.value(), damaged)?, damaged)? {
            each(key, value)?;
        }
    }
    Ok(())
}

fn unpacked(stored: &[u8], damaged: Damaged<'_>) -> Result<Vec<u8>, Failure> {
    packing::unmarked(stored).map_err(|fault| damaged(&format!("a group of profiles: {fault}")))
}

/// The rows of a group that isn't packed: key and value, each after its length.
fn pairs<'a>(mut rest: &'a [u8], damaged: Damaged<'_>) -> Result<Vec<Pair<'a>>, Failure> {
    let mut part = || {
        let (len, more) = rest.split_first_chunk()?;
        let (part, more) = more.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        rest = more;
        Some(part)
    };
    let mut pairs = Vec::new();
    while let Some(key) = part() {
        pairs.push((key, part().ok_or_else(|| damaged("a group of profiles is cut off"))?));
    }
    match rest {
        [] => Ok(pairs),
        _ => Err(damaged("a group of profiles is cut off")),
    }
}

/// What was there with what has changed; both are in order.
fn merged<'a>(there: &[Pair<'a>], changed: &[(&'a [u8], Option<&'a [u8]>)]) -> Vec<Pair<'a>> {
    let mut rows = Vec::with_capacity(there.len() + changed.len());
    let mut there = there.iter().peekable();
    for &(key, value) in changed {
        while let Some(before) = there.next_if(|(other, _)| *other < key) {
            rows.push(*before);
        }
        there.next_if(|(other, _)| *other == key);
        rows.extend(value.map(|value| (key, value)));
    }
    rows.extend(there);
    rows
}

/// The rows as groups to store, each with its first key.
fn parts<'a>(rows: &[Pair<'a>]) -> Vec<(&'a [u8], Vec<u8>)> {
    let mut parts = Vec::new();
    for run in cut(rows, MOST) {
        let stored = packing::marked(&joined(run));
        if stored.len() <= PAGE || run.len() == 1 {
            parts.push((run[0].0, stored));
            continue;
        }
        // As many as fill their pages if all get shorter alike.
        let most = length(run) / stored.len().div_ceil(PAGE);
        let each = cut(run, most + 1).into_iter();
        parts.extend(each.map(|part| (part[0].0, packing::marked(&joined(part)))));
    }
    parts
}

/// Rows in runs of about the same length, none longer than said unless it is a single row.
fn cut<'r, 'a>(rows: &'r [Pair<'a>], most: usize) -> Vec<&'r [Pair<'a>]> {
    let whole = length(rows);
    let share = whole / whole.div_ceil(most).max(1);
    let mut runs = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        let len = length(std::slice::from_ref(row));
        if at > from && (bytes >= share || bytes + len > most) {
            runs.push(&rows[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += len;
    }
    if from < rows.len() {
        runs.push(&rows[from..]);
    }
    runs
}

/// How long rows are in a group.
fn length(rows: &[Pair<'_>]) -> usize {
    rows.iter().map(|(key, value)| 8 + key.len() + value.len()).sum()
}

fn joined(rows: &[Pair<'_>]) -> Vec<u8> {
    let mut group = Vec::with_capacity(length(rows));
    for bytes in rows.iter().flat_map(|(key, value)| [key, value]) {
        group.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        group.extend_from_slice(bytes);
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(fault: &str) -> Failure {
        panic!("{fault}")
    }

    /// Letters that get no shorter.
    fn drawn(seed: u32, len: usize) -> Vec<u8> {
        let mut state = u64::from(seed) + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn rows_are_cut_into_parts_that_fit_and_come_back() {
        let alike = |_, len| vec![b'x'; len];
        let half = |seed, len: usize| [drawn(seed, len / 2), vec![b'x'; len - len / 2]].concat();
        type Made = fn(u32, usize) -> Vec<u8>;
        let rows: [(u32, usize, Made, usize); 7] = [
            (0, 0, alike, 0),
            (1, 9, alike, 1),
            (120, 90, alike, 1),
            (5_000, 90, alike, 40),
            // A page has room for 39 drawn ones, and for 70 of which the half is.
            (5_000, 90, drawn, 165),
            (5_000, 90, half, 100),
            (7, 20_000, drawn, 7),
        ];
        for (count, size, made, most) in rows {
            let rows: Vec<_> = (0..count).map(|at| (at.to_be_bytes(), made(at, size))).collect();
            let rows: Vec<Pair<'_>> =
                rows.iter().map(|(key, value)| (&key[..], &value[..])).collect();
            let parts = parts(&rows);
            assert!(parts.len() <= most, "{count} of {size}: {} parts", parts.len());
            let fits = parts.iter().filter(|(_, part)| part.len() <= PAGE).count();
            assert!(size > PAGE || 10 * fits >= 9 * parts.len(), "{fits} of {}", parts.len());
            let plain: Vec<_> =
                parts.iter().map(|(_, part)| unpacked(part, &fault).unwrap()).collect();
            let back = plain.iter().flat_map(|part| pairs(part, &fault).unwrap());
            assert_eq!(back.collect::<Vec<_>>(), rows, "{count} of {size}");
            let firsts = plain.iter().map(|part| pairs(part, &fault).unwrap()[0].0);
            assert!(firsts.eq(parts.iter().map(|(key, _)| *key)), "{count} of {size}");
        }
    }

    #[test]
    fn changes_take_the_place_of_what_was_there() {
        let there: [Pair<'_>; 3] = [(b"b", b"1"), (b"d", b"1"), (b"f", b"1")];
        let two: Option<&[u8]> = Some(b"2");
        type Changed = [(&'static [u8], Option<&'static [u8]>)];
        let rows: [(&Changed, &str); 5] = [
            (&[], "b1 d1 f1"),
            (&[(b"a", two), (b"c", two), (b"g", two)], "a2 b1 c2 d1 f1 g2"),
            (&[(b"b", two), (b"f", None)], "b2 d1"),
            (&[(b"c", None), (b"z", None)], "b1 d1 f1"),
            (&[(b"b", None), (b"d", None), (b"f", None)], ""),
        ];
        for (changed, expected) in rows {
            let rows: Vec<String> = merged(&there, changed)
                .iter()
                .map(|(key, value)| String::from_utf8([*key, *value].concat()).unwrap())
                .collect();
            assert_eq!(rows.join(" "), expected);
        }
    }
}
