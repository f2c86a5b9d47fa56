//! One run of a scenario under the eyes of the oracle.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use flowrun_simulation::core::trace::{Line, What};
use flowrun_simulation::core::track::{Array, Object, Profile};
use flowrun_simulation::core::{CanvasIx, Context, LetterLimits, Millis};
use flowrun_simulation::faults::{Clock, Faulty, FaultyChannel, Keys, Machine};
use flowrun_simulation::log::Keep;
use flowrun_simulation::oracle::{Expectations, Inspector, Ledger, Mark, Marks, Patience};
use flowrun_simulation::profiles::{About, Memory};
use flowrun_simulation::{
    Arrival, Happening, NoAnswers, Options, Outside, Silent, Simulation, Watcher,
};
use serde_json::{Value as Json, json};

use crate::flows::Entry;
use crate::local_time::LocalTimes;
use crate::scenario::{DAY, Scenario, User};

/// What a run came to.
pub struct Ended {
    /// What is wrong, if anything, in words.
    pub wrong: Option<String>,
    pub marks: Marks,
    /// A digest of every line of the trace.
    pub trace: u64,
    pub lines: u64,
}

/// Runs a scenario to its end, whatever happens.
pub fn run(scenario: &Scenario, threads: usize) -> Ended {
    let ledger = Rc::new(RefCell::new(ledger(scenario)));
    let mut trace = Trace { hash: 0, lines: 0, times: LocalTimes::new(scenario), story: None };
    let ran = catch_unwind(AssertUnwindSafe(|| drive(scenario, threads, &ledger, &mut trace)));
    let wrong = match ran {
        Ok(wrong) => wrong,
        Err(panic) => Some(format!("panic: {}", words_of(&panic))),
    };
    let mut marks = match ledger.try_borrow() {
        Ok(ledger) => ledger.marks.clone(),
        Err(_) => Marks::default(),
    };
    (0..trace.times.gaps).for_each(|_| marks.hit(Mark::DstGap));
    (0..trace.times.overlaps).for_each(|_| marks.hit(Mark::DstOverlap));
    Ended { wrong, marks, trace: trace.hash, lines: trace.lines }
}

/// The lines of one user in a run, as told by `explain`.
pub fn story(scenario: &Scenario, user: &str) -> Vec<String> {
    let ledger = Rc::new(RefCell::new(ledger(scenario)));
    let story = Some((user.to_owned(), Vec::new()));
    let mut trace = Trace { hash: 0, lines: 0, times: LocalTimes::new(scenario), story };
    let _ = catch_unwind(AssertUnwindSafe(|| drive(scenario, 1, &ledger, &mut trace)));
    trace.story.map(|(_, lines)| lines).unwrap_or_default()
}

fn words_of(panic: &Box<dyn std::any::Any + Send>) -> String {
    let words = panic.downcast_ref::<String>().cloned();
    words
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

fn ledger(scenario: &Scenario) -> Ledger {
    let expectations = Expectations {
        once: scenario.plan.keys == Keys::Honoured,
        calm_machine: scenario.plan.spares_the_machine()
            && scenario.most_writes > 1_000
            && scenario.letters == LetterLimits::NONE,
        right_clock: scenario.plan.machine.clock == Clock::Right,
        patience: Patience { attempts: scenario.attempts, ..Patience::default() },
    };
    Ledger::new(expectations, scenario.canvases(), profiles(scenario))
}

fn profiles(scenario: &Scenario) -> Memory {
    let mut store = Memory::default();
    for user in &scenario.users {
        let mut profile = Profile::new(&user.id);
        let mut attributes = json!({ "first_name": "Ada", "n": 0 });
        if !user.zone.is_empty() {
            attributes["time_zone"] = user.zone.into();
        }
        let attributes = attributes.as_object().expect("an object");
        let object = Object::parse(Array::Attributes, attributes).expect("plain attributes");
        let _ = object.apply(&mut profile, scenario.start.0);
        store.put(profile);
    }
    store
}

/// What is left to happen after the end of the drawn time: the longest way there is.
const AFTERWARDS: i64 = 200 * DAY;

fn drive(
    scenario: &Scenario,
    threads: usize,
    ledger: &Rc<RefCell<Ledger>>,
    trace: &mut Trace,
) -> Option<String> {
    let Scenario { seed, start, end, plan, .. } = scenario;
    let faults_end = *start + plan.lasts.expect("a drawn plan says how long").0;
    let options = Options {
        seed: *seed,
        start: *start,
        shards: scenario.shards,
        keep: Keep::Records,
        threads,
        retry: scenario.retry(),
        most_writes: scenario.most_writes,
        letters: scenario.letters,
        ..Options::default()
    };
    let about = About { name: "faulty".into(), batches: scenario.batches, remembers_keys: true };
    let mut simulation = Simulation::new(options, profiles(scenario));
    let times = (*start, faults_end);
    simulation.write_to(Box::new(Faulty::new(*seed, plan, about, times, ledger.clone())));
    simulation.trouble(Box::new(Machine::new(*seed, plan, times, ledger.clone())));
    scenario.canvases().into_iter().for_each(|canvas| {
        simulation.add_canvas(canvas);
    });
    for user in &scenario.users {
        come(&mut simulation, scenario, user);
    }
    simulation.add_operations(scenario.operations.iter().cloned());
    let mut silent = Silent;
    let mut channel = FaultyChannel::new(*seed, plan, faults_end, ledger.clone(), &mut silent);
    let mut outside = Outside { channel: &mut channel, fetch: &mut NoAnswers };
    let mut inspector = Inspector::new(ledger.clone(), Some(trace));
    let mut go = |simulation: &mut Simulation, until: Option<Millis>| {
        simulation.run_until(until, &mut outside, &mut inspector);
        let ledger = ledger.borrow();
        ledger.violations().first().map(ToString::to_string)
    };
    if let Some((when, flow)) = scenario.replaced {
        if let Some(wrong) = go(&mut simulation, Some(when)) {
            return Some(wrong);
        }
        if simulation.totals().held > 0 {
            ledger.borrow_mut().marks.hit(Mark::FlowReplacedWhileHeld);
        }
        let canvas = scenario.replacement(flow);
        ledger.borrow_mut().add_canvas(canvas.clone());
        simulation.add_canvas(canvas);
    }
    if let Some(wrong) = go(&mut simulation, Some(*end)) {
        return Some(wrong);
    }
    // Faults are over. Somebody new comes, and everyone has to get through.
    let before = simulation.totals();
    for flow in 0..scenario.flows.len() {
        let user = User { id: format!("fresh{flow}"), zone: "", visits: vec![(*end, flow, 30)] };
        come(&mut simulation, scenario, &user);
    }
    if let Some(wrong) = go(&mut simulation, Some(*end + Millis(AFTERWARDS))) {
        return Some(wrong);
    }
    let after = simulation.totals();
    if after.crowded > 0 {
        let burdened = scenario.letters != LetterLimits::NONE;
        let mark = if burdened { Mark::Burdened } else { Mark::QueueFull };
        ledger.borrow_mut().marks.hit(mark);
    }
    if after.entered < before.entered + scenario.flows.len() as u64 {
        return Some(format!("I22: somebody new could not enter: {before:?}, {after:?}"));
    }
    if after.waiting + after.held + after.sending > 0 {
        return Some(format!("I22: with all faults gone some are still here: {after:?}"));
    }
    ledger.borrow_mut().finish();
    let wrong = ledger.borrow().violations().first().map(ToString::to_string);
    wrong.or_else(|| differences(&simulation, &ledger.borrow()))
}

/// Whose writes are all committed reads what the backend has.
fn differences(simulation: &Simulation, ledger: &Ledger) -> Option<String> {
    if simulation.totals().crashes == 0 && !ledger.expects_once() {
        return None;
    }
    let mut users: Vec<&str> = ledger.well_written().collect();
    users.sort_unstable();
    users.into_iter().find_map(|user| {
        let (here, there) = (simulation.profiles().get(user)?, ledger.truth.get(user)?);
        let values = |profile: &Profile| -> Vec<(String, String)> {
            profile.iter().map(|(name, value)| (name.to_owned(), format!("{value:?}"))).collect()
        };
        let (here, there) = (values(here), values(there));
        (ledger.expects_once() && here != there)
            .then(|| format!("I3: {user} reads {here:?}, and the backend has {there:?}"))
    })
}

fn come(simulation: &mut Simulation, scenario: &Scenario, user: &User) {
    for (at, flow, total) in &user.visits {
        let properties: Context =
            json!({ "total": total, "seen": 0 }).as_object().expect("an object").clone();
        let properties = Some(Arc::new(properties));
        if scenario.flows[*flow].entry != Entry::Event {
            let canvas = CanvasIx(*flow as u16);
            let (user, context) = (user.id.as_str().into(), properties);
            simulation.add_arrivals([Arrival { at: *at, canvas, user, context }]);
            continue;
        }
        let object = json!({ "name": "order", "time": "2026-01-01T00:00:00Z" });
        let Json::Object(object) = object else { unreachable!("it is one") };
        let object = Arc::new(Object::parse(Array::Events, &object).expect("a plain event"));
        let (user, name) = (user.id.as_str().into(), "order".into());
        simulation.add_happenings([Happening { at: *at, user, name, properties, object }]);
    }
}

/// Hashes the trace, and checks local times.
struct Trace {
    hash: u64,
    lines: u64,
    times: LocalTimes,
    story: Option<(String, Vec<String>)>,
}

impl Watcher for Trace {
    fn line(&mut self, line: &Line) {
        let text = serde_json::to_string(line).expect("a line is plain data");
        self.lines += 1;
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let What::Waiting { until: Some(until), for_what: "time" } = line.what {
            self.times.waits(line, until);
        }
        if let Some((user, lines)) = &mut self.story
            && line.user.as_deref() == Some(user)
        {
            lines.push(text);
        }
    }
}

/// By user: the zone that their delays go by.
pub fn zones(scenario: &Scenario) -> HashMap<String, &'static str> {
    scenario.users.iter().map(|user| (user.id.clone(), user.zone)).collect()
}
