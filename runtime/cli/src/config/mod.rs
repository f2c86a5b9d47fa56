//! `flowrun.toml`: what a folder of Canvases may ask of the world.
//!
//! Five tables: `[egress]` (the hosts that may be called, and the credentials that go with
//! them), `[backend]` (where updates are written), `[channel.NAME]` (where messages go),
//! `[plugin.NAME]` (how a plugin is run) and `[serve.keys.NAME]` (who may use a server).
//! What is unknown is refused with its place, never skipped: a rule that nobody obeys is worse
//! than none. All faults are told in one go.
//!
//! The file names secrets and never holds them. Values are read by hand from the parser's
//! tree, since the messages of a deserializer quote what they found, and that may be the
//! secret which somebody wrote here all the same.

mod backend;
mod channels;
mod egress;
pub mod plugins;
mod secrets;
mod serve;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use std::sync::Arc;

use anyhow::{anyhow, bail};
use flowrun_server::keys::Key;
use toml::de::DeTable;

pub use self::backend::{Backend, BackendUrl, Commit, ObjectLimits};
pub use self::channels::{Channel, WEBHOOK};
use self::secrets::Secrets;
use self::table::{Fault, Faults, Table};
use crate::console::printable;
use crate::folder;
use crate::simulation::outbound::Egress;

/// The file that is taken when none is named.
const NAME: &str = "flowrun.toml";

/// Said in place of a file: there is to be none.
const NO_FILE: &str = "none";

const KNOWN: [&str; 5] = ["backend", "channel", "egress", "plugin", "serve"];

/// What the file says.
#[derive(Debug, Default)]
pub struct Config {
    pub egress: Egress,
    pub backend: Backend,
    pub channels: BTreeMap<String, Channel>,
    pub plugins: BTreeMap<String, plugins::Plugin>,
    /// Who may use a server, by the names of their keys.
    pub keys: Vec<Key>,
    /// The file, if nobody named it: it was found beside a Canvas.
    pub found: Option<PathBuf>,
    /// Where the file is, if there is one.
    folder: PathBuf,
}

impl Config {
    /// Reads the file that was named, else the one beside the Canvas, or in the current
    /// folder if there is no Canvas. Without a file, or with `none`, nothing is allowed.
    pub fn open(named: Option<&Path>, canvas: Option<&Path>) -> anyhow::Result<Config> {
        let beside = || {
            let path = canvas.map_or(PathBuf::from(NAME), |canvas| canvas.with_file_name(NAME));
            path.exists().then_some(path)
        };
        if named == Some(Path::new(NO_FILE)) {
            return Ok(Config::default());
        }
        let Some(path) = named.map(Path::to_owned).or_else(beside) else {
            return Ok(Config::default());
        };
        let shown = printable(&path.display().to_string());
        let text = folder::text(&path)
            .map_err(|why| anyhow!("can't read the configuration `{shown}`: {why}"))?;
        let secrets = Secrets {
            variable: Arc::new(|name| std::env::var_os(name)),
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
        };
        match read(&text, &secrets) {
            Ok(config) => {
                let folder = secrets.folder;
                Ok(Config { found: named.is_none().then_some(path), folder, ..config })
            }
            Err(faults) => {
                let said = |fault: &Fault| {
                    format!("{shown}:{}: {}", place(&text, fault.at), printable(&fault.said))
                };
                bail!(faults.iter().map(said).collect::<Vec<_>>().join("\n"))
            }
        }
    }
}

impl Config {
    /// A path of the file, which begins at the file's folder.
    pub fn beside(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

fn read(text: &str, secrets: &Secrets) -> Result<Config, Vec<Fault>> {
    // Of the parser's error only the words and the place: in full, it quotes the line.
    let parsed = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![Fault::new(at, error.message().to_owned())]
    })?;
    let top = Table::new("flowrun.toml".to_owned(), 0, parsed.get_ref());
    let (mut config, mut faults) = (Config::default(), Faults::default());
    for value in &top.values {
        let mut table = |name: &str| faults.take(value.table(name.to_owned()));
        match value.key {
            "egress" => {
                let Some(table) = table("[egress]") else { continue };
                config.egress = egress::read(&table, secrets, &mut faults);
            }
            "backend" => {
                let Some(table) = table("[backend]") else { continue };
                config.backend = backend::read(&table, secrets, &mut faults);
            }
            "channel" => {
                let Some(table) = table("[channel]") else { continue };
                config.channels = channels::read(&table, &mut faults);
            }
            "plugin" => {
                let Some(table) = table("[plugin]") else { continue };
                config.plugins = plugins::read(&table, secrets, &mut faults);
            }
            "serve" => {
                let Some(table) = table("[serve]") else { continue };
                config.keys = serve::read(&table, &mut faults);
            }
            _ => faults.push(top.unknown(value, &KNOWN)),
        }
    }
    let faults = faults.into_sorted();
    if faults.is_empty() { Ok(config) } else { Err(faults) }
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
