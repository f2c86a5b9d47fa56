//! What operators ask of a state folder, and how they get to it.
//!
//! A process that serves the folder holds it, and is asked over a socket in it ([`control`],
//! [`wire`]). Where nobody holds it, a command opens it for itself ([`at_rest`]): what it then
//! decides is committed, and performed when a server is started next. A command doesn't care:
//! it has a [`Desk`].

mod at_rest;
#[cfg(unix)]
pub mod control;
mod desk;
pub mod protocol;
mod survey;
#[cfg(unix)]
mod wire;

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::Args;
use flowrun_server::{Body, Busy, Memory, Neighbour, Workspace};
use serde_json::{Value as Json, json};

use crate::console::Console;
use crate::moment;
use crate::plugins::Plugins;

pub use desk::Desk;

/// Which state folder.
#[derive(Args, Clone, Debug)]
pub struct At {
    /// The state folder, as `flowrun serve` or `flowrun run --clock real` was given it
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,

    #[command(flatten)]
    pub plugins: Plugins,
}

impl At {
    pub fn desk(&self, console: &Console) -> anyhow::Result<Desk> {
        Desk::at(&self.state, &self.plugins, console)
    }
}

/// The socket's name in the state folder.
const SOCKET: &str = "control.sock";

fn socket(folder: &Path) -> PathBuf {
    folder.join(SOCKET)
}

/// Whether a process that holds the folder answers, or would if this user might ask.
#[cfg(unix)]
pub fn is_served(folder: &Path) -> bool {
    !matches!(wire::call(folder), Ok(None))
}

/// Where nobody can be asked, whoever holds a folder may be a server.
#[cfg(not(unix))]
pub fn is_served(_: &Path) -> bool {
    true
}

/// A folder by a name that is short enough for sockets in it, which systems bound to about a
/// hundred bytes; it lasts as long as the file that comes with it.
#[cfg(unix)]
fn by_short_name(folder: &Path) -> std::io::Result<(std::fs::File, PathBuf)> {
    use std::os::fd::AsRawFd;
    const SHORT: usize = 80;
    let file = std::fs::File::open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let is_long = folder.as_os_str().len() > SHORT && short.exists();
    Ok((file, if is_long { short } else { folder.to_owned() }))
}

/// Deletes a user's profile, as `POST /users/delete` does; whether there was one. Whose journeys
/// they are in the same breath hears who hears of deletions.
async fn delete_profile(memory: &Memory, user: &str) -> anyhow::Result<bool> {
    let (list, id) = match user.strip_prefix("braze_id:") {
        Some(id) => ("braze_ids", id),
        None => ("external_ids", user),
    };
    let Json::Object(json) = json!({ list: [id] }) else { bail!("an id is text") };
    let body = Body { json, at_ms: moment::present().0 };
    let reply = memory.users(Neighbour::Delete, body).await.map_err(|busy| match busy {
        Busy::NoSpace => anyhow!("the disk is full: nothing was deleted"),
        Busy::Full => anyhow!(
            "writes of a maintenance are still queued, and nothing was deleted: end it first, or start a \
             server, which applies them"
        ),
        busy => anyhow!("{busy}"),
    })?;
    Ok(reply.body.get("deleted").and_then(Json::as_u64).is_some_and(|deleted| deleted > 0))
}
