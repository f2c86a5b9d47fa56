//! An engine in real time with its profiles: in memory, or in a state folder that a restart
//! goes on from. What `serve` and `run --clock real` have in common.
//!
//! A folder is opened before anything else is read, so that a second process is told at once;
//! profiles are read, Canvas versions settled, and only then do the shards come back.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use flowrun_engine::clock::{Clock, System};
use flowrun_engine::log::{Folder, Keep, Memory as MemoryLog, Registry, ShardLog};
use flowrun_engine::{
    Channels, Engine, Fetch, OfThisLife, Options, Setup, StateError, StateFolder, Swept, Trace,
    Writes, sweep,
};
use flowrun_server::hosted::{self, Entrances, Held};
use flowrun_server::{Hosted, Maintenance, Memory, Stored, Unidentified};

use crate::canvases::Opened;
use crate::commands::serve::signals::Signals;
use crate::console::Console;
use crate::core::{Canvas, CanvasIx};
use crate::exit::Exit;
use crate::operations;
#[cfg(unix)]
use crate::operations::control::{Clerk, Control};
use crate::profiles::ProfileBackend;
use crate::reading::{Reading, Watched};
use crate::sdk::Catalogue;
use crate::track::Profile;
use crate::versions::{self, Versions};

/// A state folder that was opened, with all that its profiles are.
pub struct Durable {
    state: StateFolder,
    stored: Stored,
    reading: Reading,
}

impl Durable {
    pub fn open(path: &Path) -> anyhow::Result<Durable> {
        let state = held(path)?;
        let reading = Reading::begin();
        let stored = Stored::read(&state, &mut |rows| reading.so_far(rows, "profiles read"))?;
        Ok(Durable { state, stored, reading })
    }

    /// Sets the files' Canvases beside the versions that are kept.
    pub fn settle(
        &mut self,
        opened: &mut [Opened],
        catalogue: &Catalogue,
    ) -> anyhow::Result<Versions> {
        versions::settle(&mut self.state, opened, catalogue)
    }
}

/// How often a folder is tried that a command has for a moment, and the time in between.
const TRIES: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(50);

/// Takes a folder. One that a server holds is refused at once; a command that looks at it gives
/// it up in a moment, and must not keep a server from starting.
fn held(path: &Path) -> Result<StateFolder, StateError> {
    let mut left = TRIES;
    loop {
        match StateFolder::open(path, Options::default().shards, &life()) {
            Err(StateError::InUse { .. }) if left > 0 && !operations::is_served(path) => {
                left -= 1;
                std::thread::park_timeout(BETWEEN);
            }
            opened => return opened,
        }
    }
}

/// What an engine is put together from.
pub struct Parts {
    pub canvases: Vec<Arc<Canvas>>,
    /// Canvases that nobody enters any more.
    pub closed: Vec<CanvasIx>,
    /// Who is there from the start; in a state folder, those who aren't there already.
    pub profiles: Vec<Profile>,
    pub durable: Option<Durable>,
    /// Where updates are written, if not to the profiles here.
    pub backend: Option<Arc<dyn ProfileBackend>>,
    pub channels: Channels,
    pub fetch: Arc<dyn Fetch>,
    pub trace: Box<dyn Trace>,
    pub seed: u64,
    /// Whether writes are queued from the start. If not, what an earlier process has queued is
    /// applied now.
    pub maintenance: Maintenance,
}

/// An engine at work. The state folder is held for as long as this is there.
pub struct Live {
    pub engine: Engine,
    pub memory: Arc<Memory>,
    pub clock: Arc<dyn Clock>,
    /// Where operators ask; gone before the folder is given up.
    #[cfg(unix)]
    _control: Option<Control>,
    /// Canvas versions of the folder, those that are entered, and the folder itself.
    registry: Option<Mutex<Registry>>,
    entered: BTreeSet<CanvasIx>,
    folder: Option<Folder>,
}

impl Live {
    /// Brings everybody back, and begins. To be called in a tokio runtime.
    pub async fn begin(parts: Parts, console: &Console) -> anyhow::Result<Live> {
        let clock: Arc<dyn Clock> = Arc::new(System::new());
        let entrances = Arc::new(Entrances::default());
        let mut options = Options { seed: parts.seed, ..Options::default() };
        let mut life = life();
        let mut folder = None;
        let mut registry = None;
        let memory;
        let log: Box<dyn ShardLog + Send>;
        let mut recovery = None;
        match parts.durable {
            Some(Durable { state, stored, reading }) => {
                options.shards = state.log.shards();
                life = state.holder.life().to_owned();
                registry = Some(state.registry);
                folder = Some(state.holder);
                log = Box::new(Watched::new(state.log, reading.clone()));
                memory = Memory::durable(stored, Some(entrances.clone()));
                recovery = Some(reading);
            }
            None => {
                // Nobody reads the log in memory back.
                options.snapshot_after = None;
                log = Box::new(MemoryLog::new(Keep::Nothing));
                let directory = hosted::directory([]).map_err(|error| anyhow!("{error}"))?;
                memory = Memory::new(directory, Some(entrances.clone()));
            }
        }
        let unidentified = match parts.backend {
            None => Unidentified::Enter,
            Some(_) => Unidentified::StayOut,
        };
        let memory = Arc::new(memory.with_unidentified(unidentified));
        memory.introduce(parts.profiles).await.map_err(|error| anyhow!("{error}"))?;
        let held = Arc::new(Held::new(memory.clone(), clock.clone()));
        let setup = Setup {
            canvases: parts.canvases,
            log,
            profiles: held.clone(),
            writes: match parts.backend {
                None => Writes::Here(held),
                Some(backend) => Writes::Elsewhere(Arc::new(OfThisLife::new(backend, life))),
            },
            channels: parts.channels,
            fetch: parts.fetch,
            clock: clock.clone(),
            trace: parts.trace,
        };
        let engine = Engine::start(options, setup)?;
        for closed in &parts.closed {
            engine.close(*closed);
        }
        let names = engine.canvases().iter().map(|canvas| &*canvas.head.name);
        let entered = names.filter_map(|name| engine.canvas(name)).collect();
        if let Some(told) = recovery.and_then(|reading| reading.end()) {
            console.note(&told);
        }
        entrances.lead_to(engine.clone());
        Hosted::new(memory.clone(), engine.clone()).go_on(parts.maintenance).await;
        #[cfg(unix)]
        let control = folder.as_ref().and_then(|folder| {
            let (engine, memory) = (engine.clone(), memory.clone());
            let versions = registry.as_ref().map_or(&[][..], Registry::versions).to_vec();
            let (path, closed) = (folder.path().to_owned(), parts.closed.iter().copied().collect());
            let clerk = Clerk { engine, memory, path, versions, closed };
            let opened = Control::open(folder.path(), clerk);
            opened
                .inspect_err(|error| {
                    console.note(&format!(
                        "`flowrun status` and other commands can't reach this process: no socket \
                         can be made in {}: {error}",
                        folder.path().display()
                    ));
                })
                .ok()
        });
        Ok(Live {
            engine,
            memory,
            clock,
            #[cfg(unix)]
            _control: control,
            registry: registry.map(Mutex::new),
            entered,
            folder,
        })
    }

    pub fn is_durable(&self) -> bool {
        self.folder.is_some()
    }

    /// Ends when the engine has ended by itself, or the process must end.
    pub async fn failed(&self) -> Option<StateError> {
        tokio::select! {
            // Its error is told by who stops it.
            _ = self.engine.ended() => None,
            fault = self.memory.fault() => Some(fault),
        }
    }

    /// Finishes what is under way, and says how that went: words for the operator.
    pub async fn stop(&self, console: &Console) -> anyhow::Result<Stopped> {
        let ended = self.engine.stop().await.map_err(|error| anyhow!("{error}"))?;
        if let (Some(registry), Some(in_use)) = (&self.registry, &ended.in_use) {
            let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = versions::retire(&mut registry, &self.entered, in_use) {
                let again = "versions that nobody is on are made again at the next start";
                console.note(&format!("{again}: {error}"));
            }
        }
        Ok(Stopped { unfinished: ended.unfinished, durable: self.is_durable() })
    }
}

/// How a stop has gone.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// Writes, messages and fetches that were under way.
    pub unfinished: u64,
    durable: bool,
}

impl Stopped {
    pub fn told(self) -> String {
        let after = match self.durable {
            true => "go out again at the next start",
            false => "are lost",
        };
        match self.unfinished {
            0 => "stopped; nothing was under way".to_owned(),
            count => {
                format!("stopped; {count} writes, messages or fetches were under way and {after}")
            }
        }
    }
}

/// Sweeps what was deleted out of the files of a folder that was just given up. What can't be
/// done now is done at the next stop; a signal breaks it off at once.
pub fn sweep_after(state: Option<&Path>, console: &Console) {
    let Some(path) = state.filter(|path| Folder::has_leftovers(*path)) else { return };
    let again = "files of the state folder may still hold bytes of deleted users, which the next \
                 stop sweeps out";
    console.note("sweeping who was deleted out of the files; Ctrl-C puts it off to the next stop");
    match broken_off_by_signals(path) {
        Ok(Swept::NotDue | Swept::Done) => {}
        Ok(Swept::Later) => console.note(again),
        Err(error) => console.note(&format!("{again}: {error:#}")),
    }
}

fn broken_off_by_signals(path: &Path) -> anyhow::Result<Swept> {
    let path = path.to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = Signals::listen()?;
        tokio::select! {
            swept = tokio::task::spawn_blocking(move || sweep(&path)) => Ok(swept??),
            // A file is renewed as a whole or not at all.
            () = signals.first() => std::process::exit(Exit::Interrupted as i32),
        }
    })
}

/// A text that no other start has.
fn life() -> String {
    format!("{}-{}", System::new().now().0, std::process::id())
}
