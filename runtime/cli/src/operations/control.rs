//! The socket in a state folder where operators' commands are answered while a process holds it.
//!
//! It is made in a folder of its own that only the user of the process can enter, and moved to
//! its place with mode 0600: so nobody else can ever connect, and what a killed process has left
//! there is replaced. One connection is one question and one answer, each a line of JSON.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener as Socket;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::protocol::{Answer, Ask};
use super::{by_short_name, socket};

mod clerk;
pub use clerk::Clerk;

/// The longest question, in bytes.
const LONGEST: u64 = 4 << 20;
/// How long a client may take to ask, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket, for as long as this lives.
pub struct Control {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Control {
    /// Listens from now on. To be called by who holds the folder, in a tokio runtime.
    pub fn open(folder: &Path, clerk: Clerk) -> io::Result<Control> {
        let (_kept, short) = by_short_name(folder)?;
        let (place, path) = (short.join("control.new"), socket(&short));
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        DirBuilder::new().mode(0o700).create(&place)?;
        let unfinished = place.join("sock");
        let listener = Socket::bind(&unfinished).and_then(|listener| {
            fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
            fs::rename(&unfinished, &path)?;
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        });
        let removed = fs::remove_dir_all(&place);
        let listener = listener?;
        removed?;
        let (path, task) = (socket(folder), tokio::spawn(listen(listener, Arc::new(clerk))));
        Ok(Control { path, task })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // If it can't be removed, nobody listens there any more all the same.
        let _ = fs::remove_file(&self.path);
    }
}

async fn listen(listener: UnixListener, clerk: Arc<Clerk>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let clerk = clerk.clone();
                tokio::spawn(async move {
                    // A client that hangs up has what it wants, or will ask again.
                    let _ = serve(stream, &clerk).await;
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn serve(mut stream: UnixStream, clerk: &Clerk) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = Vec::new();
    let mut read = BufReader::new(read.take(LONGEST));
    timeout(PATIENCE, read.read_until(b'\n', &mut line)).await??;
    if line.is_empty() {
        // Somebody has only looked whether anybody is here.
        return Ok(());
    }
    let answer = match serde_json::from_slice::<Ask>(&line) {
        Ok(ask) => clerk.answer(ask).await,
        Err(_) => Answer::Refused(
            "the server that holds the state folder doesn't know this question: use the release \
             that it is of"
                .to_owned(),
        ),
    };
    let mut answer = serde_json::to_vec(&answer)?;
    answer.push(b'\n');
    timeout(PATIENCE, write.write_all(&answer)).await?
}
