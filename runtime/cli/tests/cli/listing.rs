//! What there is: lists, the schema, help, completions, and commands that there are not.

use crate::Stage;

#[test]
fn there_are_lists_of_everything() {
    let stage = Stage::new();
    let steps = stage.run(&["list", "steps"]).out;
    for kind in ["message", "delay", "user_update", "decision_split", "exit"] {
        assert!(steps.lines().any(|line| line.starts_with(&format!("{kind} "))), "{kind}: {steps}");
    }
    let json = stage.run(&["list", "--json"]).json();
    for what in ["steps", "channels", "backends", "filters", "tags"] {
        let one = stage.run(&["list", what, "--format", "json"]).json();
        assert_eq!(json[what], one, "{what}");
        for item in one.as_array().unwrap() {
            assert!(item["name"].is_string() && item["summary"].is_string(), "{item}");
        }
    }
}

#[test]
fn one_thing_is_shown_in_detail() {
    let stage = Stage::new();
    let done = stage.run(&["list", "steps", "delay"]);
    assert!(done.out.contains("settings") && done.out.contains("weekday"), "{}", done.out);
    let json = stage.run(&["list", "steps", "delay", "--json"]).json();
    assert!(json["settings"]["properties"]["weekday"].is_object(), "{json:#}");
    let done = stage.run(&["list", "steps", "dealy"]);
    assert!(done.err.contains("there is no `dealy` among the steps: did you mean `delay`?"));
    assert_eq!(done.code, 2);
}

#[test]
fn the_schema_is_a_schema() {
    let json = Stage::new().run(&["schema"]).json();
    assert_eq!(json["title"], "Canvas");
    assert!(json["properties"]["steps"].is_object());
}

#[test]
fn every_command_has_help_with_examples() {
    let stage = Stage::new();
    for command in ["run", "check", "graph", "explain", "eval", "list", "schema", "completions"] {
        let done = stage.run(&[command, "--help"]);
        assert_eq!(done.code, 0, "{command}");
        assert!(done.out.contains("Examples:"), "{command}: {}", done.out);
    }
    assert!(stage.run(&["--help"]).out.contains("flowrun COMMAND"));
    assert!(stage.run(&["--version"]).out.starts_with("flowrun "));
    assert_eq!(stage.run(&[]).code, 2);
}

#[test]
fn shells_can_complete() {
    let stage = Stage::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = stage.run(&["completions", shell]);
        assert!(done.out.contains("explain"), "{shell}");
    }
    assert_eq!(stage.run(&["completions", "basic"]).code, 2);
}

#[test]
fn a_command_that_there_is_not_is_guessed() {
    let stage = Stage::new();
    for (command, expected) in [
        ("rnu", "there is no command `rnu`: did you mean `run`?"),
        ("chekc", "did you mean `check`?"),
        ("frobnicate", "`frobnicate` is no command, and there is no such file to run"),
        ("repaly --state x", "did you mean `replay`?"),
        ("chekc tour.yaml", "there is no command `chekc`: did you mean `check`?"),
    ] {
        let done = stage.run(&command.split(' ').collect::<Vec<_>>());
        assert!(done.err.contains(expected), "{command}: {}", done.err);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{command}");
    }
}
