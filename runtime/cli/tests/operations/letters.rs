//! Dead letters: seen, done again once, dropped; and what waits to be tried again.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::endpoint::Endpoint;
use crate::served::Served;
use crate::{PATIENT, STATE, WRITE, folder, id_of, letters, out, said, status, steps};

/// A message that nobody gets twice.
const ONCE: &str = r#"
canvas: once
entry: { api: true }
steps:
  - id: tell
    message: { channel: push, body: "only once", delivery: at_most_once }
"#;

#[test]
fn dead_letters_are_seen_and_done_again_once_while_a_server_is_at_work() {
    let endpoint = Endpoint::start();
    let folder = folder(&[("write.yaml", WRITE), ("patient.yaml", PATIENT)]);
    let here = folder.path();
    let served = Served::start(here, &["--state", "data", "--backend", &endpoint.url]);
    for user in ["ada", "bob", "eve"] {
        served.attribute(user, "known", json!(true));
        assert_eq!(served.enter("write", user), 201);
    }
    assert_eq!(served.enter("patient", "ada"), 201);
    served.until("three dead letters", |_| letters(here).len() == 3);
    let seen = status(here);
    assert_eq!((&seen["running"], &seen["overload"]), (&json!(true), &json!([])));
    assert_eq!(steps(&seen, "patient"), ["hours: 1/0/0"]);
    assert_eq!(seen["dead_letters"]["count"], 3);
    assert!(seen["log"]["records"].as_u64().expect("a count") > 0);
    let told = out(here, "status");
    assert!(told.starts_with("at work\n") && told.contains("dead letters 3 · users 3"), "{told}");

    let list = out(here, "dead-letters --canvas write --step note");
    assert!(list.contains("write/note  ada") && list.contains("no such city"), "{list}");
    assert!(out(here, "dead-letters --canvas patient").contains("0 of 3"));
    let all = letters(here);
    let (ada, bob, eve) = (id_of(&all, "ada"), id_of(&all, "bob"), id_of(&all, "eve"));
    let shown = out(here, &format!("dead-letters show {ada}"));
    assert!(shown.contains("\"city\": \"Oslo\""), "{shown}");
    let exported = out(here, "dead-letters export -");
    assert_eq!(exported.lines().count(), 3, "{exported}");
    assert!(
        exported.contains(r#""payload":"{\"attributes\":[{\"city\":\"Oslo\"}]}""#),
        "{exported}"
    );

    let (code, told, _) = said(here, &format!("replay {ada}"));
    assert_eq!(code, Some(3), "it comes back: {told}");
    assert!(told.contains("0 done · 1 came back") && told.contains("no such city"), "{told}");
    assert_eq!(letters(here).len(), 3);
    endpoint.mend();
    assert!(out(here, &format!("replay {ada}")).starts_with("1 done"));
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 1);
    let (code, _, err) = said(here, &format!("replay {ada}"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("there is no such dead letter"), "{err}");
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 1, "once");

    let (code, _, err) = said(here, &format!("dead-letters discard {bob}"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("1 dead letter would be dropped") && err.contains("add --yes"), "{err}");
    assert_eq!(out(here, &format!("dead-letters discard {bob} --yes")), "1 discarded\n");
    assert!(out(here, "replay --all --canvas write").starts_with("1 done"));
    assert!(letters(here).is_empty(), "{eve}");
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 2);
}

#[test]
fn a_message_that_goes_out_at_most_once_is_replayed_by_a_server_only() {
    let endpoint = Endpoint::start();
    let folder = folder(&[("once.yaml", ONCE)]);
    let here = folder.path();
    let config = format!("[channel.push]\ntype = \"webhook\"\nurl = \"{}/hook\"\n", endpoint.url);
    fs::write(here.join("flows/flowrun.toml"), config).expect("a file");
    let served = Served::start(here, &STATE);
    served.attribute("ada", "known", json!(true));
    assert_eq!(served.enter("once", "ada"), 201);
    served.until("a dead letter", |_| letters(here).len() == 1);
    served.kill();
    let id = id_of(&letters(here), "ada");
    let (code, _, err) = said(here, &format!("replay {id}"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("only a server at work can send it"), "{err}");
    endpoint.mend();
    let served = Served::start(here, &STATE);
    served.until("it is asked", |_| status(here)["running"] == true);
    assert!(out(here, &format!("replay {id}")).starts_with("1 done"));
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 1);
}

#[test]
fn after_a_kill_the_same_commands_open_the_folder_themselves() {
    let endpoint = Endpoint::start();
    let folder = folder(&[("write.yaml", WRITE), ("patient.yaml", PATIENT)]);
    let here = folder.path();
    let args = ["--state", "data", "--backend", &endpoint.url];
    let served = Served::start(here, &args);
    served.attribute("ada", "known", json!(true));
    assert_eq!((served.enter("write", "ada"), served.enter("patient", "ada")), (201, 201));
    served.until("a dead letter", |_| letters(here).len() == 1);
    served.kill();
    assert!(here.join("data/control.sock").exists(), "nobody took it away");

    let seen = status(here);
    assert_eq!(seen["running"], false);
    assert_eq!(steps(&seen, "patient"), ["hours: 1/0/0"]);
    let before = fs::read(here.join("data/log.redb")).expect("the log");
    out(here, "dead-letters");
    out(here, "explain flows/patient.yaml --user ada");
    out(here, "check flows");
    let after = fs::read(here.join("data/log.redb")).expect("the log");
    assert!(before.len() == after.len(), "looking adds nothing");

    endpoint.mend();
    let told = out(here, "replay --all");
    assert_eq!(told, "1 queued, to go out when a server is started\n");
    assert!(letters(here)[0]["under_way"].as_bool().expect("it says"));
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 0, "nothing goes out without a server");
    let served = Served::start(here, &args);
    served.until("it is done", |_| letters(here).is_empty());
    assert_eq!(endpoint.taken.load(Ordering::SeqCst), 1);
    let bodies = endpoint.bodies.lock().unwrap();
    assert!(bodies.last().is_some_and(|body| body.contains("Oslo")), "{bodies:?}");
}

#[test]
fn an_update_that_is_held_tells_how_far_it_is() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let folder = folder(&[("write.yaml", WRITE)]);
    let here = folder.path();
    let served = Served::start(here, &["--state", "data", "--backend", &url]);
    served.attribute("ada", "known", json!(true));
    assert_eq!(served.enter("write", "ada"), 201);
    let attempts = |here: &Path| {
        let row = status(here)["canvases"][0]["steps"][0].clone();
        (row["held"].clone(), row["attempts"].clone())
    };
    served.until("it was tried twice", |_| attempts(here).1["most"].as_u64() >= Some(2));
    let (held, attempts) = attempts(here);
    assert_eq!(held, 1);
    assert_eq!(
        attempts["again"].as_u64().zip(attempts["under_way"].as_u64()).map(|(a, b)| a + b),
        Some(1)
    );
    let told = out(here, "status");
    assert!(told.contains("  note: ") && told.contains("up to attempt "), "{told}");
    let told = out(here, "explain flows/write.yaml --user ada");
    assert!(told.contains("until the update is written: attempt "), "{told}");
    assert!(told.contains("    key write/") && told.contains("/ada/1/note"), "{told}");
    served.kill();
    let told = out(here, "explain flows/write.yaml --user ada");
    assert!(told.contains("nobody moves until one is started"), "{told}");
    assert_eq!(steps(&status(here), "write"), ["note: 0/1/0"]);
}

/// Its update is no JSON for anybody.
const BROKEN: &str = r#"
canvas: broken
entry: { api: true }
steps:
  - id: note
    user_update:
      json: '{"attributes": {{custom_attribute.${known}}} }'
"#;

#[test]
fn what_holds_nothing_to_be_done_again_says_so() {
    let folder = folder(&[("broken.yaml", BROKEN)]);
    let here = folder.path();
    let served = Served::start(here, &STATE);
    served.attribute("ada", "known", json!(true));
    assert_eq!(served.enter("broken", "ada"), 201);
    served.until("a dead letter", |_| letters(here).len() == 1);
    assert!(out(here, "dead-letters").contains("let the user enter again"));
    let id = id_of(&letters(here), "ada");
    let (code, _, err) = said(here, &format!("replay {id}"));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("it holds nothing to be written or sent again"), "{err}");
    let (code, told, err) = said(here, "replay --all");
    assert_eq!(code, Some(0), "{err}");
    assert!(told.starts_with("0 done") && err.contains("1 can't be done again"), "{told}{err}");
}
