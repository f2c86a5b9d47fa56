//! `flowrun simulate`: a population through a Canvas, months in seconds.
//!
//! Where `run` tells what happens to each of a few users, this counts what becomes of very
//! many: a funnel, times, messages, requests; with faults, if asked for, and with another
//! Canvas beside it. The same seed gives the same output and the same report, to the byte.

pub mod comparison;
mod declaration;
mod fewest;
mod flow;
mod json;
pub mod outcome;
mod profile;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;

use self::declaration::Declaration;
use self::flow::{Plot, Who};
use self::outcome::Outcome;
use crate::answers::Source;
use crate::console::Console;
use crate::core::Millis;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::moment;
use crate::plugins::Plugins;
use crate::report_page;

const EXAMPLES: &str = "\
Examples:
  flowrun simulate flows/onboarding.yaml --users 10k --for 90d
  flowrun simulate flows/onboarding.yaml --users 10k --for 90d --report onboarding.html
  flowrun simulate flows/onboarding.yaml --users customers.csv
  flowrun simulate flows/onboarding.yaml --users 10k --compare flows/onboarding2.yaml
  flowrun simulate flows/onboarding.yaml --users 200 --for 30d --faults storm --seed 7

Who comes, when, and how they react to messages stands in NAME.simulate.yaml beside the
Canvas, or in the file that --population names:

  users:                                 # attributes, and how they are drawn
    country: { FR: 60, US: 40 }          # options with weights; `null` leaves it out
    first_name: { from: [Ada, Ben] }     # options, equally often
    age: { normal: { mean: 38, sigma: 12, min: 18, digits: 0 } }
    spend: { lognormal: { mean: 80, sigma: 1.2 } }
    time_zone: { by: country, of: { FR: Europe/Paris }, else: America/New_York }
  enter: { over: 30d }                   # or at_start, or { per_day: 1000 }
  entry_properties: { product: { Maps: 60, Tides: 40 } }
  reactions:
    - to: welcome                        # a step that sends
      probability: 0.45
      after: { lognormal: { median: 3h, sigma: 1 } }     # or 2h, or 1h..2d
      set: { opened_welcome: true }      # on the profile; or event: { name, properties }
      then: [{ probability: 0.3, after: 1m..1h, set: { clicked_welcome: true } }]

A user follows from the seed and the user's number alone: more users, other threads or
another Canvas leave everybody what they were.

Exit codes: 0 done, 1 a Canvas is wrong, 2 the command is, or a promise was broken, 3 dead
letters remain, 130 Ctrl-C.";

/// Move a population through a Canvas and count what becomes of it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Simulate {
    /// The Canvas
    #[arg(value_name = "FLOW")]
    flow: PathBuf,

    /// How many users are drawn (`10k`, `1M`); or the file of those who enter
    #[arg(long, short, value_name = "N|FILE", default_value = "1000")]
    users: String,

    /// Stop after this long in virtual time: `90d`, `1d 12h` [default: when nothing more
    /// happens]
    #[arg(long = "for", value_name = "LENGTH")]
    length: Option<String>,

    /// Who comes, when, and how they react [default: NAME.simulate.yaml beside the Canvas]
    #[arg(long, value_name = "FILE")]
    population: Option<PathBuf>,

    /// What goes wrong: `calm` (nothing), `rough`, `storm`, or a profile in a file; then every
    /// promise is checked
    #[arg(long, value_name = "PROFILE|FILE", default_value = "calm")]
    faults: String,

    /// What chance is drawn from: the same seed gives the same output, to the byte
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// The virtual time at which it starts [default: 2026-01-05T09:00:00Z, a Monday]
    #[arg(long, value_name = "TIME")]
    start: Option<String>,

    /// Another Canvas for the same users and the same seed, to be compared with
    #[arg(long, value_name = "FLOW")]
    compare: Option<PathBuf>,

    /// Write a page with the picture, the funnel and charts; it needs nothing else
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Print everything as one JSON object
    #[arg(long)]
    json: bool,

    /// Threads that decide; the result is the same on any number
    #[arg(long, value_name = "N", hide = true)]
    threads: Option<usize>,

    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    plugins: Plugins,
}

impl Simulate {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let start = match &self.start {
            Some(text) => moment::parse(text).map_err(|error| anyhow!("--start: {error}"))?,
            None => moment::DEFAULT_START,
        };
        let until = self.until(start)?;
        let who = Who::parse(&self.users)?;
        let faults = profile::read(&self.faults)?;
        let paths: Vec<&Path> =
            std::iter::once(&self.flow).chain(&self.compare).map(PathBuf::as_path).collect();
        self.spare_inputs(&paths)?;
        let Some(canvases) = flow::open(&paths, &self.plugins, console)? else {
            return Ok(Exit::Wrong);
        };
        let declaration = match self.population.clone().or_else(|| beside(&self.flow)) {
            Some(path) => Declaration::read(&path, &canvases)?,
            None => {
                if let Who::Drawn(_) = who {
                    console.note(&format!(
                        "there is no `{}`: users have an id and nothing else, and react to nothing",
                        named_beside(&self.flow).display()
                    ));
                }
                Declaration::plain(&canvases)
            }
        };
        let threads =
            self.threads.unwrap_or(std::thread::available_parallelism().map_or(1, usize::from));
        let interrupt = Interrupt::listen();
        let mut outcomes = Vec::new();
        let (mut few, mut ended) = (None, None);
        for (path, canvas) in paths.iter().zip(canvases) {
            drop(ended.take());
            let answers = self.source.open(std::iter::once(*path))?;
            let plot = Plot {
                canvas,
                declaration: &declaration,
                who: &who,
                faults: faults.as_ref(),
                seed: self.seed,
                start,
                until,
                threads: threads.max(1),
            };
            let (outcome, run) = plot.carry_out(answers, console, &interrupt)?;
            outcomes.push(outcome);
            ended = Some(run);
            let broken = outcomes.last().is_some_and(|outcome| !outcome.violations.is_empty());
            if let (Who::Drawn(users), true, None) = (&who, broken, few) {
                console.note("a promise was broken; looking for the fewest users that show it");
                let mut shows = |users| {
                    let plot =
                        Plot { who: &Who::Drawn(users), canvas: plot.canvas.clone(), ..plot };
                    let answers = self.source.open(std::iter::once(*path))?;
                    let (outcome, _) = plot.carry_out(answers, console, &interrupt)?;
                    // Nothing more is found out after Ctrl-C.
                    anyhow::Ok(interrupt.asked() || !outcome.violations.is_empty())
                };
                few = Some(fewest::fewest(*users, &mut shows)?).filter(|_| !interrupt.asked());
            }
            if interrupt.asked() {
                break;
            }
        }
        let words = || std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
        let command = match few {
            Some(users) => repeating(fewest::with_users(words(), users).into_iter(), self.seed),
            None => repeating(words(), self.seed),
        };
        self.tell(&outcomes, &command, console)?;
        // The process is about to end: nobody takes a million users apart for that.
        std::mem::forget(ended);
        Ok(exit(&outcomes, &interrupt))
    }

    fn tell(
        &self,
        outcomes: &[Outcome],
        command: &str,
        console: &mut Console,
    ) -> anyhow::Result<()> {
        if let Some(path) = &self.report {
            let page = report_page::page(outcomes, command);
            let shown = path.display();
            std::fs::write(path, page)
                .with_context(|| format!("can't write the report to `{shown}`"))?;
        }
        let stopped = outcomes.iter().find(|outcome| outcome.interrupted);
        if let Some(outcome) = stopped {
            let now = moment::long(outcome.end);
            console.note(&format!(
                "stopped by Ctrl-C at {now} in virtual time; this is how far it got"
            ));
        }
        if self.json {
            let json = json::of(outcomes, command);
            console.line(&serde_json::to_string_pretty(&json)?)?;
        } else {
            console.print(&text::of(outcomes, console.palette))?;
        }
        let broken = outcomes.iter().flat_map(|outcome| &outcome.violations);
        let broken: Vec<String> = broken.map(|violation| format!("  {violation}")).collect();
        if !broken.is_empty() {
            console.note(&format!(
                "a promise was broken, which is a fault of flowrun itself; please report it with \
                 this command:\n  {command}\n{}",
                broken.join("\n")
            ));
        }
        Ok(())
    }

    fn until(&self, start: Millis) -> anyhow::Result<Option<Millis>> {
        let Some(text) = &self.length else { return Ok(None) };
        let length = moment::parse_length(text).map_err(|error| anyhow!("--for: {error:#}"))?;
        Ok(Some(start + length))
    }

    /// A report never takes the place of what it is made from.
    fn spare_inputs(&self, paths: &[&Path]) -> anyhow::Result<()> {
        let Some(report) = &self.report else { return Ok(()) };
        let users = PathBuf::from(&self.users);
        let faults = PathBuf::from(&self.faults);
        let beside = beside(&self.flow);
        let inputs = paths.iter().copied().chain([users.as_path(), faults.as_path()]);
        let inputs = inputs.chain(self.population.as_deref()).chain(beside.as_deref());
        for input in inputs {
            if let (Ok(input), Ok(report)) = (input.canonicalize(), report.canonicalize())
                && input == report
            {
                bail!("the report would overwrite `{}`: name another file", input.display())
            }
        }
        Ok(())
    }
}

/// Options that change what is shown, and not what happens.
const SHOWING: [&str; 3] = ["--report", "--threads", "--color"];

/// What repeats a run: the words of the command line, and the seed.
fn repeating(words: impl Iterator<Item = String>, seed: u64) -> String {
    let mut kept = vec!["flowrun".to_owned()];
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or_default();
        if SHOWING.contains(&name) {
            if name == word {
                words.next();
            }
        } else if word != "--json" {
            kept.push(quoted(&word));
        }
    }
    if !kept.iter().any(|word| word == "--seed" || word.starts_with("--seed=")) {
        kept.push(format!("--seed {seed}"));
    }
    kept.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn named_beside(flow: &Path) -> PathBuf {
    flow.with_extension("simulate.yaml")
}

fn beside(flow: &Path) -> Option<PathBuf> {
    Some(named_beside(flow)).filter(|path| path.is_file())
}

fn exit(outcomes: &[Outcome], interrupt: &Interrupt) -> Exit {
    if outcomes.iter().any(|outcome| !outcome.violations.is_empty()) {
        return Exit::Usage;
    }
    let left = outcomes.iter().any(|outcome| outcome.totals.dead_letters > 0);
    match (interrupt.asked(), left) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::DeadLetters,
        (false, false) => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted() {
        for (word, expected) in [
            ("flows/vip.yaml", "flows/vip.yaml"),
            ("1d 12h", "'1d 12h'"),
            ("it's; rm -rf", "'it'\\''s; rm -rf'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn what_repeats_a_run_leaves_out_what_only_shows_it() {
        for (given, expected) in [
            ("simulate a.yaml", "flowrun simulate a.yaml --seed 3"),
            ("simulate a.yaml --json --report x.html --seed 3", "flowrun simulate a.yaml --seed 3"),
            (
                "--color=never simulate --report=x a.yaml --seed=3",
                "flowrun simulate a.yaml --seed=3",
            ),
            ("simulate a.yaml --threads 2 --for 9d", "flowrun simulate a.yaml --for 9d --seed 3"),
        ] {
            let words = given.split_whitespace().map(str::to_owned);
            assert_eq!(repeating(words, 3), expected, "{given}");
        }
    }
}
