//! A YAML list of users or events. Read as a whole, therefore limited in size; the parser bounds
//! what aliases may grow to.

use std::io::Read;

use anyhow::{anyhow, bail};
use serde_json::Value as Json;
use serde_yaml::Spanned;

use super::{Each, Row, Sort};

/// The largest YAML file, in bytes.
const LARGEST: u64 = 16 << 20;

pub fn read(input: impl Read, sort: Sort, each: &mut Each<'_>) -> anyhow::Result<()> {
    let mut text = String::new();
    input.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        bail!("YAML of more than 16 MiB is not read: write NDJSON, one object per line")
    }
    if text.trim().is_empty() {
        return Ok(());
    }
    let rows: Vec<Spanned<Json>> = serde_yaml::from_str(&text).map_err(|error| {
        let (file, rows) = (sort.file(), sort.all());
        anyhow!("{file} is a list of {rows}: {}", first_line(&error))
    })?;
    for row in rows {
        let line = row.referenced.line();
        if each(Row::of(sort, line, row.value)).is_break() {
            break;
        }
    }
    Ok(())
}

/// The parser draws the place below its message; the message names it too.
fn first_line(error: &serde_yaml::Error) -> String {
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default();
    said.strip_prefix("error: ").unwrap_or(said).to_owned()
}
