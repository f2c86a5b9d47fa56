//! The way to a process that holds the state folder: one line of JSON each way, over a socket
//! in the folder. Who may write in the folder may ask; there are no keys.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{anyhow, bail};
use serde_json::Value as Json;

use super::protocol::Ask;
use super::{by_short_name, socket};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer, in bytes.
const LONGEST: u64 = 1 << 30;

pub struct Wire {
    /// The state folder.
    folder: PathBuf,
}

/// Whether anybody listens in a folder. A socket without a listener was left by a process that
/// died: that is nobody.
///
/// # Errors
/// If the socket is there, and this user may not use it.
pub fn call(folder: &Path) -> std::io::Result<Option<Wire>> {
    match connect(folder) {
        Ok(_) => Ok(Some(Wire { folder: folder.to_owned() })),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Ok(None),
            _ => Err(error),
        },
    }
}

fn connect(folder: &Path) -> std::io::Result<UnixStream> {
    let (_kept, short) = by_short_name(folder)?;
    UnixStream::connect(socket(&short))
}

impl Wire {
    pub fn ask(&self, ask: &Ask) -> anyhow::Result<Json> {
        let gone = |error: std::io::Error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => anyhow!(
                "the server that holds the state folder does not answer; its disk may be full or \
                 slow. What was asked may still happen"
            ),
            _ => anyhow!("the server that holds the state folder can't be asked: {error}"),
        };
        let mut stream = connect(&self.folder).map_err(gone)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(gone)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(gone)?;
        let mut line = serde_json::to_vec(ask)?;
        line.push(b'\n');
        stream.write_all(&line).map_err(gone)?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(LONGEST)).read_until(b'\n', &mut answer).map_err(gone)?;
        if answer.last() != Some(&b'\n') {
            bail!(
                "the server that holds the state folder hung up: it may just be stopping; try again"
            )
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}
