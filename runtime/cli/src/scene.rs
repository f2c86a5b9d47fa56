//! What a run needs before it can begin: Canvases, users, the moment, the seed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use clap::Args;
use flowrun_canvas::render_text;

use crate::answers::Source;
use crate::canvases::{self, Opened};
use crate::config::{BackendUrl, Config};
use crate::console::{Console, aside};
use crate::core::{Canvas, CanvasIx, Millis};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::moment;
use crate::plugins::Plugins;
use crate::progress::Progress;
use crate::sdk::Catalogue;
use crate::simulation::{Answers, Arrival, Happening, Options, Simulation};
use crate::users::{self, Entrant, Roster, Sort};

/// So many users are moved by one shard, in the order of the file.
const FEW: usize = 10_000;

/// What decides how a run goes, beside the Canvases.
#[derive(Args, Clone, Debug)]
pub struct Setting {
    /// Who enters: NDJSON, JSON, CSV or YAML (`-`: standard input) [default: NAME.users.ndjson
    /// beside the Canvas]
    #[arg(long, short, value_name = "FILE")]
    pub users: Option<PathBuf>,

    /// What users do: event objects of User Track (`external_id`, `name`, `time`, `properties`),
    /// written as users files are [default: NAME.events.ndjson beside the Canvas, if it is there]
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// What chance is drawn from: the same seed gives the same run, to the byte
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// The virtual time at which the run starts: RFC 3339, or `now`
    /// [default: 2026-01-05T09:00:00Z, a Monday]
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// Stop at this virtual time; who still waits then, waits
    #[arg(long, value_name = "TIME", conflicts_with = "length")]
    pub until: Option<String>,

    /// Stop after this long in virtual time: `90d`, `1d 12h`
    #[arg(long = "for", value_name = "LENGTH", id = "length")]
    pub length: Option<String>,

    #[command(flatten)]
    pub source: Source,

    #[command(flatten)]
    pub plugins: Plugins,
}

/// Everything in its place; nothing has happened yet.
pub struct Scene {
    pub simulation: Simulation,
    pub answers: Answers,
    pub canvases: Vec<Arc<Canvas>>,
    /// Users as they will enter, each of them as often as listed.
    pub arrivals: u64,
    pub start: Millis,
    pub seed: u64,
}

/// A scene, or why there is none: everything has been said then.
pub enum Prepared {
    Ready(Box<Scene>),
    Not(Exit),
}

/// Reads everything that a run needs. Updates go to `backend`, if it was named.
pub fn prepare(
    flows: &[PathBuf],
    setting: &Setting,
    backend: Option<&BackendUrl>,
    console: &Console,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> anyhow::Result<Prepared> {
    let start = match &setting.start {
        Some(text) => moment::parse_or_now(text).map_err(|error| anyhow!("--start: {error}"))?,
        None => moment::DEFAULT_START,
    };
    let until = until(setting, start)?;
    let Some(opened) = open(flows, setting, backend, console)? else {
        return Ok(Prepared::Not(Exit::Wrong));
    };
    let files = users_files(setting, &opened)?;
    let answers = setting.source.open(opened.iter().map(|opened| &*opened.path))?;
    let mut roster = Roster::new(start);
    let mut entering: Vec<Vec<Entrant>> = Vec::new();
    for file in &files {
        entering.push(roster.read(&file.path, &mut |read| {
            progress.reading(read);
            if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?);
        if interrupt.asked() {
            progress.clear();
            console.note("stopped by Ctrl-C while reading users; nobody has entered");
            return Ok(Prepared::Not(Exit::Interrupted));
        }
    }
    let mut happenings = Vec::new();
    for file in &events_files(setting, &opened) {
        happenings.extend(roster.events(file, &mut |read| {
            progress.reading(read);
            if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?);
        if interrupt.asked() {
            progress.clear();
            console.note("stopped by Ctrl-C while reading events; nobody has entered");
            return Ok(Prepared::Not(Exit::Interrupted));
        }
    }
    progress.clear();
    if happenings.is_empty() {
        note_without_events(&opened, console);
    }
    if let Some(warnings) = roster.warnings() {
        console.note(&format!("profiles don't hold everything as it is written\n{warnings}"));
    }
    let canvases: Vec<Arc<Canvas>> =
        opened.into_iter().filter_map(|opened| opened.canvas.map(Arc::new)).collect();
    let shards = shards(roster.profiles.len());
    let options = Options { seed: setting.seed, start, until, shards, ..Options::default() };
    let mut simulation = Simulation::new(options, roster.profiles);
    for canvas in &canvases {
        simulation.add_canvas(canvas.clone());
    }
    let mut arrivals = happenings.len() as u64;
    for (UsersFile { into, .. }, entrants) in files.iter().zip(entering) {
        let early = entrants.iter().filter(|entrant| entrant.at.is_some_and(|at| at < start));
        let early = early.count();
        if early > 0 && !into.is_empty() {
            let when = moment::long(start);
            console.note(&format!(
                "{early} of the users should have entered before the run starts; they enter at its start, {when}"
            ));
        }
        arrivals += (entrants.len() * into.len()) as u64;
        simulation.add_arrivals(entrants.into_iter().flat_map(|entrant| {
            let Entrant { user, at, entry_properties } = entrant;
            into.iter().map(move |canvas| Arrival {
                at: at.unwrap_or(start).max(start),
                canvas: CanvasIx(*canvas as u16),
                user: user.clone(),
                context: entry_properties.clone(),
            })
        }));
    }
    add_happenings(happenings, start, &mut simulation, console);
    let seed = setting.seed;
    let scene = Scene { simulation, answers, canvases, arrivals, start, seed };
    Ok(Prepared::Ready(Box::new(scene)))
}

/// Many users are spread over shards, which decide at the same time. The number follows from
/// the users alone: on a machine with more processors the same run is faster, not another.
fn shards(users: usize) -> u16 {
    if users > FEW { 8 } else { 1 }
}

pub fn until(setting: &Setting, start: Millis) -> anyhow::Result<Option<Millis>> {
    let until = match (&setting.until, &setting.length) {
        (Some(text), _) => moment::parse(text).map_err(|error| anyhow!("--until: {error}"))?,
        (None, Some(text)) => {
            start + moment::parse_length(text).map_err(|error| anyhow!("--for: {error}"))?
        }
        (None, None) => return Ok(None),
    };
    if until < start {
        let (until, start) = (moment::long(until), moment::long(start));
        bail!("the run would end ({until}) before it starts ({start}): say when with --start")
    }
    Ok(Some(until))
}

/// The Canvases, or `None` after all their faults were shown.
fn open(
    flows: &[PathBuf],
    setting: &Setting,
    backend: Option<&BackendUrl>,
    console: &Console,
) -> anyhow::Result<Option<Vec<Opened>>> {
    let config = Config::open(setting.source.config(), flows.first().map(|flow| &**flow))?;
    open_with(flows, &config, backend, &setting.plugins, console)
}

/// The same by a configuration that was read already, for updates to the backend `named`.
pub fn open_with(
    flows: &[PathBuf],
    config: &Config,
    named: Option<&BackendUrl>,
    plugins: &Plugins,
    console: &Console,
) -> anyhow::Result<Option<Vec<Opened>>> {
    let catalogue = plugins.catalogue_for(&config.plugins, console)?;
    open_by(flows, config, named, &catalogue, console)
}

/// The same with the kinds of steps at hand.
pub fn open_by(
    flows: &[PathBuf],
    config: &Config,
    named: Option<&BackendUrl>,
    catalogue: &Catalogue,
    console: &Console,
) -> anyhow::Result<Option<Vec<Opened>>> {
    let opened: Vec<Opened> =
        flows.iter().map(|path| canvases::open(path, catalogue)).collect::<Result<_, _>>()?;
    let mut wrong = false;
    for file in &opened {
        if file.canvas.is_none() {
            wrong = true;
            let text = render_text(&file.diagnostics, &file.sources, console.notes.has_colors());
            aside(text.trim_end_matches('\n'));
            continue;
        }
        canvases::note_warnings(file, named, config.backend.url.as_ref(), console);
    }
    if wrong {
        return Ok(None);
    }
    let mut names = BTreeMap::new();
    for file in &opened {
        let Some(canvas) = &file.canvas else { continue };
        if let Some(other) = names.insert(canvas.head.name.clone(), &file.path) {
            bail!(
                "`{}` and `{}` are both called `{}`: Canvases that run together need names of their own (`canvas:`)",
                other.display(),
                file.path.display(),
                canvas.head.name,
            )
        }
    }
    Ok(Some(opened))
}

/// A users file, and the numbers of the Canvases that its users enter when the run starts.
pub struct UsersFile {
    pub path: PathBuf,
    pub into: Vec<usize>,
}

/// One file for all Canvases if it was named, else the one beside each. Who enters by events
/// needn't be in one.
pub fn users_files(setting: &Setting, opened: &[Opened]) -> anyhow::Result<Vec<UsersFile>> {
    let enters = |file: &Opened| file.canvas.as_ref().is_none_or(at_start);
    if let Some(path) = setting.users.clone() {
        let numbered = opened.iter().enumerate().filter(|(_, file)| enters(file));
        return Ok(vec![UsersFile { path, into: numbered.map(|(number, _)| number).collect() }]);
    }
    let mut files = Vec::new();
    for (number, file) in opened.iter().enumerate() {
        if enters(file) {
            let path = users::needed_beside(&file.path)?;
            files.push(UsersFile { path, into: vec![number] });
        } else if let Some(path) = users::beside(&file.path, Sort::Users) {
            files.push(UsersFile { path, into: Vec::new() });
        }
    }
    Ok(files)
}

/// Whether users enter when the run starts, rather than by what they do.
fn at_start(canvas: &Canvas) -> bool {
    canvas.head.entry.event.is_none() || canvas.head.entry.api
}

/// The one that was named, else those beside the Canvases, as far as there are any.
fn events_files(setting: &Setting, opened: &[Opened]) -> Vec<PathBuf> {
    match &setting.events {
        Some(file) => vec![file.clone()],
        None => {
            opened.iter().filter_map(|opened| users::beside(&opened.path, Sort::Events)).collect()
        }
    }
}

fn note_without_events(opened: &[Opened], console: &Console) {
    for file in opened {
        let Some(canvas) = file.canvas.as_ref().filter(|canvas| !at_start(canvas)) else {
            continue;
        };
        let Some(trigger) = &canvas.head.entry.event else { continue };
        let (name, event) = (&canvas.head.name, crate::console::printable(&trigger.name));
        console.note(&format!(
            "nobody enters {name}: users do by the event `{event}`, and there are no events; write some to `{}`, or name a file with --events FILE",
            users::events_of(&file.path).display()
        ));
    }
}

fn add_happenings(
    mut happenings: Vec<Happening>,
    start: Millis,
    simulation: &mut Simulation,
    console: &Console,
) {
    let early = happenings.iter_mut().filter(|happening| happening.at < start);
    let early = early.map(|happening| happening.at = start).count();
    if early > 0 {
        let when = moment::long(start);
        console.note(&format!(
            "{early} of the events lie before the run starts; they happen at its start, {when}"
        ));
    }
    simulation.add_happenings(happenings);
}
