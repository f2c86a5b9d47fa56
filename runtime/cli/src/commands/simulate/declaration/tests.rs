//! What declarations are read as, and what is said of wrong ones.

use std::path::Path;

use flowrun_canvas::{NoFiles, Source, load};

use super::*;

fn canvases() -> Vec<Arc<Canvas>> {
    let text = "
canvas: tour
steps:
  - id: welcome
    message: { channel: email, body: hi }
  - id: wait
    delay: { for: 1d }
";
    let source = Source { path: "tour.yaml".into(), text: text.into() };
    let loaded = load(source, &flowrun_steps::catalogue(), &NoFiles);
    vec![Arc::new(loaded.canvas.expect("a good Canvas"))]
}

fn said(text: &str) -> String {
    match parse(text, Path::new(""), &canvases()) {
        Ok(_) => String::new(),
        Err(faults) => faults.told("p.yaml"),
    }
}

#[test]
fn good_declarations_are_read() {
    for text in [
        "",
        "users: { country: { FR: 60, US: 40, null: 1 } }",
        "users: { spend: { lognormal: { mean: 80, sigma: 1.2 } } }",
        "users: { spend: { lognormal: { median: 80, sigma: 1.2, max: 1000, digits: 0 } } }",
        "users: { age: { normal: { mean: 38, sigma: 12, min: 18, digits: 0 } } }",
        "users: { score: { uniform: { min: -1, max: 1 } } }",
        "users: { n: { integer: { min: 0, max: 9 } } }",
        "users: { vip: true, tags: [a, b], n: { value: { a: 1 } }, b: { choice: { from: 1, by: 2 } } }",
        "users: { first_name: { from: [Ada, ~] }, born: { date: { min: 1990-01-01, max: 1999-12-31 } } }",
        "users: { country: { FR: 1 }, time_zone: { by: country, of: { FR: Europe/Paris }, else: UTC } }",
        "enter: at_start",
        "enter: { over: 30d }",
        "enter: { per_day: 1000 }",
        "entry_properties: { product: { Maps: 60, Tides: 40 } }",
        "reactions: [{ to: welcome, set: { opened: true } }]",
        "reactions: [{ to: [welcome], probability: 0.4, after: 1h..2d, event: opened, then: [{ set: { clicked: true } }] }]",
        "reactions: [{ to: welcome, after: { lognormal: { median: 2h, sigma: 1 } }, event: { name: x, properties: { n: 1 } } }]",
    ] {
        assert_eq!(said(text), "", "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_in_its_place() {
    for (text, expected) in [
        ("user: {}", "p.yaml:1:1: `user` is unknown in a population: did you mean `users`?"),
        ("[]", "p.yaml:1:1: a map with `users`"),
        (
            "users: 3",
            "p.yaml:1:8: a map of attributes and how they are drawn belongs here, and this is a number",
        ),
        ("users: { country: { FR: 60, XX: 40 } }", "p.yaml:1:29: country: no such country"),
        (
            "users: { country: { FR: many } }",
            "p.yaml:1:25: the weight of `FR` is a number, and this is a text",
        ),
        (
            "users: { age: { norml: { mean: 1 } } }",
            "p.yaml:1:17: `norml` is no way to draw a value: did you mean `normal`?",
        ),
        (
            "users: { age: { normal: { maen: 1, sigma: 2 } } }",
            "`maen` is unknown in `normal`: did you mean `mean`?",
        ),
        ("users: { age: { normal: { mean: 1 } } }", "`sigma` is missing in `normal`"),
        ("users: { age: { normal: { mean: 1, sigma: -1 } } }", "not below 0"),
        ("users: { age: { integer: { min: 9, max: 1 } } }", "`min` is more than `max`"),
        ("users: { age: { integer: { min: 0.2, max: 0.8 } } }", "there is no whole number"),
        ("users: { age: { lognormal: { mean: 0, sigma: 1 } } }", "above 0"),
        ("users: { age: { lognormal: { sigma: 1 } } }", "either a `mean` or a `median`"),
        ("users: { age: {} }", "nothing to draw from"),
        ("users: { age: ~ }", "there is no value"),
        ("users: { age: { a: 0, b: 0 } }", "all weights are 0"),
        ("users: { age: { a: -1 } }", "a weight is from 0"),
        ("users: { age: { from: [] } }", "no values"),
        ("users: { vip: { chance: 30 } }", "30 % is 0.3"),
        ("users: { vip: { chance: 0.3, x: 1 } }", "`x` is unknown in a draw by `chance`"),
        ("users: { external_id: u }", "ids are made"),
        ("users: { first_name: { integer: { min: 1, max: 2 } } }", "p.yaml:1:33: "),
        ("users: { z: { by: contry, of: { FR: 1 } } }", "nothing is drawn before this"),
        ("users: { country: FR, z: { by: contry, of: { FR: 1 } } }", "did you mean `country`?"),
        (
            "users: { d: { date: { min: soon, max: 2026-01-01 } } }",
            "a day is written as 2026-01-31",
        ),
        ("users: { d: { date: { min: 2027-01-01, max: 2026-01-01 } } }", "`min` is after `max`"),
        ("enter: at_strat", "did you mean `at_start`?"),
        ("enter: { over: soon }", "is not a duration"),
        ("enter: { over: 1d, per_day: 3 }", "either `over`"),
        ("enter: { per_day: 0 }", "from 1 on"),
        ("event: order_completed", "lets nobody into the Canvas: users enter it by a call"),
        ("sample: none.ndjson", "can't read the users file `none.ndjson`"),
        ("reactions: {}", "a list of reactions belongs here"),
        (
            "reactions: [{ to: welcom, set: { a: 1 } }]",
            "p.yaml:1:19: there is no step `welcom`: did you mean `welcome`?",
        ),
        (
            "reactions: [{ to: wait, set: { a: 1 } }]",
            "`wait` is a delay and sends nothing to react to",
        ),
        ("reactions: [{ to: nowhere, set: { a: 1 } }]", "messages are sent by `welcome`"),
        ("reactions: [{ set: { a: 1 } }]", "`to` is missing in a reaction"),
        ("reactions: [{ to: welcome }]", "nothing comes of this reaction"),
        ("reactions: [{ to: welcome, probability: 3, set: { a: 1 } }]", "from 0 to 1"),
        ("reactions: [{ to: welcome, after: 2d..1h, set: { a: 1 } }]", "ends before it begins"),
        ("reactions: [{ to: welcome, after: [1], set: { a: 1 } }]", "a length of time"),
        ("reactions: [{ to: welcome, set: { country: Atlantis } }]", "country"),
        (
            "reactions: [{ to: welcome, event: { nme: x } }]",
            "`nme` is unknown in an event: did you mean `name`?",
        ),
        ("users: [", "p.yaml:1:"),
    ] {
        let said = said(text);
        assert!(said.contains(expected), "{text}\n{said}\n{expected}");
    }
}

#[test]
fn all_faults_come_at_once_and_in_order() {
    let said =
        said("reactions: [{ to: welcom, set: { a: 1 } }]\nentr: x\nusers: { a: ~, b: {} }\n");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 5, "{said}");
    assert_eq!(lines[0], "the population has 4 faults");
    assert!(lines[1].starts_with("p.yaml:1:") && lines[4].starts_with("p.yaml:3:"), "{said}");
}

#[test]
fn nothing_that_is_written_makes_the_reader_panic() {
    let deep =
        format!("users: {{ a: 1, b: {} 1 {} }}", "{ by: a, of: { 1: ".repeat(40), "} }".repeat(40));
    let long = format!("users: {{ {}: 1 }}", "x".repeat(5000));
    let wide = format!("users: {{ a: {{ from: [{}] }} }}", "1,".repeat(5000));
    let lists = "[".repeat(20_000);
    for text in [
        deep.as_str(),
        &lists,
        &long,
        &wide,
        "users: { a: { uniform: { min: -1e308, max: 1e308 } } }",
        "users: { a: { normal: { mean: .nan, sigma: .inf } } }",
        "users: { a: { date: { min: -9999-01-01, max: 9999-12-31 } } }",
        "users: &a { b: *a }",
        "reactions: [{ to: welcome, after: 3650d, set: { ? [a] : 1 } }]",
        "\u{feff}users: {}",
        "\0",
    ] {
        let _ = said(text);
    }
}
