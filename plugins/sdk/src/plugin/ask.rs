//! The grid of a call: a row per visit (or object, or message), and cells in columns.
//!
//! All numbers are little-endian; offsets of texts count from the beginning of the text
//! area. The header names where everything stands, so that what a minor version appends
//! is skipped by who doesn't know it.

use super::Malformed;
use crate::Millis;

/// Bytes of the header.
pub const HEADER: usize = 80;
const CELL: usize = 16;
const USER: usize = 8;

/// Tags of cells.
mod tag {
    pub const EMPTY: u32 = 0;
    pub const TEXT: u32 = 1;
    pub const FLAG: u32 = 2;
    pub const INT: u32 = 3;
    pub const FLOAT: u32 = 4;
    pub const JSON: u32 = 5;
}

/// A cell, with its text lent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum CellBytes<'a> {
    Empty,
    Text(&'a str),
    Flag(bool),
    Int(i64),
    Float(f64),
    Json(&'a str),
}

/// Lays a request out.
pub struct Ask {
    rows: u32,
    columns: u32,
    slots: u32,
    now: Millis,
    seed: u64,
    place: (u32, u32),
    zone: (u32, u32),
    users: Vec<u8>,
    cells: Vec<u8>,
    hashes: Vec<u8>,
    text: Vec<u8>,
}

impl Ask {
    /// With so many columns, of which the first `slots` are rendered settings.
    pub fn new(
        now: Millis,
        seed: u64,
        place: &str,
        zone: &str,
        slots: usize,
        columns: usize,
    ) -> Ask {
        let mut ask = Ask {
            rows: 0,
            columns: columns as u32,
            slots: slots as u32,
            now,
            seed,
            place: (0, 0),
            zone: (0, 0),
            users: Vec::new(),
            cells: Vec::new(),
            hashes: Vec::new(),
            text: Vec::new(),
        };
        ask.place = ask.put(place);
        ask.zone = ask.put(zone);
        ask
    }

    pub fn reserve(&mut self, rows: usize, text: usize) {
        self.users.reserve(rows * USER);
        self.cells.reserve(rows * self.columns as usize * CELL);
        self.text.reserve(text);
    }

    fn put(&mut self, text: &str) -> (u32, u32) {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text.as_bytes());
        (start, text.len() as u32)
    }

    /// Begins a row; its cells follow.
    pub fn row(&mut self, user: &str) {
        let (start, len) = self.put(user);
        let both = u64::from(start) | u64::from(len) << 32;
        self.users.extend_from_slice(&both.to_le_bytes());
        self.rows += 1;
    }

    /// The row's hash, of which choices are made that stay the same.
    pub fn hash(&mut self, hash: u64) {
        self.hashes.extend_from_slice(&hash.to_le_bytes());
    }

    pub fn cell(&mut self, cell: CellBytes<'_>) {
        let (tag, len, payload) = match cell {
            CellBytes::Empty => (tag::EMPTY, 0, 0),
            CellBytes::Flag(flag) => (tag::FLAG, 0, u64::from(flag)),
            CellBytes::Int(number) => (tag::INT, 0, number as u64),
            CellBytes::Float(number) => (tag::FLOAT, 0, number.to_bits()),
            CellBytes::Text(text) => {
                let (start, len) = self.put(text);
                (tag::TEXT, len, u64::from(start))
            }
            CellBytes::Json(text) => {
                let (start, len) = self.put(text);
                (tag::JSON, len, u64::from(start))
            }
        };
        let head = u64::from(tag) | u64::from(len) << 32;
        let both = u128::from(head) | u128::from(payload) << 64;
        self.cells.extend_from_slice(&both.to_le_bytes());
    }

    /// The request, or why it can't be one: what is larger than 4 GiB has no offsets.
    pub fn finish(self) -> Result<Vec<u8>, Malformed> {
        let Ask { users, cells, hashes, text, .. } = &self;
        let whole = HEADER + users.len() + cells.len() + hashes.len() + text.len();
        if u32::try_from(whole).is_err() {
            return Err(Malformed("the request is larger than 4 GiB"));
        }
        debug_assert_eq!(cells.len(), self.rows as usize * self.columns as usize * CELL);
        let users_at = HEADER as u32;
        let cells_at = users_at + users.len() as u32;
        let hashes_at = cells_at + cells.len() as u32;
        let text_at = hashes_at + hashes.len() as u32;
        let mut bytes = Vec::with_capacity(whole);
        for number in [HEADER as u32, self.rows, self.columns, self.slots] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.now.0.to_le_bytes());
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        let hashes_at = if hashes.is_empty() { 0 } else { hashes_at };
        for number in [users_at, cells_at, hashes_at, text_at, text.len() as u32] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.place.0, self.place.1, self.zone.0, self.zone.1] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&[0; HEADER - 68]);
        for part in [users, cells, hashes, text] {
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }
}

/// A request as the plugin reads it: every offset is checked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub rows: usize,
    pub columns: usize,
    pub slots: usize,
    pub now: Millis,
    pub seed: u64,
    pub place: &'a str,
    pub zone: &'a str,
    users: &'a [u8],
    cells: &'a [u8],
    text: &'a str,
}

impl<'a> Asked<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Asked<'a>, Malformed> {
        const CUT: Malformed = Malformed("the request is cut off");
        if bytes.len() < HEADER {
            return Err(CUT);
        }
        let number = |at: usize| u32_at(bytes, at) as usize;
        let (rows, columns, slots) = (number(4), number(8), number(12));
        let part = |at: usize, len: Option<usize>| {
            let at = number(at);
            bytes.get(at..at.checked_add(len?)?)
        };
        let users = part(32, rows.checked_mul(USER)).ok_or(CUT)?;
        let cells = part(36, rows.checked_mul(columns).and_then(|all| all.checked_mul(CELL)));
        let text = part(44, Some(number(48))).ok_or(CUT)?;
        let text = std::str::from_utf8(text).map_err(|_| Malformed("the request is not UTF-8"))?;
        let slice = |at: usize| text.get(number(at)..number(at).checked_add(number(at + 4))?);
        Ok(Asked {
            rows,
            columns,
            slots: slots.min(columns),
            now: Millis(u64_at(bytes, 16) as i64),
            seed: u64_at(bytes, 24),
            place: slice(52).ok_or(CUT)?,
            zone: slice(60).ok_or(CUT)?,
            users,
            cells: cells.ok_or(CUT)?,
            text,
        })
    }

    /// The user of a row.
    pub fn user(&self, row: usize) -> Result<&'a str, Malformed> {
        let at = row * USER;
        self.text_at(u32_at(self.users, at), u32_at(self.users, at + 4))
    }

    pub fn cell(&self, row: usize, column: usize) -> Result<CellBytes<'a>, Malformed> {
        let at = (row * self.columns + column) * CELL;
        let (tag, len) = (u32_at(self.cells, at), u32_at(self.cells, at + 4));
        let payload = u64_at(self.cells, at + 8);
        Ok(match tag {
            tag::EMPTY => CellBytes::Empty,
            tag::TEXT => CellBytes::Text(self.text_at(payload as u32, len)?),
            tag::FLAG => CellBytes::Flag(payload != 0),
            tag::INT => CellBytes::Int(payload as i64),
            tag::FLOAT => CellBytes::Float(f64::from_bits(payload)),
            tag::JSON => CellBytes::Json(self.text_at(payload as u32, len)?),
            _ => return Err(Malformed("the request has a cell of an unknown kind")),
        })
    }

    fn text_at(&self, start: u32, len: u32) -> Result<&'a str, Malformed> {
        let end = start as usize + len as usize;
        self.text
            .get(start as usize..end)
            .ok_or(Malformed("the request names a text that is not in it"))
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<u8> {
        let mut ask = Ask::new(Millis(-5), 7, "vip/tier", "Europe/Paris", 1, 2);
        for (user, cell) in [("ada", CellBytes::Text("gold ✓")), ("", CellBytes::Json("[1]"))] {
            ask.row(user);
            ask.cell(CellBytes::Float(-0.5));
            ask.cell(cell);
        }
        ask.finish().unwrap()
    }

    #[test]
    fn what_is_laid_is_read() {
        let bytes = some();
        let asked = Asked::read(&bytes).unwrap();
        assert_eq!((asked.rows, asked.columns, asked.slots, asked.seed), (2, 2, 1, 7));
        assert_eq!((asked.now, asked.place, asked.zone), (Millis(-5), "vip/tier", "Europe/Paris"));
        assert_eq!(asked.user(0), Ok("ada"));
        assert_eq!(asked.cell(0, 0), Ok(CellBytes::Float(-0.5)));
        assert_eq!(asked.cell(0, 1), Ok(CellBytes::Text("gold ✓")));
        assert_eq!(asked.cell(1, 1), Ok(CellBytes::Json("[1]")));
    }

    #[test]
    fn a_request_that_is_cut_or_bent_is_an_error_and_no_panic() {
        let bytes = some();
        for len in 0..bytes.len() {
            assert!(Asked::read(&bytes[..len]).is_err(), "cut at {len}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bent = bytes.clone();
                bent[at] ^= 1 << bit;
                let Ok(asked) = Asked::read(&bent) else { continue };
                for row in 0..asked.rows.min(4) {
                    let _ = asked.user(row);
                    for column in 0..asked.columns.min(4) {
                        let _ = asked.cell(row, column);
                    }
                }
            }
        }
    }
}
