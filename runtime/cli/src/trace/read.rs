//! Reading a trace back, from a file or from a run that is going on.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::anyhow;
use serde::{Deserialize, Serialize};

use crate::core::trace::Line;
use crate::folder::said;

/// The longest line that is read, in bytes: a message in full, and room.
const LONGEST: u64 = 16 << 20;

/// A line as it stands in a trace. Which fields there are depends on the kind.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct TraceLine {
    pub at: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canvas: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub for_what: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<Counted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Objects by array.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Counted {
    pub attributes: usize,
    pub events: usize,
    pub purchases: usize,
}

impl TraceLine {
    /// What the trace of a running simulation would say, read back. `explain` of a run and
    /// of its trace are so the same by construction.
    pub fn of(line: &Line) -> TraceLine {
        let text = serde_json::to_string(line).expect("a line is JSON");
        serde_json::from_str(&text).expect("what is written can be read")
    }
}

/// Reads a trace line by line and gives the number of lines that are none: a trace whose
/// writing was interrupted ends in half a line, and is still worth reading.
pub fn read(path: &Path, mut each: impl FnMut(TraceLine)) -> anyhow::Result<u64> {
    let shown = path.display();
    let cant = |error| anyhow!("can't read the trace `{shown}`: {}", said(&error));
    let mut input = BufReader::with_capacity(1 << 18, File::open(path).map_err(cant)?);
    let mut text = Vec::new();
    let mut unread = 0;
    loop {
        text.clear();
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut text).map_err(cant)? == 0 {
            break;
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<TraceLine>(&text) {
            Ok(line) if !line.kind.is_empty() => each(line),
            _ => unread += 1,
        }
    }
    Ok(unread)
}
