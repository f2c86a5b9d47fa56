//! Where messages and the trace go.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use flowrun_engine::outbound::Egress;
use flowrun_engine::{Channel, Channels, Console, Trace};

use crate::channels;
use crate::config::{Config, WEBHOOK};
use crate::console::Console as Terminal;
use crate::core::DeadLetter;
use crate::core::trace::Line;
use crate::logging::hash;
use crate::plugins::Plugins;
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

/// The channels that the configuration names; the step `webhook` calls; all others are shown.
pub fn channels(
    config: &Config,
    egress: &Egress,
    messages: Messages,
    plugins: &Plugins,
    console: &Terminal,
) -> anyhow::Result<Channels> {
    let shown: Arc<dyn Channel> = Arc::new(match messages {
        Messages::Plain => Console::plain(io::stdout()),
        Messages::Json => Console::ndjson(io::stdout()),
        Messages::Aside => Console::plain(io::stderr()),
        Messages::Unseen => Console::plain(io::sink()),
    });
    let mut all = Channels::all(shown);
    if !channels::names_webhook(config) {
        all.set(WEBHOOK, channels::webhook(egress)?);
    }
    for (name, channel) in channels::real(config, egress, plugins, console)? {
        all.set(name, channel);
    }
    Ok(all)
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

    /// Without the payload, which is the user's own, and without the reason, which may quote it or
    /// what some server said: both stand in the trace.
    fn dead_letter(&mut self, letter: &DeadLetter) {
        let key = &letter.key;
        let (canvas, step, user) = (&*key.canvas, &*key.step, hash(&key.user));
        tracing::warn!(canvas, step, entry = key.entry, user, "dead letter");
    }

    fn pause(&mut self) {
        let Some(file) = &mut self.file else { return };
        file.flush();
        if file.has_failed() && self.failed == Failed::NotYet {
            self.failed = Failed::Said;
            tracing::error!("the trace can't be written any more; it ends here");
        }
    }
}
