//! Backends and channels that misbehave: what they were asked about fails with their name in the reason, after whatever
//! attempts there are, and everybody else goes on.
//!
//! A backend that fails is given time that really passes, so that most rows ask it by itself, as the runtime does; what a run
//! makes of that is one test.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use flowrun_loader::sdk::Millis;
use flowrun_loader::sdk::backend::{Array, Batch, Object, Outcome};
use flowrun_loader::{Isolation, Options, Plugin};
use serde_json::json;

use crate::workshop::{Bench, Done};

/// Users whose id begins with x meet the fault; those with the plan `other` never come to it.
const USERS: &str = "{\"external_id\": \"ada\"}\n{\"external_id\": \"x-bo\"}\n\
                     {\"external_id\": \"dara\", \"plan\": \"other\"}\n";

const UPDATE: &str = "user_update: { json: '{\"attributes\": [{\"vip\": true}]}', timeout: 1s }";
const MESSAGE: &str = "message: { channel: push, body: hi }";

const CANVAS: &str = r#"
canvas: faulty
time_zone: UTC
steps:
  - id: way
    decision_split: { if: "{{custom_attribute.${plan}}} == 'other'", then: other, else: odd }
  - id: odd
    ASKS
    on_failure: failed
    next: fine
  - id: fine
    exit: fine
  - id: failed
    exit: fell_out
  - id: other
    exit: elsewhere
"#;

const KINDS: [&str; 2] = ["BACKEND", "CHANNEL"];

/// A Canvas that asks the plugin, its users and its configuration.
fn prepare(bench: &Bench, kind: &str) {
    let (asks, config) = match kind {
        "BACKEND" => (UPDATE, "[backend]\nurl = 'plugin:bad'\n"),
        _ => (MESSAGE, "[channel.push]\ntype = 'plugin'\nplugin = 'bad'\n"),
    };
    bench.write("faulty.yaml", CANVAS.replace("ASKS", asks));
    bench.write("faulty.users.ndjson", USERS);
    bench.write("flowrun.toml", config);
}

fn run(bench: &Bench, kind: &str, library: &Path, more: &[&str]) -> Done {
    prepare(bench, kind);
    let mut args = vec!["faulty.yaml", "--plugin", library.to_str().expect("a path of text")];
    args.extend_from_slice(more);
    bench.flowrun(&args)
}

/// How many ended as `fine`, `fell_out` and `elsewhere`, by the story of a run.
fn ended(story: &str) -> [usize; 3] {
    ["fine", "fell_out", "elsewhere"]
        .map(|reason| story.matches(&format!("exits: {reason}")).count())
}

/// The outcomes of an object of ada's and one of x-bo's.
fn committed(library: &Path, isolation: Isolation) -> [Outcome; 2] {
    let patience = Duration::from_millis(500);
    let options = Options { isolation, patience, ..Options::default() };
    let plugin = Plugin::open(library, &options).expect("it loads");
    let backend = plugin.backend(&json!({})).expect("it begins");
    let object = |user, key| Object {
        array: Array::Attributes,
        user,
        key,
        number: 0,
        attempt: 1,
        json: "{\"vip\":true}",
    };
    let batch = Batch { now: Millis(0), objects: vec![object("ada", "1"), object("x-bo", "2")] };
    let reply = backend.commit(&batch);
    reply.outcomes.try_into().expect("an outcome for each")
}

fn of_its_own() -> Isolation {
    Isolation::Process(vec![env!("CARGO_BIN_EXE_flowrun").into(), "plugin-host".into()])
}

#[test]
fn a_fault_of_one_outcome_is_that_of_its_object_or_message() {
    for (defined, expected) in [
        ("REFUSES", "not x"),
        ("NO_OUTCOME", "no outcome was told"),
        ("UNKNOWN_OUTCOME", "99 is no kind of outcome"),
        ("TEXT_ELSEWHERE", "names a text that is not in it"),
        ("BAD_UTF8", "a text that is not UTF-8"),
    ] {
        let bench = Bench::new();
        for isolation in [Isolation::None, of_its_own()] {
            let [ada, bo] = committed(&bench.outlet("BACKEND", defined), isolation);
            assert_eq!(ada, Outcome::Applied, "{defined}");
            match bo {
                Outcome::Refused(why) if defined == "REFUSES" => assert_eq!(why, expected),
                // It may have been written: it comes again under the same key.
                Outcome::Unknown(why) => assert!(why.contains(expected), "{defined}: {why}"),
                other => panic!("{defined}: {other:?}"),
            }
        }
        let done = run(&bench, "CHANNEL", &bench.outlet("CHANNEL", defined), &[]);
        assert!(done.out.contains(expected), "{defined}: {}", done.all());
        assert_eq!((ended(&done.out), done.code), ([1, 1, 1], 3), "{defined}: {}", done.all());
    }
    let bench = Bench::new();
    let done = run(&bench, "BACKEND", &bench.outlet("BACKEND", "REFUSES"), &[]);
    assert!(done.out.contains("not x"), "{}", done.all());
    assert_eq!((ended(&done.out), done.code), ([1, 1, 1], 3), "{}", done.all());
}

#[test]
fn a_fault_of_a_whole_answer_is_that_of_all_who_were_asked_about() {
    for (defined, expected) in [
        ("SAYS_ERROR", "plugin `bad`: I don't like this"),
        ("WRONG_COUNT", "plugin `bad`: it answered"),
        ("NO_ANSWER", "the answer is shorter than its header"),
        ("ODD_STATUS", "answered with the status 77"),
        ("HUGE_ANSWER", "answered 1073741824 bytes, and 64 MiB is the limit"),
        ("HANGS", "plugin `bad`: it did not answer within 500 ms and is not asked again"),
    ] {
        let bench = Bench::new();
        for outcome in committed(&bench.outlet("BACKEND", defined), Isolation::None) {
            let told = matches!(&outcome, Outcome::Unknown(why) if why.contains(expected));
            assert!(told, "{defined}: {outcome:?}");
        }
        let library = bench.outlet("CHANNEL", defined);
        let done = run(&bench, "CHANNEL", &library, &["--plugin-timeout", "500ms"]);
        assert!(done.out.contains(expected), "{defined}: {}", done.all());
        assert_eq!((ended(&done.out), done.code), ([0, 2, 1], 3), "{defined}: {}", done.all());
    }
}

#[test]
fn one_that_crashes_in_a_process_of_its_own_is_told_and_the_run_goes_on() {
    for (defined, expected) in [
        ("SEGFAULTS", "plugin `bad`: its process ended: by a segmentation fault"),
        ("EXITS", "plugin `bad`: its process ended: with the exit code 3"),
        ("HANGS", "plugin `bad`: it did not answer within 500 ms, and its process was ended"),
    ] {
        let bench = Bench::new();
        for outcome in committed(&bench.outlet("BACKEND", defined), of_its_own()) {
            let told = matches!(&outcome, Outcome::Unknown(why) if why.contains(expected));
            assert!(told, "{defined}: {outcome:?}");
        }
        let library = bench.outlet("CHANNEL", defined);
        let more = ["--plugin-timeout", "500ms", "--plugin-isolation", "process"];
        let done = run(&bench, "CHANNEL", &library, &more);
        // It is tried again and again, until it rests.
        let rests = "plugin `bad` ended 12 times in a row and rests";
        assert!(done.out.contains(rests), "{defined}: {}", done.all());
        // Messages of a run go one by one.
        let fine = usize::from(defined != "HANGS");
        let expected = [fine, 2 - fine, 1];
        assert_eq!((ended(&done.out), done.code), (expected, 3), "{defined}: {}", done.all());
    }
}

#[cfg(unix)]
#[test]
fn who_is_held_by_a_backend_that_never_makes_sense_leaves_in_time() {
    let bench = Bench::new();
    prepare(&bench, "BACKEND");
    let library = bench.outlet("BACKEND", "NO_OUTCOME");
    let mut running = Command::new(env!("CARGO_BIN_EXE_flowrun"))
        .args(["faulty.yaml", "--plugin", library.to_str().expect("text")])
        .current_dir(bench.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // The third attempt is later than a second after the first. After that the update, which may be in, would be tried
    // for three quarters of an hour.
    let mut said = BufReader::new(running.stderr.take().expect("its words")).lines();
    let asked = said.by_ref().map_while(Result::ok).filter(|line| line == "asked");
    assert_eq!(asked.take(3).count(), 3, "it is asked again");
    let interrupted = Command::new("kill").args(["-INT", &running.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    let rest = std::thread::spawn(move || said.map_while(Result::ok).collect::<Vec<_>>());
    let mut story = String::new();
    running.stdout.take().expect("its story").read_to_string(&mut story).expect("text");
    let code = running.wait().expect("it ends").code();
    let told = rest.join().expect("its words");
    assert_eq!((ended(&story), code), ([1, 1, 1], Some(130)), "{story}\n{told:?}");
}

#[test]
fn one_that_can_not_begin_ends_the_run_before_anybody_enters() {
    for kind in KINDS {
        for (defined, expected) in [
            ("OTHER_DESCRIPTION", "its description is wrong: missing field"),
            ("CREATE_FAILS", "[plugin.bad.settings]: I won't begin"),
            ("CREATE_NO_JSON", "plugin `bad` says of what it created"),
            ("CREATE_HANGS", "plugin `bad`: it did not answer within 500 ms"),
        ] {
            let bench = Bench::new();
            let library = bench.outlet(kind, defined);
            let done = run(&bench, kind, &library, &["--plugin-timeout", "500ms"]);
            assert!(done.err.contains(expected), "{kind} {defined}: {}", done.all());
            assert_eq!((done.code, done.out.as_str()), (2, ""), "{kind} {defined}: {}", done.all());
        }
    }
    let bench = Bench::new();
    for (kind, built, defined, expected) in [
        ("BACKEND", "BACKEND", "BAD_LIMITS", "a limit of 0 objects would hold users for ever"),
        // One of the other kind is not what was asked for.
        ("BACKEND", "CHANNEL", "FINE", "plugin `bad` is a channel, no backend"),
        ("CHANNEL", "BACKEND", "FINE", "plugin `bad` is a backend, no channel"),
    ] {
        let done = run(&bench, kind, &bench.outlet(built, defined), &[]);
        assert!(done.err.contains(expected), "{defined}: {}", done.all());
        assert_eq!(done.code, 2, "{defined}: {}", done.all());
    }
}

#[test]
fn check_tries_one_out_and_finds_what_is_wrong() {
    for kind in KINDS {
        for (defined, expected, code) in [
            ("FINE", "fit to be used", 0),
            ("WRONG_COUNT", "it answered", 1),
            ("SAYS_ERROR", "I don't like this", 1),
            ("CREATE_FAILS", "I won't begin", 1),
            ("OTHER_DESCRIPTION", "its description is wrong", 1),
            ("HANGS", "did not answer within 500 ms", 1),
        ] {
            let bench = Bench::new();
            let library = bench.outlet(kind, defined);
            bench.write("settings.json", "{}");
            let args = ["plugin", "check", library.to_str().expect("text"), "--settings"];
            let more = ["settings.json", "--plugin-timeout", "500ms"];
            let done = bench.flowrun(&[&args[..], &more].concat());
            assert!(done.out.contains(expected), "{kind} {defined}: {}", done.all());
            assert_eq!(done.code, code, "{kind} {defined}: {}", done.all());
        }
    }
}
