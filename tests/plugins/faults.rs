//! What a bad plugin does, and that it does it to nobody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::workshop::{Bench, Done, root, rust_library};

/// Users whose id begins with x meet the fault; those with the plan `other` never come to the
/// plugin.
const CANVAS: &str = r#"
canvas: faulty
time_zone: UTC
steps:
  - id: way
    decision_split: { if: "{{custom_attribute.${plan}}} == 'other'", then: other, else: odd }
  - id: odd
    bad: {}
    on_failure: failed
    next: fine
  - id: fine
    exit: fine
  - id: failed
    exit: fell_out
  - id: other
    exit: elsewhere
"#;

const USERS: &str = "{\"external_id\": \"ada\"}\n{\"external_id\": \"x-bo\"}\n\
                     {\"external_id\": \"cy\"}\n{\"external_id\": \"dara\", \"plan\": \"other\"}\n";

/// Runs the Canvas with the plugin, and tells who left with which reason.
fn run(bench: &Bench, library: &Path, canvas: &str, more: &[&str]) -> Done {
    bench.write("faulty.yaml", canvas);
    bench.write("faulty.users.ndjson", USERS);
    let mut args = vec!["faulty.yaml", "--plugin", library.to_str().expect("a path of text")];
    args.extend_from_slice(more);
    bench.flowrun(&args)
}

/// How many users ended with this reason, by the story of the run.
fn ended(done: &Done, reason: &str) -> usize {
    done.out.matches(&format!("exits: {reason}")).count()
}

/// How many ended at this step, by the table of the run.
fn exited(done: &Done, step: &str) -> usize {
    let row = done.out.lines().find(|line| line.starts_with(&format!("{step} ")));
    let cell = row.and_then(|row| row.split_whitespace().nth(5)?.parse().ok());
    cell.unwrap_or_else(|| panic!("{}", done.all()))
}

#[test]
fn a_library_that_is_no_plugin_is_refused_with_words() {
    for (defined, expected) in [
        ("NO_SYMBOL", "it has no symbol `flowrun_plugin_v1`"),
        ("OFF_BY_ONE", "was built for plugin ABI 2.0, and this flowrun speaks 1.0: rebuild it"),
        ("OTHER_MAGIC", "the symbol `flowrun_plugin_v1` is not a plugin's table"),
        ("SHORT_TABLE", "its table is shorter than that of its version"),
        ("NO_FUNCTION", "its table lacks the function `call`"),
        ("UNKNOWN_PLUGIN", "it is of a kind that this version doesn't know"),
        ("ABORTS", "was built with panic = \"abort\""),
        ("DESCRIBE_NO_JSON", "its description is wrong: EOF while parsing"),
        ("DESCRIBE_FAILS", "asked what it is, I don't know who I am"),
        ("SCHEMA_WORD", "its schema of the settings is no JSON Schema"),
        ("DESCRIBE_HANGS", "it did not answer within 500 ms"),
        ("CONSTRUCTOR_HANGS", "opening it did not end within 0.5 s"),
        ("CONSTRUCTOR_CRASHES", "opening it ended its process by a segmentation fault"),
    ] {
        let bench = Bench::new();
        let library = bench.bad(defined);
        for more in [
            &["--plugin-timeout", "500ms"][..],
            &["--plugin-timeout", "500ms", "--plugin-isolation", "process"],
        ] {
            let done = run(&bench, &library, CANVAS, more);
            assert!(done.err.contains(expected), "{defined}: {}", done.all());
            assert_eq!((done.code, done.out.as_str()), (2, ""), "{defined}: {}", done.all());
        }
    }
}

#[test]
fn a_file_that_is_no_library_for_this_machine_is_refused_with_words() {
    let bench = Bench::new();
    let library = fs::read(bench.bad("FINE")).expect("a library");
    let mut other = library.clone();
    other[18] = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    for (name, bytes, expected) in [
        ("text.so", &b"#!/bin/sh\n"[..], "it doesn't begin as one"),
        ("empty.so", b"", "the file is empty"),
        ("cut.so", &library[..10], "it is cut off"),
        ("half.so", &library[..library.len() / 2], "it is cut off"),
        ("other.so", &other, "and this is Linux on"),
        ("windows.so", b"MZ\x90\0", "is a library for Windows"),
    ] {
        let path = bench.write(name, bytes);
        let done = run(&bench, &path, CANVAS, &[]);
        assert!(done.err.contains(expected), "{name}: {}", done.all());
        assert_eq!(done.code, 2, "{name}");
    }
    let done = run(&bench, Path::new("none.so"), CANVAS, &[]);
    assert!(done.err.contains("can't read the plugin `none.so`"), "{}", done.all());
}

#[test]
fn a_fault_of_one_decision_fails_that_visit_alone() {
    for (defined, expected) in [
        ("SAYS_ERROR", "plugin `bad`: I don't like x"),
        ("NO_DECISION", "plugin `bad`: its decision is wrong: no decision was made"),
        ("UNKNOWN_KIND", "99 is no kind of decision"),
        ("UNKNOWN_EXIT", "step kind `bad` has no door 42"),
        ("BAD_UTF8", "a text that is not UTF-8"),
        ("TEXT_ELSEWHERE", "names a text that is not in it"),
        ("LONG_TEXT", "a text of more than 1 MiB"),
        ("WRITES_ANOTHER_USER", "external_id"),
        ("DEEP_JSON", "the variables are no JSON object"),
    ] {
        let bench = Bench::new();
        let done = run(&bench, &bench.bad(defined), CANVAS, &[]);
        assert!(done.out.contains(expected), "{defined}: {}", done.all());
        let ended = [ended(&done, "fine"), ended(&done, "fell_out"), ended(&done, "elsewhere")];
        assert_eq!((ended, done.code), ([2, 1, 1], 3), "{defined}: {}", done.all());
    }
}

#[test]
fn a_fault_of_a_whole_answer_fails_those_who_were_asked_about() {
    for (defined, expected) in [
        ("WRONG_COUNT", "plugin `bad`: it answered 4 decisions for 3 visits"),
        ("NO_ANSWER", "the answer is shorter than its header"),
        ("ODD_STATUS", "answered with the status 77"),
        ("HUGE_ANSWER", "answered 1073741824 bytes, and 64 MiB is the limit"),
        ("HANGS", "plugin `bad`: it did not answer within 500 ms and is not asked again"),
    ] {
        let bench = Bench::new();
        let begun = std::time::Instant::now();
        let done = run(&bench, &bench.bad(defined), CANVAS, &["--plugin-timeout", "500ms"]);
        assert!(done.out.contains(expected), "{defined}: {}", done.all());
        let ended = [ended(&done, "fine"), ended(&done, "fell_out"), ended(&done, "elsewhere")];
        assert_eq!((ended, done.code), ([0, 3, 1], 3), "{defined}: {}", done.all());
        assert!(begun.elapsed().as_secs() < 30, "{defined}: the run went on");
    }
}

#[test]
fn a_schema_or_a_creation_that_lies_is_a_fault_of_the_canvas() {
    for (defined, expected) in [
        ("SCHEMA_NOWHERE", "the schema of `bad` is unusable"),
        ("SCHEMA_WANTS_MORE", "`n` is missing, whatever the schema says"),
        ("CREATE_NO_JSON", "plugin `bad` says of what it created"),
        ("CREATE_HANGS", "plugin `bad`: it did not answer within 500 ms"),
    ] {
        let bench = Bench::new();
        let done = run(&bench, &bench.bad(defined), CANVAS, &["--plugin-timeout", "500ms"]);
        assert!(done.err.contains(expected), "{defined}: {}", done.all());
        assert_eq!(done.code, 1, "{defined}: {}", done.all());
    }
}

fn panicky() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| rust_library(&root().join("tests/plugins/panicky"), "panicky"))
}

#[test]
fn a_panic_fails_the_visit_that_met_it_and_is_told_with_its_place() {
    let bench = Bench::new();
    let canvas = |at: &str| CANVAS.replace("bad: {}", &format!("panicky: {at}"));
    for more in [&[][..], &["--plugin-isolation", "process"]] {
        let done = run(&bench, panicky(), &canvas("decide"), more);
        let said = "plugin `panicky`: it panicked: I can't stand x-bo (src/lib.rs:";
        assert!(done.out.contains(said), "{}", done.all());
        assert!(!done.err.contains("panicked"), "told once: {}", done.all());
        let ended = [ended(&done, "fine"), ended(&done, "fell_out"), ended(&done, "elsewhere")];
        assert_eq!((ended, done.code), ([2, 1, 1], 3), "{}", done.all());

        let done = run(&bench, panicky(), &canvas("create"), more);
        assert!(done.err.contains("it panicked: not this one (src/lib.rs:"), "{}", done.all());
        assert_eq!(done.code, 1, "{}", done.all());

        let done = run(&bench, panicky(), &canvas("drop"), more);
        assert_eq!(done.code, 0, "{}", done.all());
    }
}

#[test]
fn what_was_decided_before_a_crash_stays_though_it_would_be_decided_otherwise_now() {
    let bench = Bench::new();
    let library = bench.bad("OTHER_LIFE");
    let canvas = CANVAS.replace("next: fine", "next: told").replace(
        "  - id: fine",
        "  - id: told\n    message: { channel: email, body: hi }\n  \
         - id: moment\n    delay: { for: 2s }\n  - id: fine",
    );
    bench.write("faulty.yaml", canvas);
    bench.write("faulty.users.ndjson", "{\"external_id\": \"ada\"}\n");
    bench.write("flowrun.toml", "[channel.email]\ntype = 'file'\npath = 'outbox.ndjson'\n");
    let run = |state: &'static str| {
        let path = library.to_str().expect("text");
        ["run", "faulty.yaml", "--clock", "real", "--state", state, "--plugin", path]
    };
    let mut first = bench.command(&run("data")).spawn().expect("the program runs");
    // A message leaves when what led to it is on the disk.
    let outbox = bench.path().join("outbox.ndjson");
    let give_up = Instant::now() + Duration::from_secs(30);
    while !fs::read_to_string(&outbox).is_ok_and(|text| text.contains("ada")) {
        assert!(Instant::now() < give_up, "the message never left");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    bench.write("later", "");
    let done = bench.flowrun(&run("data"));
    assert_eq!((exited(&done, "fine"), done.code), (1, 0), "{}", done.all());
    let anew = bench.flowrun(&run("other"));
    assert_eq!(exited(&anew, "failed"), 1, "it does decide otherwise now: {}", anew.all());
}

#[test]
fn what_is_no_good_is_not_installed() {
    for (defined, expected) in [
        ("NO_SYMBOL", "it has no symbol `flowrun_plugin_v1`"),
        ("OFF_BY_ONE", "was built for plugin ABI 2.0"),
        ("DESCRIBE_NO_JSON", "its description is wrong"),
        ("DESCRIBE_HANGS", "did not answer within 500 ms"),
        ("CONSTRUCTOR_HANGS", "opening it did not end within 0.5 s"),
        ("CONSTRUCTOR_CRASHES", "opening it ended its process by a segmentation fault"),
    ] {
        let bench = Bench::new();
        let library = bench.bad(defined);
        let library = library.to_str().expect("text");
        let install = ["plugin", "install", library, "--plugins", "p", "--plugin-timeout", "500ms"];
        let done = bench.flowrun(&install);
        assert!(done.err.contains(expected), "{defined}: {}", done.all());
        assert_eq!(done.code, 2, "{defined}: {}", done.all());
        let left = fs::read_dir(bench.path().join("p")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{defined}: nothing is left in the folder");
    }
}

#[test]
fn check_tells_all_that_it_has_looked_at() {
    let bench = Bench::new();
    let library = bench.bad("FINE");
    let library = library.to_str().expect("text");
    let done = bench.flowrun(&["plugin", "check", library, "--calls", "1000"]);
    for what in [
        "load",
        "ABI",
        "manifest",
        "schema",
        "examples",
        "determinism",
        "bad settings",
        "odd users",
        "endings",
        "memory",
    ] {
        let told = done.out.lines().any(|line| line.starts_with(&format!("ok   {what} ")));
        assert!(told, "{what}: {}", done.all());
    }
}

#[test]
fn check_finds_what_an_author_gets_wrong() {
    for (defined, expected, code) in [
        ("FINE", "fit to be used", 0),
        ("FICKLE", "bad  determinism   asked twice, decides otherwise", 1),
        ("LEAKS", "bad  memory", 1),
        ("DESTROY_FAILS", "bad  endings       when it is dropped, I'd rather stay", 1),
        ("SCHEMA_WANTS_MORE", "bad  examples      the example \"It\":  `n` is missing", 1),
        ("SCHEMA_WORD", "is no JSON Schema", 1),
        ("OFF_BY_ONE", "was built for plugin ABI 2.0", 1),
        ("WRONG_COUNT", "bad  examples", 1),
        ("CONSTRUCTOR_CRASHES", "bad  crash  it ended the process that checked it", 1),
    ] {
        let bench = Bench::new();
        let library = bench.bad(defined);
        let args = ["plugin", "check", library.to_str().expect("text"), "--calls", "20000"];
        let done = bench.flowrun(&args);
        assert!(done.out.contains(expected), "{defined}: {}", done.all());
        assert_eq!(done.code, code, "{defined}: {}", done.all());
    }
    let done = Bench::new().flowrun(&[
        "plugin",
        "check",
        panicky().to_str().expect("text"),
        "--calls",
        "1000",
    ]);
    assert!(done.out.contains("when it is dropped, it panicked: I won't go"), "{}", done.all());
    assert_eq!(done.code, 1);
}
