//! `flowrun serve --state`: killed, stopped, changed, and started again on the same folder.

mod kept;
mod served;

use std::fs;
use std::path::Path;

use serde_json::json;
use served::{Served, done};

/// Waits for a moment, writes, and tells.
const LATER: &str = r#"
canvas: later
entry: { api: true, reentry: always }
steps:
  - id: moment
    delay: { for: 1s }
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
  - id: tell
    message: { channel: push, body: "visit {{custom_attribute.${visits}}}" }
"#;

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

const STATE: [&str; 2] = ["--state", "data"];

fn folder(flows: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("flows")).expect("a folder");
    for (name, text) in flows {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join("flows").join(name), text).expect("a file");
}

fn versions(folder: &Path) -> usize {
    let all = fs::read_dir(folder.join("data/registry")).expect("a registry").flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().starts_with("00")).count()
}

#[test]
fn whatever_was_answered_is_there_after_a_kill() {
    let folder = folder(&[("later.yaml", LATER), ("patient.yaml", PATIENT)]);
    let served = Served::start(folder.path(), &STATE);
    let (_, health) = served.ask("GET", "/health", "");
    assert!(health.contains("\"durable\":true"), "{health}");
    served.attribute("ada", "plan", json!("gold"));
    let alias = json!({ "external_id": "ada", "alias_name": "a", "alias_label": "shop" });
    assert_eq!(served.post("/users/alias/new", &json!({ "user_aliases": [alias] })).0, 201);
    served.attribute("gone", "plan", json!("none"));
    assert_eq!(served.post("/users/delete", &json!({ "external_ids": ["gone"] })).0, 200);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
    let schedule = json!({
        "canvas_id": "later", "recipients": [{ "external_user_id": "ada" }],
        "schedule": { "time": soon.to_string() },
    });
    assert_eq!(served.post("/canvas/trigger/schedule/create", &schedule).0, 201);
    assert_eq!((served.enter("later", "ada"), served.enter("patient", "ada")), (201, 201));
    served.kill();

    let served = Served::start(folder.path(), &STATE);
    assert_eq!(served.figure("flowrun_journeys_entered_total"), 2);
    let ada = served.profile("ada");
    assert_eq!(ada["custom_attributes"]["plan"], "gold");
    assert_eq!(ada["user_aliases"][0]["alias_name"], "a");
    assert!(served.profile("gone").is_null());
    // The journey that waited goes on, and the schedule lets in once.
    served.until("both journeys end", |served| {
        served.figure("flowrun_journeys_completed_total") == 2
    });
    served.kill();
    let served = Served::start(folder.path(), &STATE);
    assert_eq!(served.profile("ada")["custom_attributes"]["visits"], 2);
    assert_eq!(served.figure("flowrun_journeys_entered_total"), 3);
    assert_eq!(served.figure("flowrun_journeys_waiting"), 1);
    assert_eq!(versions(folder.path()), 2, "the same files are the same versions");
}

#[test]
fn a_folder_has_one_server() {
    let folder = folder(&[("later.yaml", LATER)]);
    let _served = Served::start(folder.path(), &STATE);
    let second =
        done(folder.path(), &["serve", "flows", "--listen", "127.0.0.1:0", "--state", "data"]);
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("the state folder data is in use by another process"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_stop_leaves_snapshots_and_the_next_start_goes_on() {
    let folder = folder(&[("patient.yaml", PATIENT)]);
    let served = Served::start(folder.path(), &STATE);
    for user in ["ada", "bob", "eve"] {
        served.attribute(user, "known", json!(true));
        assert_eq!(served.enter("patient", user), 201);
    }
    assert_eq!(served.terminate(), Some(130));
    let served = Served::start(folder.path(), &STATE);
    assert_eq!(served.figure("flowrun_log_records"), 0, "snapshots stand for all of them");
    assert!(served.figure("flowrun_log_snapshot_bytes") > 0);
    assert_eq!(served.figure("flowrun_journeys_waiting"), 3);
    // Whoever has entered may not again: the rule is remembered.
    assert_eq!(served.enter("patient", "ada"), 201);
    served
        .until("ada is turned away", |served| served.figure("flowrun_entries_refused_total") == 1);
}

#[test]
fn a_changed_file_is_a_new_version_and_a_removed_one_takes_nobody() {
    let text = |attribute: &str| LATER.replace("visits", attribute);
    let folder = folder(&[("later.yaml", &text("first"))]);
    let here = folder.path();
    let served = Served::start(here, &STATE);
    for user in ["ada", "bob"] {
        served.attribute(user, "known", json!(true));
    }
    assert_eq!(served.enter("later", "ada"), 201);
    served.kill();
    write(here, "later.yaml", &text("second"));
    let served = Served::start(here, &STATE);
    assert_eq!(served.enter("later", "bob"), 201);
    assert_eq!(served.attributes("bob", "second")["first"], json!(null));
    assert_eq!(served.attributes("ada", "first")["second"], json!(null));
    assert_eq!(served.enter("later", "bob"), 201);
    served.kill();
    fs::remove_file(here.join("flows/later.yaml")).unwrap();
    write(here, "patient.yaml", PATIENT);
    let served = Served::start(here, &STATE);
    assert_eq!(served.enter("later", "ada"), 400, "it has no file any more");
    served.until("bob's second journey ends as it began", |served| {
        served.profile("bob")["custom_attributes"]["second"] == 2
    });
    assert_eq!(versions(here), 3);
}

#[test]
fn a_held_update_is_sent_again_under_its_key_after_a_kill() {
    let other = folder(&[("patient.yaml", PATIENT)]);
    let folder = folder(&[("later.yaml", LATER)]);
    let backend = Served::start(other.path(), &STATE);
    let (address, url) = (backend.address.clone(), format!("http://{}", backend.address));
    let args = ["--state", "data", "--backend", &url];
    let served = Served::start(folder.path(), &args);
    served.attribute("ada", "known", json!(true));
    assert_eq!(served.enter("later", "ada"), 201);
    let visits = |backend: &Served| backend.attributes("ada", "visits")["visits"].clone();
    assert_eq!(visits(&backend), 1);
    // Nobody answers, so that the second update is held over a kill.
    backend.kill();
    assert_eq!(served.enter("later", "ada"), 201);
    served.until("the update is held", |served| served.figure("flowrun_journeys_held") == 1);
    served.kill();
    let served = Served::start(folder.path(), &args);
    assert_eq!(served.figure("flowrun_journeys_held"), 1);
    let backend = Served::at(other.path(), &address, &STATE);
    served.until("both journeys end", |served| {
        served.figure("flowrun_journeys_completed_total") == 2
    });
    assert_eq!(visits(&backend), 2);
    assert_eq!(served.attributes("ada", "visits")["visits"], 2, "what it reads itself");
}

#[test]
fn what_is_no_state_folder_is_refused_with_words() {
    let folder = folder(&[("later.yaml", LATER)]);
    let here = folder.path();
    drop(Served::start(here, &STATE));
    for part in ["log.redb", "directory.redb"] {
        let copy = here.join("copy");
        fs::create_dir(&copy).unwrap();
        fs::create_dir(copy.join("registry")).unwrap();
        for name in ["state.json", "log.redb", "directory.redb", "registry/00000.json"] {
            if name != part {
                fs::copy(here.join("data").join(name), copy.join(name)).unwrap();
            }
        }
        let refused = done(here, &["serve", "flows", "--state", "copy"]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("`{part}` is missing")), "{said}");
        fs::remove_dir_all(copy).unwrap();
    }
    let refused = done(here, &["serve", "flows", "--state", "flows"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("it is no state folder, and not empty (`later.yaml`)"), "{said}");
}

/// Greets at once, waits for a moment, and counts.
const GREET: &str = r#"
canvas: greet
entry: { reentry: always }
steps:
  - id: hello
    message: { channel: push, body: "hello" }
  - id: moment
    delay: { for: 1s }
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
  - id: tell
    message: { channel: push, body: "visit {{custom_attribute.${visits}}}" }
"#;

/// What a run that has ended said, but for the spaces of its table.
fn table(folder: &Path, args: &[&str]) -> Vec<String> {
    let ended = done(folder, &[&["run", "flows/greet.yaml", "--clock", "real"], args].concat());
    let (out, err) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(0), "{out}{err}");
    assert!(!err.contains("stopped"), "nobody has stopped it: {err}");
    out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_run_in_real_time_goes_on_after_a_kill_and_enters_nobody_twice() {
    let users = "{\"external_id\":\"ada\"}\n{\"external_id\":\"bob\"}\n";
    let folder = folder(&[("greet.yaml", GREET), ("greet.users.ndjson", users)]);
    let here = folder.path();
    let first = table(here, &[]);
    assert!(first.iter().filter(|line| line.contains("hello")).count() >= 2, "{first:?}");
    assert!(first.iter().any(|line| line == "note 2 0 0 2 0 0"), "{first:?}");

    let args = ["run", "flows/greet.yaml", "--clock", "real", "--state", "data"];
    let mut run = served::command(here, &args)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut out = std::io::BufReader::new(run.stdout.take().expect("its output"));
    let mut line = String::new();
    // Nothing is sent before the entry is durable.
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    run.kill().expect("it runs");
    run.wait().expect("it ends");

    for again in 0..2 {
        let told = table(here, &["--state", "data"]);
        assert!(told.iter().any(|line| line == "note 2 0 0 2 0 0"), "{again}: {told:?}");
        let visits = told.iter().filter(|line| line.contains("visit 1")).count();
        assert_eq!(visits, if again == 0 { 2 } else { 0 }, "{told:?}");
        assert!(!told.iter().any(|line| line.contains("visit 2")), "{told:?}");
    }
}

#[test]
fn what_belongs_to_the_other_clock_is_said() {
    let folder = folder(&[("greet.yaml", GREET)]);
    for (args, expected) in [
        (&["--state", "data"][..], "add `--clock real`"),
        (&["--clock", "real", "--events", "e.ndjson"], "`--events` is for virtual time"),
        (&["--clock", "real", "--start", "now"], "`--start` is for virtual time"),
        (&["--clock", "real", "--backend", "embedded:d"], "`--backend embedded:d` is for virtual"),
    ] {
        let refused = done(folder.path(), &[&["run", "flows/greet.yaml"], args].concat());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_answered_503_and_passes() {
    let folder = folder(&[("patient.yaml", PATIENT)]);
    let served = Served::with_a_small_disk(folder.path(), 8_000, &STATE);
    served.attribute("ada", "known", json!(true));
    let large = |number: usize| {
        let one =
            |user| json!({ "external_id": format!("u{number}-{user}"), "x": "x".repeat(250) });
        json!({ "attributes": (0..75).map(one).collect::<Vec<_>>() }).to_string()
    };
    let mut acknowledged = 0;
    let refused = loop {
        let reply = served.try_ask("POST", "/users/track", "", &large(acknowledged)).unwrap();
        match reply.0 {
            201 => acknowledged += 1,
            _ => break reply,
        }
        assert!(acknowledged < 1_000, "the disk never was full");
    };
    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(refused.1.contains("the disk is full; this request is kept when"), "{}", refused.1);
    let refused = served.try_ask("POST", "/users/track", "", &large(1_000)).unwrap();
    let nothing = "the disk is full, and nothing of this request was kept; send it again later";
    assert_eq!((refused.0, refused.1.contains(nothing)), (503, true), "{}", refused.1);
    let trigger = json!({ "canvas_id": "patient", "recipients": [{ "external_user_id": "ada" }] });
    let (code, said) = served.post("/canvas/trigger/send", &trigger);
    assert_eq!((code, &said["errors"][0]), (503, &json!(nothing)), "nobody enters meanwhile");
    assert_eq!(served.figure("flowrun_disk_full"), 1);
    assert!(!served.profile("ada").is_null(), "reading goes on");
    served.free_the_disk();
    served.until("there is space again", |served| served.figure("flowrun_disk_full") == 0);
    assert_eq!(served.enter("patient", "ada"), 201);
    served.kill();
    let served = Served::start(folder.path(), &STATE);
    for number in 0..acknowledged {
        assert!(!served.profile(&format!("u{number}-74")).is_null(), "{number}");
    }
    assert_eq!(served.figure("flowrun_journeys_waiting"), 1);
}

/// Writes as soon as anybody enters.
const COUNT: &str = r#"
canvas: count
entry: { api: true, reentry: always }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
"#;

/// What a client knows that nobody kills: what it asked for, and what was acknowledged.
#[derive(Default)]
struct Books {
    added: u64,
    tried: u64,
    entered: u64,
}

impl Books {
    /// Adds one under a key: what is in doubt is sent again under the same one.
    fn add(&mut self, served: &Served, user: &str) -> Option<()> {
        let add = json!({ "attributes": [{ "external_id": user, "n": { "inc": 1 } }] });
        let key = format!("X-Flowrun-Keys: {:032x}.0\r\n", self.added + 1);
        let (status, body) = served.try_ask("POST", "/users/track", &key, &add.to_string())?;
        assert_eq!(status, 201, "{body}");
        self.added += 1;
        Some(())
    }

    fn enter(&mut self, served: &Served, user: &str) -> Option<()> {
        let recipients = json!([{ "external_user_id": user }]);
        let enter = json!({ "canvas_id": "count", "recipients": recipients });
        self.tried += 1;
        let path = "/canvas/trigger/send";
        let (status, body) = served.try_ask("POST", path, "", &enter.to_string())?;
        assert_eq!(status, 201, "{body}");
        self.entered += 1;
        Some(())
    }
}

#[test]
fn kills_at_any_moment_lose_nothing_and_double_nothing() {
    const KILLS: u64 = 6;
    const USERS: [&str; 4] = ["ada", "bob", "eve", "kim"];
    let folder = folder(&[("count.yaml", COUNT)]);
    let mut books = USERS.map(|_| Books::default());
    for kill in 0..KILLS {
        let mut served = Served::start(folder.path(), &STATE);
        for user in USERS {
            served.attribute(user, "known", json!(true));
        }
        let begun = served.figure("flowrun_journeys_entered_total");
        std::thread::scope(|scope| {
            for (user, books) in USERS.iter().zip(&mut books) {
                let (served, other) = (&served, format!("{user}, too"));
                scope.spawn(move || {
                    while books.add(served, &other).is_some() && books.enter(served, user).is_some()
                    {
                    }
                });
            }
            served.until("it has worked for a while", |served| {
                served.figure("flowrun_journeys_entered_total") >= begun + 30 + 7 * kill
            });
            let pid = served.pid().to_string();
            let killed = std::process::Command::new("kill").args(["-KILL", &pid]).status();
            assert!(killed.expect("kill runs").success());
        });
        served.kill_now();
    }
    let served = Served::start(folder.path(), &STATE);
    for (user, books) in USERS.iter().zip(&mut books) {
        books.add(&served, &format!("{user}, too")).expect("the server answers");
    }
    served.until("nobody is on the way", |served| {
        served.figure("flowrun_journeys_held") + served.figure("flowrun_journeys_waiting") == 0
    });
    for (user, books) in USERS.iter().zip(&books) {
        let added = served.profile(&format!("{user}, too"))["custom_attributes"]["n"].clone();
        assert_eq!(added, books.added, "{user}: each addition counts once");
        let visits = served.profile(user)["custom_attributes"]["visits"].as_u64().unwrap_or(0);
        let known = books.entered..=books.tried;
        assert!(books.entered > 20 && known.contains(&visits), "{user}: {visits} of {known:?}");
    }
    let visits = served.figure("flowrun_journeys_completed_total");
    let tried: u64 = books.iter().map(|books| books.tried).sum();
    assert!(visits <= tried, "{visits} of {tried}");
}
