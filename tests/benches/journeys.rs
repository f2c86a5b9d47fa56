//! How fast users move: the six-step VIP Canvas in virtual time, memory backend, no trace.
//!
//! `cargo bench -p flowrun-tests --bench journeys` prints medians over several runs, per
//! number of users, once with a constant User Update and once with a Liquid one. The
//! figures to trust are the ratios: time per user against the smallest run (is it flat?),
//! and against copying the same number of profiles once (what the machine can do).
//!
//! `… --bench journeys -- USERS [constant|liquid]` makes five runs, for a profiler.

use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use flowrun_canvas::{NoFiles, Source, load, render_text};
use flowrun_simulation::core::trace::Line;
use flowrun_simulation::core::track::{Array, Object, Profile};
use flowrun_simulation::core::{Canvas, CanvasIx, Millis};
use flowrun_simulation::profiles::Memory;
use flowrun_simulation::{Arrival, NoAnswers, Options, Outside, Silent, Simulation, Watcher};

const HEAD: &str = r#"
canvas: vip
time_zone: Europe/Paris
steps:
  - id: thanks
    message: { channel: email, subject: "Thank you", body: "Hello {{${first_name} | default: 'friend'}}" }
  - id: cool_off
    delay: { for: 2d }
"#;

const CONSTANT: &str = r#"
  - id: mark_vip
    user_update:
      json: '{"attributes": [{"vip_member": true, "orders": {"inc": 1}}]}'
"#;

const LIQUID: &str = r#"
  - id: mark_vip
    user_update:
      json: |
        {"attributes": [{"vip_member": true, "orders": {"inc": 1}, "greeting": {{ ${first_name} | default: 'friend' | as_json_string }}}],
         "events": [{"name": "became_vip", "time": "{{ 'now' | date: '%Y-%m-%dT%H:%M:%SZ' }}"}]}
"#;

const TAIL: &str = r#"
  - id: tier
    decision_split: { if: "{{custom_attribute.${vip_member}}} == true and {{${country}}} == 'FR'", then: gold_fr, else: gold }
  - id: gold_fr
    message: { channel: email, body: "Bienvenue" }
    next: done
  - id: gold
    message: { channel: push, body: "You are VIP now." }
  - id: done
    exit: completed
"#;

/// Fixed: the order of events depends on it.
const SHARDS: u16 = 4;

struct Quiet;

impl Watcher for Quiet {
    fn wants_lines(&self) -> bool {
        false
    }
    fn line(&mut self, _: &Line) {}
}

fn canvas(update: &str) -> Arc<Canvas> {
    let text = format!("{HEAD}{update}{TAIL}");
    let source = Source { path: "bench.yaml".into(), text };
    let loaded = load(source, &flowrun_steps::catalogue(), &NoFiles);
    let report = render_text(&loaded.diagnostics, &loaded.sources, false);
    Arc::new(loaded.canvas.unwrap_or_else(|| panic!("{report}")))
}

fn profile(user: usize) -> Profile {
    let json = serde_json::json!({
        "first_name": format!("Name{}", user % 1000),
        "country": (["FR", "US", "DE", "JP"][user % 4]),
        "time_zone": "Europe/Paris",
        "orders": (user % 7),
    });
    let object = Object::parse(Array::Attributes, json.as_object().expect("an object"));
    let mut profile = Profile::new(&format!("user-{user:08}"));
    let _ = object.expect("a good object").apply(&mut profile, 0);
    profile
}

/// One run; the time from the first arrival to the last exit.
fn run(canvas: &Arc<Canvas>, profiles: &[Profile], shards: u16) -> Duration {
    let mut store = Memory::default();
    store.reserve(profiles.len());
    profiles.iter().for_each(|profile| store.put(profile.clone()));
    let mut simulation = Simulation::new(Options { shards, ..Options::default() }, store);
    let ix = simulation.add_canvas(canvas.clone());
    simulation.add_arrivals(profiles.iter().map(|profile| Arrival {
        at: Millis(0),
        canvas: ix,
        user: profile.external_id().expect("all have one").into(),
        context: None,
    }));
    let start = Instant::now();
    let mut outside = Outside { channel: &mut Silent, fetch: &mut NoAnswers };
    simulation.run(&mut outside, &mut Quiet);
    let took = start.elapsed();
    let totals = simulation.totals();
    assert_eq!(totals.completed, profiles.len() as u64, "everybody arrives: {totals:?}");
    assert_eq!(simulation.tally(CanvasIx(0)).messages, 2 * profiles.len() as u64);
    took
}

/// What the machine can do at best: every profile copied once.
fn copying(profiles: &[Profile]) -> Duration {
    let start = Instant::now();
    let copies: Vec<Profile> = profiles.to_vec();
    let took = start.elapsed();
    assert_eq!(std::hint::black_box(copies).len(), profiles.len());
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The largest resident size of this process so far, where the system tells.
fn peak_mib() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? / 1024)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let Some(users) = args.first().and_then(|users| users.parse::<usize>().ok()) {
        let update =
            if args.get(1).is_some_and(|kind| kind == "liquid") { LIQUID } else { CONSTANT };
        let profiles: Vec<Profile> = (0..users).map(profile).collect();
        let canvas = canvas(update);
        for _ in 0..5 {
            println!("{:?}", run(&canvas, &profiles, SHARDS));
        }
        return;
    }
    println!("six steps, virtual time, memory backend, no trace; medians");
    println!(
        "{:>9} {:>9} {:>9} {:>10} {:>14} {:>12}",
        "users", "update", "time", "per user", "against 10 k", "x copying"
    );
    for (name, update) in [("constant", CONSTANT), ("liquid", LIQUID)] {
        let canvas = canvas(update);
        let mut smallest = None;
        for (users, runs) in [(10_000, 9), (100_000, 5), (1_000_000, 3)] {
            let profiles: Vec<Profile> = (0..users).map(profile).collect();
            let took = median((0..runs).map(|_| run(&canvas, &profiles, SHARDS)).collect());
            let copy = median((0..runs).map(|_| copying(&profiles)).collect());
            let each = took.as_secs_f64() / users as f64;
            let base = *smallest.get_or_insert(each);
            println!(
                "{users:>9} {name:>9} {:>7.2} s {:>7.0} ns {:>13.2}x {:>11.1}x",
                took.as_secs_f64(),
                each * 1e9,
                each / base,
                took.as_secs_f64() / copy.as_secs_f64()
            );
        }
    }
    if let Some(peak) = peak_mib() {
        println!(
            "peak resident memory: {peak} MiB (with the profiles twice: the store's and the bench's)"
        );
    }
}
