//! Golden traces: a test's whole trace, compared byte for byte with a file beside the tests.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::around::seen_from;
use super::judge::Miss;
use super::play::Played;
use crate::folder::said;

/// The largest trace that is compared, in bytes.
const LARGEST: u64 = 256 << 20;
/// The longest line that is shown, in characters.
const SHOWN: usize = 160;

/// How a trace compares.
pub enum Golden {
    Alike,
    /// Written by `--update`, to this file.
    Written(String),
    Other(Miss),
}

pub fn compare(tests: &Path, name: &str, played: &Played, update: bool) -> anyhow::Result<Golden> {
    let path = seen_from(tests, name);
    let mut trace = String::new();
    for line in played.rehearsal.trace() {
        trace.push_str(&serde_json::to_string(line)?);
        trace.push('\n');
    }
    let kept = match std::fs::metadata(&path) {
        Ok(file) if file.len() > LARGEST => return Err(anyhow!("`{name}` is larger than 256 MiB")),
        Ok(_) => Some(std::fs::read(&path).with_context(|| format!("can't read `{name}`"))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(anyhow!("can't read `{name}`: {}", said(&error))),
    };
    if kept.as_deref() == Some(trace.as_bytes()) {
        return Ok(Golden::Alike);
    }
    let shown = path.display().to_string();
    if update {
        std::fs::write(&path, trace).with_context(|| format!("can't write `{shown}`"))?;
        return Ok(Golden::Written(shown));
    }
    let Some(kept) = kept else {
        let hint = "`flowrun test --update` writes it";
        let miss = Miss::new(format!("there is no trace `{shown}` yet"), "no such file");
        return Ok(Golden::Other(miss.hint(Some(hint.to_owned()))));
    };
    Ok(Golden::Other(first_difference(&shown, &String::from_utf8_lossy(&kept), &trace)))
}

fn first_difference(path: &str, kept: &str, trace: &str) -> Miss {
    let (mut old, mut new) = (kept.lines(), trace.lines());
    let mut number = 1;
    let (old, new) = loop {
        match (old.next(), new.next()) {
            (Some(one), Some(other)) if one == other => number += 1,
            pair => break pair,
        }
    };
    let said = |line: Option<&str>| line.map_or("no line".to_owned(), cut);
    let message = format!("the trace is another one from line {number} of `{path}` on");
    let hint = format!(
        "kept: {}, now: {}; `flowrun test --update` keeps the new one",
        said(old),
        said(new)
    );
    Miss::new(message, format!("line {number} differs")).hint(Some(hint))
}

fn cut(line: &str) -> String {
    let line = crate::console::printable(line);
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
