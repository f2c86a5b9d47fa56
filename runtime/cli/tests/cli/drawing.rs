//! `flowrun graph`.

use serde_json::Value as Json;

use crate::Stage;

#[test]
fn a_canvas_can_be_drawn_in_four_ways() {
    let stage = Stage::new();
    let mut all = String::new();
    for format in ["mermaid", "dot", "text", "svg"] {
        let done = stage.run(&["graph", "tour.yaml", "--format", format]);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{format}");
        all.push_str(&format!("$ --format {format}\n{}\n", done.out));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_trace_puts_counts_on_the_ways() {
    let stage = Stage::new();
    stage.run(&["tour.yaml", "-q", "--trace", "run.trace"]);
    let mut all = String::new();
    for format in ["mermaid", "dot", "text"] {
        let done = stage.run(&["graph", "tour.yaml", "--format", format, "--trace", "run.trace"]);
        all.push_str(&format!("$ --format {format}\n{}\n", done.out));
    }
    insta::assert_snapshot!(all);
    let svg = stage.run(&["graph", "tour.yaml", "--format", "svg", "--trace", "run.trace"]).out;
    assert!(svg.contains("message · 3 entered"), "{svg}");
    assert!(svg.contains(">then · 1<"), "{svg}");
}

#[test]
fn a_trace_of_something_else_is_refused() {
    let stage = Stage::new();
    stage.write(
        "other.trace",
        "{\"at\":\"2026-01-05T09:00:00Z\",\"kind\":\"entered\",\"canvas\":\"x\"}\nhalf a li",
    );
    for (args, expected) in [
        (&["--trace", "other.trace"][..], "has no line about the Canvas `tour`"),
        (&["--trace", "none.trace"], "there is no such file"),
        (&["--format", "png"], "invalid value 'png'"),
    ] {
        let mut all = vec!["graph", "tour.yaml"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!(done.code, 2);
    }
    assert_eq!(stage.run(&["graph", "broken.yaml"]).code, 1);
}

#[test]
fn programs_get_steps_and_ways() {
    let stage = Stage::new();
    stage.run(&["tour.yaml", "-q", "--trace", "run.trace"]);
    for args in [&["--json"][..], &["--format", "json"]] {
        let mut all = vec!["graph", "tour.yaml", "--trace", "run.trace"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        let shown: Json = serde_json::from_str(&done.out).expect("JSON");
        assert_eq!((done.code, &shown["canvas"]), (0, &"tour".into()));
        let steps = shown["steps"].as_array().expect("a list").len();
        let ways = shown["ways"].as_array().expect("a list");
        assert!(steps > 2 && ways.iter().all(|way| way["count"].is_u64()), "{shown:#}");
        assert!(ways.iter().any(|way| way["via"] == "then"), "{shown:#}");
    }
    assert!(!stage.run(&["graph", "tour.yaml", "--json"]).out.contains("count"));
}
