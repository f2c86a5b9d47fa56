//! Connections to one place, kept for the next request.
//!
//! A connection belongs to one request at a time, and comes back only after a whole answer:
//! what one call left behind is never read by another. A connection that isn't brought back
//! is closed, whatever the other side is still sending.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::RootCertStore;

use super::{Fault, Settings};
use crate::connect::{Connector, Line as Io};
use crate::exchange::{LARGEST_HEAD, MOST_HEADERS};
use crate::missed::Missed;
use crate::resolve::System;
use crate::target::Target;

/// Servers close what is quiet for long, and a request sent at that very moment is lost. So
/// we are the ones who close first: common servers and balancers wait a minute or more.
const LONGEST_QUIET: Duration = Duration::from_secs(20);

pub(super) struct Kept {
    target: Target,
    connector: Connector,
    connect: Duration,
    most: usize,
    /// The one last used is taken first, so that the others grow old and go.
    quiet: Mutex<Vec<(Instant, Line)>>,
}

/// A connection in use.
pub(super) struct Line {
    pub sender: SendRequest<String>,
    /// Whether an answer has come over it.
    pub used: bool,
    /// Moves the bytes. It is dropped with the line, and the connection with it.
    _driver: JoinSet<()>,
}

impl Kept {
    pub fn new(target: Target, settings: &Settings, roots: RootCertStore) -> Kept {
        let connector = Connector::new(Arc::new(System), roots);
        let (connect, most) = (settings.connect, settings.idle);
        Kept { target, connector, connect, most, quiet: Mutex::default() }
    }

    /// A connection that is ready for a request.
    pub async fn line(&self, deadline: Instant) -> Result<Line, Fault> {
        while let Some(mut line) = self.take() {
            // It gets ready when its driver has seen the end of the last answer.
            match timeout_at(deadline, line.sender.ready()).await {
                Ok(Ok(())) => return Ok(line),
                Ok(Err(_)) => {}
                Err(_) => return Err(Fault::Late),
            }
        }
        let deadline = deadline.min(Instant::now() + self.connect);
        match timeout_at(deadline, self.open()).await {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(Missed::Insecure)) => Err(Fault::Insecure),
            Ok(Err(_)) => Err(Fault::Unreachable),
            Err(_) => Err(Fault::Unreachable),
        }
    }

    /// The connection last used, if it wasn't closed and isn't too old.
    fn take(&self) -> Option<Line> {
        let mut quiet = self.quiet();
        while let Some((since, line)) = quiet.pop() {
            if since.elapsed() < LONGEST_QUIET && !line.sender.is_closed() {
                return Some(line);
            }
        }
        None
    }

    pub fn keep(&self, line: Line) {
        let mut quiet = self.quiet();
        // The oldest stand first; those are also the ones that make room.
        let old = quiet.iter().take_while(|(since, _)| since.elapsed() >= LONGEST_QUIET).count();
        let over = (quiet.len() + 1).saturating_sub(self.most);
        let go = old.max(over).min(quiet.len());
        quiet.drain(..go);
        if self.most > 0 {
            quiet.push((Instant::now(), line));
        }
    }

    /// Nothing is left half changed by a panic: entries come and go in one piece.
    fn quiet(&self) -> MutexGuard<'_, Vec<(Instant, Line)>> {
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<Line, Missed> {
        match self.connector.connect_anywhere(&self.target).await? {
            Io::Plain(tcp) => over(tcp).await,
            Io::Tls(tls) => over(tls).await,
        }
    }
}

async fn over<S>(io: S) -> Result<Line, Missed>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_buf_size(LARGEST_HEAD).max_headers(MOST_HEADERS);
    let shaken = http.handshake(TokioIo::new(io)).await;
    let (sender, connection) = shaken.map_err(|_| Missed::Unreachable)?;
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        // How it ended, the request that was under way is told.
        let _ = connection.await;
    });
    Ok(Line { sender, used: false, _driver: driver })
}
