//! Backends and channels: with settings they are created and asked once, then again.

use flowrun_sdk::backend::{Array, Batch, Object, Outcome};
use flowrun_sdk::channel::{Letter, Post};
use flowrun_sdk::{Fault, Message, Millis};
use serde_json::json;

use super::{Effort, Report, Verdict};
use crate::plugin::Plugin;

const NOT_TRIED: &str = "not asked anything, since it would write: name settings to try it with";

/// Sample objects, under keys that no run has.
const OBJECTS: [Object<'static>; 3] = [
    object(Array::Attributes, 0, "{\"flowrun_check\":true}"),
    object(Array::Events, 1, "{\"name\":\"flowrun_check\",\"time\":\"2026-01-01T00:00:00Z\"}"),
    object(Array::Attributes, 2, "{\"flowrun_check\":null}"),
];

const fn object(array: Array, number: u32, json: &'static str) -> Object<'static> {
    let key = "flowrun-check/0000000000000000/flowrun-check/1/check";
    Object { array, user: "flowrun-check", key, number, attempt: 1, json }
}

pub(super) fn check_backend(plugin: &Plugin, effort: &Effort, report: &mut Report) {
    refusals(report, plugin.backend(&json!({ "no such setting": [] })).err());
    let Some(settings) = &effort.settings else {
        return report.add(Verdict::Fair, "commit", NOT_TRIED);
    };
    let backend = match plugin.backend(settings) {
        Ok(backend) => backend,
        Err(faults) => return report.judge("create", "", told(&faults)),
    };
    let batch = |attempt| Batch {
        now: Millis(1_767_225_600_000),
        objects: OBJECTS.map(|object| Object { attempt, ..object }).to_vec(),
    };
    for (attempt, what) in [(1, "commit"), (2, "commit again")] {
        let reply = backend.commit(&batch(attempt));
        outcomes(what, reply.outcomes, report);
    }
    let empty = Batch { now: Millis(0), objects: Vec::new() };
    if backend.commit(&empty) != flowrun_sdk::backend::Reply::default() {
        report.add(Verdict::Fair, "commit", "answers something to an empty batch");
    }
}

pub(super) fn check_channel(plugin: &Plugin, effort: &Effort, report: &mut Report) {
    refusals(report, plugin.channel(&json!({ "no such setting": [] })).err());
    let Some(settings) = &effort.settings else {
        return report.add(Verdict::Fair, "send", NOT_TRIED);
    };
    let channel = match plugin.channel(settings) {
        Ok(channel) => channel,
        Err(faults) => return report.judge("create", "", told(&faults)),
    };
    let message = Message {
        channel: plugin.name().into(),
        subject: Some("flowrun check".into()),
        body: "A message of `flowrun plugin check`.".into(),
        ..Message::default()
    };
    let letter = Letter { user: "flowrun-check", id: "flowrun-check", attempt: 1, message };
    let post = Post { now: Millis(1_767_225_600_000), letters: vec![letter] };
    outcomes("send", channel.send(&post), report);
}

/// Settings that can't be right must be seen, with words.
fn refusals(report: &mut Report, faults: Option<Vec<Fault>>) {
    match faults {
        None => report.add(
            Verdict::Fair,
            "bad settings",
            "takes a setting that its schema doesn't have",
        ),
        Some(faults) => {
            let mut said = told(&faults);
            said.retain(|said| said.contains("it panicked") || said.contains("did not answer"));
            report.judge("bad settings", "end in words, not in panics", said);
        }
    }
}

fn told(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(|fault| format!("{} {}", fault.at, fault.message).trim().to_owned()).collect()
}

fn outcomes(what: &'static str, outcomes: Vec<Outcome>, report: &mut Report) {
    let wrong = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Applied | Outcome::Accepted => None,
        Outcome::Refused(why) => Some(format!("refused: {why}")),
        Outcome::Retry { cause, .. } => Some(format!("wants another attempt: {cause}")),
        Outcome::Unknown(said) => Some(format!("unknown: {said}")),
    });
    let wrong = wrong.collect();
    report.judge(what, "one outcome for each", wrong);
}
