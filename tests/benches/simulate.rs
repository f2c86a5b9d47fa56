//! How fast a population moves: the onboarding Canvas of the samples for 90 days, users drawn,
//! entering over 30 days, and reacting to what they get.
//!
//! `cargo bench -p flowrun-tests --bench simulate` prints medians per number of users. The
//! figures to trust are the ratios: time per user against the smallest run (is it flat?),
//! against copying the same number of profiles once (what the machine can do), and of the
//! watched run against one that nobody watches (what the funnel costs).
//!
//! `… --bench simulate -- USERS` makes one run of each kind, for a profiler.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use flowrun_canvas::{Files, Source, load, render_text};
use flowrun_simulation::core::batcher::Request;
use flowrun_simulation::core::trace::Line;
use flowrun_simulation::core::track::Profile;
use flowrun_simulation::core::{Canvas, CanvasIx, Millis, Record, ShardId};
use flowrun_simulation::funnel::Funnel;
use flowrun_simulation::population::{
    After, Attribute, Draw, Draws, Enter, Frame, People, Population, Weighted,
};
use flowrun_simulation::{
    NoAnswers, Options, Outside, Reaction, Reactions, Silent, Simulation, Watcher,
};

const START: Millis = Millis(1_767_603_600_000);
const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
/// Fixed: the order of events depends on it.
const SHARDS: u16 = 8;

/// The folder of the samples.
struct Samples;

impl Files for Samples {
    fn read(&self, relative: &str) -> Result<String, String> {
        fs::read_to_string(folder().join(relative)).map_err(|error| error.to_string())
    }
    fn block(&self, name: &str) -> Option<String> {
        self.read(&format!("content_blocks/{name}.liquid")).ok()
    }
    fn block_names(&self) -> Vec<String> {
        vec!["help".to_owned()]
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../flows"))
}

fn canvas() -> Arc<Canvas> {
    let text = fs::read_to_string(folder().join("onboarding.yaml")).expect("a sample");
    let source = Source { path: "onboarding.yaml".into(), text };
    let loaded = load(source, &flowrun_steps::catalogue(), &Samples);
    let report = render_text(&loaded.diagnostics, &loaded.sources, false);
    Arc::new(loaded.canvas.unwrap_or_else(|| panic!("{report}")))
}

fn options(options: &[(&str, f64)]) -> Draw {
    let mut weighted = Weighted::default();
    for (option, weight) in options {
        weighted.add(Some((*option).into()), *weight);
    }
    Draw::OneOf(weighted)
}

fn population() -> Population {
    let zones =
        [("Europe/Paris", 2.0), ("America/New_York", 3.0), ("Asia/Tokyo", 1.0), ("UTC", 1.0)];
    let attributes = [
        ("first_name", options(&[("Amy", 1.0), ("Ben", 1.0), ("Cléo", 1.0), ("Dirk", 1.0)])),
        ("country", options(&[("US", 40.0), ("GB", 20.0), ("FR", 20.0), ("DE", 20.0)])),
        ("time_zone", options(&zones)),
        ("language", options(&[("en", 60.0), ("fr", 20.0), ("de", 20.0)])),
        ("plan", options(&[("trial", 70.0), ("team", 25.0), ("business", 5.0)])),
        ("push_subscribe", options(&[("opted_in", 35.0), ("unsubscribed", 65.0)])),
    ];
    let attributes = attributes.map(|(name, draw)| Attribute::new(name, draw).expect("good"));
    Population {
        attributes: attributes.into(),
        enter: Enter::Over(Millis(30 * DAY)),
        ..Population::default()
    }
}

fn reactions() -> Reactions {
    let set = |name: &str| Draws(vec![(name.into(), Draw::Fixed(true.into()))]);
    let after = After::between(Millis(HOUR / 4), Millis(36 * HOUR));
    let click = Reaction::new(0.32, after, set("clicked_welcome"), None, Vec::new());
    let open = Reaction::new(0.46, after, set("opened_welcome"), None, vec![click.expect("good")]);
    let mut reactions = Reactions::default();
    reactions.add("welcome", open.expect("good"));
    reactions
}

struct Watched(Funnel);

impl Watcher for Watched {
    fn wants_lines(&self) -> bool {
        false
    }
    fn line(&mut self, _: &Line) {}
    fn record(&mut self, shard: ShardId, record: &Record) {
        self.0.record(shard, record);
    }
    fn request(&mut self, now: Millis, request: &Request) {
        self.0.request(now, request);
    }
}

struct Unwatched;

impl Watcher for Unwatched {
    fn wants_lines(&self) -> bool {
        false
    }
    fn line(&mut self, _: &Line) {}
}

fn people(population: &Population, users: u64) -> People {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let until = Some(START + Millis(90 * DAY));
    let frame = Frame { seed: 1, start: START, until, canvas: CanvasIx(0), threads };
    population.people(users, &frame, &mut |_| ControlFlow::Continue(()))
}

/// From making the users to the last exit: making them, moving them.
fn run(
    canvas: &Arc<Canvas>,
    population: &Population,
    reactions: &Reactions,
    users: u64,
    watcher: &mut dyn Watcher,
) -> (Duration, Duration) {
    let began = Instant::now();
    let People { store, arrivals, .. } = people(population, users);
    let made = began.elapsed();
    let options = Options { start: START, shards: SHARDS, ..Options::default() };
    let mut simulation = Simulation::new(options, store);
    simulation.add_canvas(canvas.clone());
    simulation.add_arrivals(arrivals);
    let mut silent = Silent;
    let mut channel = reactions.behind(1, &mut silent);
    let mut outside = Outside { channel: &mut channel, fetch: &mut NoAnswers };
    let began = Instant::now();
    simulation.run_until(Some(START + Millis(90 * DAY)), &mut outside, watcher);
    let moved = began.elapsed();
    assert_eq!(simulation.totals().completed, users, "everybody arrives");
    (made, moved)
}

/// What the machine can do at best: every profile copied once.
fn copying(population: &Population, users: u64) -> Duration {
    let people = people(population, users);
    let profiles: Vec<&Profile> = people.store.iter().collect();
    let began = Instant::now();
    let copies: Vec<Profile> = profiles.into_iter().cloned().collect();
    let took = began.elapsed();
    assert_eq!(std::hint::black_box(copies).len() as u64, users);
    took
}

fn watched(canvas: &Arc<Canvas>) -> Watched {
    let limits = flowrun_simulation::core::batcher::Limits::USER_TRACK;
    Watched(Funnel::new(START, limits, std::slice::from_ref(canvas)))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// The largest resident size of this process so far, where the system tells.
fn peak_mib() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? / 1024)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let (canvas, population, reactions) = (canvas(), population(), reactions());
    if let Some(users) = args.first().and_then(|users| users.parse::<u64>().ok()) {
        let watched = run(&canvas, &population, &reactions, users, &mut watched(&canvas));
        println!("watched {watched:?}");
        let unwatched = run(&canvas, &population, &reactions, users, &mut Unwatched);
        println!("unwatched {unwatched:?}");
        return;
    }
    println!("onboarding, 14 steps, 90 days of virtual time, memory backend; medians");
    println!(
        "{:>9} {:>10} {:>10} {:>10} {:>13} {:>10} {:>10}",
        "users", "made in", "moved in", "per user", "against 10 k", "x copying", "x unwatched"
    );
    let mut smallest = None;
    for (users, runs) in [(10_000, 5), (100_000, 3), (1_000_000, 1)] {
        let (mut made, mut moved, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            let watched = run(&canvas, &population, &reactions, users, &mut watched(&canvas));
            made.push(watched.0);
            moved.push(watched.1);
            bare.push(run(&canvas, &population, &reactions, users, &mut Unwatched).1);
        }
        let copy = copying(&population, users).as_secs_f64();
        let (made, moved, bare) = (median(made), median(moved), median(bare));
        let each = (made + moved) / users as f64;
        let base = *smallest.get_or_insert(each);
        println!(
            "{users:>9} {made:>8.2} s {moved:>8.2} s {:>7.1} µs {:>12.2}x {:>9.1}x {:>10.2}x",
            each * 1e6,
            each / base,
            (made + moved) / copy,
            moved / bare,
        );
    }
    if let Some(peak) = peak_mib() {
        println!("peak memory {peak} MiB");
    }
}
