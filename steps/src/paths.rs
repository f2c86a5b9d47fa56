//! What the steps with several named paths have in common: how paths may be called.
//!
//! A path's name is the name of its door: traces say `via: NAME`, and `flowrun graph`
//! writes it on the edge. So it is unique in its step, and not the name of a door that
//! every step has.

use std::ops::RangeInclusive;

use flowrun_sdk::Fault;
use schemars::Schema;
use serde_json::json;

const TAKEN: [&str; 4] = ["next", "else", "on_failure", "on_timeout"];

/// For editors: a name is seen, and none of those that are taken.
pub fn name(schema: &mut Schema) {
    schema.insert("pattern".to_owned(), json!(r"\S"));
    schema.insert("not".to_owned(), json!({ "enum": TAKEN }));
}

/// The faults of the names of a step's paths, at `/paths`.
pub fn check<'a>(names: impl Iterator<Item = &'a str>, count: RangeInclusive<usize>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        let at = format!("/paths/{}/name", seen.len());
        if name.trim().is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
            let text = "a path's name is 1 to 100 characters on one line";
            faults.push(Fault::error(&at, text));
        } else if TAKEN.contains(&name) {
            let text = format!("`{name}` is the name of a door that every step may have");
            faults.push(Fault::error(&at, text).hint("call the path after the users who take it"));
        } else if seen.contains(&name) {
            faults.push(Fault::error(&at, format!("there are two paths called `{name}`")));
        }
        seen.push(name);
    }
    if !count.contains(&seen.len()) {
        let text =
            format!("{} paths, but it takes {} to {}", seen.len(), count.start(), count.end());
        faults.push(Fault::error("/paths", text));
    }
    faults
}
