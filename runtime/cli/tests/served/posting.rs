//! Messages that really go out: posted to an address, called by the step `webhook`, given to a
//! plugin's channel.

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::receiver::Receiver;
use crate::stage::{Served, folder, until};

fn canvas(port: u16) -> String {
    format!(
        r#"
canvas: posts
entry: {{ api: true, reentry: always }}
steps:
  - id: mail
    message: {{ channel: email, subject: "For {{{{${{user_id}}}}}}", body: "Hello" }}
  - id: call
    webhook: {{ url: "http://127.0.0.1:{port}/hook/{{{{${{user_id}}}}}}", method: put, headers: {{ X-Of: us }}, body: "b" }}
  - id: forbidden
    webhook: {{ url: "https://{{{{${{user_id}}}}}}.example.com/" }}
    on_failure: sorry
  - id: sorry
    exit: refused
"#
    )
}

fn config(receiver: &Receiver) -> String {
    format!(
        "[channel.email]\ntype = 'webhook'\nurl = '{}'\ncredential = 'crm'\n\
         [egress]\nallow_hosts = ['127.0.0.1']\nallow_cidrs = ['127.0.0.0/8']\nhttp = true\n\
         ports = [{}]\n[egress.credentials.crm]\nheader = 'X-Key'\nvalue = 'env:CRM'\nhosts = ['127.0.0.1']\n",
        receiver.url("/mail"),
        receiver.port,
    )
}

fn check(receiver: &Receiver) {
    let heard = receiver.heard();
    let find = |begin: &str| heard.iter().find(|one| one.line.starts_with(begin)).expect(begin);
    let mail = find("POST /mail ");
    let body: Json = serde_json::from_str(&mail.body).expect("JSON");
    assert_eq!(
        (&body["user"], &body["subject"], &body["body"], &body["channel"]),
        (&json!("ada"), &json!("For ada"), &json!("Hello"), &json!("email"))
    );
    assert_eq!(mail.header("x-key"), Some("hunter2"));
    assert_eq!(mail.header("idempotency-key").map(str::len), Some(32));
    let call = find("PUT /hook/ada ");
    assert_eq!((call.header("x-of"), call.body.as_str()), (Some("us"), "b"));
    assert_ne!(call.header("idempotency-key"), mail.header("idempotency-key"));
    assert_eq!(call.header("x-key"), None, "a credential goes where it was sent to");
    assert_eq!(heard.len(), 2, "{heard:?}");
}

#[test]
fn a_server_posts_and_calls_within_the_rules() {
    let receiver = Receiver::answering(|_| (200, String::new()));
    let folder =
        folder(&[("posts.yaml", &canvas(receiver.port)), ("flowrun.toml", &config(&receiver))]);
    let served = Served::with_env(folder.path(), &[], &[("CRM", "hunter2")]);
    let trigger = json!({ "canvas_id": "posts", "recipients": [{
        "external_user_id": "ada", "send_to_existing_only": false, "attributes": { "a": 1 },
    }]});
    assert_eq!(served.post("/canvas/trigger/send", &trigger).0, 201);
    until("the end", || match served.figure("flowrun_journeys_exited_total") {
        done if done == 1 => Ok(()),
        done => Err(done.to_string()),
    });
    check(&receiver);
    let told = until("a word of it", || {
        let told = served.told();
        if told.contains("egress: a call was refused") { Ok(told) } else { Err(told) }
    });
    assert!(told.contains("rule=\"host\"") && told.contains("dead letter"), "{told}");
    assert!(!told.contains("ada.example"), "{told}");
}

#[test]
fn a_run_does_the_same_in_virtual_time() {
    let receiver = Receiver::answering(|_| (200, String::new()));
    let folder = folder(&[
        ("posts.yaml", &canvas(receiver.port)),
        ("flowrun.toml", &(config(&receiver) + "[channel.webhook]\ntype = 'webhook'\n")),
        ("posts.users.ndjson", "{\"external_id\": \"ada\"}\n"),
    ]);
    let run = |config: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
        command.args(["run", "posts.yaml", "--quiet"]).args(config).current_dir(folder.path());
        let done = command.env("CRM", "hunter2").output().expect("it runs");
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.code(), told)
    };
    let (code, told) = run(&["--config", "none"]);
    assert_eq!((code, receiver.heard().len()), (Some(0), 0), "{told}");
    let (code, told) = run(&[]);
    assert_eq!(code, Some(3), "the call that may not be made is a dead letter: {told}");
    assert!(told.contains("really sends messages of email to http://127.0.0.1:"), "{told}");
    check(&receiver);
}
