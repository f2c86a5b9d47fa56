//! What an operator is told while a command works: one line an event on standard error.
//!
//! Only our own crates are heard, since others log what goes through them. What is logged names
//! Canvases, steps, counts, statuses and hashes; never a user, a text, a key, or a word that
//! somebody else's server said.

use std::io;

use clap::{Args, ValueEnum};
use sha2::{Digest, Sha256};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::console::{Console, Notes};

/// The variable that says how much is logged when the command line doesn't.
const VARIABLE: &str = "FLOWRUN_LOG";

#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Logs")]
pub struct Logging {
    /// How much is logged on standard error [default: $FLOWRUN_LOG, else info for `serve`, warn
    /// for `run`]
    #[arg(long, value_name = "LEVEL", value_enum)]
    log: Option<Level>,

    /// Lines for people, or one JSON object a line
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    log_format: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Form {
    #[default]
    Text,
    Json,
}

impl Logging {
    /// Begins to log, for as long as the program runs.
    pub fn begin(&self, usual: Level, console: &mut Console) -> anyhow::Result<()> {
        let level = self.log.map_or_else(|| of_environment(usual), Ok)?;
        let heard = Targets::new().with_target("flowrun", level.filter());
        let lines = fmt::layer().with_writer(io::stderr).with_ansi(false);
        let layer = match self.log_format {
            Form::Text => lines.boxed(),
            Form::Json => {
                console.notes_to = Notes::Log;
                lines.json().flatten_event(true).with_current_span(false).boxed()
            }
        };
        let subscriber = Registry::default().with(layer.with_filter(heard));
        // Only a second one could be refused, and there is no other.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok(())
    }
}

impl Level {
    fn filter(self) -> LevelFilter {
        match self {
            Level::Off => LevelFilter::OFF,
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
        }
    }
}

fn of_environment(usual: Level) -> anyhow::Result<Level> {
    let Some(word) = std::env::var_os(VARIABLE).filter(|word| !word.is_empty()) else {
        return Ok(usual);
    };
    let word = word.to_string_lossy();
    Level::from_str(&word, true)
        .map_err(|_| anyhow::anyhow!("{VARIABLE} is one of off, error, warn, info and debug"))
}

/// A user, or another text that must not be read in a log: equal ones are seen to be equal, and
/// no more. As in a trace with `--redact`.
pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    // The first 16 of 64 digits: enough to compare, too few to look up.
    let digits = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}
