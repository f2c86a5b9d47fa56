//! NDJSON: one JSON object per line. Empty lines are nothing.

use std::io::{self, BufRead, Read};

use super::{Each, LARGEST_USER, Row, Sort};

pub fn read(mut input: impl BufRead, sort: Sort, each: &mut Each<'_>) -> anyhow::Result<()> {
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        if input.by_ref().take(LARGEST_USER as u64).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        let row = if text.len() == LARGEST_USER && text.last() != Some(&b'\n') {
            skip_line(&mut input)?;
            Some(Row::bad(line, "the line is longer than 1 MiB"))
        } else {
            row(sort, line, &text)
        };
        if row.is_some_and(|row| each(row).is_break()) {
            break;
        }
    }
    Ok(())
}

fn row(sort: Sort, line: u64, text: &[u8]) -> Option<Row> {
    if text.trim_ascii().is_empty() {
        return None;
    }
    Some(match serde_json::from_slice(text) {
        Ok(json) => Row::of(sort, line, json),
        Err(error) => Row::bad(line, fault(&error)),
    })
}

/// The error's own line would be the first one of the row's text.
pub fn fault(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said);
    match error.column() {
        0 => format!("not JSON: {said}"),
        column => format!("not JSON: {said} (column {column})"),
    }
}

pub fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                input.consume(end + 1);
                return Ok(());
            }
            None => {
                let all = buffer.len();
                input.consume(all);
            }
        }
    }
}
