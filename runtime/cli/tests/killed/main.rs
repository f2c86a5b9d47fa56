//! `flowrun serve --state` under SIGKILL: a real process with real traffic is killed at drawn
//! moments, started again on the same folder, and goes on; then everybody has to get through.
//!
//! Outside it books are kept that no kill touches: every input that was acknowledged, every
//! write that the endpoint was given, every message that came out. In the end they are held
//! against what the server has: nothing acknowledged is lost, each write is in effect once
//! where keys are remembered, nobody has got past a User Update without its write, and what
//! an endpoint without such a memory got twice is counted.
//!
//!     cargo test -p flowrun --test killed                                50 cycles
//!     cargo test --release -p flowrun --test killed -- --cycles 1000 --seed 7

mod books;
mod check;
mod client;
mod endpoint;
mod server;
mod setup;
mod traffic;

use std::process::ExitCode;
use std::time::Instant;

use crate::setup::{Ended, Kind, Setup};

/// What is to be run.
struct Settings {
    cycles: u32,
    seed: u64,
    /// Names of tests that are asked for; none: all.
    filters: Vec<String>,
}

fn settings() -> Result<Settings, String> {
    let mut settings = Settings { cycles: 50, seed: 1, filters: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().ok_or(format!("{argument} wants a number"))?;
            text.parse::<u64>().map_err(|_| format!("{argument} wants a number, not `{text}`"))
        };
        match argument.as_str() {
            "--seed" => settings.seed = number()?,
            "--cycles" => settings.cycles = number()? as u32,
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
        println!("killed: test");
        return ExitCode::SUCCESS;
    }
    let Settings { cycles, seed, filters } = match settings() {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if !filters.is_empty() && !filters.iter().any(|name| "killed".contains(&**name)) {
        println!("test result: ok. 0 passed; 0 failed; 0 ignored");
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let ended: Vec<Ended> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..)
            .zip(Kind::ALL)
            .map(|(at, kind)| {
                let share = (cycles + 3 - at) / 4;
                scope.spawn(move || Setup::new(kind, seed + u64::from(at)).run(share))
            })
            .collect();
        let ended = running.into_iter().zip(Kind::ALL);
        ended.map(|(one, kind)| one.join().unwrap_or_else(|_| Ended::broken(kind))).collect()
    });
    println!("killed: {cycles} cycles, seed {seed}, {:.0} s", began.elapsed().as_secs_f64());
    ended.iter().for_each(|one| println!("{one}"));
    let failed = u32::from(ended.iter().any(|one| !one.faults.is_empty()));
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored",
        if failed == 0 { "ok" } else { "FAILED" },
        1 - failed
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
