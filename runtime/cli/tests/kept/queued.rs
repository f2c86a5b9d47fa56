//! Writes that are queued during a maintenance outlive the server.

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::served::Served;
use crate::{STATE, folder};

/// Counts events that let somebody in.
const COUNTED: &str = r#"
canvas: counted
entry: { event: done, reentry: always }
steps:
  - id: count
    user_update: { json: '{"attributes": [{"entered": {"inc": 1}}]}' }
"#;

fn write(served: &Served, number: u64) -> (u16, Json) {
    served.post(
        "/users/track",
        &json!({
            "attributes": [{ "external_id": "ada", "last": number, "sum": { "inc": number } }],
            "events": [{ "external_id": "ada", "name": "done", "time": "2026-03-27T10:00:00Z" }],
        }),
    )
}

fn seen(served: &Served) -> [Json; 3] {
    let ada = served.profile("ada")["custom_attributes"].clone();
    ["last", "sum", "entered"].map(|name| ada[name].clone())
}

#[cfg(unix)]
#[test]
fn what_is_queued_is_there_after_kills_and_applied_once_in_its_order() {
    let folder = folder(&[("counted.yaml", COUNTED)]);
    let here = folder.path();
    let signal = |served: &Served, name: &str, status: &str| {
        let pid = served.pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill runs").success());
        let status = format!("\"status\":\"{status}\"");
        served.until(&status, |served| served.ask("GET", "/health", "").1.contains(&status));
    };
    let maintenance = ["--state", "data", "--maintenance"];
    for number in 1..=3 {
        let served = Served::start(here, &maintenance);
        let (status, said) = write(&served, number);
        assert_eq!((status, &said["message"]), (202, &json!("queued")), "{said}");
        assert!(served.profile("ada").is_null(), "nothing is applied yet");
        assert_eq!(served.post("/users/delete", &json!({ "external_ids": ["ada"] })).0, 503);
        served.kill();
    }
    for start in 0..2 {
        let served = Served::start(here, &STATE);
        served.until("all are applied", |served| seen(served) == [json!(3), json!(6), json!(3)]);
        assert!(served.ask("GET", "/health", "").1.contains("\"status\":\"ok\""), "{start}");
        served.kill();
    }
    let served = Served::start(here, &STATE);
    signal(&served, "-USR1", "maintenance");
    assert_eq!(write(&served, 4).0, 202);
    signal(&served, "-USR2", "ok");
    served.until("it is applied", |served| seen(served) == [json!(4), json!(10), json!(4)]);
    assert_eq!(write(&served, 5).0, 201);
    assert_eq!(served.terminate(), Some(130));
    let served = Served::start(here, &STATE);
    served.until("nothing is twice", |served| seen(served) == [json!(5), json!(15), json!(5)]);
    assert_eq!(served.figure("flowrun_journeys_entered_total"), 5);
}
