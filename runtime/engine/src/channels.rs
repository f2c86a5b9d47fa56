//! Where messages go.
//!
//! A channel gets messages in batches, one batch after the other, on a thread that may block.
//! Three are here: a stream of lines (the console), a file that gets one JSON object per line, and
//! calls over the network.

mod webhook;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flowrun_core::trace::rfc3339;
use flowrun_core::{Millis, Send as Message, SendOutcome};
use serde_json::json;
pub use webhook::Webhook;

/// Takes messages.
pub trait Channel: Send + Sync + 'static {
    /// Sends messages, and says of each what became of it. May block.
    fn send(&self, now: Millis, messages: &[Message]) -> Vec<SendOutcome>;

    /// How many it is given at once, at most. What became of them is committed together: of
    /// those whose outcome is not, a crash makes all go out again.
    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

/// Messages that a channel gets at once, if it doesn't know better.
const AT_ONCE: usize = 1_024;
/// Lines that are written at once: they cost next to nothing each, and one sync together.
const LINES: usize = 4_096;

/// The channels by the names that Canvases call them by.
#[derive(Clone)]
pub struct Channels {
    named: BTreeMap<String, Arc<dyn Channel>>,
    others: Arc<dyn Channel>,
}

impl Channels {
    /// All messages go to one place.
    #[must_use]
    pub fn all(others: Arc<dyn Channel>) -> Channels {
        Channels { named: BTreeMap::new(), others }
    }

    /// Messages of this channel go there instead.
    pub fn set(&mut self, name: impl Into<String>, channel: Arc<dyn Channel>) {
        self.named.insert(name.into(), channel);
    }

    pub(crate) fn named(&self, name: &str) -> Arc<dyn Channel> {
        self.named.get(name).unwrap_or(&self.others).clone()
    }
}

/// One line per message, for people or for programs, on some stream.
pub struct Console {
    out: Mutex<Box<dyn Write + Send>>,
    form: fn(Millis, &Message) -> String,
}

impl Console {
    /// Lines for people: when, channel, user, and the beginning of what is said.
    pub fn plain(out: impl Write + Send + 'static) -> Console {
        Console { out: Mutex::new(Box::new(out)), form: plain }
    }

    /// The same lines as in a file.
    pub fn ndjson(out: impl Write + Send + 'static) -> Console {
        Console { out: Mutex::new(Box::new(out)), form: ndjson }
    }
}

impl Channel for Console {
    fn send(&self, now: Millis, messages: &[Message]) -> Vec<SendOutcome> {
        let mut text = String::new();
        for message in messages {
            text.push_str(&(self.form)(now, message));
            text.push('\n');
        }
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A console that nobody reads is no reason to keep users waiting.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        vec![SendOutcome::Sent; messages.len()]
    }

    fn at_once(&self) -> usize {
        LINES
    }
}

/// A file that gets one line per message.
pub struct Outbox {
    path: PathBuf,
    file: Mutex<File>,
}

impl Outbox {
    /// Opens a file to append to; makes it if there is none. A line that a crash has cut off is
    /// ended: its message comes again, in a line of its own.
    pub fn open(path: &Path) -> io::Result<Outbox> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if !ends_a_line(path)? {
            file.write_all(b"\n")?;
        }
        Ok(Outbox { path: path.to_owned(), file: Mutex::new(file) })
    }
}

impl Channel for Outbox {
    fn send(&self, now: Millis, messages: &[Message]) -> Vec<SendOutcome> {
        let mut text = String::new();
        for message in messages {
            text.push_str(&ndjson(now, message));
            text.push('\n');
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let before = file.metadata().map(|metadata| metadata.len());
        let written = file.write_all(text.as_bytes()).and_then(|()| durable(&file));
        let outcome = match (written, before) {
            (Ok(()), _) => SendOutcome::Sent,
            // Half a line would spoil the next one.
            (Err(error), Ok(before)) if file.set_len(before).is_ok() => {
                let cause = format!("can't write to {}: {error}", self.path.display());
                SendOutcome::Retry { after: None, cause }
            }
            (Err(error), _) => {
                SendOutcome::Unknown(format!("can't write to {}: {error}", self.path.display()))
            }
        };
        vec![outcome; messages.len()]
    }

    fn at_once(&self) -> usize {
        LINES
    }
}

/// Whether a file ends with a whole line. Of a pipe nobody can tell.
fn ends_a_line(path: &Path) -> io::Result<bool> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(true);
    }
    // What may be written need not be readable.
    let Ok(mut file) = File::open(path) else { return Ok(true) };
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn durable(file: &File) -> io::Result<()> {
    match file.sync_data() {
        // A pipe or a terminal has nothing to make durable.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// The message as a line of a file.
fn ndjson(now: Millis, message: &Message) -> String {
    let content = &message.message;
    json!({
        "at": rfc3339(now),
        "message": message.key.to_string(),
        "channel": &*content.channel,
        "canvas": &*message.key.canvas,
        "step": &*message.key.step,
        "user": &*message.key.user,
        "attempt": message.attempt,
        "subject": content.subject.as_deref(),
        "body": &*content.body,
        "fields": &content.fields,
    })
    .to_string()
}

/// The longest text of a message that a line for people shows, in characters.
const LONGEST: usize = 100;

fn plain(now: Millis, message: &Message) -> String {
    let content = &message.message;
    let text = content.subject.as_deref().unwrap_or(&content.body);
    let shown: String = printable(text).chars().take(LONGEST).collect();
    let user = printable(&message.key.user);
    format!("{}  {}  {user}  “{shown}”", rfc3339(now), printable(&content.channel))
}

/// What would move the cursor or change colours is shown instead of done.
fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    };
    text.trim().chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.ndjson");
        for (before, after) in [("", ""), ("{}\n", "{}\n"), ("{}\n{\"at", "{}\n{\"at\n")] {
            std::fs::write(&path, before).unwrap();
            drop(Outbox::open(&path).unwrap());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
        }
    }
}
