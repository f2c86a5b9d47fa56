//! Canvases that stand still, users who are explained, files that would be new versions.

use std::fs;

use serde_json::{Value as Json, json};

use crate::endpoint::Endpoint;
use crate::served::{self, Served, done};
use crate::{PATIENT, STATE, WRITE, folder, letters, out, said, status, steps};

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
fn a_run_in_real_time_is_asked_as_a_server_is_however_deep_its_folder() {
    let patient = PATIENT.replace("entry: { api: true }\n", "");
    let users = "{\"external_id\":\"ada\"}\n{\"external_id\":\"bob\"}\n";
    let folder = folder(&[("patient.yaml", &patient), ("patient.users.ndjson", users)]);
    let deep = folder.path().join("deep-".repeat(30));
    fs::create_dir(&deep).expect("a folder");
    fs::rename(folder.path().join("flows"), deep.join("flows")).expect("it moves");
    let data = deep.join("data");
    let data = data.to_str().expect("text");
    let args = ["run", "flows/patient.yaml", "--clock", "real", "--state", data, "--quiet"];
    let mut run = served::command(&deep, &args)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program runs");
    let ask = |line: &str| {
        let args: Vec<&str> = line.split(' ').chain(["--state", data]).collect();
        String::from_utf8_lossy(&done(&deep, &args).stdout).into_owned()
    };
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let seen: Json = serde_json::from_str(&ask("status --json")).unwrap_or_default();
        if seen["running"] == true && steps(&seen, "patient") == ["hours: 2/0/0"] {
            break;
        }
        assert!(std::time::Instant::now() < give_up, "{seen}");
        std::thread::park_timeout(std::time::Duration::from_millis(25));
    }
    assert!(ask("pause patient").starts_with("patient is paused"));
    assert!(ask("delete --user ada").starts_with("deleted ada: profile, 1 journey"));
    run.kill().expect("it runs");
    run.wait().expect("it ends");
    let told = ask("status");
    assert!(told.starts_with("at rest") && told.contains("1 journey · paused"), "{told}");
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
    assert!(told.contains(": hours, waits since"), "{told}");
    // Since when somebody stands there is in snapshots, too.
    let json: Json = serde_json::from_str(&out(here, &format!("{patient} --json"))).expect("JSON");
    let since = &json["journeys"][0]["since"];
    let hours = status(here)["canvases"][0]["steps"][0].clone();
    assert_eq!((&hours["step"], &hours["oldest_since"]), (&json!("hours"), since), "{hours}");
    assert_eq!((&hours["waiting_since"], &hours["held_since"]), (since, &Json::Null));
    let table = out(here, "status");
    let row = table.lines().find(|line| line.starts_with("hours")).unwrap_or(&table);
    assert!(row.contains(" s  in 4 h 59 min") && table.contains("oldest"), "{table}");
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
