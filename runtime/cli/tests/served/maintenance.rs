//! A maintenance: writes are queued, and applied when it ends.

use serde_json::json;

use crate::stage::{Served, external, folder, until};

const CANVAS: &str = r#"
canvas: counted
entry: { event: done, reentry: always }
steps:
  - id: count
    user_update: { json: '{"attributes": [{"entered": {"inc": 1}}]}' }
"#;

#[cfg(unix)]
#[test]
fn writes_are_queued_until_a_signal_ends_it() {
    let folder = folder(&[("counted.yaml", CANVAS)]);
    let served = Served::start(folder.path(), &["--maintenance"]);
    let write = json!({
        "attributes": [{ "external_id": "ada", "visits": { "inc": 1 } }],
        "events": [{ "external_id": "ada", "name": "done", "time": "2026-03-27T10:00:00Z" }],
    });
    for round in 1..=2 {
        assert_eq!(served.get("/health")["status"], "maintenance");
        let (status, said) = served.post("/users/track", &write);
        assert_eq!((status, &said["message"]), (202, &json!("queued")), "{said}");
        let (status, _) = served.post("/users/delete", &json!({ "external_ids": ["ada"] }));
        assert_eq!(status, 503, "it would overtake the queue");
        served.signal("-USR2");
        until("the end of the maintenance", || match served.get("/health")["status"].as_str() {
            Some("ok") => Ok(()),
            other => Err(format!("{other:?}")),
        });
        served.attribute(external("ada"), "visits", &json!(round));
        served.attribute(external("ada"), "entered", &json!(round));
        served.signal("-USR1");
        until("a maintenance", || match served.get("/health")["status"].as_str() {
            Some("maintenance") => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}
