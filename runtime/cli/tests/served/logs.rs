//! What a server logs: enough for an operator, and nothing of a person, of a key, or of what some
//! other server says.

use serde_json::{Value as Json, json};

use crate::receiver::Receiver;
use crate::stage::{KEY, Served, folder, until};

const EMAIL: &str = "canary-person@example.com";
const USER: &str = "canary-user-7";
const TEXT: &str = "canary-text-of-a-message";

const CANVAS: &str = r#"
canvas: watched
entry: { api: true, event: asked, reentry: always }
steps:
  - id: ask
    message: { channel: email, subject: "To {{${email_address}}}", body: "canary-text-of-a-message" }
    on_failure: note
  - id: note
    user_update: { json: '{"attributes": [{"seen": "{{${email_address}}}", "visits": {"inc": 1}}]}' }
  - id: call
    webhook: { url: "https://{{${user_id}}}.example.com/{{${email_address}}}" }
"#;

/// Answers that quote all they were sent, as a friendly or a hostile server may.
fn quoting(heard: &crate::receiver::Heard) -> (u16, String) {
    let quote = json!({ "message": format!("{} {EMAIL} {KEY}\n\u{1b}[31m", heard.body) });
    match heard.line.as_str() {
        line if line.starts_with("GET /health") => (404, quote.to_string()),
        line if line.starts_with("POST /mail") => (400, quote.to_string()),
        _ => (401, quote.to_string()),
    }
}

fn session(form: &str) -> String {
    let receiver = Receiver::answering(quoting);
    let config = format!("[channel.email]\ntype = 'webhook'\nurl = '{}'\n", receiver.url("/mail"));
    let users = format!(
        "{{\"external_id\": \"{USER}\", \"email\": \"{EMAIL}\"}}\n{{\"external_id\": \"x\", \"country\": \"{TEXT}\"}}\n"
    );
    let folder =
        folder(&[("watched.yaml", CANVAS), ("flowrun.toml", &config), ("users.ndjson", &users)]);
    let url = receiver.url("");
    let args =
        ["--backend", &url, "--users", "users.ndjson", "--log", "debug", "--log-format", form];
    let served = Served::start(folder.path(), &args);
    let trigger = json!({ "canvas_id": "watched", "recipients": [
        { "external_user_id": USER }, { "email": EMAIL, "attributes": { "first_name": TEXT } },
    ]});
    assert_eq!(served.post("/canvas/trigger/send", &trigger).0, 201);
    // What is wrong with requests is no reason to log them, either.
    let wrong = [
        ("POST", "/users/track", KEY, format!("{{\"attributes\": [{{\"email\": \"{EMAIL}\"")),
        ("POST", "/users/track", "canary-key-that-is-wrong", "{}".to_owned()),
        ("POST", "/users/delete", KEY, json!({ "external_ids": [USER, 7] }).to_string()),
        ("GET", "/canvas/details?canvas_id=canary-person@example.com", KEY, String::new()),
        ("GET", "/canary-person@example.com", KEY, String::new()),
    ];
    for (method, path, key, body) in &wrong {
        served.ask(method, path, key, body);
    }
    let asked = json!({ "events": [{
        "external_id": USER, "name": "asked", "time": "2026-03-27T10:00:00Z",
        "properties": { "email": EMAIL },
    }]});
    assert_eq!(served.post("/users/track", &asked).0, 201);
    until("words of the backend and of a dead letter", || {
        let told = served.told();
        let all = ["turns every request down (status 401)", "dead letter", "FR0310"];
        if all.iter().all(|word| told.contains(word)) { Ok(()) } else { Err(told) }
    });
    served.told()
}

#[test]
fn nothing_of_a_person_a_key_or_another_server_is_logged() {
    for form in ["text", "json"] {
        let told = session(form);
        for canary in [EMAIL, USER, TEXT, KEY, "canary", "\u{1b}"] {
            assert!(!told.contains(canary), "{canary:?} in {form}: {told}");
        }
        if form == "json" {
            for line in told.lines() {
                let line: Json = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
                assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
            }
        }
        let letters: Vec<&str> = told.lines().filter(|line| line.contains("dead letter")).collect();
        assert!(letters.iter().all(|line| line.contains("sha256:") && line.contains("ask")));
    }
}
