//! Plugins in processes of their own: what would take the runtime along, doesn't.

use std::time::{Duration, Instant};

use flowrun_loader::sdk::Millis;
use flowrun_loader::sdk::backend::{Array, Batch, Object, Outcome};
use flowrun_loader::{Isolation, Options, Plugin};

use crate::workshop::Bench;

const CANVAS: &str = r#"
canvas: faulty
time_zone: UTC
steps:
  - id: odd
    bad: {}
    on_failure: failed
    next: fine
  - id: fine
    exit: fine
  - id: failed
    exit: fell_out
"#;

fn users(count: usize, odd: &[usize]) -> String {
    let user = |number: usize| {
        let mark = if odd.contains(&number) { "x" } else { "u" };
        format!("{{\"external_id\": \"{mark}{number}\"}}\n")
    };
    (0..count).map(user).collect()
}

#[test]
fn a_crash_fails_the_visit_that_caused_it_and_the_process_is_started_again() {
    for (defined, expected) in [
        ("SEGFAULTS", "plugin `bad`: its process ended: by a segmentation fault"),
        ("EXITS", "plugin `bad`: its process ended: with the exit code 3"),
    ] {
        let bench = Bench::new();
        let library = bench.bad(defined);
        bench.write("faulty.yaml", CANVAS);
        bench.write("faulty.users.ndjson", users(300, &[7, 200]));
        let done = bench.flowrun(&[
            "faulty.yaml",
            "--json",
            "--plugin-isolation",
            "process",
            "--plugin",
            library.to_str().expect("text"),
            "--trace",
            "run.trace",
        ]);
        let trace = std::fs::read_to_string(bench.path().join("run.trace")).expect("a trace");
        assert_eq!(trace.matches(expected).count() % 2, 0, "{defined}: {}", done.all());
        assert!(trace.contains(expected), "{defined}: {}", done.all());
        let json: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
        assert_eq!(json["totals"]["dead_letters"], 2, "{defined}: {json:#}");
        assert_eq!(done.code, 3, "{defined}: {}", done.err);
    }
}

#[test]
fn a_process_that_keeps_ending_rests_and_is_then_started_again() {
    let bench = Bench::new();
    let library = bench.outlet("BACKEND", "EXITS");
    let program = vec![env!("CARGO_BIN_EXE_flowrun").into(), "plugin-host".into()];
    let options = Options { isolation: Isolation::Process(program), ..Options::default() };
    let plugin = Plugin::open(&library, &options).expect("it loads");
    let backend = plugin.backend(&serde_json::json!({})).expect("it begins");
    let write = |user| {
        let object =
            Object { array: Array::Attributes, user, key: "k", number: 0, attempt: 1, json: "{}" };
        let reply = backend.commit(&Batch { now: Millis(0), objects: vec![object] });
        reply.outcomes.into_iter().next().expect("an outcome")
    };
    let mut ends = 0;
    let rests = loop {
        match write("x") {
            Outcome::Unknown(why) => assert!(why.contains("its process ended"), "{why}"),
            Outcome::Retry { cause, .. } => break cause,
            other => panic!("{other:?}"),
        }
        ends += 1;
        assert!(ends < 100, "it is started again and again");
    };
    let said =
        format!("plugin `bad` ended {ends} times in a row and rests; it is started again in");
    assert!(ends >= 10 && rests.contains(&said), "{ends}: {rests}");
    // Whoever comes in the meantime is told to come again; then it works, and its past is forgotten.
    let give_up = Instant::now() + Duration::from_secs(30);
    while write("ada") != Outcome::Applied {
        assert!(Instant::now() < give_up, "it is started again");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(matches!(write("x"), Outcome::Unknown(_)), "asked, and not resting");
    assert_eq!(write("ada"), Outcome::Applied);
}

#[test]
fn a_process_that_hangs_is_ended_and_those_it_was_asked_about_fail() {
    let bench = Bench::new();
    let library = bench.bad("HANGS");
    bench.write("faulty.yaml", CANVAS);
    bench.write("faulty.users.ndjson", users(10, &[7]));
    let done = bench.flowrun(&[
        "faulty.yaml",
        "--plugin-isolation",
        "process",
        "--plugin-timeout",
        "500ms",
        "--plugin",
        library.to_str().expect("text"),
    ]);
    let said = "plugin `bad`: it did not answer within 500 ms, and its process was ended";
    assert!(done.out.contains(said), "{}", done.all());
    assert_eq!(done.code, 3, "{}", done.err);
}

#[test]
fn what_a_plugin_prints_is_no_result_and_it_sees_no_secret() {
    let bench = Bench::new();
    let source = bench.write(
        "nosy.c",
        r#"
        #include <stdio.h>
        #include "flowrun_plugin.h"
        static int32_t describe(flowrun_buffer *out) {
            printf("hello, my secret is %s\n", getenv("FLOWRUN_API_KEY") ? "known" : "safe");
            fflush(stdout);
            return flowrun_say(FLOWRUN_OK,
                "{\"name\": \"nosy\", \"summary\": \"Look around.\", \"settings\": {\"type\": \"object\"}}", out);
        }
        static int32_t create(flowrun_bytes s, void **h, flowrun_buffer *o) { (void)s; (void)o; *h = 0; return 0; }
        static int32_t call(void *h, flowrun_bytes r, flowrun_buffer *o) { (void)h; (void)r; (void)o; return 0; }
        static int32_t destroy(void *h, flowrun_buffer *o) { (void)h; (void)o; return 0; }
        FLOWRUN_EXPORT const flowrun_plugin flowrun_plugin_v1 = { FLOWRUN_MAGIC, sizeof(flowrun_plugin),
            1, 0, FLOWRUN_CHANNEL, 0, describe, create, call, destroy, flowrun_free };
        "#,
    );
    let library = bench.c_library(&source, "NOSY");
    let library = library.to_str().expect("text");
    let mut args = vec!["list", "channels", "--json", "--plugin", library];
    args.extend(["--plugin-isolation", "process"]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_flowrun"));
    let output = command.args(&args).env("FLOWRUN_API_KEY", "x").output().expect("it runs");
    let out = String::from_utf8(output.stdout).expect("text");
    let json: serde_json::Value = serde_json::from_str(&out).expect("nothing but JSON");
    assert!(json.as_array().expect("a list").iter().any(|one| one["name"] == "nosy"), "{out}");
    let err = String::from_utf8(output.stderr).expect("text");
    assert!(err.contains("my secret is safe"), "{err}");
}
