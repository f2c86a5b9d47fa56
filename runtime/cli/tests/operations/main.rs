//! What operators ask of a state folder: while a server holds it, after it was killed, and
//! where something is wrong with it.
#![cfg(unix)]

mod deleted;
mod endpoint;
mod letters;
mod refused;
mod retired;
#[allow(dead_code, reason = "shared with tests that do more")]
#[path = "../served/mod.rs"]
mod served;
mod standing;

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use served::done;

/// Waits so long that tests don't see the end.
const PATIENT: &str = r#"
canvas: patient
entry: { api: true }
steps:
  - id: hours
    delay: { for: 5h }
  - id: note
    user_update:
      json: '{"attributes": [{"patient": true}]}'
"#;

/// Writes at once.
const WRITE: &str = r#"
canvas: write
entry: { api: true, reentry: always }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"city": "Oslo"}]}'
"#;

const STATE: [&str; 2] = ["--state", "data"];

fn folder(flows: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("flows")).expect("a folder");
    for (name, text) in flows {
        fs::write(folder.path().join("flows").join(name), text).expect("a file");
    }
    folder
}

/// What a command prints, with its exit code.
fn said(folder: &Path, line: &str) -> (Option<i32>, String, String) {
    let args: Vec<&str> = line.split(' ').chain(STATE).collect();
    let ended = done(folder, &args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

/// What a command that goes well prints.
fn out(folder: &Path, line: &str) -> String {
    let (code, out, err) = said(folder, line);
    assert_eq!(code, Some(0), "{line}: {out}{err}");
    out
}

fn status(folder: &Path) -> Json {
    serde_json::from_str(&out(folder, "status --json")).expect("JSON")
}

/// Of a Canvas the steps that somebody is at, as `step: waiting/held/parked`.
fn steps(status: &Json, canvas: &str) -> Vec<String> {
    let canvases = status["canvases"].as_array().expect("Canvases").iter();
    let own = canvases.filter(|one| one["canvas"] == canvas);
    let steps = own.flat_map(|one| one["steps"].as_array().expect("steps").clone());
    let counts = steps.map(|step| {
        let count = |name: &str| step[name].as_u64().expect("a count");
        (step["step"].clone(), [count("waiting"), count("held"), count("parked")])
    });
    counts
        .filter(|(_, counts)| *counts != [0, 0, 0])
        .map(|(step, [waiting, held, parked])| {
            format!("{}: {waiting}/{held}/{parked}", step.as_str().expect("a name"))
        })
        .collect()
}

fn letters(folder: &Path) -> Vec<Json> {
    let all = out(folder, "dead-letters --json");
    serde_json::from_str(&all).expect("JSON")
}

fn id_of(letters: &[Json], user: &str) -> String {
    let own = letters.iter().find(|letter| letter["user"] == user).expect("a dead letter");
    own["id"].as_str().expect("an id").to_owned()
}
