//! `flowrun run`, and its short form.

use std::process::Stdio;

use crate::Stage;

#[test]
fn a_few_users_are_told_step_by_step() {
    let done = Stage::new().run(&["tour.yaml"]);
    insta::assert_snapshot!(done.all());
}

#[test]
fn the_closing_line_is_the_last() {
    let stage = Stage::new();
    for args in [
        &["tour.yaml"][..],
        &["run", "tour.yaml"],
        &["run", "tour.yaml", "--quiet"],
        &["--color", "never", "tour.yaml", "-q"],
        &["run", "tour.yaml", "--users", "tour.users.ndjson", "--seed", "7"],
    ] {
        let done = stage.run(args);
        assert_eq!(
            done.closing(),
            "users 3 · completed 2 · exited 1 · waiting 0 · held 0 · dead-letter 1 \
             · writes 2 objects in 2 requests · messages 5",
            "{args:?}"
        );
        assert_eq!(done.code, 3, "{args:?}");
    }
}

#[test]
fn quiet_leaves_the_table() {
    insta::assert_snapshot!(Stage::new().run(&["tour.yaml", "--quiet"]).all());
}

#[test]
fn json_is_one_object() {
    let done = Stage::new().run(&["run", "tour.yaml", "--json"]);
    assert_eq!(done.code, 3);
    let mut json = done.json();
    json["canvases"][0]["version"] = "…".into();
    for key in ["key", "payload"] {
        json["dead_letters"][0][key] = "…".into();
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let stage = Stage::new();
    for (args, variable, expected) in [
        (&["tour.yaml"][..], None, false),
        (&["tour.yaml", "--color", "always"], None, true),
        (&["tour.yaml", "--color", "never"], None, false),
        (&["tour.yaml"], Some("1"), false),
    ] {
        let mut command = stage.command(args);
        if let Some(value) = variable {
            command.env("NO_COLOR", value);
        }
        let out = command.output().unwrap().stdout;
        assert_eq!(out.contains(&0x1b), expected, "{args:?} {variable:?}");
    }
}

#[test]
fn two_runs_give_the_same_trace_to_the_byte() {
    let stage = Stage::new();
    for args in [&[][..], &["--seed", "7"], &["--for", "1d"], &["--redact"]] {
        for trace in ["one.trace", "two.trace"] {
            let mut all = vec!["run", "tour.yaml", "--quiet", "--trace", trace];
            all.extend_from_slice(args);
            stage.run(&all);
        }
        let trace = stage.read("one.trace");
        assert!(trace.lines().count() > 10, "{args:?}");
        assert_eq!(trace, stage.read("two.trace"), "{args:?}");
    }
}

#[test]
fn a_trace_on_standard_output_has_it_to_itself() {
    let done = Stage::new().run(&["run", "tour.yaml", "--trace", "-"]);
    for line in done.out.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        assert!(line["at"].is_string() && line["kind"].is_string(), "{line}");
    }
    assert!(done.err.trim_end().ends_with("messages 5"), "{}", done.err);
}

#[test]
fn held_comes_before_request_before_reply_before_released_before_advanced() {
    let stage = Stage::new();
    stage.run(&["tour.yaml", "--trace", "run.trace"]);
    let kinds: Vec<String> = stage
        .read("run.trace")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["user"].is_null() || (line["user"] == "bela" && line["step"] == "note"))
        .map(|line| line["kind"].as_str().unwrap().to_owned())
        .skip_while(|kind| kind != "held")
        .take(5)
        .collect();
    assert_eq!(kinds, ["held", "request", "reply", "released", "advanced"]);
}

#[test]
fn a_redacted_trace_has_hashes_for_texts() {
    let stage = Stage::new();
    stage.run(&["run", "tour.yaml", "--trace", "run.trace", "--redact"]);
    let trace = stage.read("run.trace");
    assert!(!trace.contains("Welcome aboard"), "{trace}");
    assert!(!trace.contains("Ada"), "{trace}");
    assert!(trace.contains("\"body\":\"sha256:"), "{trace}");
}

#[test]
fn what_is_not_in_this_version_is_refused_in_words() {
    let stage = Stage::new();
    for (args, expected) in [
        (&["--backend", "nowhere"][..], "a backend is \"memory\""),
        (&["--backend", "https://rest.example.com"], "set FLOWRUN_API_KEY"),
        (&["--clock", "wrong"], "invalid value 'wrong'"),
        (&["--events", "e.ndjson"], "can't read the events file `e.ndjson`"),
        (&["--state", "dir"], "add `--clock real`"),
        (&["--json", "--trace", "-"], "both want standard output"),
        (&["--start", "soon"], "--start: `soon` is no moment"),
        (&["--until", "2025-01-01"], "before it starts"),
        (&["--for", "soon"], "--for:"),
        (&["--until", "2027-01-01", "--for", "1d"], "cannot be used with"),
        (&["--trace", "tour.yaml"], "would overwrite `tour.yaml`"),
        (&["--clock", "real", "--trace", "tour.yaml"], "would overwrite `tour.yaml`"),
        (&["--trace", "no/such/folder"], "can't write the trace"),
        (&["--redact"], "--trace"),
    ] {
        let mut all = vec!["run", "tour.yaml"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}");
    }
}

#[test]
fn a_wrong_canvas_does_not_run() {
    let stage = Stage::new();
    stage.write("latin.yaml", b"canvas: caf\xe9\n");
    for (path, expected) in
        [("broken.yaml", "did you mean `wait`"), ("latin.yaml", "--> latin.yaml:1:12")]
    {
        let done = stage.run(&[path, "--users", "tour.users.ndjson"]);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{path}");
        assert!(done.err.contains(expected), "{path}: {}", done.err);
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let stage = Stage::new();
    for (path, expected) in [
        ("none.yaml", "can't read the Canvas `none.yaml`: there is no such file"),
        ("empty_folder.yaml", "is a folder"),
    ] {
        if path == "empty_folder.yaml" {
            std::fs::create_dir(stage.path().join(path)).unwrap();
        }
        let done = stage.run(&[path, "--users", "tour.users.ndjson"]);
        assert!(done.err.contains(expected), "{path}: {}", done.err);
        assert_eq!(done.code, 2, "{path}");
    }
}

#[test]
fn a_run_can_end_before_its_users_do() {
    let done = Stage::new().run(&["run", "tour.yaml", "--quiet", "--for", "12h"]);
    assert_eq!(
        done.closing(),
        "users 2 · completed 0 · exited 0 · waiting 2 · held 0 · dead-letter 0 \
         · writes 0 objects in 0 requests · messages 2"
    );
    assert_eq!(done.code, 0);
}

#[test]
fn users_who_do_not_get_in_are_counted_with_the_reason() {
    let stage = Stage::new();
    stage.write(
        "gate.users.ndjson",
        "{\"external_id\":\"a\",\"age\":30}\n{\"external_id\":\"b\",\"age\":3}\n{\"external_id\":\"a\"}\n",
    );
    let done = stage.run(&["gate.yaml", "--quiet"]);
    assert!(
        done.out.contains("gate: did not enter: 1 outside the audience, 1 had entered before"),
        "{}",
        done.out
    );
}

#[test]
fn every_user_enters_every_canvas() {
    let stage = Stage::new();
    stage.write("users.csv", "external_id,age\na,30\nb,40\n");
    let done = stage.run(&["run", "tour.yaml", "gate.yaml", "--users", "users.csv"]);
    insta::assert_snapshot!(done.all());
}

#[test]
fn without_a_named_file_each_canvas_has_its_own_users() {
    let stage = Stage::new();
    stage.write("gate.users.json", "[{\"external_id\":\"zoe\",\"age\":30}]");
    let json = stage.run(&["run", "tour.yaml", "gate.yaml", "--json"]).json();
    assert_eq!(json["canvases"][0]["entered"], 3);
    assert_eq!(json["canvases"][1]["entered"], 1);
}

#[test]
fn canvases_that_run_together_need_names_of_their_own() {
    let stage = Stage::new();
    stage.write("copy.yaml", stage.read("tour.yaml"));
    let done = stage.run(&["run", "tour.yaml", "copy.yaml", "--users", "tour.users.ndjson"]);
    assert!(done.err.contains("are both called `tour`"), "{}", done.err);
    assert_eq!(done.code, 2);
}

#[test]
fn many_users_are_counted_and_not_told() {
    let stage = Stage::new();
    let users: String =
        (0..500).map(|n| format!("{{\"external_id\":\"u{n}\",\"age\":{n}}}\n")).collect();
    stage.write("many.ndjson", users);
    let done = stage.run(&["tour.yaml", "--users", "many.ndjson"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(!done.out.contains("u17"), "{}", done.out);
    assert!(done.closing().starts_with("users 500 · completed 500 "), "{}", done.closing());
}

#[test]
fn the_first_dead_letters_are_listed_and_the_rest_counted() {
    let stage = Stage::new();
    let users: String =
        (0..30).map(|n| format!("{{\"external_id\":\"u{n}\",\"age\":\"old\"}}\n")).collect();
    stage.write("many.ndjson", users);
    let done = stage.run(&["tour.yaml", "--users", "many.ndjson"]);
    assert_eq!(done.code, 3);
    assert!(done.out.contains("dead letters (30)"), "{}", done.out);
    assert!(done.out.contains("and 20 more"), "{}", done.out);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let stage = Stage::new();
    for args in [&["tour.yaml"][..], &["run", "tour.yaml", "--trace", "-"], &["schema"]] {
        let mut child = stage
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the program ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!err.contains("panicked") && !err.contains("error"), "{args:?}: {err}");
        let expected = if args == ["schema"] { 0 } else { 3 };
        assert_eq!(output.status.code(), Some(expected), "{args:?}");
    }
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_run_with_its_table() {
    use std::io::{BufRead, BufReader};

    // Each user enters at a moment of their own, and the trace is far larger than a pipe: the
    // run stands still until its reader goes on.
    let stage = Stage::new();
    let users: String = (0..5000)
        .map(|n| {
            format!("u{n},30,2026-01-05T10:{:02}:{:02}.{:03}Z\n", n / 60 % 60, n % 60, n / 3600)
        })
        .collect();
    stage.write("many.csv", format!("external_id,age,enter_at\n{users}"));
    let mut child = stage
        .command(&["run", "gate.yaml", "--users", "many.csv", "--trace", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    lines.next().expect("the run has begun").expect("text");
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill runs").success());
    let told = lines.filter(Result::is_ok).count();
    let output = child.wait_with_output().expect("the program ends");
    let err = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.contains("stopped by Ctrl-C at Mon 5 Jan 2026 10:"), "{err}");
    assert!(err.contains("\nusers "), "{err}");
    assert!(told < 5000 * 4, "{told}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let stage = Stage::new();
    let done = stage.run(&["run", "tour.yaml", "--trace", "/dev/full"]);
    assert!(done.err.contains("can't write the trace to `/dev/full`"), "{}", done.err);
    assert_eq!(done.code, 2);
}

#[test]
fn what_a_profile_does_not_hold_as_written_is_said() {
    let stage = Stage::new();
    stage.write("n.users.ndjson", r#"{"external_id":"u","n":9223372036854775807}"#).write(
        "n.yaml",
        "canvas: n\nsteps:\n  - id: a\n    user_update: { attributes: [{ n: { inc: 1 }, gender: x }] }\n",
    );
    let done = stage.run(&["n.yaml", "--quiet"]);
    assert_eq!(done.code, 0, "{}", done.err);
    for said in ["2 values were not kept as written", "u: n: the sum does not fit", "u: gender: "] {
        assert!(done.err.contains(said), "{said}: {}", done.err);
    }
}

#[test]
fn a_backend_that_may_count_twice_is_warned_of_and_ours_are_not() {
    let stage = Stage::new();
    stage.write("n.users.ndjson", r#"{"external_id":"u"}"#).write(
        "n.yaml",
        "canvas: n\nsteps:\n  - id: a\n    user_update: { attributes: [{ n: { inc: 1 } }] }\n",
    );
    let closed = "http://127.0.0.1:9";
    let hint =
        format!("1 warning in n.yaml; read them with `flowrun check n.yaml --backend {closed}`");
    for (backend, warned) in [("memory", false), ("embedded:kept", false), (closed, true)] {
        let done = stage.run(&["run", "n.yaml", "--backend", backend, "--for", "1s"]);
        assert_eq!(done.err.contains(&hint), warned, "{backend}: {}", done.err);
    }
    assert_eq!(stage.run(&["check", "n.yaml", "--deny-warnings", "--backend", closed]).code, 1);
    assert_eq!(stage.run(&["check", "n.yaml", "--deny-warnings", "--backend", "memory"]).code, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn what_can_t_be_written_is_an_error_and_a_reader_that_left_is_none() {
    let stage = Stage::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    for args in ["--help", "run --help", "--version", "list", "schema", "tour.yaml", "eval x"] {
        let words: Vec<&str> = args.split(' ').collect();
        let output = stage.command(&words).stdout(full()).output().expect("the program runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args}: {err}");
        assert!(err.contains("can't write to standard output: No space left"), "{args}: {err}");

        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = stage.command(&words).stdout(writer).output().expect("the program runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(2), "{args}: {err}");
        assert!(!err.contains("error"), "{args}: {err}");
    }
    // Where not even an error can be said, the exit code still can.
    for (args, code) in [("nonsense", 2), ("eval {{", 1), ("check broken.yaml", 1), ("list", 0)] {
        let words: Vec<&str> = args.splitn(2, ' ').collect();
        let output = stage.command(&words).stderr(full()).output().expect("the program runs");
        assert_eq!(output.status.code(), Some(code), "{args}");
    }
}
