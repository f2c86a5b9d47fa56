//! `flowrun serve`: the Canvases of a folder in real time, behind Braze's HTTP API.
//!
//! Everything is put in place before the first request is taken: faults of Canvases, keys and
//! settings end the program at the start, not a journey later.

mod keys;
pub mod outward;
pub mod signals;
pub mod stage;
pub mod twice;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use flowrun_server::{Clock as ApiClock, Hosted, Keys, Maintenance, Options as ApiOptions};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use self::signals::Signals;
use self::stage::Stage;
use crate::answers::Source;
use crate::config::BackendUrl;
use crate::console::{Console, Notes};
use crate::exit::Exit;
use crate::live::{Durable, Live, Parts, sweep_after};
use crate::logging::{Level, Logging};
use crate::plugins::Plugins;
use crate::trace::Contents;

const EXAMPLES: &str = "\
Examples:
  flowrun serve flows                                    on 127.0.0.1:8080, all in memory
  flowrun serve flows --state data                       the same, and nothing is lost at a crash
  flowrun serve flows --backend https://rest.iad-01.braze.com   updates go to Braze
  flowrun serve flows --listen 127.0.0.1:0 --json        any free port, told on standard output

Users enter by POST /canvas/trigger/send, and by the events of POST /users/track. The key that
opens the API is in FLOWRUN_SERVE_KEY, or keys with permissions are in flowrun.toml:

  [serve.keys.shop]
  hash = \"…\"                          # printf %s TOKEN | sha256sum
  permissions = [\"users.track\", \"canvas.trigger.send\"]

Without either a key is made, and printed once. Ctrl-C and SIGTERM finish what is under way; a
second one stops at once.

Exit codes: 1 a Canvas is wrong, 2 the command is, 130 stopped by a signal.";

/// How long threads that block may go on after everything has ended.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// Serve the Canvases of a folder over HTTP, in real time
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// The folder with the Canvases
    #[arg(value_name = "DIR")]
    canvases: PathBuf,

    /// The address to listen on; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Where updates are written: `memory`, the address of an endpoint that speaks User Track, or
    /// `plugin:NAME`
    /// [default: `url` of [backend] in flowrun.toml, else memory]
    #[arg(long, value_name = "URL", value_parser = BackendUrl::parse)]
    backend: Option<BackendUrl>,

    /// Profiles that are there from the start: NDJSON, JSON, CSV or YAML. Nobody enters by it
    #[arg(long, short, value_name = "FILE")]
    users: Option<PathBuf>,

    /// What chance is drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Write everything that happens to this file, as NDJSON (`-`: standard output; messages
    /// then go to standard error). Payloads of dead letters stand nowhere else
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// In the trace, write hashes for the texts of messages and payloads
    #[arg(long, requires = "trace")]
    redact: bool,

    /// Tell programs the address as one JSON line on standard output, and messages likewise
    #[arg(long)]
    json: bool,

    /// Begin with writes queued (202, up to 100,000 objects) until SIGUSR2 ends it; SIGUSR1 begins
    /// one at any time. What is queued is as durable as other writes: with --state it waits over a restart
    #[arg(long)]
    maintenance: bool,

    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    plugins: Plugins,

    #[command(flatten)]
    logging: Logging,

    /// Keep profiles, journeys and schedules in this folder, and go on from it: an answer of 2xx
    /// is durable then. One server at a time; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Serve {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        self.logging.begin(Level::Info, console)?;
        let durable = self.state.as_deref().map(Durable::open).transpose()?;
        let Some(stage) = Stage::set(self, durable, console)? else { return Ok(Exit::Wrong) };
        let keys = keys::find(&stage.config, console)?;
        if self.state.is_none() {
            console.note(
                "everything is in memory and lost at exit: an answer of 2xx is not durable \
                 (--state DIR makes it so)",
            );
        }
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        let served = runtime.block_on(self.serve(stage, keys, console));
        runtime.shutdown_timeout(LEFTOVERS);
        if served.is_ok() {
            sweep_after(self.state.as_deref(), console);
        }
        served
    }

    async fn serve(&self, stage: Stage, keys: Keys, console: &mut Console) -> anyhow::Result<Exit> {
        let signals = Signals::listen()?;
        let listener = TcpListener::bind(self.listen).await.map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    ": another program listens there; name another address with --listen, or port 0"
                }
                _ => "",
            };
            anyhow!("can't listen on {}: {error}{hint}", self.listen)
        })?;
        let parts = Parts {
            canvases: stage.canvases,
            closed: stage.closed,
            profiles: stage.profiles,
            durable: stage.durable,
            backend: stage.backend,
            channels: outward::channels(
                &stage.config,
                &stage.egress,
                self.messages(),
                &self.plugins,
                console,
            )?,
            fetch: stage.fetch,
            trace: outward::trace(self.trace.as_deref(), self.contents())?,
            seed: self.seed,
            maintenance: match self.maintenance {
                true => Maintenance::Begins,
                false => Maintenance::Ends,
            },
        };
        let live = Live::begin(parts, console).await?;
        live.memory.set_canvases(stage.shown);
        live.memory.set_content_blocks(stage.blocks);
        let clock = live.clock.clone();
        let api =
            ApiOptions { clock: ApiClock::new(move || clock.now().0), ..ApiOptions::new(keys) };
        let hosted = Arc::new(Hosted::new(live.memory.clone(), live.engine.clone()));
        signals::maintain(hosted.clone())?;
        self.announce(listener.local_addr()?, console)?;
        stage.twice.tell();
        let mut fault = None;
        let over = async {
            tokio::select! {
                () = signals.first() => {}
                failed = live.failed() => fault = failed,
            }
        };
        flowrun_server::serve(listener, hosted, api, over).await;
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        console.note(&live.stop(console).await?.told());
        Ok(Exit::Interrupted)
    }

    fn contents(&self) -> Contents {
        if self.redact { Contents::Hashed } else { Contents::InFull }
    }

    fn messages(&self) -> outward::Messages {
        match (self.json, self.trace.as_deref() == Some("-".as_ref())) {
            (_, true) => outward::Messages::Aside,
            (true, false) => outward::Messages::Json,
            (false, false) => outward::Messages::Plain,
        }
    }

    /// Says where it listens: programs that start it wait for this line.
    fn announce(&self, address: SocketAddr, console: &mut Console) -> io::Result<()> {
        let url = format!("http://{address}");
        if self.json {
            console.line(&json!({ "listening": url }).to_string())?;
            console.flush()?;
        }
        match console.notes_to {
            Notes::Terminal => eprintln!("listening on {url}"),
            Notes::Log => tracing::info!(url, "listening"),
        }
        Ok(())
    }
}
