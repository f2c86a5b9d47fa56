//! The rows that were put away: neighbours together, packed as one.
//!
//! A group has the rows from its own key on, up to the next group's. Rows are small and alike,
//! so that a page of the disk holds three times as many of them packed as it would one by one:
//! this is what a changed row costs when it is put away, whether its neighbours changed as well
//! or not. A group that grows over a page when it is packed, or over [`MOST`] before, is cut into
//! equal parts; one whose rows are all gone goes with them.

use std::ops::Bound;

use flowrun_log::file::Failure;
use flowrun_log::file::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use flowrun_log::packing::{self, Packer};

use super::row::Change;

const GROUPS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("groups");

/// The longest group, not packed, unless a single row is longer: what is packed again when one
/// of its rows changes.
const MOST: usize = 16 << 10;

/// What a packed group is to fit into: a page of the database, without its own bytes.
const PAGE: usize = 4096 - 64;

/// How much of it is filled: rows get longer, and few by few.
const ROOM: usize = PAGE - PAGE / 16;

type Pair<'a> = (&'a [u8], &'a [u8]);

/// Is given rows one by one, in order.
pub(super) type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), Failure> + 'a;

/// What to say of bytes that can't be read.
pub(super) type Damaged<'a> = &'a dyn Fn(&str) -> Failure;

pub(super) fn create(change: &WriteTransaction) -> Result<(), Failure> {
    change.open_table(GROUPS)?;
    Ok(())
}

/// Puts rows into the groups that they belong to: in order, each once.
pub(super) fn put(
    change: &WriteTransaction,
    put: &[Change<'_>],
    cutter: &mut Cutter,
    damaged: Damaged<'_>,
) -> Result<(), Failure> {
    let mut groups = change.open_table(GROUPS)?;
    let mut rest = put;
    let mut stored = Vec::new();
    while let Some((first, _)) = rest.first() {
        stored.clear();
        let here = match groups.range::<&[u8]>(..=*first)?.next_back().transpose()? {
            Some((key, value)) => {
                unpack(value.value(), &mut stored, damaged)?;
                Some(key.value().to_vec())
            }
            None => None,
        };
        let after = here.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let end = groups.range::<&[u8]>((after, Bound::Unbounded))?.next().transpose()?;
        let is_here = |key: &[u8]| end.as_ref().is_none_or(|(end, _)| key < end.value());
        let (changed, others) = rest.split_at(rest.partition_point(|(key, _)| is_here(key)));
        drop(end);
        rest = others;
        let rows = merged(&pairs(&stored, damaged)?, changed);
        if let (Some(here), []) = (&here, &rows[..]) {
            groups.remove(&here[..])?;
        }
        // The first part stays under the group's key, which is nobody else's.
        let mut key = here.as_deref();
        cutter.cut(&rows, &mut |first, part| {
            groups.insert(key.take().unwrap_or(first), part)?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Fills an empty table with rows that come in order, many at once.
pub(super) fn fill(
    change: &WriteTransaction,
    rows: &mut dyn FnMut(&mut Filling<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let cutter = Cutter::default();
    let mut filling = Filling { change, cutter, rows: Vec::new(), bytes: 0 };
    rows(&mut filling)?;
    filling.write()
}

/// Rows on their way into an empty table.
pub(super) struct Filling<'a> {
    change: &'a WriteTransaction,
    cutter: Cutter,
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
        self.cutter.cut(&rows, &mut |key, part| {
            groups.insert(key, part)?;
            Ok(())
        })?;
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
    let mut stored = Vec::new();
    for group in transaction.open_table(GROUPS)?.iter()? {
        stored.clear();
        unpack(group?.1.value(), &mut stored, damaged)?;
        for (key, value) in pairs(&stored, damaged)? {
            each(key, value)?;
        }
    }
    Ok(())
}

fn unpack(stored: &[u8], bytes: &mut Vec<u8>, damaged: Damaged<'_>) -> Result<(), Failure> {
    let unmarked = packing::unmark(stored, bytes);
    unmarked.map_err(|fault| damaged(&format!("a group of profiles: {fault}")))
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
fn merged<'a>(there: &[Pair<'a>], changed: &[Change<'a>]) -> Vec<Pair<'a>> {
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

/// Is given groups as they are stored, each with its first key.
type EachGroup<'f, 'a> = dyn FnMut(&'a [u8], &[u8]) -> Result<(), Failure> + 'f;

/// Cuts rows into groups to store, and packs these.
pub(super) struct Cutter {
    packer: Packer,
    group: Vec<u8>,
    stored: Vec<u8>,
    /// How long a group is when it fits into a page, going by the last one.
    fits: usize,
}

impl Default for Cutter {
    fn default() -> Cutter {
        let (packer, group, stored) = Default::default();
        Cutter { packer, group, stored, fits: MOST }
    }
}

impl Cutter {
    fn cut<'a>(
        &mut self,
        mut rows: &[Pair<'a>],
        each: &mut EachGroup<'_, 'a>,
    ) -> Result<(), Failure> {
        let mut whole = length(rows);
        while !rows.is_empty() {
            // One that has grown a little stays whole.
            let grown = self.fits + self.fits / 16;
            let (mut run, mut bytes) =
                first(rows, whole, if whole <= grown { grown } else { self.fits });
            self.pack(run, bytes);
            if self.stored.len() > PAGE && run.len() > 1 {
                // As many parts as nearly fill their pages if all get shorter alike.
                let most = bytes.div_ceil(self.stored.len().div_ceil(ROOM));
                (run, bytes) = first(run, bytes, most);
                self.pack(run, bytes);
            }
            each(run[0].0, &self.stored)?;
            rows = &rows[run.len()..];
            whole -= bytes;
        }
        Ok(())
    }

    /// Makes the rows a group.
    fn pack(&mut self, rows: &[Pair<'_>], bytes: usize) {
        self.group.clear();
        for bytes in rows.iter().flat_map(|(key, value)| [key, value]) {
            self.group.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            self.group.extend_from_slice(bytes);
        }
        self.stored.clear();
        self.stored.extend_from_slice(self.packer.marked(&self.group));
        // Short ones are not packed, and say nothing of others.
        if bytes > PAGE / 2 {
            self.fits = (bytes * ROOM / self.stored.len()).min(MOST);
        }
    }
}

/// The first of several runs that are all about as long: as long as said, or less; by one small
/// row some are longer, so that no run is left with the last row alone. A large row is a run by
/// itself.
fn first<'r, 'a>(rows: &'r [Pair<'a>], whole: usize, most: usize) -> (&'r [Pair<'a>], usize) {
    let share = whole / whole.div_ceil(most.max(1)).max(1);
    let mut bytes = 0;
    for (at, row) in rows.iter().enumerate() {
        let len = length(std::slice::from_ref(row));
        if at > 0 && (bytes >= share || bytes + len > most + most / 4) {
            return (&rows[..at], bytes);
        }
        bytes += len;
    }
    (rows, bytes)
}

/// How long rows are in a group.
fn length(rows: &[Pair<'_>]) -> usize {
    rows.iter().map(|(key, value)| 8 + key.len() + value.len()).sum()
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

    fn parts<'a>(rows: &[Pair<'a>], cutter: &mut Cutter) -> Vec<(&'a [u8], Vec<u8>)> {
        let mut parts = Vec::new();
        let mut each = |key, part: &[u8]| {
            parts.push((key, part.to_vec()));
            Ok(())
        };
        assert!(cutter.cut(rows, &mut each).is_ok());
        parts
    }

    #[test]
    fn a_group_that_grows_a_little_stays_whole() {
        let made = |count: u32, len| -> Vec<_> {
            (0..count).map(|at| (at.to_be_bytes(), drawn(at, len))).collect()
        };
        let mut cutter = Cutter::default();
        let mut count = |rows: &[([u8; 4], Vec<u8>)]| {
            let rows: Vec<Pair<'_>> =
                rows.iter().map(|(key, value)| (&key[..], &value[..])).collect();
            parts(&rows, &mut cutter).len()
        };
        let many = count(&made(5_000, 88));
        let of_one = made(5_000 / many as u32, 88);
        let longer: Vec<_> = made(5_000 / many as u32, 92);
        assert_eq!((count(&of_one), count(&longer), count(&made(60, 88))), (1, 1, 2));
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
            (5_000, 90, half, 97),
            (7, 20_000, drawn, 7),
        ];
        // One after the other: what the cutter has learned of some is wrong for the next.
        let mut cutter = Cutter::default();
        for (count, size, made, most) in rows {
            let rows: Vec<_> = (0..count).map(|at| (at.to_be_bytes(), made(at, size))).collect();
            let rows: Vec<Pair<'_>> =
                rows.iter().map(|(key, value)| (&key[..], &value[..])).collect();
            let parts = parts(&rows, &mut cutter);
            assert!(parts.len() <= most, "{count} of {size}: {} parts", parts.len());
            let fits = parts.iter().filter(|(_, part)| part.len() <= PAGE).count();
            assert!(size > PAGE || 10 * fits >= 9 * parts.len(), "{fits} of {}", parts.len());
            let plain: Vec<_> =
                parts.iter().map(|(_, part)| packing::unmarked(part).unwrap()).collect();
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
