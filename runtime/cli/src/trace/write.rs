//! Writing a trace: NDJSON, buffered, in full or without what people wrote and read.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::core::trace::{Line, What};
use crate::logging::hash;

/// Whether a trace shows the texts of messages and payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contents {
    InFull,
    /// As hashes: equal texts are seen to be equal, and no more.
    Hashed,
}

/// Where lines go. The first error is kept; after it nothing more is written.
pub struct TraceFile {
    out: BufWriter<Box<dyn Write + Send>>,
    contents: Contents,
    failure: Option<io::Error>,
}

impl TraceFile {
    /// Begins a trace; `-` is standard output.
    pub fn create(path: &Path, contents: Contents) -> io::Result<TraceFile> {
        let out: Box<dyn Write + Send> = match path == Path::new("-") {
            true => Box::new(io::stdout()),
            false => Box::new(File::create(path)?),
        };
        let out = BufWriter::with_capacity(1 << 18, out);
        Ok(TraceFile { out, contents, failure: None })
    }

    pub fn line(&mut self, line: &Line) {
        if self.failure.is_some() {
            return;
        }
        let line = match self.contents {
            Contents::InFull => Cow::Borrowed(line),
            Contents::Hashed => Cow::Owned(hashed(line)),
        };
        let written = serde_json::to_writer(&mut self.out, &*line).map_err(io::Error::from);
        if let Err(error) = written.and_then(|()| self.out.write_all(b"\n")) {
            self.failure = Some(error);
        }
    }

    /// Lets a reader see what was written so far.
    pub fn flush(&mut self) {
        if let (None, Err(error)) = (&self.failure, self.out.flush()) {
            self.failure = Some(error);
        }
    }

    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Ends the trace.
    ///
    /// # Errors
    /// The first that any line met, except a reader that has seen enough.
    pub fn finish(mut self) -> io::Result<()> {
        let flushed = match self.failure.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        };
        // What could not be written must not be tried again when the buffer is dropped.
        let _ = self.out.into_parts();
        match flushed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }
}

fn hashed(line: &Line) -> Line {
    let mut line = line.clone();
    match &mut line.what {
        What::Sent { subject, body, .. } => {
            *subject = subject.as_deref().map(|text| hash(text).into());
            *body = hash(body).into();
        }
        What::DeadLetter { payload, .. } => *payload = hash(payload),
        _ => {}
    }
    line
}
