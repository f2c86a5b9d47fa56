//! Canvases whose file is gone, and versions that nothing speaks of any more.

use std::fs;
use std::path::Path;

use flowrun_engine::StateFolder;
use flowrun_engine::log::Kept;
use serde_json::{Value as Json, json};

use crate::served::{Served, done};
use crate::{PATIENT, STATE, WRITE, folder, out, status};

/// Numbers in `registry/marks.json`.
fn marked(folder: &Path, what: &str) -> Json {
    let marks = fs::read_to_string(folder.join("data/registry/marks.json")).unwrap_or_default();
    serde_json::from_str::<Json>(&marks).unwrap_or_default()[what].clone()
}

/// What `status` has of each version: its Canvas, whether it is the newest, whether its file is
/// gone, and how many are on it.
fn versions(folder: &Path) -> Vec<String> {
    let status = status(folder);
    let canvases = status["canvases"].as_array().expect("Canvases").iter();
    let shown = canvases.map(|one| {
        let name = one["canvas"].as_str().expect("a name");
        let which = if one["newest"] == true { "newest" } else { "earlier" };
        let gone = if one["has_no_file"] == true { " gone" } else { "" };
        format!("{name} {which}{gone} {}", one["journeys"])
    });
    shown.collect()
}

#[test]
fn a_version_that_nobody_is_on_is_retired_at_a_stop_and_comes_back_with_its_file() {
    let folder = folder(&[("patient.yaml", PATIENT), ("write.yaml", WRITE)]);
    let here = folder.path();
    let served = Served::start(here, &STATE);
    served.attribute("ada", "known", json!(true));
    assert_eq!((served.enter("patient", "ada"), served.enter("write", "ada")), (201, 201));
    served.attributes("ada", "city");
    assert_eq!(served.terminate(), Some(130));
    assert_eq!(marked(here, "retired"), Json::Null, "both files are there");

    fs::remove_file(here.join("flows/write.yaml")).expect("it is there");
    fs::write(here.join("flows/patient.yaml"), PATIENT.replace("5h", "6h")).expect("a file");
    let served = Served::start(here, &STATE);
    let shown = ["patient newest 0", "patient earlier 1", "write newest gone 0"];
    assert_eq!(versions(here), shown);
    assert!(out(here, "status").contains("its file is gone, nobody enters"));
    served.kill();
    assert_eq!(versions(here), shown, "at rest as at work");
    assert_eq!(marked(here, "retired"), json!([]), "a kill retires nothing");
    assert_eq!(Served::start(here, &STATE).terminate(), Some(130));
    assert_eq!((marked(here, "retired"), marked(here, "closed")), (json!([1]), json!([1])));
    let shown = ["patient newest 0", "patient earlier 1"];
    assert_eq!(versions(here), shown, "one is retired, and ada is on the other");

    fs::write(here.join("flows/write.yaml"), WRITE).expect("a file");
    let served = Served::start(here, &STATE);
    assert_eq!((marked(here, "retired"), marked(here, "closed")), (json!([]), json!([])));
    assert_eq!(served.enter("write", "ada"), 201, "it is live again");
    assert_eq!(versions(here).len(), 3);
    assert!(!here.join("data/registry/00003.json").exists(), "under its former number");
}

#[test]
fn a_retired_version_may_need_what_is_gone() {
    let folder = folder(&[("patient.yaml", PATIENT)]);
    let here = folder.path();
    assert_eq!(Served::start(here, &STATE).terminate(), Some(130));
    let odd = "canvas: odd\nsteps:\n  - id: a\n    no_such_step: {}\n";
    let kept = Kept {
        canvas: "odd".into(),
        version: flowrun_engine::core::Version(7),
        path: "odd.yaml".into(),
        text: odd.into(),
        files: Default::default(),
        blocks: Default::default(),
    };
    let mut state = StateFolder::existing(&here.join("data")).expect("the folder");
    let number = state.registry.add(kept).expect("it is kept");
    drop(state);
    let refused = done(here, &["serve", "flows", "--listen", "127.0.0.1:0", "--state", "data"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("Canvas `odd`") && said.contains("nobody is on it"), "{said}");

    let mut state = StateFolder::existing(&here.join("data")).expect("the folder");
    state.registry.retire([number]).expect("it is noted");
    drop(state);
    for _ in 0..2 {
        assert_eq!(Served::start(here, &STATE).terminate(), Some(130));
        assert_eq!(versions(here), ["patient newest 0"]);
    }
}
