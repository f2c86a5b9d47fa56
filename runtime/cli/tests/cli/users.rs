//! Users files: four ways to write the same users, and many ways to write them wrong.

use crate::Stage;

const SAME: [(&str, &str); 7] = [
    (
        "u.ndjson",
        "{\"external_id\":\"1\",\"age\":30,\"tags\":[\"a\"],\"entry_properties\":{\"from\":\"Bonn\"}}\n\
         \n{\"external_id\":\"b\",\"age\":41,\"enter_at\":\"2026-01-06\"}\n",
    ),
    (
        "u.json",
        "\n[\n  {\"external_id\":\"1\",\"age\":30,\"tags\":[\"a\"],\"entry_properties\":{\"from\":\"Bonn\"}},\n\
         {\"external_id\":\"b\",\"age\":41,\"enter_at\":\"2026-01-06\"}\n]\n",
    ),
    (
        "pretty.json",
        "{\n  \"external_id\":\"1\",\"age\":30,\"tags\":[\"a\"],\"entry_properties\":{\"from\":\"Bonn\"}}\n\
         {\"external_id\":\"b\",\"age\":41,\"enter_at\":\"2026-01-06\"}",
    ),
    (
        "u.csv",
        "external_id,age,tags,entry_properties.from,enter_at\n\
         1,30,\"[\"\"a\"\"]\",Bonn,\nb,41,,,2026-01-06\n",
    ),
    (
        "u.yaml",
        "# users\n- external_id: \"1\"\n  age: 30\n  tags: [a]\n  entry_properties: { from: Bonn }\n\
         - { external_id: b, age: 41, enter_at: \"2026-01-06\" }\n",
    ),
    (
        "u.users",
        "{\"external_id\":\"1\",\"age\":30,\"tags\":[\"a\"],\"entry_properties\":{\"from\":\"Bonn\"}}\n\
         {\"external_id\":\"b\",\"age\":41,\"enter_at\":\"2026-01-06\"}\n",
    ),
    (
        "marked.ndjson",
        "\u{feff}{\"external_id\":\"1\",\"age\":30,\"tags\":[\"a\"],\"entry_properties\":{\"from\":\"Bonn\"}}\r\n\
         {\"external_id\":\"b\",\"age\":41,\"enter_at\":\"2026-01-06\"}\r\n",
    ),
];

#[test]
fn the_same_users_in_every_format_give_the_same_run() {
    let stage = Stage::new();
    let trace = |file: &str| {
        let done = stage.run(&["run", "gate.yaml", "-q", "--users", file, "--trace", "run.trace"]);
        assert_eq!(done.code, 0, "{file}: {}", done.err);
        stage.read("run.trace")
    };
    let mut first = None;
    for (file, text) in SAME {
        stage.write(file, text);
        let trace = trace(file);
        assert!(
            trace.contains("Hello Bonn.") && trace.contains("Hello somebody."),
            "{file}: {trace}"
        );
        assert!(trace.contains("\"at\":\"2026-01-06T00:00:00Z\",\"kind\":\"entered\""), "{trace}");
        assert_eq!(first.get_or_insert(trace.clone()), &trace, "{file}");
    }
}

#[test]
fn users_may_come_by_standard_input() {
    let stage = Stage::new();
    let users = "{\"external_id\":\"a\",\"age\":30}\n";
    let done = stage.run_with(&["run", "gate.yaml", "-q", "--users", "-"], users);
    assert!(done.closing().starts_with("users 1 · completed 1 "), "{}", done.all());
}

#[test]
fn without_users_it_says_what_to_do() {
    let done = Stage::new().run(&["gate.yaml"]);
    insta::assert_snapshot!(done.all());
}

#[test]
fn all_faults_of_a_file_are_reported_with_their_lines() {
    let stage = Stage::new();
    stage.write(
        "bad.ndjson",
        "{\"external_id\":\"a\"}\n\
         {\"first_name\":\"nobody\"}\n\
         {\"external_id\":7}\n\
         not json\n\
         \n\
         [1]\n\
         {\"external_id\":\"b\",\"enter_at\":\"soon\",\"entry_properties\":1}\n\
         {\"external_id\":\"\"}\n\
         {\"external_id\":\"c\",\"custom\":{\"$add\":\"x\"}\n",
    );
    stage.write("bad.csv", "external_id,age\na,1\nb\n,3\nc,1,2\n");
    stage.write("bad.json", "[\n  {\"external_id\": \"a\"},\n  7,\n\n  {\"x\": 1}\n]\n");
    stage.write("cut.json", "[\n  {\"external_id\": \"a\"},\n  {\"external_id\": \n");
    stage.write("bad.yaml", "- external_id: a\n- 7\n- first_name: x\n");
    stage.write("map.yaml", "external_id: a\n");
    stage.write("head.csv", "name,age\nx,1\n");
    stage.write("twice.csv", "external_id,age,age\nx,1,2\n");
    stage.write("what.txt", "hello\n");
    let mut all = String::new();
    for file in [
        "bad.ndjson",
        "bad.csv",
        "bad.json",
        "cut.json",
        "bad.yaml",
        "map.yaml",
        "head.csv",
        "twice.csv",
        "what.txt",
        "none.ndjson",
        ".",
    ] {
        let done = stage.run(&["run", "gate.yaml", "--users", file]);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{file}: {}", done.err);
        all.push_str(&format!("$ --users {file}\n{}\n", done.err));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn only_the_first_twenty_faults_are_shown() {
    let stage = Stage::new();
    stage.write("bad.ndjson", "{}\n".repeat(50));
    let done = stage.run(&["run", "gate.yaml", "--users", "bad.ndjson"]);
    assert!(done.err.contains("the users file has 50 faults"), "{}", done.err);
    assert!(done.err.contains("bad.ndjson:20:") && !done.err.contains("bad.ndjson:21:"));
    assert!(done.err.trim_end().ends_with("and 30 more"), "{}", done.err);
}

#[test]
fn hostile_files_end_in_words() {
    let stage = Stage::new();
    let deep = "[".repeat(100_000);
    let long = format!("{{\"external_id\":\"{}\"}}\n", "x".repeat(2 << 20));
    stage.write("deep.json", &deep);
    stage.write("deep.ndjson", &deep);
    stage.write("deep.yaml", format!("- {deep}"));
    stage.write("long.ndjson", &long);
    stage.write("long.json", format!("[{long}]"));
    stage.write("long.csv", format!("external_id\n{}\n", "x".repeat(2 << 20)));
    stage.write("open.csv", format!("external_id,x\na,\"{}", "x\n".repeat(4 << 20)));
    stage.write("bytes.ndjson", b"\xff\xfe\x00{\n");
    stage.write("bytes.csv", b"external_id,x\na,\xff\n");
    stage.write("bytes.yaml", b"- \xff\n");
    let bomb: String =
        (1..12).map(|n| format!("- &a{n} [*a{0}, *a{0}, *a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    stage.write("bomb.yaml", format!("- &a0 [x, x, x, x, x]\n{bomb}"));
    for file in [
        "deep.json",
        "deep.ndjson",
        "deep.yaml",
        "long.ndjson",
        "long.json",
        "long.csv",
        "open.csv",
        "bytes.ndjson",
        "bytes.csv",
        "bytes.yaml",
        "bomb.yaml",
    ] {
        let done = stage.run(&["run", "gate.yaml", "--users", file]);
        assert_eq!(done.code, 2, "{file}: {}", done.err);
        assert!(done.err.starts_with("error: "), "{file}: {}", done.err);
        assert!(done.err.len() < 4000, "{file}: {}", done.err.len());
    }
}

#[test]
fn an_empty_file_is_a_run_of_nobody() {
    let stage = Stage::new();
    for file in ["none.ndjson", "none.json", "none.csv", "none.yaml"] {
        stage.write(file, "");
        let done = stage.run(&["run", "gate.yaml", "--users", file]);
        assert!(done.closing().starts_with("users 0 · completed 0 "), "{file}: {}", done.all());
        assert_eq!(done.code, 0);
    }
}

#[test]
fn who_is_listed_twice_has_one_profile_and_enters_twice() {
    let stage = Stage::new();
    stage.write(
        "again.yaml",
        stage.read("gate.yaml").replace("entry:", "entry:\n  reentry: always"),
    );
    stage.write(
        "again.users.ndjson",
        "{\"external_id\":\"a\",\"age\":30}\n\
         {\"external_id\":\"a\",\"entry_properties\":{\"from\":\"Bonn\"},\"enter_at\":\"2026-02-01\"}\n",
    );
    let done = stage.run(&["again.yaml"]);
    assert!(
        done.out.contains("Hello somebody.") && done.out.contains("Hello Bonn."),
        "{}",
        done.out
    );
    assert!(done.closing().starts_with("users 1 · completed 2 "), "{}", done.closing());
}

#[test]
fn what_a_profile_does_not_hold_is_said() {
    let stage = Stage::new();
    stage.write("odd.ndjson", "{\"external_id\":\"a\",\"age\":30,\"time_zone\":\"Mars/Base\"}\n");
    let done = stage.run(&["run", "gate.yaml", "-q", "--users", "odd.ndjson"]);
    assert!(done.err.contains("odd.ndjson:1: time_zone: no such time zone"), "{}", done.err);
    assert_eq!(done.code, 0);
}

#[test]
fn a_million_users_are_a_matter_of_streaming() {
    // A tenth of it, so that the test stays quick without optimization.
    let stage = Stage::new();
    let users: String = (0..20_000).map(|n| format!("u{n},{n}\n")).collect();
    stage.write("many.csv", format!("external_id,age\n{users}"));
    let done = stage.run(&["run", "gate.yaml", "--users", "many.csv"]);
    assert!(done.closing().starts_with("users 19982 · completed 19982 "), "{}", done.closing());
}
