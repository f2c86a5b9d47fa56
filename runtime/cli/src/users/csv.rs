//! CSV with a header that names the attributes.
//!
//! An empty cell is a missing value. A cell that is `true`, `false`, `null`, a JSON number,
//! list or object is read as that, everything else is text; a number in JSON quotes
//! (`"""7"""` in the file) stays text. In the columns of the profile's own fields (`phone`,
//! `first_name`, …) and of `external_id` and `enter_at`, numbers stay text. A column
//! `entry_properties.NAME` is one entry property;
//! in an events file, `properties.NAME` is one property of the event.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::{Each, LARGEST_USER, Row, Sort};
use crate::track::Field;

/// Ends the reading when a row gets too large, as when a quote is never closed.
struct Bounded<R> {
    input: R,
    /// Bytes since the last row ended; the parser reads ahead, but not far.
    bytes: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.bytes.set(self.bytes.get() + count);
        match self.bytes.get() > 2 * LARGEST_USER {
            true => Err(io::Error::other("a row is larger than 1 MiB: is a quote not closed?")),
            false => Ok(count),
        }
    }
}

pub fn read(input: impl Read, sort: Sort, each: &mut Each<'_>) -> anyhow::Result<()> {
    let bytes = Rc::new(Cell::new(0));
    let input = Bounded { input, bytes: bytes.clone() };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::None)
        .from_reader(input);
    let mut record = csv::ByteRecord::new();
    if !reader.read_byte_record(&mut record)? {
        return Ok(());
    }
    let header = match header(sort, &record) {
        Ok(header) => header,
        Err(fault) => {
            let _ = each(Row::bad(1, fault));
            return Ok(());
        }
    };
    loop {
        let begins = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                return Err(anyhow::Error::new(error).context(format!("line {begins}")));
            }
        }
        bytes.set(0);
        let line = record.position().map_or(0, csv::Position::line);
        let object = row(sort, &header, &record);
        if each(Row { line, object }).is_break() {
            break;
        }
    }
    Ok(())
}

fn header(sort: Sort, record: &csv::ByteRecord) -> Result<Vec<String>, String> {
    let mut header: Vec<String> = Vec::new();
    for (number, cell) in record.iter().enumerate() {
        let Ok(name) = str::from_utf8(cell) else {
            return Err(format!("the name of column {} is not UTF-8", number + 1));
        };
        let name = name.trim();
        if name.is_empty() {
            return Err(format!("column {} has no name", number + 1));
        }
        if header.iter().any(|other| other == name) {
            return Err(format!("two columns are called `{name}`"));
        }
        header.push(name.to_owned());
    }
    let has = |wanted: &&&str| !header.iter().any(|name| name == **wanted);
    match sort.required().iter().find(has) {
        None => Ok(header),
        Some(name) => Err(format!("the first line names the columns, and none is `{name}`")),
    }
}

fn row(
    sort: Sort,
    header: &[String],
    record: &csv::ByteRecord,
) -> Result<Map<String, Json>, String> {
    let inside = sort.properties();
    if record.len() != header.len() {
        let word = if record.len() == 1 { "cell" } else { "cells" };
        return Err(format!("{} {word} where the header has {}", record.len(), header.len()));
    }
    if record.as_slice().len() > LARGEST_USER {
        return Err("the row is larger than 1 MiB".to_owned());
    }
    let mut object = Map::new();
    let mut properties = Map::new();
    for (name, cell) in header.iter().zip(record) {
        let Ok(cell) = str::from_utf8(cell) else {
            return Err(format!("`{name}` is not UTF-8"));
        };
        if cell.is_empty() {
            continue;
        }
        match name.strip_prefix(inside).and_then(|rest| rest.strip_prefix('.')) {
            Some(property) => properties.insert(property.to_owned(), value(cell)),
            None => object.insert(name.clone(), cell_of(sort, name, cell)),
        };
    }
    if !properties.is_empty() {
        match object.entry(inside).or_insert_with(|| Json::Object(Map::new())) {
            Json::Object(map) => map.extend(properties),
            _ => return Err(format!("`{inside}` is an object")),
        }
    }
    Ok(object)
}

fn cell_of(sort: Sort, name: &str, cell: &str) -> Json {
    let text = || Json::String(cell.to_owned());
    match name {
        "external_id" | "enter_at" => text(),
        "name" | "time" if sort == Sort::Events => text(),
        name if Field::named(name).is_some() => match value(cell) {
            Json::Number(_) => text(),
            value => value,
        },
        _ => value(cell),
    }
}

/// What a cell is: JSON where it is JSON that can't be meant otherwise, else text.
fn value(cell: &str) -> Json {
    let trimmed = cell.trim();
    match trimmed.as_bytes().first() {
        Some(b'{' | b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {}
        _ => return Json::String(cell.to_owned()),
    }
    match serde_json::from_str(trimmed) {
        // A number too long for 64 bits is a code, an account, anything but a number.
        Ok(Json::Number(number)) if !fits(&number, trimmed) => Json::String(cell.to_owned()),
        Ok(json) => json,
        Err(_) => Json::String(cell.to_owned()),
    }
}

fn fits(number: &serde_json::Number, text: &str) -> bool {
    let whole = !text.contains(['.', 'e', 'E']);
    !whole || number.is_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_as_what_they_are() {
        for (name, cell, expected) in [
            ("orders", "4", serde_json::json!(4)),
            ("ratio", "0.5", serde_json::json!(0.5)),
            ("vip", "true", serde_json::json!(true)),
            ("tags", "[\"a\"]", serde_json::json!(["a"])),
            ("gone", "null", serde_json::json!(null)),
            ("zip", "01234", serde_json::json!("01234")),
            ("quoted", "\"7\"", serde_json::json!("7")),
            ("code", "12345678901234567890", serde_json::json!("12345678901234567890")),
            ("name", "nobody", serde_json::json!("nobody")),
            ("broken", "{a", serde_json::json!("{a")),
            ("phone", "49123", serde_json::json!("49123")),
            ("external_id", "7", serde_json::json!("7")),
            ("external_id", "true", serde_json::json!("true")),
        ] {
            assert_eq!(cell_of(Sort::Users, name, cell), expected, "{name}: {cell}");
        }
    }
}
