//! An editor that goes by `flowrun schema` and `flowrun check` are of one mind: what the one
//! underlines the other refuses, as far as a schema can tell.

mod rows;
mod validator;

use std::process::Command;

use flowrun_canvas::{Files, Source, load};
use serde_json::Value as Json;
use validator::Validator;

struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there is no such file".to_owned())
    }

    fn block(&self, _: &str) -> Option<String> {
        None
    }

    fn block_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What the row stands for.
fn canvas(row: &str) -> String {
    let text = row.replace("\\n", "\n");
    match text.strip_prefix("- ") {
        Some(step) => {
            let step = step.replace('\n', "\n    ");
            format!("canvas: x\nsteps:\n  - id: a\n    {step}\n  - id: z\n    exit: done\n")
        }
        None => text,
    }
}

fn checker_accepts(text: &str) -> bool {
    let source = Source { path: "x.yaml".to_owned(), text: text.to_owned() };
    let loaded = load(source, &flowrun_steps::catalogue(), &Nothing);
    !loaded.diagnostics.iter().any(|one| one.is_error())
}

fn schema() -> Json {
    let output = Command::new(env!("CARGO_BIN_EXE_flowrun")).arg("schema").output();
    serde_json::from_slice(&output.expect("the program runs").stdout).expect("JSON")
}

/// The rows that aren't judged so.
fn misjudged(rows: &str, checker: bool, editor: bool) -> Vec<String> {
    let schema = schema();
    let validator = Validator::new(&schema);
    let rows = rows.lines().filter(|row| !row.is_empty());
    let judged = rows.map(|row| {
        let text = canvas(row);
        // A file that is no YAML is wrong for both.
        let read = serde_yaml::from_str::<Json>(&text);
        let right = read.is_ok_and(|json| validator.accepts(&json));
        (row, checker_accepts(&text), right)
    });
    let wrong = judged.filter(|(_, check, edit)| (*check, *edit) != (checker, editor));
    wrong.map(|(row, check, edit)| format!("{row}: checker {check}, editor {edit}")).collect()
}

#[test]
fn what_is_right_is_right_for_editors_too() {
    assert_eq!(misjudged(rows::FINE, true, true), [""; 0]);
}

#[test]
fn what_is_wrong_is_underlined_while_it_is_written() {
    assert_eq!(misjudged(rows::WRONG, false, false), [""; 0]);
}

#[test]
fn what_only_the_checker_can_tell_is_listed() {
    assert_eq!(misjudged(rows::WRONG_BEYOND_A_SCHEMA, false, true), [""; 0]);
}
