//! Where messages and the trace go.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use flowrun_engine::{Channel, Channels, Console, Outbox, Trace};

use crate::config::{Channel as Written, Config};
use crate::core::trace::Line;
use crate::folder::said;
use crate::trace::{Contents, TraceFile};

/// How messages are shown that go to no file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Messages {
    Plain,
    Json,
    /// Standard output belongs to the trace.
    Aside,
}

/// The channels that the configuration names; all others are shown.
pub fn channels(config: &Config, messages: Messages) -> anyhow::Result<Channels> {
    let shown: Arc<dyn Channel> = Arc::new(match messages {
        Messages::Plain => Console::plain(io::stdout()),
        Messages::Json => Console::ndjson(io::stdout()),
        Messages::Aside => Console::plain(io::stderr()),
    });
    let mut channels = Channels::all(shown);
    // Two channels that write to one file take turns.
    let mut files: BTreeMap<&str, Arc<dyn Channel>> = BTreeMap::new();
    for (name, written) in &config.channels {
        match written {
            Written::Console => {}
            Written::File(path) => {
                let file = match files.get(path.as_str()) {
                    Some(file) => file.clone(),
                    None => {
                        let place = config.beside(path);
                        let file: Arc<dyn Channel> =
                            Arc::new(Outbox::open(&place).map_err(|error| {
                                anyhow!(
                                    "can't open `{}` for [channel.{name}]: {}",
                                    place.display(),
                                    said(&error)
                                )
                            })?);
                        files.insert(path, file.clone());
                        file
                    }
                };
                channels.set(name.clone(), file);
            }
            Written::Webhook(_) | Written::Plugin(_) => bail!(
                "[channel.{name}]: this `type` is not in this version of `serve`: use \"console\" or \"file\""
            ),
        }
    }
    Ok(channels)
}

/// The trace, if one is wanted.
pub fn trace(path: Option<&Path>, contents: Contents) -> anyhow::Result<Option<Box<dyn Trace>>> {
    let Some(path) = path else { return Ok(None) };
    let file = TraceFile::create(path, contents)
        .map_err(|error| anyhow!("can't write the trace to `{}`: {error}", path.display()))?;
    Ok(Some(Box::new(Told { file, told: false })))
}

/// A trace that goes to a file. That it can't be written is told once; users go on.
struct Told {
    file: TraceFile,
    told: bool,
}

impl Trace for Told {
    fn line(&mut self, line: &Line) {
        self.file.line(line);
    }

    fn pause(&mut self) {
        self.file.flush();
        if self.file.has_failed() && !self.told {
            self.told = true;
            eprintln!("note: the trace can't be written any more; it ends here");
        }
    }
}
