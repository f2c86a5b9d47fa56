//! Ctrl-C and SIGTERM: the first asks the server to finish, the second ends the program at once.

use std::io;
use std::sync::Arc;

use flowrun_server::{Maintenance, Workspace};
use tokio::sync::Notify;

use crate::exit::Exit;

pub struct Signals {
    asked: Arc<Notify>,
}

impl Signals {
    /// Listens from now on. To be called in a tokio runtime.
    pub fn listen() -> io::Result<Signals> {
        let asked = Arc::new(Notify::new());
        let (told, mut wait) = (asked.clone(), Wait::begin()?);
        tokio::spawn(async move {
            wait.next().await;
            told.notify_one();
            wait.next().await;
            std::process::exit(Exit::Interrupted as i32);
        });
        Ok(Signals { asked })
    }

    /// Ends with the first signal.
    pub async fn first(&self) {
        self.asked.notified().await;
    }
}

/// Begins a maintenance with each SIGUSR1, and ends it with each SIGUSR2. To be called in a tokio
/// runtime.
#[cfg(unix)]
pub fn maintain(workspace: Arc<dyn Workspace>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut begins = signal(SignalKind::user_defined1())?;
    let mut ends = signal(SignalKind::user_defined2())?;
    tokio::spawn(async move {
        loop {
            let maintenance = tokio::select! {
                told = begins.recv() => told.map(|()| Maintenance::Begins),
                told = ends.recv() => told.map(|()| Maintenance::Ends),
            };
            let Some(maintenance) = maintenance else { return };
            workspace.maintain(maintenance).await;
            match maintenance {
                Maintenance::Begins => tracing::info!("maintenance: writes are queued"),
                Maintenance::Ends => tracing::info!("maintenance has ended: writes are applied"),
            }
        }
    });
    Ok(())
}

/// There are no such signals here: a maintenance ends with the server.
#[cfg(not(unix))]
pub fn maintain(_: Arc<dyn Workspace>) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
struct Wait {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Wait {
    fn begin() -> io::Result<Wait> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Wait { interrupt, terminate })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Wait;

#[cfg(not(unix))]
impl Wait {
    fn begin() -> io::Result<Wait> {
        Ok(Wait)
    }

    async fn next(&mut self) {
        // Where there is no handler, Ctrl-C ends the program as it always did.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
