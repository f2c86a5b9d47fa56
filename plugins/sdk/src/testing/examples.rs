//! The examples of a declaration, run as tests: an example that doesn't load, or a step that
//! panics on it, would be found by the first reader of the manual otherwise.

use serde_json::Value as Json;

use super::{Trial, User};
use crate::{Decision, Door, Exits, Kind, Step};

/// Runs every example of a step on a few imagined users, and tells all that is wrong.
///
/// ```ignore
/// #[test]
/// fn the_examples_work() {
///     assert_eq!(flowrun_sdk::testing::try_examples::<MyStep>(), Vec::<String>::new());
/// }
/// ```
pub fn try_examples<S: Step>() -> Vec<String> {
    try_kind(&Kind::of::<S>())
}

/// The same for a kind out of a catalogue.
pub fn try_kind(kind: &Kind) -> Vec<String> {
    let declaration = &kind.declaration;
    let mut wrong = Vec::new();
    if declaration.examples.is_empty() {
        wrong.push(format!("`{}` has no example", declaration.name));
    }
    for example in &declaration.examples {
        if let Err(why) = try_one(kind, &example.yaml) {
            wrong.push(format!("the example \"{}\": {why}", example.title));
        }
    }
    wrong
}

/// YAML as a value.
pub fn parse_yaml(yaml: &str) -> Result<Json, String> {
    serde_yaml::from_str(yaml).map_err(|error| error.to_string())
}

fn try_one(kind: &Kind, yaml: &str) -> Result<(), String> {
    let name = &kind.declaration.name;
    let step = parse_yaml(yaml)?;
    let Json::Object(mut step) = step else { return Err(format!("it is no mapping: {yaml}")) };
    let settings =
        step.remove(name).ok_or_else(|| format!("it has no `{name}:` with settings under it"))?;
    let beside: Vec<&String> = step
        .keys()
        .filter(|key| !["id", "next", "on_failure", "on_timeout"].contains(&key.as_str()))
        .collect();
    if let Some(key) = beside.first() {
        return Err(format!("`{key}` is no key of a step"));
    }
    let trial = Trial::of_kind(kind, settings).map_err(|faults| {
        let told = faults.iter().map(|fault| format!("{} {}", fault.at, fault.message));
        told.collect::<Vec<_>>().join("; ")
    })?;
    let users = imagined(&trial);
    for decision in trial.decide(&users) {
        let door = match &decision {
            Decision::Go(door) => *door,
            Decision::WaitUntil { then, .. } | Decision::Remember { then, .. } => *then,
            Decision::Fail { reason, .. } if reason.starts_with("plugin `") => {
                return Err(reason.clone());
            }
            _ => continue,
        };
        if usize::from(door.0) >= trial.doors().len() {
            return Err(format!("it decides for door {}, and there is none", door.0));
        }
        if kind.declaration.exits == Exits::None {
            return Err("it ends journeys (`exits: none`), and decides for a door".to_owned());
        }
        if door == Door::ON_TIMEOUT && kind.declaration.exits != Exits::NextFailureOrTimeout {
            return Err("it decides for `on_timeout`, which its `exits` don't have".to_owned());
        }
    }
    Ok(())
}

/// Users of whom nothing is known, and users with all kinds of values in what the step reads.
fn imagined(trial: &Trial) -> Vec<User> {
    let values: [Json; 6] = [
        7.into(),
        (-0.5).into(),
        "gold".into(),
        true.into(),
        serde_json::json!([1, "a"]),
        Json::Null,
    ];
    let nobody = [true, false].map(|holds| trial.imagined("nobody", holds, ""));
    let with = |(number, value): (usize, &Json)| {
        let user = trial.imagined(&format!("user-{number}"), number.is_multiple_of(2), "text");
        trial.reads().iter().fold(user, |user, name| user.attribute(name, value.clone()))
    };
    nobody.into_iter().chain(values.iter().enumerate().map(with)).collect()
}
