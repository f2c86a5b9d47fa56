//! Steps: examples, bad settings, the same answer twice, odd users, memory.

use std::sync::Arc;

use flowrun_sdk::testing::{Trial, User, try_kind};
use flowrun_sdk::{Decision, Kind};
use serde_json::{Value as Json, json};

use super::memory::{NOISE, growth};
use super::{Effort, Report, Verdict};
use crate::plugin::Plugin;
use crate::step::PluginStep;

pub(super) fn check(plugin: &Arc<Plugin>, effort: &Effort, report: &mut Report) {
    let Some(kind) = plugin.step_kind() else { return };
    report.judge("examples", &counted(&kind), try_kind(&kind));
    let settings = example_settings(&kind);
    refusals(plugin, report);
    let wrong = settings.iter().flat_map(|settings| fickle(&kind, settings)).collect();
    report.judge("determinism", "the same users get the same decisions", wrong);
    let wrong = settings.iter().flat_map(|settings| odd(&kind, settings)).collect();
    report.judge("odd users", "no decision fails for what a profile may hold", wrong);
    endings(plugin, &kind, &settings, report);
    if let Some(settings) = settings.first() {
        leaks(&kind, settings, effort, report);
    }
}

fn counted(kind: &Kind) -> String {
    match kind.declaration.examples.len() {
        1 => "1 loads and decides".to_owned(),
        count => format!("{count} load and decide"),
    }
}

/// The settings of the examples that can be created.
fn example_settings(kind: &Kind) -> Vec<Json> {
    let examples = kind.declaration.examples.iter();
    let settings = examples.filter_map(|example| {
        let step: Json = flowrun_sdk::testing::parse_yaml(&example.yaml).ok()?;
        step.get(&kind.declaration.name).cloned()
    });
    settings.filter(|settings| Trial::of_kind(kind, settings.clone()).is_ok()).collect()
}

/// Settings that can't be right must be refused with words, and unknown ones seen.
fn refusals(plugin: &Plugin, report: &mut Report) {
    let mut wrong = Vec::new();
    let nonsense = [json!(null), json!([]), json!(7), json!({ "no such setting": [{}] })];
    for settings in nonsense {
        match PluginStep::create(plugin, &settings) {
            Err(faults) => {
                let panicked = faults.iter().find(|fault| fault.message.contains("it panicked"));
                let hung = faults.iter().find(|fault| fault.message.contains("did not answer"));
                wrong.extend(
                    panicked.or(hung).map(|fault| format!("given {settings}: {}", fault.message)),
                );
            }
            Ok(_) if settings.is_object() => {
                let said = "takes a setting that its schema doesn't have";
                report.add(Verdict::Fair, "bad settings", said);
            }
            Ok(_) => {}
        }
    }
    report.judge("bad settings", "end in words, not in panics", wrong);
}

fn users(trial: &Trial, count: usize) -> Vec<User> {
    let values = [
        json!(1),
        json!(-3.5),
        json!("gold"),
        json!(false),
        Json::Null,
        json!({ "a": [1] }),
        json!(""),
    ];
    let user = |number: usize| {
        let user = trial.imagined(&format!("user-{number}"), number.is_multiple_of(3), "some text");
        trial.reads().iter().enumerate().fold(user, |user, (column, name)| {
            user.attribute(name, values[(number + column) % values.len()].clone())
        })
    };
    (0..count).map(user).collect()
}

/// Where decisions depend on anything but the visit.
fn fickle(kind: &Kind, settings: &Json) -> Vec<String> {
    let (Ok(trial), Ok(other)) =
        (Trial::of_kind(kind, settings.clone()), Trial::of_kind(kind, settings.clone()))
    else {
        return vec!["settings that were taken once are refused when given again".to_owned()];
    };
    let users = users(&trial, 100);
    let first = trial.decide(&users);
    let mut wrong = Vec::new();
    let mut compare = |decisions: Vec<Decision>, how: &str| {
        let differs = first.iter().zip(&decisions).position(|(one, other)| one != other);
        wrong.extend(differs.map(|row| {
            let (one, other) = (&first[row], &decisions[row]);
            format!("{how}: {one:?}, then {other:?}")
        }));
    };
    compare(trial.decide(&users), "asked twice, decides otherwise");
    let alone = users.iter().map(|user| trial.decide_one(user)).collect();
    compare(alone, "decides otherwise for a user who is alone");
    compare(other.decide(&users), "created twice, decides otherwise");
    wrong
}

/// Users as the worst profile may have them.
fn odd(kind: &Kind, settings: &Json) -> Vec<String> {
    let Ok(trial) = Trial::of_kind(kind, settings.clone()) else { return Vec::new() };
    let long = "é".repeat(100_000);
    let odd = ["", "\0", "\u{202e}", "a/b\n", &long];
    let values = [json!(i64::MIN), json!(i64::MAX), json!(f64::MAX), json!([[[]]]), json!(long)];
    let user = |(text, value): (&&str, &Json)| {
        let user = trial.imagined(&format!("user {text}"), false, text);
        trial.reads().iter().fold(user, |user, name| user.attribute(name, value.clone()))
    };
    let users: Vec<User> = odd.iter().zip(&values).map(user).collect();
    let failed = |decision: Decision| match decision {
        Decision::Fail { reason, .. } if reason.starts_with("plugin `") => Some(reason),
        _ => None,
    };
    let mut wrong: Vec<String> = trial.decide(&users).into_iter().filter_map(failed).collect();
    if !trial.decide(&[]).is_empty() {
        wrong.push("decides something for nobody".to_owned());
    }
    wrong.dedup();
    wrong
}

/// Ends what the examples create, and hears what comes of it.
fn endings(plugin: &Plugin, kind: &Kind, settings: &[Json], report: &mut Report) {
    let ends = |settings: &Json| -> Option<String> {
        let settings = match &kind.declaration.shorthand {
            Some(setting) if !settings.is_object() => json!({ setting.as_str(): settings }),
            _ => settings.clone(),
        };
        let loaded = Trial::loaded(&kind.settings, settings);
        let step = PluginStep::create(plugin, &loaded).ok()?;
        step.close().err().map(|error| format!("when it is dropped, {error}"))
    };
    let wrong = settings.iter().filter_map(ends).collect();
    report.judge("endings", "what was created can be dropped", wrong);
}

fn leaks(kind: &Kind, settings: &Json, effort: &Effort, report: &mut Report) {
    let Ok(trial) = Trial::of_kind(kind, settings.clone()) else { return };
    let users = users(&trial, 8);
    let calls = effort.calls;
    let grown = growth(calls, || drop(trial.decide(&users)));
    let created = growth(calls / 100, || drop(Trial::of_kind(kind, settings.clone())));
    for (what, grown) in [("calls", grown), ("creations", created)] {
        let times = if what == "calls" { calls } else { calls / 100 };
        match grown {
            None => report.add(Verdict::Fair, "memory", "can't be measured on this system"),
            Some(grown) if grown > NOISE => {
                let said = format!("grew by {} KiB over {times} {what}", grown >> 10);
                report.add(Verdict::Bad, "memory", said);
            }
            Some(_) => report.add(Verdict::Good, "memory", format!("flat over {times} {what}")),
        }
    }
}
