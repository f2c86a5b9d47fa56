//! `flowrun explain`: one user's way, and why.
//!
//! From a trace if one is named, or from a state folder ([`state`]); otherwise the Canvas is run for all its users, since
//! others share this user's requests, and only this user's way is kept.

mod state;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::Args;
use flowrun_canvas::render_text;

use crate::canvases;
use crate::config::BackendUrl;
use crate::console::{Console, Look, aside};
use crate::core::Canvas;
use crate::core::trace::Line;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::scene::{self, Prepared, Setting};
use crate::simulation::{Outside, Silent, Watcher};
use crate::timeline::Timeline;
use crate::trace::{self, TraceLine};

/// The most ids that are kept to find the one that was meant.
const REMEMBERED: usize = 100_000;

const EXAMPLES: &str = "\
Examples:
  flowrun explain flows/vip.yaml --user ada                    runs the Canvas and tells ada's way
  flowrun explain flows/vip.yaml --user ada --trace run.trace  from the trace of an earlier run
  flowrun explain flows/vip.yaml --user ada --state data       where ada is now, and what comes next

Connected Content is answered as `flowrun run` does it: see its --help for flowrun.toml.";

/// Tell one user's way through a Canvas, with the reason for each move
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Explain {
    /// The Canvas
    #[arg(value_name = "FLOW")]
    flow: PathBuf,

    /// Whose way: an `external_id`
    #[arg(long, value_name = "ID")]
    user: String,

    /// The trace of a run, instead of running the Canvas
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["users", "events", "start", "until", "length", "config"])]
    trace: Option<PathBuf>,

    #[command(flatten)]
    setting: Setting,

    /// From a state folder, while a server holds it or not: where the user is now
    #[arg(long, value_name = "DIR")]
    #[arg(conflicts_with_all = ["trace", "users", "events", "start", "until", "length", "config"])]
    state: Option<PathBuf>,

    /// Print the user's lines of the trace as a JSON array
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match (&self.trace, &self.state) {
            (Some(file), _) => self.tell_trace(file, console),
            (None, Some(state)) => self.tell_state(state, console),
            (None, None) => self.tell_run(console),
        }
    }

    /// The Canvas, unless its faults were shown.
    fn canvas(&self, console: &Console) -> anyhow::Result<Option<Canvas>> {
        let opened = canvases::open(&self.flow, &self.setting.plugins.catalogue(console)?)?;
        if opened.canvas.is_none() {
            let colors = console.notes.has_colors();
            aside(render_text(&opened.diagnostics, &opened.sources, colors).trim_end_matches('\n'));
        }
        Ok(opened.canvas)
    }

    fn tell_state(&self, folder: &Path, console: &mut Console) -> anyhow::Result<Exit> {
        match self.canvas(console)? {
            Some(canvas) => state::tell(self, &canvas, folder, console),
            None => Ok(Exit::Wrong),
        }
    }

    fn tell_trace(&self, file: &Path, console: &mut Console) -> anyhow::Result<Exit> {
        let Some(canvas) = self.canvas(console)? else { return Ok(Exit::Wrong) };
        let mut timeline = Timeline::default();
        let mut known = BTreeSet::new();
        let mut of_canvas = false;
        let unread = trace::read(file, |line| {
            if line.canvas.as_deref() != Some(&*canvas.head.name) {
                return;
            }
            of_canvas = true;
            match &line.user {
                Some(user) if *user == self.user => timeline.add(line),
                Some(user) if known.len() < REMEMBERED && !known.contains(user) => {
                    known.insert(user.clone());
                }
                _ => {}
            }
        })?;
        if unread > 0 {
            let shown = file.display();
            console.note(&format!(
                "{unread} lines of `{shown}` are no lines of a trace, and left out"
            ));
        }
        if !of_canvas {
            bail!("`{}` has no line about the Canvas `{}`", file.display(), canvas.head.name)
        }
        if timeline.is_empty() {
            let place = format!("in `{}`", file.display());
            return Err(self.unknown(&place, known.iter().map(String::as_str)));
        }
        self.print(&timeline, &canvas, console)
    }

    fn tell_run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let interrupt = Interrupt::listen();
        let mut progress = Progress::new();
        let flows = std::slice::from_ref(&self.flow);
        let setting = &self.setting;
        // Nothing is written elsewhere only to explain it.
        let backend = Some(&BackendUrl::Memory);
        let prepared = scene::prepare(flows, setting, backend, console, &interrupt, &mut progress)?;
        let mut scene = match prepared {
            Prepared::Ready(scene) => scene,
            Prepared::Not(exit) => return Ok(exit),
        };
        let profiles = scene.simulation.profiles();
        if profiles.get(&self.user).is_none() {
            let known = profiles.iter().filter_map(|profile| profile.external_id());
            return Err(self.unknown("among the users", known));
        }
        let mut kept = Kept { user: &self.user, timeline: Timeline::default(), interrupt };
        let mut outside = Outside { channel: &mut Silent, fetch: &mut scene.answers };
        scene.simulation.run(&mut outside, &mut kept);
        if kept.interrupt.asked() {
            return Ok(Exit::Interrupted);
        }
        let canvas = &scene.canvases[0];
        if kept.timeline.is_empty() {
            let (user, name) = (&self.user, &canvas.head.name);
            console.line(&format!(
                "{user} is among the users, but did not enter {name}: the audience or the time of entering kept them out"
            ))?;
            return Ok(Exit::Done);
        }
        self.print(&kept.timeline, canvas, console)
    }

    fn print(
        &self,
        timeline: &Timeline,
        canvas: &Canvas,
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        if self.json {
            console.line(&serde_json::to_string_pretty(timeline.lines())?)?;
            return Ok(Exit::Done);
        }
        let user = console.palette.paint(Look::Bold, &crate::console::printable(&self.user));
        console.line(&format!("{user} in {}; times are UTC\n", canvas.head.name))?;
        console.print(&timeline.told(canvas, console.palette))?;
        Ok(Exit::Done)
    }

    fn unknown<'a>(&self, place: &str, known: impl Iterator<Item = &'a str>) -> anyhow::Error {
        let allowed = (self.user.chars().count() / 3).max(1);
        let near = known
            .take(REMEMBERED)
            .map(|name| (strsim::damerau_levenshtein(&self.user, name), name))
            .min()
            .filter(|(far, _)| *far <= allowed);
        let hint = near.map_or_else(String::new, |(_, name)| format!(": did you mean `{name}`?"));
        anyhow!("there is no user `{}` {place}{hint}", self.user)
    }
}

/// Keeps the lines of one user.
struct Kept<'a> {
    user: &'a str,
    timeline: Timeline,
    interrupt: Interrupt,
}

impl Watcher for Kept<'_> {
    fn line(&mut self, line: &Line) {
        if line.user.as_deref() == Some(self.user) {
            self.timeline.add(TraceLine::of(line));
        }
    }

    fn goes_on(&mut self) -> bool {
        !self.interrupt.asked()
    }
}
