//! `flowrun.toml`: what a folder of Canvases may ask of the world.
//!
//! This version knows one table, `[egress]`: the hosts that may be called, and the
//! credentials that go with them. What it doesn't know is refused with its place, never
//! skipped: a rule that nobody obeys is worse than none.
//!
//! The file names secrets and never holds them. Values are read by hand from the parser's
//! tree, since the messages of a deserializer quote what they found, and that may be the
//! secret which somebody wrote here all the same.

mod egress;
mod secrets;
mod table;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use toml::de::DeTable;

use self::secrets::Secrets;
use self::table::{Fault, Read, Table};
use crate::console::printable;
use crate::folder;
use crate::simulation::outbound::Egress;

/// The file that is taken when none is named.
const NAME: &str = "flowrun.toml";

/// The only table of this version.
const KNOWN: [&str; 1] = ["egress"];

/// What the file says.
#[derive(Debug, Default)]
pub struct Config {
    pub egress: Egress,
}

impl Config {
    /// Reads the file that was named, else the one beside the Canvas, or in the current
    /// folder if there is no Canvas. Without a file, nothing is allowed.
    pub fn open(named: Option<&Path>, canvas: Option<&Path>) -> anyhow::Result<Config> {
        let beside = || {
            let path = canvas.map_or(PathBuf::from(NAME), |canvas| canvas.with_file_name(NAME));
            path.exists().then_some(path)
        };
        let Some(path) = named.map(Path::to_owned).or_else(beside) else {
            return Ok(Config::default());
        };
        let shown = printable(&path.display().to_string());
        let text = folder::text(&path)
            .map_err(|why| anyhow!("can't read the configuration `{shown}`: {why}"))?;
        let secrets = Secrets {
            variable: &|name| std::env::var_os(name),
            folder: path.parent().unwrap_or(Path::new("")),
        };
        read(&text, &secrets).map_err(|fault| {
            anyhow!("{shown}:{}: {}", place(&text, fault.at), printable(&fault.said))
        })
    }
}

fn read(text: &str, secrets: &Secrets<'_>) -> Read<Config> {
    // Of the parser's error only the words and the place: in full, it quotes the line.
    let parsed = DeTable::parse(text).map_err(|error| {
        Fault::new(error.span().map_or(0, |span| span.start), error.message().to_owned())
    })?;
    let top = Table::new("flowrun.toml".to_owned(), 0, parsed.get_ref());
    let mut config = Config::default();
    for value in &top.values {
        match value.key {
            "egress" => {
                config.egress = egress::read(&value.table("[egress]".to_owned())?, secrets)?
            }
            "backend" => return Err(value.not_yet("writes go to the backend in memory")),
            "channel" => return Err(value.not_yet("messages are only told")),
            _ => return Err(top.unknown(value, &KNOWN)),
        }
    }
    Ok(config)
}

/// Line and column, as editors count them.
fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() + 1;
    format!("{line}:{}", before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests;
