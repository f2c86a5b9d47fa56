//! A deleted user is nowhere in the folder any more.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::endpoint::Endpoint;
use crate::served::Served;
use crate::{PATIENT, WRITE, folder, id_of, letters, out, status, steps};

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
