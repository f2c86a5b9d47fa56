//! What operators ask of a state folder: while a server holds it, after it was killed, and
//! where something is wrong with it.
#![cfg(unix)]

#[allow(dead_code, reason = "shared with tests that do more")]
mod served;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use served::{Served, done};

/// Waits so long that tests don't see the end.
const PATIENT: &str = r#"
canvas: patient
entry: { api: true }
steps:
  - id: hours
    delay: { for: 5h }
  - id: note
    user_update:
      json: '{"attributes": [{"patient": true}]}'
"#;

/// Writes at once.
const WRITE: &str = r#"
canvas: write
entry: { api: true, reentry: always }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"city": "Oslo"}]}'
"#;

const STATE: [&str; 2] = ["--state", "data"];

/// An endpoint that refuses every write until it is mended.
struct Endpoint {
    url: String,
    mended: Arc<AtomicBool>,
    taken: Arc<AtomicU64>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    fn start() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let endpoint =
            Endpoint { url, mended: Arc::default(), taken: Arc::default(), bodies: Arc::default() };
        let (mended, taken) = (endpoint.mended.clone(), endpoint.taken.clone());
        let bodies = endpoint.bodies.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(body) = body(&stream) else { continue };
                bodies.lock().unwrap().push(body);
                let (status, said) = match mended.load(Ordering::SeqCst) {
                    true => ("201 Created", r#"{"message":"success","attributes_processed":1}"#),
                    false => ("400 Bad Request", r#"{"message":"no such city"}"#),
                };
                if mended.load(Ordering::SeqCst) {
                    taken.fetch_add(1, Ordering::SeqCst);
                }
                let reply = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{said}",
                    said.len()
                );
                let _ = (&stream).write_all(reply.as_bytes());
            }
        });
        endpoint
    }

    fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
    }
}

/// A request's body.
fn body(mut stream: &TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            if body.len() >= length? {
                return Some(body.to_owned());
            }
        }
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
    }
}

fn folder(flows: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("flows")).expect("a folder");
    for (name, text) in flows {
        fs::write(folder.path().join("flows").join(name), text).expect("a file");
    }
    folder
}

/// What a command prints, with its exit code.
fn said(folder: &Path, line: &str) -> (Option<i32>, String, String) {
    let args: Vec<&str> = line.split(' ').chain(STATE).collect();
    let ended = done(folder, &args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

/// What a command that goes well prints.
fn out(folder: &Path, line: &str) -> String {
    let (code, out, err) = said(folder, line);
    assert_eq!(code, Some(0), "{line}: {out}{err}");
    out
}

fn status(folder: &Path) -> Json {
    serde_json::from_str(&out(folder, "status --json")).expect("JSON")
}

/// Of a Canvas the steps that somebody is at, as `step: waiting/held/parked`.
fn steps(status: &Json, canvas: &str) -> Vec<String> {
    let canvases = status["canvases"].as_array().expect("Canvases").iter();
    let own = canvases.filter(|one| one["canvas"] == canvas);
    let steps = own.flat_map(|one| one["steps"].as_array().expect("steps").clone());
    let counts = steps.map(|step| {
        let count = |name: &str| step[name].as_u64().expect("a count");
        (step["step"].clone(), [count("waiting"), count("held"), count("parked")])
    });
    counts
        .filter(|(_, counts)| *counts != [0, 0, 0])
        .map(|(step, [waiting, held, parked])| {
            format!("{}: {waiting}/{held}/{parked}", step.as_str().expect("a name"))
        })
        .collect()
}

fn letters(folder: &Path) -> Vec<Json> {
    let all = out(folder, "dead-letters --json");
    serde_json::from_str(&all).expect("JSON")
}

fn id_of(letters: &[Json], user: &str) -> String {
    let own = letters.iter().find(|letter| letter["user"] == user).expect("a dead letter");
    own["id"].as_str().expect("an id").to_owned()
}

#[test]
fn dead_letters_are_seen_and_done_again_once_while_a_server_is_at_work() {
    let endpoint = Endpoint::start();
    let folder = folder(&[("write.yaml", WRITE), ("patient.yaml", PATIENT)]);
    let here = folder.path();
    let served = Served::start(here, &["--state", "data", "--backend", &endpoint.url]);
    for user in ["ada", "bob", "eve"] {
        served.attribute(user, "known", json!(true));
        assert_eq!(served.enter("write", user), 201);
    }
    assert_eq!(served.enter("patient", "ada"), 201);
    served.until("three dead letters", |_| letters(here).len() == 3);
    let seen = status(here);
    assert_eq!((&seen["running"], &seen["overload"]), (&json!(true), &json!([])));
    assert_eq!(steps(&seen, "patient"), ["hours: 1/0/0"]);
    assert_eq!(seen["dead_letters"]["count"], 3);
    assert!(seen["log"]["records"].as_u64().expect("a count") > 0);
    let told = out(here, "status");
    assert!(told.starts_with("at work\n") && told.contains("dead letters 3 · users 3"), "{told}");

    let list = out(here, "dead-letters --canvas write --step note");
    assert!(list.contains("write/note  ada") && list.contains("no such city"), "{list}");
    assert!(out(here, "dead-letters --canvas patient").contains("0 of 3"));
    let all = letters(here);
    let (ada, bob, eve) = (id_of(&all, "ada"), id_of(&all, "bob"), id_of(&all, "eve"));
    let shown = out(here, &format!("dead-letters show {ada}"));
    assert!(shown.contains("\"city\": \"Oslo\""), "{shown}");
    let exported = out(here, "dead-letters export -");
    assert_eq!(exported.lines().count(), 3, "{exported}");
    assert!(
        exported.contains(r#""payload":"{\"attributes\":[{\"city\":\"Oslo\"}]}""#),
        "{exported}"
    );

    let (code, told, _) = said(here, &format!("replay {ada}"));
    assert_eq!(code, Some(3), "it comes back: {told}");
    assert!(told.contains("0 done · 1 came back") && told.contains("no such city"), "{told}");
    assert_eq!(letters(here).len(), 3);
    endpoint.mend();
    assert!(out(here, &format!("replay {ada}")).starts_with("1 done"));
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 1);
    let (code, _, err) = said(here, &format!("replay {ada}"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("there is no such dead letter"), "{err}");
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 1, "once");

    let (code, _, err) = said(here, &format!("dead-letters discard {bob}"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("1 dead letter would be dropped") && err.contains("add --yes"), "{err}");
    assert_eq!(out(here, &format!("dead-letters discard {bob} --yes")), "1 discarded\n");
    assert!(out(here, "replay --all --canvas write").starts_with("1 done"));
    assert!(letters(here).is_empty(), "{eve}");
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 2);
}

#[test]
fn a_paused_canvas_stands_still_and_says_so() {
    let folder = folder(&[("patient.yaml", PATIENT), ("write.yaml", WRITE)]);
    let here = folder.path();
    let served = Served::start(here, &STATE);
    served.attribute("ada", "known", json!(true));
    assert!(out(here, "pause write").starts_with("write is paused"));
    assert_eq!(out(here, "pause write"), "write was paused before\n");
    let recipients = json!([{ "external_user_id": "ada" }]);
    let trigger = json!({ "canvas_id": "write", "recipients": recipients });
    let (code, reply) = served.post("/canvas/trigger/send", &trigger);
    assert_eq!(
        (code, reply["notice"].as_str().map(|text| &text[..21])),
        (201, Some("The Canvas is paused."))
    );
    let details = |served: &Served| {
        let (_, text) = served.ask("GET", "/canvas/details?canvas_id=write", "");
        serde_json::from_str::<Json>(&text).expect("JSON")["enabled"].clone()
    };
    assert_eq!(details(&served), false);
    assert_eq!(served.enter("patient", "ada"), 201, "others go on");
    assert!(out(here, "status").contains("paused"));
    let (code, _, err) = said(here, "pause wirte");
    assert_eq!(code, Some(2));
    assert!(err.contains("did you mean `write`?"), "{err}");
    assert_eq!(served.terminate(), Some(130));
    assert!(!here.join("data/control.sock").exists(), "a stop takes it away");

    let served = Served::start(here, &STATE);
    assert_eq!(details(&served), false, "a pause outlives the server");
    assert_eq!(out(here, "resume write"), "write goes on\n");
    assert_eq!(out(here, "resume write"), "write was not paused\n");
    assert_eq!(details(&served), true);
    assert_eq!(served.enter("write", "ada"), 201);
    assert_eq!(served.attributes("ada", "city")["city"], "Oslo");
    drop(served);
    assert_eq!(out(here, "pause write").lines().count(), 1);
    let said = out(here, "status");
    assert!(said.starts_with("at rest") && said.contains("paused"), "{said}");
    assert_eq!(out(here, "resume write"), "write goes on when a server is started\n");
}

#[test]
fn after_a_kill_the_same_commands_open_the_folder_themselves() {
    let endpoint = Endpoint::start();
    let folder = folder(&[("write.yaml", WRITE), ("patient.yaml", PATIENT)]);
    let here = folder.path();
    let args = ["--state", "data", "--backend", &endpoint.url];
    let served = Served::start(here, &args);
    served.attribute("ada", "known", json!(true));
    assert_eq!((served.enter("write", "ada"), served.enter("patient", "ada")), (201, 201));
    served.until("a dead letter", |_| letters(here).len() == 1);
    served.kill();
    assert!(here.join("data/control.sock").exists(), "nobody took it away");

    let seen = status(here);
    assert_eq!(seen["running"], false);
    assert_eq!(steps(&seen, "patient"), ["hours: 1/0/0"]);
    let before = fs::read(here.join("data/log.redb")).expect("the log");
    out(here, "dead-letters");
    out(here, "explain flows/patient.yaml --user ada");
    out(here, "check flows");
    let after = fs::read(here.join("data/log.redb")).expect("the log");
    assert!(before.len() == after.len(), "looking adds nothing");

    endpoint.mend();
    let told = out(here, "replay --all");
    assert_eq!(told, "1 queued, to go out when a server is started\n");
    assert!(letters(here)[0]["under_way"].as_bool().expect("it says"));
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 0, "nothing goes out without a server");
    let served = Served::start(here, &args);
    served.until("it is done", |_| letters(here).is_empty());
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 1);
    let bodies = endpoint.bodies.lock().unwrap();
    assert!(bodies.last().is_some_and(|body| body.contains("Oslo")), "{bodies:?}");
}

#[test]
fn a_user_is_explained_by_what_is_now_and_what_the_log_still_tells() {
    let endpoint = Endpoint::start();
    let folder = folder(&[("patient.yaml", PATIENT), ("write.yaml", WRITE)]);
    let here = folder.path();
    let served = Served::start(here, &["--state", "data", "--backend", &endpoint.url]);
    served.attribute("ada", "known", json!(true));
    assert_eq!((served.enter("patient", "ada"), served.enter("write", "ada")), (201, 201));
    served.until("a dead letter", |_| letters(here).len() == 1);
    let patient = "explain flows/patient.yaml --user ada";
    let mut served = Some(served);
    for at_work in [true, false] {
        let told = out(here, patient);
        assert!(told.contains("hours  waits until"), "{told}");
        assert!(
            told.contains(": hours, waits since") && told.contains("(in 4 h 59 min)"),
            "{told}"
        );
        let told = out(here, "explain flows/write.yaml --user ada");
        assert!(told.contains("on no journey") && told.contains("of note: the endpoint"), "{told}");
        let (code, _, err) = said(here, "explain flows/patient.yaml --user nobody");
        assert_eq!(code, Some(2));
        assert!(err.contains("no journey of a user `nobody` is known in `data`"), "{err}");
        assert_eq!(status(here)["running"], at_work);
        served.take().into_iter().for_each(Served::kill);
    }
    let json: Json = serde_json::from_str(&out(here, &format!("{patient} --json"))).expect("JSON");
    assert_eq!(json["journeys"][0]["state"], "waiting");
    assert_eq!(json["lines"][0]["kind"], "entered");
    // A clean stop leaves a snapshot, which tells no story.
    assert_eq!(Served::start(here, &STATE).terminate(), Some(130));
    let told = out(here, patient);
    assert!(told.contains("a snapshot stands for it"), "{told}");
    assert!(told.contains(": hours, waits until"), "{told}");
}

#[test]
fn whom_a_changed_file_would_touch_is_told_before() {
    let folder = folder(&[("patient.yaml", PATIENT), ("write.yaml", WRITE)]);
    let here = folder.path();
    let served = Served::start(here, &STATE);
    for user in ["ada", "bob"] {
        served.attribute(user, "known", json!(true));
        assert_eq!(served.enter("patient", user), 201);
    }
    let changed = PATIENT.replace("5h", "6h").replace("id: note", "id: noted");
    fs::write(here.join("flows/patient.yaml"), changed).expect("a file");
    fs::remove_file(here.join("flows/write.yaml")).expect("it is there");
    fs::write(here.join("flows/other.yaml"), WRITE.replace("write", "other")).expect("a file");
    let told = out(here, "check flows");
    for expected in [
        "other: flows/other.yaml is new to the folder",
        "patient: flows/patient.yaml would be a new version",
        "hours                            2  changed",
        "renamed: note to noted",
        "2 journeys: they end on their versions",
        "write: has no file any more",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    drop(served);
    let json = out(here, "check flows/patient.yaml --json");
    let json: Json = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["standing"], "changed");
    assert_eq!(json[0]["versions"][0]["steps"]["hours"], 2);
    assert_eq!(json[0]["steps"]["renamed"], json!([["note", "noted"]]));
    assert_eq!(json.as_array().map(Vec::len), Some(1), "one file is not all");
    fs::write(here.join("flows/patient.yaml"), "canvas: patient\nsteps: 5\n").expect("a file");
    let (code, out, err) = said(here, "check flows/patient.yaml");
    assert_eq!((code, out.as_str()), (Some(1), ""), "faults first: {err}");
    assert!(err.contains("error["), "{err}");
}

/// Whether bytes are in any file of a folder.
fn holds(folder: &Path, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holds(&path, wanted));
        } else if path.is_file() {
            let bytes = fs::read(&path).expect("a file");
            if bytes.windows(wanted.len()).any(|part| part == wanted.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn nothing_of_a_deleted_user_stays_in_the_folder() {
    let endpoint = Endpoint::start();
    let folder = folder(&[("write.yaml", WRITE), ("patient.yaml", PATIENT)]);
    let here = folder.path();
    let data = here.join("data");
    let args = ["--state", "data", "--backend", &endpoint.url];
    let served = Served::start(here, &args);
    let gone = ["zq-by-the-api", "zq-by-command", "zq-at-rest", "zq-named-only"];
    for user in gone.into_iter().chain(["stays"]) {
        let email = format!("{user}@canary.example");
        served.attribute(user, "email", json!(email));
        assert_eq!((served.enter("write", user), served.enter("patient", user)), (201, 201));
    }
    let recipients =
        gone.map(|user| json!({ "external_user_id": user, "context": { "for": user } }));
    let schedule = json!({
        "canvas_id": "patient", "recipients": recipients,
        "schedule": { "time": "2099-01-01T00:00:00Z" },
    });
    assert_eq!(served.post("/canvas/trigger/schedule/create", &schedule).0, 201);
    served.until("all are refused", |_| letters(here).len() == 5);
    assert!(!holds(&data, "zq-by-command").is_empty(), "it is found where it is");

    assert_eq!(served.post("/users/delete", &json!({ "external_ids": [gone[0], gone[3]] })).0, 200);
    let told = out(here, "delete --user zq-by-command");
    assert!(
        told.starts_with("deleted zq-by-command: profile, 1 journey, 1 dead letter;"),
        "{told}"
    );
    assert!(told.contains("when the server stops next"), "{told}");
    assert_eq!(status(here)["to_be_swept"], true);
    assert_eq!(letters(here).len(), 2);
    assert_eq!(steps(&status(here), "patient"), ["hours: 2/0/0"]);
    assert_eq!(
        out(here, "delete --user zq-by-command"),
        "nothing is known of zq-by-command any more\n"
    );
    assert_eq!(served.terminate(), Some(130));
    for user in [gone[0], gone[1], gone[3]] {
        assert_eq!(holds(&data, user), [""; 0], "{user}");
    }
    assert_eq!(status(here)["to_be_swept"], false);

    // A server that is killed leaves records; the command leaves nothing.
    let served = Served::start(here, &args);
    assert_eq!(served.enter("write", "zq-at-rest"), 201);
    served.kill();
    assert!(!holds(&data, "zq-at-rest").is_empty());
    let told = out(here, "delete --user zq-at-rest");
    assert!(told.contains("the files hold nothing of them any more"), "{told}");
    assert_eq!(holds(&data, "zq-at-rest"), [""; 0]);

    let served = Served::start(here, &args);
    assert!(served.profile("zq-at-rest").is_null());
    assert_eq!(served.profile("stays")["external_id"], "stays", "others are as they were");
    assert_eq!(served.figure("flowrun_journeys_waiting"), 1);
    assert_eq!(letters(here).len(), 1);
    assert_eq!(id_of(&letters(here), "stays").len(), 3);
}

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
