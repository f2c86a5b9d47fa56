//! A JSON array of users, or users one after another, read as a stream.
//!
//! The parser asks for a byte at a time, so a reader beneath it that counts line breaks
//! knows at any moment on which line the parser is.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use anyhow::bail;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::{Each, LARGEST_USER, Row, Sort};

/// What the counting reader has seen.
struct Seen {
    line: Cell<u64>,
    /// Bytes since the last user began.
    bytes: Cell<usize>,
}

struct Counted<R> {
    input: R,
    seen: Rc<Seen>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let breaks = buffer[..count].iter().filter(|byte| **byte == b'\n').count();
        self.seen.line.set(self.seen.line.get() + breaks as u64);
        let bytes = self.seen.bytes.get() + count;
        self.seen.bytes.set(bytes);
        match bytes > LARGEST_USER {
            true => Err(io::Error::other("a user is larger than 1 MiB")),
            false => Ok(count),
        }
    }
}

pub fn read(mut input: impl BufRead, sort: Sort, each: &mut Each<'_>) -> anyhow::Result<()> {
    let mut line = 1;
    let first = loop {
        match input.fill_buf()?.first() {
            Some(b'\n') => line += 1,
            Some(b' ' | b'\t' | b'\r') => {}
            first => break first.copied(),
        }
        input.consume(1);
    };
    let seen = Rc::new(Seen { line: Cell::new(line), bytes: Cell::new(0) });
    let counted = Counted { input, seen: seen.clone() };
    let mut parser = serde_json::Deserializer::from_reader(counted);
    let place = |error: serde_json::Error| {
        let said = error.to_string();
        let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
        anyhow::anyhow!("line {}: {said}", seen.line.get())
    };
    match first {
        None => Ok(()),
        Some(b'[') => {
            let mut enough = false;
            let rows = Rows { each, sort, seen: &seen, enough: &mut enough };
            match parser.deserialize_seq(rows) {
                // Whoever has enough leaves the rest of the array unread.
                _ if enough => Ok(()),
                Ok(()) => parser.end().map_err(place),
                Err(error) => Err(place(error)),
            }
        }
        Some(b'{') => {
            for json in parser.into_iter::<Json>() {
                // Without an array around it, where a user began is not known exactly.
                let line = seen.line.get();
                seen.bytes.set(0);
                if each(Row::of(sort, line, json.map_err(place)?)).is_break() {
                    break;
                }
            }
            Ok(())
        }
        Some(_) => {
            let (rows, one) = (sort.all(), sort.one());
            bail!("line {line}: it is neither an array of {rows} (`[`) nor {one} (`{{`)")
        }
    }
}

/// Hands over each element of the array.
struct Rows<'a, 'e> {
    each: &'a mut Each<'e>,
    sort: Sort,
    seen: &'a Seen,
    enough: &'a mut bool,
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", self.sort.all())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(row) = sequence.next_element_seed(Element(self.seen, self.sort))? {
            if let ControlFlow::Break(()) = (self.each)(row) {
                *self.enough = true;
                return Err(A::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

/// One element; when it is asked for, the parser stands at its first byte.
struct Element<'a>(&'a Seen, Sort);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Row, D::Error> {
        let line = self.0.line.get();
        self.0.bytes.set(0);
        let json: Json = serde::Deserialize::deserialize(parser)?;
        Ok(Row::of(self.1, line, json))
    }
}
