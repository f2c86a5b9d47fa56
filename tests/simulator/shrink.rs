//! From a run that breaks a promise to the smallest one that still does.

use crate::run::run;
use crate::scenario::Scenario;

/// How many runs shrinking may take.
const MOST_RUNS: usize = 300;

/// Takes away users, faults and visits for as long as the same promise is broken.
pub fn shrink(scenario: &Scenario, wrong: &str) -> Scenario {
    let rule = rule_of(wrong);
    let mut best = scenario.clone();
    let mut runs = 0;
    let mut still_wrong = |smaller: &Scenario| {
        runs += 1;
        runs <= MOST_RUNS && run(smaller, 1).wrong.is_some_and(|wrong| rule_of(&wrong) == rule)
    };
    let mut chunk = best.users.len() / 2;
    while chunk > 0 {
        let mut from = 0;
        while from < best.users.len() && best.users.len() > 1 {
            let mut smaller = best.clone();
            smaller.users.drain(from..(from + chunk).min(best.users.len()));
            if !smaller.users.is_empty() && still_wrong(&smaller) {
                best = smaller;
            } else {
                from += chunk;
            }
        }
        chunk /= 2;
    }
    for calmer in calmer_plans() {
        let mut smaller = best.clone();
        calmer(&mut smaller);
        if still_wrong(&smaller) {
            best = smaller;
        }
    }
    for operation in (0..best.operations.len()).rev() {
        let mut smaller = best.clone();
        smaller.operations.remove(operation);
        if still_wrong(&smaller) {
            best = smaller;
        }
    }
    for user in 0..best.users.len() {
        for visit in (0..best.users[user].visits.len()).rev() {
            let mut smaller = best.clone();
            smaller.users[user].visits.remove(visit);
            if still_wrong(&smaller) {
                best = smaller;
            }
        }
    }
    best
}

/// The promise that is broken; panics by their first words.
fn rule_of(wrong: &str) -> String {
    wrong.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

type Calmer = fn(&mut Scenario);

fn calmer_plans() -> [Calmer; 17] {
    [
        |scenario| scenario.plan.machine.crashes = 0.0,
        |scenario| scenario.plan.machine.clock = Default::default(),
        |scenario| scenario.plan.channel = Default::default(),
        |scenario| scenario.plan.brownouts = None,
        |scenario| scenario.replaced = None,
        |scenario| scenario.plan.backend.slow = 0.0,
        |scenario| scenario.plan.backend.timeout = 0.0,
        |scenario| scenario.plan.backend.timeout_with_effect = 0.0,
        |scenario| scenario.plan.backend.garbled = 0.0,
        |scenario| scenario.plan.backend.rate_limited = 0.0,
        |scenario| scenario.plan.backend.server_error = 0.0,
        |scenario| scenario.plan.backend.partial = 0.0,
        |scenario| scenario.plan.backend.queued = 0.0,
        |scenario| scenario.plan.backend.unauthorized = 0.0,
        |scenario| scenario.plan.backend.duplicate_reply = 0.0,
        |scenario| scenario.plan.backend.late_reply = 0.0,
        |scenario| scenario.plan.backend.refused_objects = 0.0,
    ]
}
