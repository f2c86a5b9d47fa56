//! Faults of our own, one after the other: the simulator has to find each, in at most 2,000
//! seeds. A simulator that finds nothing proves nothing.
//!
//!     cargo test --release -p flowrun-tests --features planted --test planted -- --nocapture

mod flows;
mod local_time;
mod run;
mod scenario;
mod unruly;

use flowrun_simulation::core::planted::{Bug, plant};

use crate::run::run;
use crate::scenario::{Scenario, Size};

/// In so many seeds each has to be found.
const MOST_SEEDS: u64 = 2_000;

/// The first seed that shows that something is wrong, and what.
fn first_found(size: Size) -> Option<(u64, String)> {
    (0..MOST_SEEDS).find_map(|seed| Some((seed, run(&Scenario::draw(seed, size), 1).wrong?)))
}

#[test]
fn every_planted_fault_is_found() {
    std::panic::set_hook(Box::new(|_| {}));
    let size = Size { users: 30, days: 30 };
    let mut missed = Vec::new();
    let mut check = |name: String, found: Option<(u64, String)>| match found {
        Some((seed, wrong)) => {
            let wrong: String = wrong.chars().take(110).collect();
            println!("{name:<20} seed {seed:>4}  {wrong}");
        }
        None => missed.push(name),
    };
    for bug in Bug::ALL {
        plant(Some(bug));
        check(format!("{bug:?}"), first_found(size));
    }
    plant(None);
    flowrun_steps::planted::plant(true);
    check("WrongZoneAtDst".into(), first_found(size));
    flowrun_steps::planted::plant(false);
    assert!((0..20).all(|seed| run(&Scenario::draw(seed, size), 1).wrong.is_none()), "all well");
    let _ = std::panic::take_hook();
    assert!(missed.is_empty(), "not found in {MOST_SEEDS} seeds: {missed:?}");
}
