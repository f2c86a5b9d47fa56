//! A state folder as an earlier release left it when it was killed: this one goes on from it.
//!
//! `tests/fixtures/state-1` holds the folder and its Canvases: users held at an update that
//! was under way, users at a delay, a dead letter, profiles with an alias, a schedule; some of
//! it in snapshots, some in records. It is not to be written anew by later releases: their
//! own would be another one beside it. What this release leaves is held to the
//! same; `FLOWRUN_KEEP_STATE=DIR` says where to keep it, as the next fixture.

mod queued;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::served::Served;
use flowrun_engine::log::file::redb;
use serde_json::{Value as Json, json};

/// The files of a state folder.
const FILES: [&str; 6] = [
    "state.json",
    "log.redb",
    "directory.redb",
    "registry/00000.json",
    "registry/00001.json",
    "registry/00002.json",
];

const FLOWS: [&str; 3] = ["held.yaml", "patient.yaml", "sorry.yaml"];

const OUTBOX: &str = "[channel.email]\ntype = 'file'\npath = '../outbox.ndjson'\n";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/state-1")
}

/// A folder with the Canvases.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("flows")).expect("a folder");
    for name in FLOWS {
        let from = fixture().join("flows").join(name);
        fs::copy(from, folder.path().join("flows").join(name)).expect("a Canvas");
    }
    fs::write(folder.path().join("flows/flowrun.toml"), OUTBOX).expect("a file");
    folder
}

fn schedule(id: Option<&str>) -> Json {
    let mut body = json!({
        "canvas_id": "patient", "schedule": { "time": "2999-01-01T10:00:00Z" },
    });
    match id {
        Some(id) => body["schedule_id"] = json!(id),
        None => body["recipients"] = json!([{ "external_user_id": "bob" }]),
    }
    body
}

/// The schedule's id is a random one.
const SCHEDULE: &str = "schedule.txt";

#[test]
fn what_an_earlier_release_left_goes_on() {
    goes_on(&fixture());
}

#[test]
fn what_this_release_leaves_goes_on() {
    let kept = std::env::var_os("FLOWRUN_KEEP_STATE").map(PathBuf::from);
    let gone = tempfile::tempdir().expect("a temporary folder");
    let left = kept.as_deref().unwrap_or(gone.path());
    leave(left);
    goes_on(left);
}

fn goes_on(left: &Path) {
    let folder = folder();
    let state = folder.path().join("state");
    fs::create_dir_all(state.join("registry")).expect("a folder");
    for name in FILES {
        fs::copy(left.join("state").join(name), state.join(name)).expect("a file");
    }
    let served = Served::start(folder.path(), &["--state", "state"]);
    served.until("who was held gets through", |served| {
        served.figure("flowrun_journeys_held") == 0
            && served.figure("flowrun_journeys_sending") == 0
    });
    for (figure, expected) in
        [("flowrun_journeys_entered_total", 5), ("flowrun_dead_letters_total", 1)]
    {
        assert_eq!(served.figure(figure), expected, "{figure}");
    }
    // Who waits does so for two years: longer than this release is the newest.
    let through = served.figure("flowrun_journeys_completed_total");
    assert_eq!(through + served.figure("flowrun_journeys_waiting"), 4);
    for user in ["ada", "eve"] {
        let profile = served.profile(user);
        assert_eq!(profile["custom_attributes"]["visits"], 1, "{profile}");
        assert_eq!(profile["custom_attributes"]["plan"], "gold", "{profile}");
    }
    assert_eq!(served.profile("bob")["user_aliases"][0]["alias_name"], "b");
    let outbox = fs::read_to_string(folder.path().join("outbox.ndjson")).expect("messages");
    let told: Vec<&str> = outbox.lines().filter(|line| line.contains("visit 1")).collect();
    assert_eq!(told.len(), 2, "{outbox}");
    // Whoever waits is past what came before, and is not let in again.
    assert_eq!(served.enter("patient", "ada"), 201);
    served
        .until("ada is turned away", |served| served.figure("flowrun_entries_refused_total") == 1);
    let id = fs::read_to_string(left.join(SCHEDULE)).expect("the schedule's id");
    let moved = served.post("/canvas/trigger/schedule/update", &schedule(Some(id.trim())));
    assert_eq!(moved.0, 200, "{}", moved.1);
    let kept = fs::read_dir(folder.path().join("state/registry")).expect("a folder");
    assert_eq!(kept.count(), 3, "the same files are the same versions");
}

/// Leaves a state folder as a server does that is killed.
fn leave(left: &Path) {
    let folder = folder();
    // It takes requests, and never answers: what is sent to it is under way for ever.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("it is bound"));
    let args = ["--state", "state", "--backend", &url];
    let served = Served::start(folder.path(), &args);
    for user in ["ada", "bob", "eve"] {
        served.attribute(user, "plan", json!("gold"));
    }
    let alias = json!({ "external_id": "bob", "alias_name": "b", "alias_label": "shop" });
    assert_eq!(served.post("/users/alias/new", &json!({ "user_aliases": [alias] })).0, 201);
    assert_eq!(served.enter("patient", "ada"), 201);
    assert_eq!(served.enter("sorry", "bob"), 201);
    served.until("the letter is there", |served| served.figure("flowrun_dead_letters_total") == 1);
    assert_eq!(served.terminate(), Some(130), "snapshots");
    let served = Served::start(folder.path(), &args);
    assert_eq!(served.enter("patient", "bob"), 201);
    let (_, scheduled) = served.post("/canvas/trigger/schedule/create", &schedule(None));
    for user in ["ada", "eve"] {
        assert_eq!(served.enter("held", user), 201);
    }
    served.until("two are held", |served| served.figure("flowrun_journeys_held") == 2);
    served.kill();
    let to = left.join("state");
    fs::create_dir_all(to.join("registry")).expect("a folder");
    for name in FILES {
        fs::copy(folder.path().join("state").join(name), to.join(name)).expect("a file");
        if name.ends_with(".redb") {
            let mut database = redb::Database::open(to.join(name)).expect("a database");
            while database.compact().expect("it shrinks") {}
        }
    }
    let id = scheduled["schedule_id"].as_str().expect("an id");
    fs::write(left.join(SCHEDULE), format!("{id}\n")).expect("a file");
}
