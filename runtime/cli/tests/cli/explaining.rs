//! `flowrun explain`.

use crate::Stage;

#[test]
fn every_move_has_its_reason() {
    let stage = Stage::new();
    let mut all = String::new();
    for user in ["ada", "emi"] {
        all.push_str(&stage.run(&["explain", "tour.yaml", "--user", user]).all());
        all.push_str("\n\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_trace_explains_as_the_run_does() {
    let stage = Stage::new();
    stage.run(&["tour.yaml", "-q", "--trace", "run.trace"]);
    for user in ["ada", "bela", "emi"] {
        let run = stage.run(&["explain", "tour.yaml", "--user", user]);
        let trace = stage.run(&["explain", "tour.yaml", "--user", user, "--trace", "run.trace"]);
        assert_eq!(run.out, trace.out);
        assert_eq!(trace.code, 0);
    }
}

#[test]
fn half_a_trace_is_worth_reading() {
    let stage = Stage::new();
    stage.run(&["tour.yaml", "-q", "--trace", "run.trace"]);
    let trace = stage.read("run.trace");
    stage.write("half.trace", &trace[..trace.len() / 2]);
    let done = stage.run(&["explain", "tour.yaml", "--user", "ada", "--trace", "half.trace"]);
    assert!(done.out.contains("waits until"), "{}", done.out);
    assert!(done.err.contains("1 lines of `half.trace`"), "{}", done.err);
}

#[test]
fn who_is_not_there_is_named() {
    let stage = Stage::new();
    stage.run(&["tour.yaml", "-q", "--trace", "run.trace"]);
    for (args, expected) in [
        (&["--user", "adda"][..], "there is no user `adda` among the users: did you mean `ada`?"),
        (&["--user", "zebulon"], "there is no user `zebulon` among the users\n"),
        (&["--user", "bella", "--trace", "run.trace"], "in `run.trace`: did you mean `bela`?"),
        (&[], "--user"),
    ] {
        let mut all = vec!["explain", "tour.yaml"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}");
    }
}

#[test]
fn who_did_not_get_in_is_told_so() {
    let stage = Stage::new();
    stage.write("gate.users.ndjson", "{\"external_id\":\"b\",\"age\":3}\n");
    let done = stage.run(&["explain", "gate.yaml", "--user", "b"]);
    assert!(done.out.contains("did not enter gate"), "{}", done.out);
    assert_eq!(done.code, 0);
}

#[test]
fn programs_get_the_lines() {
    let json = Stage::new().run(&["explain", "tour.yaml", "--user", "ada", "--json"]).json();
    assert_eq!(json[0]["kind"], "entered");
    assert!(json.as_array().unwrap().iter().all(|line| line["user"] == "ada"));
}
