//! What is no state folder, or is held by somebody who can't be asked.

use std::fs;

use crate::served::{Served, done};
use crate::{PATIENT, STATE, folder, out, said};

#[test]
fn what_is_no_state_folder_is_said_and_left_alone() {
    let folder = folder(&[("patient.yaml", PATIENT)]);
    let here = folder.path();
    drop(Served::start(here, &STATE));
    let copy = |name: &str, part: &str, bytes: &[u8]| {
        let path = here.join(name);
        fs::create_dir_all(path.join("registry")).expect("a folder");
        for file in ["state.json", "log.redb", "directory.redb", "registry/00000.json"] {
            fs::copy(here.join("data").join(file), path.join(file)).expect("a copy");
        }
        fs::write(path.join(part), bytes).expect("a file");
    };
    copy("newer", "state.json", br#"{"format":7,"life":"x"}"#);
    copy("cut", "log.redb", b"not a log");
    copy("odd", "registry/00000.json", b"{");
    fs::create_dir(here.join("empty")).expect("a folder");
    for (state, expected) in [
        ("missing", "there is no state folder `missing`"),
        ("empty", "there is no state in it"),
        ("flows", "there is no state in it"),
        ("flows/patient.yaml", "there is no state folder"),
        ("newer", "written in format 7"),
        ("cut", "the log in cut"),
        ("odd", "`00000.json` can't be read"),
    ] {
        for command in ["status", "dead-letters", "pause patient", "replay 0-0", "delete --user a"]
        {
            let args: Vec<&str> = command.split(' ').chain(["--state", state]).collect();
            let ended = done(here, &args);
            let err = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(2), "{command} {state}: {err}");
            assert!(err.contains(expected), "{command} {state}: {err}");
        }
    }
    assert_eq!(fs::read_dir(here.join("empty")).expect("a folder").count(), 0);
    assert!(!here.join("missing").exists());
    let unnamed = done(here, &["dead-letters"]);
    assert!(String::from_utf8_lossy(&unnamed.stderr).contains("name the state folder"));
    let odd = done(here, &["replay", "seven", "--state", "data"]);
    assert!(String::from_utf8_lossy(&odd.stderr).contains("looks like 2-17"));
}

#[test]
fn a_holder_that_does_not_answer_is_named() {
    let folder = folder(&[("patient.yaml", PATIENT)]);
    let here = folder.path();
    Served::start(here, &STATE).kill();
    let lock = fs::File::options().write(true).open(here.join("data/lock")).expect("the lock");
    lock.try_lock().expect("nobody has it");
    let (code, _, err) = said(here, "status");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("a process holds the state folder `data`, but can't be asked"), "{err}");
    drop(lock);
    assert!(out(here, "status").starts_with("at rest"));
}

#[test]
fn a_command_at_work_does_not_keep_a_server_from_starting() {
    let folder = folder(&[("patient.yaml", PATIENT)]);
    let here = folder.path();
    Served::start(here, &STATE).kill();
    let lock = fs::File::options().write(true).open(here.join("data/lock")).expect("the lock");
    lock.try_lock().expect("nobody has it");
    // Whichever comes first: the server gets the folder when this gives it up.
    let command = std::thread::spawn(move || {
        std::thread::park_timeout(std::time::Duration::from_millis(300));
        drop(lock);
    });
    let served = Served::start(here, &STATE);
    command.join().expect("it ends");
    served.until("it is asked", |_| out(here, "status").starts_with("at work"));
}

#[test]
fn the_commands_explain_themselves_and_shells_complete_them() {
    let folder = folder(&[]);
    let script = done(folder.path(), &["completions", "bash"]);
    let script = String::from_utf8_lossy(&script.stdout).into_owned();
    for command in ["status", "dead-letters", "replay", "pause", "resume", "delete"] {
        let help = done(folder.path(), &[command, "--help"]);
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains("Examples:\n  flowrun ") && help.contains("--state"), "{help}");
        assert!(script.contains(&format!("flowrun,{command})")), "{command}");
    }
}
