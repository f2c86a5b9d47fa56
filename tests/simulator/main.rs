//! The simulator: seeds in, broken promises out.
//!
//! Every seed is a scenario of drawn flows, users and faults, run to its end under an oracle
//! that keeps its own books. After the faults everyone has to get through. The situations that
//! tests have to meet are counted; a run of many seeds that misses one fails.
//!
//!     cargo test -p flowrun-tests --test simulator                          the quick setting
//!     cargo test --release -p flowrun-tests --test simulator -- --seeds 2000 --users 200
//!     cargo test -p flowrun-tests --test simulator -- --seed 17             one seed, told

mod flows;
mod local_time;
mod run;
mod scenario;
mod shrink;
mod unruly;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use flowrun_simulation::oracle::{Mark, Marks};

use crate::run::{Ended, run, story};
use crate::scenario::{Scenario, Size};
use crate::shrink::shrink;

/// What is to be run.
#[derive(Clone, Debug)]
struct Settings {
    first: u64,
    seeds: u64,
    size: Size,
    threads: usize,
    /// Names of tests that are asked for; none: all.
    filters: Vec<String>,
}

/// From so many seeds on every situation has to have occurred.
const ENOUGH_FOR_ALL_MARKS: u64 = 1_000;

/// From so many seeds on every situation has to have occurred but for the rare ones: a run in
/// which nothing happened is no run.
const ENOUGH_FOR_MOST_MARKS: u64 = 60;

/// Situations that a few dozen seeds may miss.
const RARE: [Mark; 4] =
    [Mark::FlowReplacedWhileHeld, Mark::MessageReplayed, Mark::Burdened, Mark::QueueFull];

fn settings() -> Result<Settings, String> {
    let size = Size { users: 40, days: 30 };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut settings = Settings { first: 0, seeds: 60, size, threads, filters: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().ok_or(format!("{argument} wants a number"))?;
            text.parse::<u64>().map_err(|_| format!("{argument} wants a number, not `{text}`"))
        };
        match argument.as_str() {
            "--seed" => (settings.first, settings.seeds) = (number()?, 1),
            "--from" => settings.first = number()?,
            "--seeds" => settings.seeds = number()?,
            "--users" => settings.size.users = number()? as usize,
            "--days" => settings.size.days = number()? as i64,
            // What the test command says to every test program.
            "--test-threads" => drop(number()?),
            "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--exact" | "--include-ignored" => {
            }
            other if other.starts_with("--test-threads=") => {}
            other if !other.starts_with('-') => settings.filters.push(other.to_owned()),
            other => return Err(format!("no such argument: {other}")),
        }
    }
    Ok(settings)
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        println!("simulator: test");
        return ExitCode::SUCCESS;
    }
    let settings = match settings() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if !settings.filters.is_empty()
        && !settings.filters.iter().any(|name| "simulator".contains(&**name))
    {
        println!("test result: ok. 0 passed; 0 failed; 0 ignored");
        return ExitCode::SUCCESS;
    }
    // A broken promise may be a panic; it is told below, with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let began = Instant::now();
    let Swarm { marks, failures, lines, digest } = swarm(&settings);
    let took = began.elapsed().as_secs_f64();
    let Settings { seeds, size, .. } = settings;
    println!(
        "simulator: {seeds} seeds x {} users x {} days in {took:.1} s, {} failed",
        size.users,
        size.days,
        failures.len()
    );
    println!("  {lines} trace lines, digest {digest:016x}: the same on every machine and build");
    for (seed, wrong) in failures.iter().take(3) {
        tell(*seed, wrong, size);
    }
    let enough = |mark: &Mark| match RARE.contains(mark) {
        true => seeds >= ENOUGH_FOR_ALL_MARKS,
        false => seeds >= ENOUGH_FOR_MOST_MARKS,
    };
    let missed: Vec<Mark> = marks.missed().filter(enough).collect();
    for mark in Mark::ALL {
        println!("  {:>9}  {}", marks.count(*mark), mark.text());
    }
    if !missed.is_empty() {
        println!("these situations never occurred: {missed:?}");
    }
    let failed = u32::from(!failures.is_empty() || !missed.is_empty());
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored",
        if failed == 0 { "ok" } else { "FAILED" },
        1 - failed
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What many seeds came to.
#[derive(Default)]
struct Swarm {
    marks: Marks,
    failures: Vec<(u64, String)>,
    lines: u64,
    /// Of the traces of all seeds, in whatever order they were run.
    digest: u64,
}

fn swarm(settings: &Settings) -> Swarm {
    let next = AtomicU64::new(settings.first);
    let end = settings.first + settings.seeds;
    let results = Mutex::new(Swarm::default());
    std::thread::scope(|scope| {
        for _ in 0..settings.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let (ended, wrong) = one(seed, settings.size);
                    let mut results = results.lock().expect("nobody panics while holding it");
                    results.marks.add(&ended.marks);
                    results.lines += ended.lines;
                    results.digest ^= ended.trace.rotate_left((seed % 64) as u32);
                    results.failures.extend(wrong.map(|wrong| (seed, wrong)));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("all threads are done");
    results.failures.sort();
    results
}

/// One seed. Every sixteenth is run a second time, with more threads: the same has to come out.
fn one(seed: u64, size: Size) -> (Ended, Option<String>) {
    let scenario = Scenario::draw(seed, size);
    let ended = run(&scenario, 1);
    let mut wrong = ended.wrong.clone();
    if wrong.is_none() && seed.is_multiple_of(16) {
        let again = run(&scenario, 4);
        if again.trace != ended.trace {
            wrong = Some("I20: two runs of one seed have different traces".into());
        }
    }
    (ended, wrong)
}

/// What is wrong, with the smallest scenario that shows it and the command that repeats it.
fn tell(seed: u64, wrong: &str, size: Size) {
    println!("\nseed {seed}: {wrong}");
    let smallest = shrink(&Scenario::draw(seed, size), wrong);
    let wrong = run(&smallest, 1).wrong.unwrap_or_default();
    println!("  the smallest that was found has {} users: {wrong}", smallest.users.len());
    for user in smallest.users.iter().take(3) {
        println!("  {} in zone {:?} comes {:?}", user.id, user.zone, user.visits);
        for line in story(&smallest, &user.id).iter().rev().take(15).rev() {
            println!("    {line}");
        }
    }
    println!("  {:?}", smallest.plan);
    println!("  {:?}", smallest.operations);
    for flow in &smallest.flows {
        println!("{}", flow.yaml);
    }
    println!(
        "repeat it: cargo test -p flowrun-tests --test simulator -- --seed {seed} --users {} --days {}",
        size.users, size.days
    );
}
