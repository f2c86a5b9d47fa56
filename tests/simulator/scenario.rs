//! A scenario: everything that a run needs, drawn from a seed. Nothing is fixed: flows, users,
//! limits, linger, shards, faults.

use std::sync::Arc;

use flowrun_canvas::{NoFiles, Source, load, render_text};
use flowrun_simulation::core::batcher::{BatcherSettings, Limits};
use flowrun_simulation::core::{Canvas, LetterLimits, Millis, RetryPolicy};
use flowrun_simulation::faults::{Clock, Dice, Keys, Plan, Span};
use flowrun_simulation::{Operation, Order};

use crate::flows::{self, Entry, Flow};

pub const DAY: i64 = 86_400_000;

/// How large scenarios are.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub users: usize,
    pub days: i64,
}

/// A user, and what they will do.
#[derive(Clone, Debug)]
pub struct User {
    pub id: String,
    pub zone: &'static str,
    /// When they come, to which flow, and with which total for flows that wait for an order.
    pub visits: Vec<(Millis, usize, i64)>,
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub start: Millis,
    pub end: Millis,
    pub flows: Vec<Flow>,
    pub users: Vec<User>,
    pub plan: Plan,
    pub batches: BatcherSettings,
    /// Failures after which a write is given up.
    pub attempts: u32,
    pub shards: u16,
    pub most_writes: usize,
    /// A flow that is replaced by a new version, and when.
    pub replaced: Option<(Millis, usize)>,
    /// What operators do, in order.
    pub operations: Vec<Operation>,
    /// So many dead letters, and nobody enters.
    pub letters: LetterLimits,
}

impl Scenario {
    pub fn draw(seed: u64, size: Size) -> Scenario {
        let mut dice = Dice::new(seed, &[20]);
        // Any day of the year, and often one before clocks change.
        let year = 1_767_225_600_000;
        let day = match dice.below(3) {
            0 => 60 + dice.between(0, 27),
            1 => 285 + dice.between(0, 27),
            _ => dice.between(0, 365),
        };
        let start = Millis(year + day * DAY + dice.between(0, DAY));
        let end = start + Millis(size.days * DAY);
        let flows: Vec<Flow> =
            (0..1 + dice.below(3) as usize).map(|number| flows::draw(seed, number)).collect();
        let users = (0..size.users).map(|number| user(seed, number, start, end, &flows)).collect();
        let limits = match dice.below(4) {
            0 => Limits { combined: Some(75), ..Limits::USER_TRACK },
            1 => Limits { attributes: 3, events: 2, purchases: 2, combined: None },
            _ => Limits::USER_TRACK,
        };
        let batches = BatcherSettings {
            limits,
            linger: Millis(dice.between(0, 5_000)),
            in_flight: 1 + dice.below(8) as usize,
            per_minute: *dice.pick(&[None, Some(60), Some(50_000)]),
        };
        let attempts = *dice.pick(&[4, 13]);
        let most_writes = *dice.pick(&[20, 100, 32_768]);
        // Often while the first are still held.
        let longest = if dice.percent(50.0) { 3_000 } else { (end - start).0 };
        let middle = start + Millis(dice.between(0, longest));
        let replaced =
            dice.percent(30.0).then(|| (middle, dice.below(flows.len() as u64) as usize));
        let shards = *dice.pick(&[1, 2, 5]);
        let plan = plan(&mut dice, size.days);
        let few = LetterLimits { count: 1 + dice.below(6) as usize, bytes: 1 << 20 };
        let letters = if dice.percent(15.0) { few } else { LetterLimits::NONE };
        let mut operations = operations(&mut dice, (start, end), &flows, size.users);
        if letters != LetterLimits::NONE {
            // Somebody is awake to deal with them, to the end and beyond.
            let days = (0..size.days + 250).map(|day| start + Millis(day * DAY + 1));
            operations.extend(days.map(|at| Operation { at, order: Order::DiscardAll }));
        }
        Scenario {
            seed,
            start,
            end,
            flows,
            users,
            plan,
            batches,
            attempts,
            shards,
            most_writes,
            replaced,
            operations,
            letters,
        }
    }

    pub fn retry(&self) -> RetryPolicy {
        RetryPolicy { attempts: self.attempts, ..RetryPolicy::default() }
    }

    /// The Canvases, compiled.
    ///
    /// # Panics
    /// With the loader's report, if a drawn one is wrong: then the drawing is.
    pub fn canvases(&self) -> Vec<Arc<Canvas>> {
        self.flows.iter().map(|flow| compile(&flow.name, &flow.yaml)).collect()
    }

    /// The next version of a flow: with another step before its end.
    pub fn replacement(&self, flow: usize) -> Arc<Canvas> {
        let Flow { name, yaml, .. } = &self.flows[flow];
        let more = "  - id: done\n    message: { channel: push, body: Bye }\n  - id: gone\n    exit: completed\n";
        compile(name, &yaml.replacen("  - id: done\n    exit: completed\n", more, 1))
    }
}

fn compile(name: &str, yaml: &str) -> Arc<Canvas> {
    thread_local! {
        static CATALOGUE: flowrun_simulation::core::sdk::Catalogue = crate::unruly::catalogue();
    }
    let source = Source { path: format!("{name}.yaml"), text: yaml.into() };
    let loaded = CATALOGUE.with(|catalogue| load(source, catalogue, &NoFiles));
    let report = || render_text(&loaded.diagnostics, &loaded.sources, false);
    Arc::new(loaded.canvas.unwrap_or_else(|| panic!("{}", report())))
}

fn user(seed: u64, number: usize, start: Millis, end: Millis, flows: &[Flow]) -> User {
    let mut dice = Dice::new(seed, &[30, number as u64]);
    let zones = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", ""];
    let zone = *dice.pick(&zones);
    let mut visits = Vec::new();
    for (ix, flow) in flows.iter().enumerate() {
        let times = 1 + if dice.percent(20.0) { dice.below(3) } else { 0 };
        for _ in 0..times {
            // Often all at once: full requests, and several flows holding one user.
            let at = match flow.entry {
                Entry::Start if dice.percent(70.0) => start,
                _ => start + Millis(dice.between(0, (end - start).0 / 2)),
            };
            visits.push((at, ix, dice.between(5, 30)));
        }
    }
    User { id: format!("u{number}"), zone, visits }
}

/// What operators do: some seeds have none, some have all of it. Every pause ends.
fn operations(
    dice: &mut Dice,
    (start, end): (Millis, Millis),
    flows: &[Flow],
    users: usize,
) -> Vec<Operation> {
    let mut operations = Vec::new();
    // Often while the first are still held.
    let moment = |dice: &mut Dice| {
        let longest = if dice.percent(50.0) { 3_000 } else { (end - start).0 - DAY };
        start + Millis(dice.between(0, longest))
    };
    if dice.percent(50.0) {
        for _ in 0..1 + dice.below(6) {
            let user = format!("u{}", dice.below(users as u64)).into();
            operations.push(Operation { at: moment(dice), order: Order::Delete { user } });
        }
    }
    if dice.percent(40.0) {
        for _ in 0..1 + dice.below(3) {
            let at = moment(dice);
            let canvas: Box<str> = dice.pick(flows).name.as_str().into();
            let lasts = *dice.pick(&[500, 60_000, 5 * 3_600_000, DAY]);
            let order = Order::Pause { canvas: canvas.clone() };
            operations.push(Operation { at, order });
            let (at, order) = (at + Millis(dice.between(0, lasts)), Order::Resume { canvas });
            operations.push(Operation { at, order });
        }
    }
    if dice.percent(60.0) {
        for _ in 0..1 + dice.below(4) {
            operations.push(Operation { at: moment(dice), order: Order::ReplayAll });
        }
        operations.push(Operation { at: end - Millis(1), order: Order::ReplayAll });
    }
    if dice.percent(20.0) {
        operations.push(Operation { at: moment(dice), order: Order::DiscardAll });
    }
    operations.sort_by_key(|operation| operation.at);
    operations
}

/// Any weather: each kind of fault is there or not, and as strong as it likes.
fn plan(dice: &mut Dice, days: i64) -> Plan {
    let mut plan = match dice.below(5) {
        0 => Plan::calm(),
        1 => Plan::rough(),
        2 => Plan::storm(),
        _ => {
            let mut plan = Plan::storm();
            let weather = &mut plan.backend;
            for share in [
                &mut weather.slow,
                &mut weather.timeout,
                &mut weather.timeout_with_effect,
                &mut weather.garbled,
                &mut weather.rate_limited,
                &mut weather.server_error,
                &mut weather.partial,
                &mut weather.queued,
                &mut weather.unauthorized,
                &mut weather.duplicate_reply,
                &mut weather.late_reply,
                &mut weather.refused_objects,
            ] {
                *share = if dice.percent(50.0) {
                    0.0
                } else {
                    *share * dice.between(0, 300) as f64 / 100.0
                };
            }
            if dice.percent(50.0) {
                plan.machine.crashes = 0.0;
            }
            if dice.percent(50.0) {
                plan.machine.clock = Clock::Right;
            }
            plan
        }
    };
    plan.keys = match dice.below(4) {
        0 => Keys::Ignored,
        1 => Keys::Forgotten(Span(Millis(dice.between(0, 600_000)))),
        _ => Keys::Honoured,
    };
    plan.lasts = Some(Span(Millis(days * DAY * 2 / 3)));
    plan
}
