//! `flowrun run`: users through Canvases, in virtual time, or as time passes ([`real`]).
//!
//! A few users are told step by step; many are only counted. What a run has come to is
//! always said in the same way: a table for each Canvas, the dead letters, one line.

mod real;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};

use crate::answers::Until;
use crate::backend;
use crate::channels::{self, Posting};
use crate::config::BackendUrl;
use crate::console::{Console, Look, printable};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::logging::{Level, Logging};
use crate::moment;
use crate::narrator::Narrator;
use crate::profiles::NotKept;
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::scene::{self, Prepared, Scene, Setting};
use crate::simulation::Outside;
use crate::trace::{Contents, TraceFile};
use crate::watch::{Narration, Watch};

/// The most users whose journeys are told.
const TOLD: usize = 20;

const EXAMPLES: &str = "\
Examples:
  flowrun flows/vip.yaml                                the users beside the Canvas
  flowrun run flows/vip.yaml --users all.csv --seed 7   other users, other chances
  flowrun run flows/*.yaml --users all.ndjson           every user enters every Canvas
  flowrun run flows/vip.yaml --for 7d                   the first seven days
  flowrun run flows/vip.yaml --trace - | jq .kind       the trace, for other programs
  flowrun run flows/vip.yaml --clock real --state data  as time passes; after Ctrl-C or a crash the
                                                        same command goes on
  flowrun run flows/vip.yaml --backend https://rest.iad-01.braze.com
                                                        updates are really written; the key is
                                                        in FLOWRUN_API_KEY

Each user of the users file enters at the start, or at its `enter_at`; one that is listed
twice enters twice, if the Canvas lets it. With `entry: { event: … }` users enter by what they do
(--events FILE, or NAME.events.ndjson), and the users file has their profiles only. In CSV an
empty cell is a missing value, cells that are JSON (7, true, [1]) are read as such, and a column
entry_properties.NAME (of events: properties.NAME) is one property. Nothing leaves the machine,
unless --backend or flowrun.toml says so: profiles are in memory, and messages are only told, but
for channels that flowrun.toml gives a `type` (file, webhook, plugin). Connected Content is answered from NAME.fixtures.yaml,
and fetched only from hosts that --allow-host or flowrun.toml names:

  [egress]
  allow_hosts = [\"api.example.com\"]
  [egress.credentials.crm]            # what :basic_auth crm names
  user = \"flowrun\"
  password = \"env:CRM_PASSWORD\"       # or \"file:PATH\"; never the secret itself
  hosts = [\"api.example.com\"]

Exit codes: 0 done, 1 a Canvas is wrong, 2 the command is, 3 dead letters remain, 130 Ctrl-C.";

/// Move users through Canvases, in virtual time or in real time
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Canvas files
    #[arg(required = true, value_name = "FLOW")]
    flows: Vec<PathBuf>,

    #[command(flatten)]
    setting: Setting,

    /// Write everything that happens to this file, as NDJSON (`-`: standard output; the
    /// table then goes to standard error)
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// In the trace, write hashes for the texts of messages and payloads
    #[arg(long, requires = "trace")]
    redact: bool,

    /// Print what the run has come to as one JSON object
    #[arg(long)]
    json: bool,

    /// Don't tell what happens to each user
    #[arg(long, short)]
    quiet: bool,

    /// Where updates are written: `memory`, `embedded:DIR`, or the address of an endpoint that
    /// speaks User Track [default: `url` of [backend] in flowrun.toml, else memory]
    #[arg(long, value_name = "URL", value_parser = BackendUrl::parse)]
    backend: Option<BackendUrl>,

    /// Virtual time jumps to whatever happens next; real time passes, and messages go out
    #[arg(long, value_name = "CLOCK", value_enum, default_value_t)]
    clock: Pace,

    #[command(flatten)]
    logging: Logging,

    /// In real time: keep everything in this folder, and go on from it. Each user of the file
    /// enters each Canvas once in its life, however often the command is given
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// How time passes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
enum Pace {
    #[default]
    Virtual,
    Real,
}

/// Where the results of a run go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Told,
    Tables,
    /// Standard output belongs to the trace.
    TablesAside,
    Json,
}

impl Run {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let output = self.output()?;
        self.logging.begin(Level::Warn, console)?;
        if self.clock == Pace::Real {
            return real::run(self, output, console);
        }
        if self.state.is_some() {
            bail!("`--state` keeps what happens in real time: add `--clock real`")
        }
        let interrupt = Interrupt::listen();
        let mut progress = Progress::new();
        let backend = self.backend.as_ref();
        let prepared = scene::prepare(
            &self.flows,
            &self.setting,
            backend,
            console,
            &interrupt,
            &mut progress,
        )?;
        let mut scene = match prepared {
            Prepared::Ready(scene) => scene,
            Prepared::Not(exit) => return Ok(exit),
        };
        let config = self.setting.source.configuration(self.flows.first().map(PathBuf::as_path))?;
        backend::attach(
            &mut scene.simulation,
            backend,
            &config.backend,
            |name| self.setting.plugins.backend(name, &config.plugins, console),
            &interrupt,
        )?;
        let egress = self.setting.source.allowed(&config)?;
        let mut posting =
            Posting(channels::real(&config, &egress, &self.setting.plugins, console)?);
        if let Some(said) = channels::unasked(&config) {
            console.note(&said);
        }
        let trace = self.trace.as_deref().map(|path| self.begin_trace(path)).transpose()?;
        let told = output == Output::Told && scene.simulation.profiles().len() <= TOLD;
        if told {
            console.line(&opening(&scene, console))?;
        }
        let narrator = told.then(|| narrator(&scene, console));
        let mut watch = Watch {
            interrupt: interrupt.clone(),
            progress: Progress::new(),
            arrivals: scene.arrivals,
            trace,
            narration: narrator.map(|narrator| Narration { narrator, console: &mut *console }),
            failure: None,
        };
        let mut fetch = Until { answers: &mut scene.answers, interrupt: &interrupt };
        let mut outside = Outside { channel: &mut posting, fetch: &mut fetch };
        scene.simulation.run(&mut outside, &mut watch);
        let Watch { mut progress, trace, failure, .. } = watch;
        progress.clear();
        if told {
            console.line("")?;
        }
        if let Some(trace) = trace {
            let path = self.trace.as_deref().unwrap_or(Path::new("-")).display();
            trace.finish().with_context(|| format!("can't write the trace to `{path}`"))?;
        }
        if let Some(error) = failure {
            return Err(error.into());
        }
        let left = scene.simulation.dead_letters().next().is_some();
        let exit = match (interrupt.asked(), left) {
            (true, _) => Exit::Interrupted,
            (false, true) => Exit::DeadLetters,
            (false, false) => Exit::Done,
        };
        if exit == Exit::Interrupted {
            let now = moment::long(scene.simulation.now());
            console.note(&format!(
                "stopped by Ctrl-C at {now} in virtual time; this is how far it got"
            ));
        }
        let not_kept = scene.simulation.profiles().not_kept();
        if not_kept.count > 0 {
            console.note(&in_words(not_kept));
        }
        match output {
            Output::Json => {
                let result = report::as_json(&Outcome::of(&scene), exit);
                console.line(&serde_json::to_string_pretty(&result)?)?;
            }
            Output::TablesAside => io::stderr()
                .write_all(report::as_text(&Outcome::of(&scene), console.palette).as_bytes())?,
            Output::Told | Output::Tables => {
                console.print(&report::as_text(&Outcome::of(&scene), console.palette))?
            }
        }
        Ok(exit)
    }

    fn output(&self) -> anyhow::Result<Output> {
        let trace_out = self.trace.as_deref() == Some(Path::new("-"));
        Ok(match (self.json, trace_out, self.quiet) {
            (true, true, _) => {
                bail!("--json and --trace - both want standard output: write the trace to a file")
            }
            (true, false, _) => Output::Json,
            (false, true, _) => Output::TablesAside,
            (false, false, true) => Output::Tables,
            (false, false, false) => Output::Told,
        })
    }

    fn begin_trace(&self, path: &Path) -> anyhow::Result<TraceFile> {
        self.spare_inputs(path)?;
        let contents = if self.redact { Contents::Hashed } else { Contents::InFull };
        TraceFile::create(path, contents)
            .map_err(|error| anyhow!("can't write the trace to `{}`: {error}", path.display()))
    }

    /// A trace must not take the place of what is read.
    fn spare_inputs(&self, path: &Path) -> anyhow::Result<()> {
        let inputs = self.flows.iter().chain(&self.setting.users).chain(&self.setting.events);
        let same = |input: &PathBuf| match (input.canonicalize(), path.canonicalize()) {
            (Ok(input), Ok(path)) => input == path,
            _ => false,
        };
        if let Some(input) = inputs.into_iter().find(|input| same(input)) {
            bail!("the trace would overwrite `{}`: name another file", input.display())
        }
        Ok(())
    }
}

/// What updates have written and profiles don't hold.
fn in_words(not_kept: &NotKept) -> String {
    let values = if not_kept.count == 1 { "value was" } else { "values were" };
    let mut text = format!("{} {values} not kept as written", not_kept.count);
    for told in &not_kept.told {
        text.push_str(&format!("\n  {}", printable(told)));
    }
    if not_kept.count > not_kept.told.len() as u64 {
        text.push_str("\n  …");
    }
    text
}

/// What stands above the story.
fn opening(scene: &Scene, console: &Console) -> String {
    let names = scene.canvases.iter().map(|canvas| &*canvas.head.name).collect::<Vec<_>>();
    let users = scene.simulation.profiles().len();
    let users = if users == 1 { "1 user".to_owned() } else { format!("{users} users") };
    let names = console.palette.paint(Look::Bold, &names.join(", "));
    let start = moment::long(scene.start);
    format!("{names} · {users} · from {start} UTC in virtual time\n")
}

fn narrator(scene: &Scene, console: &Console) -> Narrator {
    let profiles = scene.simulation.profiles();
    Narrator::new(
        scene.canvases.iter().map(|canvas| &**canvas),
        profiles.iter().filter_map(|profile| profile.external_id()),
        scene.simulation.backend().batches.limits,
        scene.start,
        console.palette,
    )
}
