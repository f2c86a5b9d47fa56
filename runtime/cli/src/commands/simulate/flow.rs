//! One Canvas and its users, from opening the file to the last exit.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::bail;
use flowrun_canvas::render_text;

use super::declaration::Declaration;
use super::outcome::Outcome;
use crate::answers::Until;
use crate::canvases;
use crate::console::Console;
use crate::core::batcher::Request;
use crate::core::trace::Line;
use crate::core::{Canvas, CanvasIx, Millis, Record, ShardId};
use crate::interrupt::Interrupt;
use crate::plugins::Plugins;
use crate::profiles::Memory;
use crate::progress::Progress;
use crate::simulation::faults::{Clock, Faulty, FaultyChannel, Keys, Machine, Plan};
use crate::simulation::funnel::Funnel;
use crate::simulation::log::Keep;
use crate::simulation::oracle::{Expectations, Inspector, Ledger, Patience};
use crate::simulation::population::{Frame, People};
use crate::simulation::{Answers, Arrival, Options, Outside, Silent, Simulation, Totals, Watcher};
use crate::users::Roster;

/// So many users are moved by one shard.
const FEW: u64 = 10_000;

/// The most that are drawn: what fits into the memory of a machine.
const MOST_USERS: u64 = 100_000_000;

/// How long faults last in a run that has no end of its own.
const FAULTS_LAST: Millis = Millis(30 * 86_400_000);

/// After faults are over, everybody has this long to get through.
const LIVENESS: Millis = Millis(3 * 366 * 86_400_000);

/// From so many users on, the backend's queue may be full for a while.
const CROWD: usize = 20_000;

/// The users of a run.
pub enum Who {
    Drawn(u64),
    Listed(PathBuf),
}

impl Who {
    /// A number (`10k`, `1M`), or a file.
    pub fn parse(text: &str) -> anyhow::Result<Who> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) || Path::new(text).is_file() {
            return Ok(Who::Listed(PathBuf::from(text)));
        }
        let digits: String = text.chars().filter(|c| !['_', ','].contains(c)).collect();
        let (digits, times) = match digits.strip_suffix(['k', 'K']) {
            Some(digits) => (digits, 1_000),
            None => digits.strip_suffix('M').map_or((digits.as_str(), 1), |rest| (rest, 1_000_000)),
        };
        let count = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(times));
        match count {
            Some(count) if (1..=MOST_USERS).contains(&count) => Ok(Who::Drawn(count)),
            Some(_) => bail!("--users: from 1 to 100M users can be drawn, not {text}"),
            None => bail!("--users: `{text}` is neither a number (1000, 10k, 1M) nor a file"),
        }
    }
}

/// The Canvases, or `None` after all their faults were shown.
pub fn open(
    paths: &[&Path],
    plugins: &Plugins,
    console: &Console,
) -> anyhow::Result<Option<Vec<Arc<Canvas>>>> {
    let catalogue = plugins.catalogue(console)?;
    let mut canvases = Vec::new();
    let mut wrong = false;
    for path in paths {
        let mut opened = canvases::open(path, &catalogue)?;
        let Some(canvas) = opened.canvas.take() else {
            wrong = true;
            let colors = console.notes.has_colors();
            let text = render_text(&opened.diagnostics, &opened.sources, colors);
            write!(io::stderr(), "{text}")?;
            continue;
        };
        canvases::note_warnings(&opened, None, None, console);
        canvases.push(Arc::new(canvas));
    }
    Ok((!wrong).then_some(canvases))
}

/// All that decides how a run goes.
pub struct Plot<'a> {
    pub canvas: Arc<Canvas>,
    pub declaration: &'a Declaration,
    pub who: &'a Who,
    pub faults: Option<&'a Plan>,
    pub seed: u64,
    pub start: Millis,
    pub until: Option<Millis>,
    pub threads: usize,
}

impl Plot<'_> {
    /// What came of it, and the run as it ended.
    pub fn carry_out(
        &self,
        mut answers: Answers,
        console: &Console,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Outcome, Simulation)> {
        let people = self.people(console, interrupt)?;
        let entering = people.entering();
        let users = people.store.len() as u64;
        let trouble = self.faults.map(|plan| self.trouble(plan, &people.store));
        let mut simulation = self.simulation(people, trouble.as_ref());
        let limits = simulation.backend().batches.limits;
        let mut watch = Watch {
            funnel: Some(Funnel::new(self.start, limits, simulation.canvases())),
            inspector: trouble.as_ref().map(|one| Inspector::new(one.ledger.clone(), None)),
            interrupt,
            progress: Progress::new(),
            entering,
        };
        let mut silent = Silent;
        let mut reacting = self.declaration.reactions.behind(self.seed, &mut silent);
        let mut faulty;
        let channel: &mut dyn crate::simulation::Channel = match &trouble {
            None => &mut reacting,
            Some(trouble) => {
                reacting = reacting.once();
                let (end, ledger) = (trouble.end, trouble.ledger.clone());
                faulty = FaultyChannel::new(self.seed, trouble.plan, end, ledger, &mut reacting);
                &mut faulty
            }
        };
        let mut fetch = Until { answers: &mut answers, interrupt };
        let mut outside = Outside { channel, fetch: &mut fetch };
        simulation.run_until(self.until, &mut outside, &mut watch);
        let (end, totals) = (simulation.now(), simulation.totals());
        let tally = simulation.tally(CanvasIx(0));
        // What follows is checked and no longer counted.
        let funnel = watch.funnel.take().expect("the funnel has been there so far");
        let violations = match &trouble {
            Some(trouble) if !interrupt.asked() => {
                // Faults are over: everybody has to get through.
                let last = end.max(trouble.end) + LIVENESS;
                simulation.run_until(Some(last), &mut outside, &mut watch);
                if !interrupt.asked() {
                    trouble.ledger.borrow_mut().finish();
                }
                trouble.ledger.borrow().violations().to_vec()
            }
            Some(trouble) => trouble.ledger.borrow().violations().to_vec(),
            None => Vec::new(),
        };
        watch.progress.clear();
        let outcome = Outcome {
            funnel,
            tally,
            totals,
            seed: self.seed,
            start: self.start,
            end,
            users,
            interrupted: interrupt.asked(),
            troubled: trouble.is_some(),
            violations,
        };
        Ok((outcome, simulation))
    }

    fn people(&self, console: &Console, interrupt: &Interrupt) -> anyhow::Result<People> {
        let mut progress = Progress::new();
        let mut watch = |made: usize| {
            progress.reading(made);
            if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let people = match self.who {
            Who::Drawn(count) => {
                let frame = Frame {
                    seed: self.seed,
                    start: self.start,
                    until: self.until,
                    canvas: CanvasIx(0),
                    threads: self.threads,
                };
                let population = &self.declaration.population;
                population.people(*count, &frame, &mut |made| watch(made as usize))
            }
            Who::Listed(path) => {
                let mut roster = Roster::new(self.start);
                let entrants = roster.read(path, &mut watch)?;
                if let Some(warnings) = roster.warnings() {
                    console.note(&format!(
                        "profiles don't hold everything as it is written\n{warnings}"
                    ));
                }
                let arrivals = entrants.into_iter().map(|entrant| Arrival {
                    at: entrant.at.unwrap_or(self.start).max(self.start),
                    canvas: CanvasIx(0),
                    user: entrant.user,
                    context: entrant.entry_properties,
                });
                let arrivals = arrivals.collect();
                People { store: roster.profiles, arrivals, happenings: Vec::new() }
            }
        };
        progress.clear();
        Ok(people)
    }

    fn simulation(&self, people: People, trouble: Option<&Trouble<'_>>) -> Simulation {
        let shards = if people.store.len() as u64 > FEW { 8 } else { 1 };
        let dies = trouble.is_some_and(|trouble| !trouble.plan.spares_the_machine());
        let options = Options {
            seed: self.seed,
            start: self.start,
            shards,
            threads: self.threads,
            keep: if dies { Keep::Records } else { Keep::Nothing },
            ..Options::default()
        };
        let mut simulation = Simulation::new(options, people.store);
        simulation.add_canvas(self.canvas.clone());
        simulation.add_arrivals(people.arrivals);
        simulation.add_happenings(people.happenings);
        if let Some(Trouble { plan, end, ledger }) = trouble {
            let about = simulation.backend().clone();
            let when = (self.start, *end);
            let backend = Faulty::new(self.seed, plan, about, when, ledger.clone());
            simulation.write_to(Box::new(backend));
            if dies {
                let machine = Machine::new(self.seed, plan, when, ledger.clone());
                simulation.trouble(Box::new(machine));
            }
        }
        simulation
    }

    fn trouble<'p>(&self, plan: &'p Plan, store: &Memory) -> Trouble<'p> {
        let half = self.until.map(|until| Millis((until - self.start).0 / 2));
        let lasts = plan.lasts.map(|span| span.0).or(half).unwrap_or(FAULTS_LAST);
        let mut truth = Memory::default();
        store.iter().for_each(|profile| truth.put(profile.clone()));
        let expectations = Expectations {
            once: plan.keys == Keys::Honoured,
            // Where more users write than fit into the queue, timers may have to wait.
            calm_machine: plan.spares_the_machine() && store.len() < CROWD,
            right_clock: plan.machine.clock == Clock::Right,
            patience: Patience::default(),
        };
        let ledger = Ledger::new(expectations, [self.canvas.clone()], truth);
        Trouble { plan, end: self.start + lasts, ledger: Rc::new(RefCell::new(ledger)) }
    }
}

/// What goes wrong, until when, and the books that are kept of it.
struct Trouble<'p> {
    plan: &'p Plan,
    end: Millis,
    ledger: Rc<RefCell<Ledger>>,
}

struct Watch<'a> {
    funnel: Option<Funnel>,
    inspector: Option<Inspector<'static>>,
    interrupt: &'a Interrupt,
    progress: Progress,
    entering: u64,
}

impl Watcher for Watch<'_> {
    fn wants_lines(&self) -> bool {
        self.inspector.is_some()
    }

    fn line(&mut self, line: &Line) {
        if let Some(inspector) = &mut self.inspector {
            inspector.line(line);
        }
    }

    fn record(&mut self, shard: ShardId, record: &Record) {
        if let Some(funnel) = &mut self.funnel {
            funnel.record(shard, record);
        }
    }

    fn request(&mut self, now: Millis, request: &Request) {
        if let Some(funnel) = &mut self.funnel {
            funnel.request(now, request);
        }
    }

    fn progress(&mut self, now: Millis, totals: &Totals) {
        if let Some(inspector) = &mut self.inspector {
            inspector.progress(now, totals);
        }
        let ended = totals.completed + totals.exited + totals.failed + totals.turned_away;
        self.progress.running(ended, self.entering, now);
    }

    fn goes_on(&mut self) -> bool {
        let fine = self.inspector.as_mut().is_none_or(|inspector| inspector.goes_on());
        fine && !self.interrupt.asked()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_a_number_or_a_file() {
        for (text, expected) in [
            ("1000", Some(1000)),
            ("10k", Some(10_000)),
            ("1M", Some(1_000_000)),
            ("1_000,000", Some(1_000_000)),
            ("users.csv", None),
            ("-", None),
        ] {
            match (Who::parse(text).unwrap(), expected) {
                (Who::Drawn(count), Some(expected)) => assert_eq!(count, expected, "{text}"),
                (Who::Listed(path), None) => assert_eq!(path, Path::new(text)),
                _ => panic!("{text}"),
            }
        }
        for text in ["0", "101M", "1e9", "99999999999999999999999", "12 users"] {
            assert!(Who::parse(text).is_err(), "{text}");
        }
    }
}
