//! `/canvas/details` of a Canvas that was read from a file.

use serde_json::{Value as Json, json};

use crate::stage::{Served, folder};

const MANY: &str = r#"
canvas: many
description: Says it by every channel.
entry: { api: true }
steps:
  - id: mail
    message: { channel: email, subject: "For {{${first_name}}}", body_file: mail.liquid }
  - id: french
    decision_split: { if: "{{${country}}} == 'FR'", then: ping, else: call }
  - id: ping
    message: { channel: push, body: "Salut" }
    next: done
  - id: call
    webhook: { url: "https://example.com/{{${user_id}}}", method: put, body: "{}" }
    on_failure: sorry
    next: done
  - id: sorry
    exit: sorry
  - id: done
    exit: completed
"#;

#[test]
fn details_show_channels_messages_and_paths_as_the_vendor_does() {
    let folder = folder(&[("many.yaml", MANY), ("mail.liquid", "Dear {{${first_name}}}\n")]);
    let served = Served::start(folder.path(), &[]);
    let details = served.get("/canvas/details?canvas_id=many");
    assert_eq!(details["channels"], json!(["email", "push", "webhook"]));
    assert_eq!(details["variants"][0]["first_step_ids"], json!(["mail"]));
    let step = |id: &str| -> Json {
        let all = details["steps"].as_array().expect("steps");
        all.iter().find(|step| step["id"] == id).expect("it is there").clone()
    };
    let updated = &details["updated_at"];
    for (id, channels, messages, paths) in [
        (
            "mail",
            json!(["email"]),
            json!({"many/mail/1": {
                "channel": "email", "subject": "For {{${first_name}}}", "body": "Dear {{${first_name}}}\n",
                "created_at": updated, "updated_at": updated,
            }}),
            json!([{"name": null, "next_step_id": "french"}]),
        ),
        (
            "french",
            json!([]),
            json!({}),
            json!([
                {"name": "Yes", "next_step_id": "ping"}, {"name": "No", "next_step_id": "call"},
            ]),
        ),
        (
            "call",
            json!(["webhook"]),
            json!({"many/call/1": {
                "channel": "webhook", "type": "PUT", "url": "https://example.com/{{${user_id}}}", "body": "{}",
                "created_at": updated, "updated_at": updated,
            }}),
            json!([
                {"name": null, "next_step_id": "done"}, {"name": "on_failure", "next_step_id": "sorry"},
            ]),
        ),
    ] {
        let shown = step(id);
        assert_eq!(shown["channels"], channels, "{id}");
        assert_eq!(shown["messages"], messages, "{id}");
        assert_eq!(shown["next_paths"], paths, "{id}");
    }
}
