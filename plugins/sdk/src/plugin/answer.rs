//! What comes back of a call: a record per row, and the texts that records name.
//!
//! The reader trusts nothing: lengths are held against the buffer, texts against UTF-8, and
//! what is wrong with one record is that record's fault alone.

use std::borrow::Cow;

use super::ask::{u32_at, u64_at};

/// Bytes of the header.
const HEADER: usize = 24;
/// Bytes of a record.
pub const RECORD: usize = 32;
/// The longest text that one record may name.
const LONGEST: usize = 1 << 20;

/// What doesn't follow the layout, in words for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed(pub &'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A record on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub kind: u32,
    pub door: u32,
    /// A moment, a length of time, or -1 for none.
    pub moment: i64,
    pub first: Cow<'a, str>,
    pub second: Cow<'a, str>,
}

impl<'a> Record<'a> {
    pub fn of(kind: u32) -> Record<'a> {
        Record { kind, door: 0, moment: -1, first: Cow::Borrowed(""), second: Cow::Borrowed("") }
    }
}

/// Lays an answer out.
pub struct Answer {
    bytes: Vec<u8>,
    text: Vec<u8>,
    rows: u32,
}

impl Answer {
    pub fn new(rows: usize) -> Answer {
        let mut bytes = Vec::with_capacity(HEADER + rows * RECORD);
        bytes.resize(HEADER, 0);
        Answer { bytes, text: Vec::new(), rows: 0 }
    }

    /// Puts a text that several records may name.
    pub fn text(&mut self, text: &str) -> (u32, u32) {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text.as_bytes());
        (start, text.len() as u32)
    }

    pub fn record(
        &mut self,
        kind: u32,
        door: u32,
        moment: i64,
        first: (u32, u32),
        second: (u32, u32),
    ) {
        let mut record = [0; RECORD];
        record[0..4].copy_from_slice(&kind.to_le_bytes());
        record[4..8].copy_from_slice(&door.to_le_bytes());
        record[8..16].copy_from_slice(&moment.to_le_bytes());
        for (at, number) in [(16, first.0), (20, first.1), (24, second.0), (28, second.1)] {
            record[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        self.bytes.extend_from_slice(&record);
        self.rows += 1;
    }

    pub fn push(&mut self, record: &Record<'_>) {
        let (first, second) = (self.text(&record.first), self.text(&record.second));
        self.record(record.kind, record.door, record.moment, first, second);
    }

    /// The bytes; `pause` is how long a backend wants to hear nothing.
    pub fn finish(mut self, pause: Option<i64>) -> Result<Vec<u8>, Malformed> {
        if u32::try_from(self.text.len()).is_err() {
            return Err(Malformed("the answer is larger than 4 GiB"));
        }
        for (at, number) in
            [(0, HEADER as u32), (4, self.rows), (8, self.text.len() as u32), (12, RECORD as u32)]
        {
            self.bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        self.bytes[16..24].copy_from_slice(&pause.unwrap_or(-1).to_le_bytes());
        self.bytes.extend_from_slice(&self.text);
        Ok(self.bytes)
    }
}

/// An answer as the host reads it.
pub struct Answered<'a> {
    pub rows: usize,
    pub pause: Option<i64>,
    records: &'a [u8],
    text: &'a [u8],
}

impl<'a> Answered<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Answered<'a>, Malformed> {
        if bytes.len() < HEADER {
            return Err(Malformed("the answer is shorter than its header"));
        }
        let number = |at: usize| u32_at(bytes, at) as usize;
        let (header, rows, text, record) = (number(0), number(4), number(8), number(12));
        if header != HEADER || record != RECORD {
            return Err(Malformed("the answer's header is not that of this version"));
        }
        let end = rows.checked_mul(RECORD).and_then(|records| records.checked_add(HEADER));
        let end = end.ok_or(Malformed("the answer is cut off"))?;
        if end.checked_add(text) != Some(bytes.len()) {
            return Err(Malformed("the answer's length is not what its header says"));
        }
        let pause = u64_at(bytes, 16) as i64;
        Ok(Answered {
            rows,
            pause: (pause >= 0).then_some(pause),
            records: &bytes[HEADER..end],
            text: &bytes[end..],
        })
    }

    /// Where a record's first text lies: records that share it share its place.
    pub fn place_of_first(&self, row: usize) -> (u32, u32) {
        let at = row * RECORD;
        (u32_at(self.records, at + 16), u32_at(self.records, at + 20))
    }

    pub fn kind(&self, row: usize) -> u32 {
        u32_at(self.records, row * RECORD)
    }

    pub fn door(&self, row: usize) -> u32 {
        u32_at(self.records, row * RECORD + 4)
    }

    pub fn moment(&self, row: usize) -> i64 {
        u64_at(self.records, row * RECORD + 8) as i64
    }

    pub fn first(&self, row: usize) -> Result<&'a str, Malformed> {
        self.text_at(row * RECORD + 16)
    }

    pub fn second(&self, row: usize) -> Result<&'a str, Malformed> {
        self.text_at(row * RECORD + 24)
    }

    fn text_at(&self, at: usize) -> Result<&'a str, Malformed> {
        let (start, len) =
            (u32_at(self.records, at) as usize, u32_at(self.records, at + 4) as usize);
        let text = self.text.get(start..start + len);
        let text = text.ok_or(Malformed("the answer names a text that is not in it"))?;
        if len > LONGEST {
            return Err(Malformed("the answer has a text of more than 1 MiB"));
        }
        std::str::from_utf8(text).map_err(|_| Malformed("the answer has a text that is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<u8> {
        let mut answer = Answer::new(2);
        answer.push(&Record { moment: 9, ..Record::of(1) });
        answer.push(&Record { first: "é".into(), second: "{}".into(), door: 3, ..Record::of(7) });
        answer.finish(Some(60_000)).unwrap()
    }

    #[test]
    fn what_is_laid_is_read() {
        let bytes = some();
        let answered = Answered::read(&bytes).unwrap();
        assert_eq!((answered.rows, answered.pause), (2, Some(60_000)));
        assert_eq!((answered.kind(0), answered.moment(0)), (1, 9));
        assert_eq!((answered.kind(1), answered.door(1), answered.moment(1)), (7, 3, -1));
        assert_eq!((answered.first(1), answered.second(1)), (Ok("é"), Ok("{}")));
    }

    #[test]
    fn an_answer_that_is_cut_or_bent_is_an_error_and_no_panic() {
        let bytes = some();
        for len in 0..bytes.len() {
            assert!(Answered::read(&bytes[..len]).is_err(), "cut at {len}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bent = bytes.clone();
                bent[at] ^= 1 << bit;
                let Ok(answered) = Answered::read(&bent) else { continue };
                for row in 0..answered.rows {
                    let _ = (answered.first(row), answered.second(row), answered.kind(row));
                }
            }
        }
    }
}
