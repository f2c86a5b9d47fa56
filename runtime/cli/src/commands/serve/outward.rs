//! Where messages and the trace go.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use flowrun_engine::{Channel, Channels, Console, Outbox, Trace};

use crate::config::{Channel as Written, Config};
use crate::console::printable;
use crate::core::DeadLetter;
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
    Unseen,
}

/// The channels that the configuration names; all others are shown.
pub fn channels(config: &Config, messages: Messages) -> anyhow::Result<Channels> {
    let shown: Arc<dyn Channel> = Arc::new(match messages {
        Messages::Plain => Console::plain(io::stdout()),
        Messages::Json => Console::ndjson(io::stdout()),
        Messages::Aside => Console::plain(io::stderr()),
        Messages::Unseen => Console::plain(io::sink()),
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

/// Who is told what happens: the trace, if one is wanted, and, of dead letters, the operator.
pub fn trace(path: Option<&Path>, contents: Contents) -> anyhow::Result<Box<dyn Trace>> {
    let file = path.map(|path| {
        TraceFile::create(path, contents)
            .map_err(|error| anyhow!("can't write the trace to `{}`: {error}", path.display()))
    });
    Ok(Box::new(Told { file: file.transpose()?, failed: Failed::NotYet }))
}

struct Told {
    file: Option<TraceFile>,
    failed: Failed,
}

/// That the trace can't be written is said once; users go on.
#[derive(PartialEq, Eq)]
enum Failed {
    NotYet,
    Said,
}

impl Trace for Told {
    fn wants_lines(&self) -> bool {
        self.file.is_some()
    }

    fn line(&mut self, line: &Line) {
        if let Some(file) = &mut self.file {
            file.line(line);
        }
    }

    /// Without the payload, which is the user's own: that stands in the trace.
    fn dead_letter(&mut self, letter: &DeadLetter) {
        let (key, reason) = (letter.key.to_string(), printable(&letter.reason));
        eprintln!("dead letter: {}: {reason}", printable(&key));
    }

    fn pause(&mut self) {
        let Some(file) = &mut self.file else { return };
        file.flush();
        if file.has_failed() && self.failed == Failed::NotYet {
            self.failed = Failed::Said;
            eprintln!("note: the trace can't be written any more; it ends here");
        }
    }
}
