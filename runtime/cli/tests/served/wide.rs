//! One update of many objects, over a network that loses replies: it counts once, and is read as it was written.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::{Value as Json, json};

use crate::stage::{KEY, Served, folder};

const OBJECTS: usize = 300;
const USERS: usize = 4;

/// 300 objects of 75 to a request: four requests, and with those of others together more than that.
const WIDE: &str = r#"
canvas: wide
steps:
  - id: many
    user_update:
      json: '{"attributes": [{% for i in (1..300) %}{"n": {"inc": 1}}{% unless forloop.last %},{% endunless %}{% endfor %}]}'
  - id: tell
    message: { channel: push, body: "counted {{custom_attribute.${n}}}" }
"#;

const NOTHING: &str = "canvas: c\nentry: { api: true }\nsteps:\n  - id: done\n    exit: done\n";

/// One message of HTTP with a length; `None` where the connection ends.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut bytes, mut part) = (Vec::new(), [0; 16 << 10]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&part[..read]),
        }
    }
}

/// Of the first writes every other one is applied, and its reply lost. (Attempts are waited for in real time.)
const LOST: usize = 3;

/// A relay in front of a server that loses replies. Gives its address, and how many writes it has seen.
fn losing_replies(server: &str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (server, writes) = (server.to_owned(), Arc::new(AtomicUsize::new(0)));
    let seen = writes.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, server) = (client.expect("a client"), server.clone());
            let writes = writes.clone();
            std::thread::spawn(move || {
                let mut upstream = TcpStream::connect(server).expect("the server listens");
                while let Some(request) = message(&mut client) {
                    upstream.write_all(&request).expect("it reads");
                    let reply = message(&mut upstream).expect("it answers");
                    let write = request.starts_with(b"POST /users/track");
                    let number = if write { writes.fetch_add(1, SeqCst) } else { usize::MAX };
                    if number < 2 * LOST && number.is_multiple_of(2) {
                        return;
                    }
                    if client.write_all(&reply).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, seen)
}

#[test]
fn an_update_of_300_objects_counts_once_though_replies_are_lost() {
    let names: Vec<String> = (0..USERS).map(|user| format!("u{user}")).collect();
    let users: String = names.iter().map(|id| format!("{{\"external_id\": \"{id}\"}}\n")).collect();
    let folder = folder(&[("c.yaml", NOTHING)]);
    let served = Served::start(folder.path(), &[]);
    let (address, writes) = losing_replies(&served.address);
    let here = crate::stage::folder(&[("wide.yaml", WIDE), ("wide.users.ndjson", &users)]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
    command.args(["run", "wide.yaml", "--backend", &format!("http://{address}")]);
    command.args(["--trace", "trace.ndjson"]).env("FLOWRUN_API_KEY", KEY).current_dir(here.path());
    let done = command.output().expect("it runs");
    let (told, story) =
        (String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout));
    assert!(done.status.success(), "{told}{story}");
    // Nobody is told that it may count twice: this server remembers.
    assert!(!told.contains("twice"), "{told}");
    assert!(!told.contains(KEY) && !story.contains(KEY));
    let trace = std::fs::read_to_string(here.path().join("trace.ndjson")).expect("a trace");
    let lines: Vec<Json> =
        trace.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let released = of("released");
    assert_eq!(released.len(), USERS);
    assert!(released.iter().all(|line| line["outcome"] == "applied"), "{released:?}");
    let sent = of("sent");
    assert_eq!(sent.len(), USERS);
    assert!(sent.iter().all(|line| line["body"] == format!("counted {OBJECTS}")), "{sent:?}");
    // Four requests for each, and one more for each reply that was lost.
    assert!(writes.load(SeqCst) >= USERS * OBJECTS / 75 + LOST, "{writes:?}");
    let asked = json!({ "external_ids": names, "fields_to_export": ["custom_attributes"] });
    let (_, reply) = served.post("/users/export/ids", &asked);
    let counted: Vec<&Json> = reply["users"]
        .as_array()
        .expect("users")
        .iter()
        .map(|user| &user["custom_attributes"]["n"])
        .collect();
    assert_eq!(counted, [&json!(OBJECTS); USERS], "{reply}");
}
