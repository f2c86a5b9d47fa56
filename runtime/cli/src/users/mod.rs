//! Users files: who enters, with which profile, when, and with which entry properties; and events
//! files: what users do, and when.
//!
//! A file is read as a stream, one user at a time, straight into the profile store: a
//! million users take the memory of a million profiles and no more (YAML, which can only
//! be read as a whole, is limited in size instead). Faults don't stop the reading, so that
//! all of them are reported with their lines in one go.

mod csv;
mod event;
mod faults;
mod json;
mod ndjson;
mod record;
mod roster;
mod yaml;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use crate::folder::said;

pub use ndjson::skip_line;
pub use record::{Record, Row};
pub use roster::{Entrant, Roster};

/// What a file has in its rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    Users,
    Events,
}

impl Sort {
    /// `users`, also as the middle of a file's name.
    pub fn all(self) -> &'static str {
        match self {
            Sort::Users => "users",
            Sort::Events => "events",
        }
    }

    /// The file.
    fn file(self) -> &'static str {
        match self {
            Sort::Users => "a users file",
            Sort::Events => "an events file",
        }
    }

    /// One of them.
    fn one(self) -> &'static str {
        match self {
            Sort::Users => "a user",
            Sort::Events => "an event",
        }
    }

    /// Where properties stand in a row.
    fn properties(self) -> &'static str {
        match self {
            Sort::Users => "entry_properties",
            Sort::Events => "properties",
        }
    }

    /// What every row has.
    fn required(self) -> &'static [&'static str] {
        match self {
            Sort::Users => &["external_id"],
            Sort::Events => &["external_id", "name"],
        }
    }
}

/// The largest user, in bytes of its text.
const LARGEST_USER: usize = 1 << 20;

/// Takes rows one by one; may have enough of them.
type Each<'a> = dyn FnMut(Row) -> ControlFlow<()> + 'a;

/// How a users file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Ndjson,
    Json,
    Csv,
    Yaml,
}

/// Endings of the users file that is taken when none is named, in this order.
const BESIDE: [&str; 4] = ["ndjson", "json", "csv", "yaml"];

/// The users file beside a Canvas, if there is one: `vip.users.ndjson` for `vip.yaml`; and the
/// events file likewise.
pub fn beside(canvas: &Path, sort: Sort) -> Option<PathBuf> {
    BESIDE.iter().map(|ending| named(canvas, sort, ending)).find(|path| path.is_file())
}

fn named(canvas: &Path, sort: Sort, ending: &str) -> PathBuf {
    canvas.with_extension(format!("{}.{ending}", sort.all()))
}

/// The users file beside a Canvas.
///
/// # Errors
/// If there is none: with what to write, and where.
pub fn needed_beside(canvas: &Path) -> anyhow::Result<PathBuf> {
    let found = beside(canvas, Sort::Users);
    found.ok_or_else(|| {
        anyhow!(
            "no users to run `{}` with: write some to `{}`, one JSON object per line, such as\n\
             \n  {{\"external_id\": \"u1\", \"first_name\": \"Ada\", \"country\": \"FR\"}}\n\n\
             or name a file with --users FILE (NDJSON, JSON, CSV or YAML)",
            canvas.display(),
            named(canvas, Sort::Users, "ndjson").display(),
        )
    })
}

/// The events file that is written beside a Canvas as a rule.
pub fn events_of(canvas: &Path) -> PathBuf {
    named(canvas, Sort::Events, "ndjson")
}

/// Reads all rows of a file; `-` is standard input.
fn read(path: &Path, sort: Sort, each: &mut Each<'_>) -> anyhow::Result<()> {
    let (shown, rows) = (path.display(), sort.all());
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let cant = |error| anyhow!("can't read the {rows} file `{shown}`: {}", said(&error));
        if std::fs::metadata(path).map_err(cant)?.is_dir() {
            bail!("the {rows} file `{shown}` is a folder: name the file in it")
        }
        Box::new(File::open(path).map_err(cant)?)
    };
    let mut input = BufReader::with_capacity(1 << 16, input);
    skip_mark(&mut input)?;
    match format(path, sort, &mut input)? {
        Format::Ndjson => ndjson::read(input, sort, each),
        Format::Json => json::read(input, sort, each),
        Format::Csv => csv::read(input, sort, each),
        Format::Yaml => yaml::read(input, sort, each),
    }
    .map_err(|error| error.context(format!("can't read the {rows} file `{shown}`")))
}

/// Editors on Windows put a mark before UTF-8 text.
fn skip_mark(input: &mut impl BufRead) -> io::Result<()> {
    if input.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
        input.consume(3);
    }
    Ok(())
}

/// By the file's ending, else by how it begins.
fn format(path: &Path, sort: Sort, input: &mut impl BufRead) -> anyhow::Result<Format> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    Ok(match ending.as_deref() {
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("json") => Format::Json,
        Some("csv") => Format::Csv,
        Some("yaml" | "yml") => Format::Yaml,
        _ => match input.fill_buf()?.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Format::Ndjson,
            Some(b'[') => Format::Json,
            Some(b'-') => Format::Yaml,
            _ => bail!(
                "can't tell how the {} file `{}` is written: give it the ending .ndjson, .json, .csv or .yaml",
                sort.all(),
                path.display()
            ),
        },
    })
}

/// The users of a file as they are written, without judging them: for rendering templates.
pub fn raw(path: &Path, most: usize) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    read(path, Sort::Users, &mut |row| {
        rows.push(row);
        if rows.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}
