//! `experiment_paths`: splits users at random by weights, and sticks to it.
//!
//! "At random" is a hash of the user, the step and the run's seed: a user who comes again
//! takes the same path, on every machine and after every restart, and no state is kept
//! for it. Weights are percent with at most two decimals and sum to exactly 100; they cut
//! 10,000 buckets into ranges in the order of the file. So growing the first path at the
//! cost of the second moves only users of the second.

use flowrun_sdk::{Decision, Declaration, Door, Exits, Fault, Step, Visit};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::paths;

/// Hundredths of a percent.
const WHOLE: u32 = 10_000;
const MOST: usize = 8;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The paths, at most eight. Their weights sum to 100.
    #[schemars(length(min = 1, max = 8))]
    paths: Vec<Path>,
}

/// A share of the users and their way.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Path {
    /// What the path is called in reports and traces; no two alike.
    #[schemars(length(min = 1, max = 100), transform = paths::name)]
    name: String,
    /// The share of users in percent, with at most two decimals.
    #[schemars(range(min = 0, max = 100))]
    weight: f64,
    /// The step for these users; without it, `next`.
    next: Option<Door>,
}

/// Splits users at random.
pub struct ExperimentPaths {
    /// For each path the first bucket after its range, and its door; ascending.
    paths: Vec<(u32, Door)>,
}

impl Step for ExperimentPaths {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("experiment_paths", "Split users at random by weights, for good.")
            .exits(Exits::Branches)
            .example(
                "Half and half",
                "experiment_paths:\n  paths:\n    - { name: big, weight: 50, next: twenty_percent }\n    - { name: small, weight: 50, next: ten_percent }",
            )
            .example(
                "A control group that gets nothing, and three equal parts",
                "experiment_paths:\n  paths:\n    - { name: control, weight: 10, next: done }\n    - { name: a, weight: 30, next: mail_a }\n    - { name: b, weight: 30, next: mail_b }\n    - { name: c, weight: 30, next: mail_c }",
            )
    }

    fn create(settings: Settings) -> Result<ExperimentPaths, Vec<Fault>> {
        let names = settings.paths.iter().map(|path| path.name.as_str());
        let mut faults = paths::check(names, 1..=MOST);
        let mut end = 0;
        let mut paths = Vec::new();
        for (index, path) in settings.paths.iter().enumerate() {
            match hundredths(path.weight) {
                Some(weight) => end += weight,
                None => {
                    let text = "a weight is 0 to 100 percent, with at most two decimals";
                    faults.push(Fault::error(&format!("/paths/{index}/weight"), text));
                }
            }
            paths.push((end, path.next.unwrap_or(Door::NEXT)));
        }
        if faults.is_empty() && end != WHOLE {
            faults.push(wrong_sum(end, paths.len() as u32));
        }
        if faults.is_empty() { Ok(ExperimentPaths { paths }) } else { Err(faults) }
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let bucket = visit.bucket(WHOLE);
        let path = self.paths.partition_point(|(end, _)| *end <= bucket);
        Decision::Go(self.paths[path].1)
    }
}

/// A weight in whole hundredths of a percent. Binary fractions can't hold 33.3, so the
/// nearest hundredth is taken if it is as near as only rounding can make it.
fn hundredths(weight: f64) -> Option<u32> {
    let scaled = weight * 100.0;
    let whole = scaled.round();
    let near = (scaled - whole).abs() < 1e-6;
    (near && (0.0..=f64::from(WHOLE)).contains(&whole)).then_some(whole as u32)
}

fn wrong_sum(sum: u32, paths: u32) -> Fault {
    let text = format!("weights sum to {}, not 100", percent(sum));
    let even = WHOLE / paths;
    let last = WHOLE - even * (paths - 1);
    let hint = match sum.abs_diff(WHOLE) {
        gap if gap < paths => {
            format!("for equal parts: {} each, and {} for the last", percent(even), percent(last))
        }
        gap if sum < WHOLE => format!("{} percent of users have no path", percent(gap)),
        gap => format!("take {} away", percent(gap)),
    };
    Fault::error("/paths", text).code("FR0205").hint(hint)
}

/// `99.9`, `100`, `33.33`.
fn percent(hundredths: u32) -> String {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User};
    use serde_json::{Value as Json, json};

    use super::*;

    fn settings(weights: &[f64]) -> Json {
        let path = |(index, weight): (usize, &f64)| json!({ "name": format!("p{index}"), "weight": weight, "next": format!("s{index}") });
        json!({ "paths": weights.iter().enumerate().map(path).collect::<Vec<_>>() })
    }

    #[test]
    fn shares_are_what_the_weights_say() {
        const USERS: u32 = 100_000;
        let users: Vec<_> = (0..USERS).map(|n| User::new(&format!("user-{n:08}"))).collect();
        for weights in [vec![50.0, 50.0], vec![10.0, 60.5, 29.5], vec![33.33, 33.33, 33.34]] {
            let trial = Trial::of::<ExperimentPaths>(settings(&weights)).unwrap().seed(7);
            let decisions = trial.decide(&users);
            for (index, weight) in weights.iter().enumerate() {
                let door = Decision::Go(trial.door(&format!("p{index}")));
                let count = decisions.iter().filter(|decision| **decision == door).count() as f64;
                let share = weight / 100.0;
                let expected = f64::from(USERS) * share;
                let sigma = (expected * (1.0 - share)).sqrt();
                assert!((count - expected).abs() < 4.0 * sigma, "{count} users of {expected}");
            }
        }
    }

    /// If this fails, a new release sends users of running experiments other ways.
    #[test]
    fn the_choice_is_the_same_for_ever() {
        let at = |weights: &[f64], seed, user: &str| {
            let trial = Trial::of::<ExperimentPaths>(settings(weights)).unwrap();
            let trial = trial.place("welcome/split1").seed(seed);
            let decision = trial.decide_one(&User::new(user));
            (0..weights.len()).position(|n| decision == Decision::Go(trial.door(&format!("p{n}"))))
        };
        // The user's bucket is 5700: the range that holds it takes the user.
        assert_eq!(at(&[57.0, 0.01, 42.99], 7, "user-00000001"), Some(1));
        assert_eq!(at(&[57.01, 42.99], 7, "user-00000001"), Some(0));
        assert_eq!(at(&[57.0, 0.01, 42.99], 8, "user-00000001"), Some(2));
    }

    #[test]
    fn a_path_of_weight_nought_takes_nobody() {
        let users: Vec<_> = (0..1000).map(|n| User::new(&format!("u{n}"))).collect();
        for weights in [[0.0, 100.0, 0.0], [100.0, 0.0, 0.0], [0.0, 0.0, 100.0]] {
            let trial = Trial::of::<ExperimentPaths>(settings(&weights)).unwrap();
            let all = weights.iter().position(|weight| *weight == 100.0).unwrap();
            let door = Decision::Go(trial.door(&format!("p{all}")));
            assert!(trial.decide(&users).iter().all(|decision| *decision == door));
        }
    }

    #[test]
    fn weights_that_leave_someone_without_a_path_are_refused() {
        for (weights, at, says) in [
            (vec![50.0, 50.0], "", ""),
            (vec![33.3, 33.3, 33.4], "", ""),
            (vec![0.1, 0.2, 99.7], "", ""),
            (vec![50.0, 40.0], "/paths", "weights sum to 90, not 100"),
            (vec![60.0, 40.5], "/paths", "weights sum to 100.5, not 100"),
            (vec![33.33, 33.33, 33.33], "/paths", "weights sum to 99.99, not 100"),
            (vec![33.333, 66.667], "/paths/0/weight", "a weight is 0 to 100"),
            (vec![-10.0, 110.0], "/paths/0/weight", "a weight is 0 to 100"),
            (vec![], "/paths", "0 paths, but it takes 1 to 8"),
        ] {
            let faults = Trial::of::<ExperimentPaths>(settings(&weights)).err().unwrap_or_default();
            let first = faults.first().map_or(("", ""), |fault| (&fault.at, &fault.message));
            assert!(first.0 == at && first.1.starts_with(says), "{weights:?}: {faults:?}");
            assert_eq!(first.0.is_empty(), faults.is_empty());
        }
    }
}
