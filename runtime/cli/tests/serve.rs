//! `flowrun serve` as programs use it: started, asked over HTTP, told to stop.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

const KEY: &str = "a-key-for-tests-only";

const SHORT: &str = r#"
canvas: short
entry: { api: true, reentry: always }
steps:
  - id: hello
    message: { channel: email, body: "Hello {{${first_name}}}" }
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
  - id: tell
    message: { channel: push, body: "visit {{custom_attribute.${visits}}}" }
"#;

const SIGNED: &str = r#"
canvas: signed
entry: { event: signed_up, where: "{{event_properties.${plan}}} == 'gold'" }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"welcomed": true}]}'
"#;

const OUTBOX: &str = "[channel.email]\ntype = 'file'\npath = 'outbox.ndjson'\n";

/// A running server, ended with the test.
struct Served {
    child: Child,
    address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("short.yaml", SHORT), ("signed.yaml", SIGNED), ("flowrun.toml", OUTBOX)] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
    command.arg("serve").args(args).current_dir(folder);
    command
        .env("FLOWRUN_SERVE_KEY", KEY)
        .env("FLOWRUN_API_KEY", KEY)
        .env_remove("FLOWRUN_PLUGINS")
        .stdin(Stdio::null());
    command
}

fn refused(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the program runs")
}

impl Served {
    /// Waits for the line with the address, as programs do.
    fn start(folder: &Path, args: &[&str]) -> Served {
        let mut child =
            command(folder, &[&[".", "--listen", "127.0.0.1:0", "--json"], args].concat())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("the program runs");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        // What else it prints is read, so that it never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let said: Json = serde_json::from_str(&line).expect("one JSON line");
        let address = said["listening"].as_str().expect("the address");
        Served { child, address: address.trim_start_matches("http://").to_owned() }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {KEY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        let (status, body) = self.ask("POST", path, &body.to_string());
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// The user's custom attributes, once this one is among them.
    fn attributes(&self, user: &str, attribute: &str) -> Json {
        let asked = json!({
            "external_ids": [user], "fields_to_export": ["external_id", "custom_attributes"],
        });
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            let (_, reply) = self.post("/users/export/ids", &asked);
            let attributes = reply["users"][0]["custom_attributes"].clone();
            if !attributes[attribute].is_null() {
                return attributes;
            }
            assert!(Instant::now() < give_up, "{attribute} never came: {reply}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn users_enter_by_the_api_and_by_events_and_their_profiles_are_written() {
    let folder = folder();
    let served = Served::start(folder.path(), &["--trace", "trace.ndjson"]);
    let ada = json!({ "attributes": [{ "external_id": "ada", "first_name": "Ada" }] });
    assert_eq!(served.post("/users/track", &ada).0, 201);
    let trigger = json!({
        "canvas_id": "short", "recipients": [{ "external_user_id": "ada" }],
    });
    let (status, reply) = served.post("/canvas/trigger/send", &trigger);
    assert_eq!((status, &reply["message"]), (201, &json!("success")), "{reply}");
    assert_eq!(served.attributes("ada", "visits")["visits"], 1);

    let event = |user: &str, plan: &str| {
        json!({ "events": [{
            "external_id": user, "name": "signed_up", "time": "2026-03-27T10:00:00Z",
            "properties": { "plan": plan },
        }]})
    };
    assert_eq!(served.post("/users/track", &event("bob", "free")).0, 201);
    assert_eq!(served.post("/users/track", &event("eve", "gold")).0, 201);
    assert_eq!(served.attributes("eve", "welcomed")["welcomed"], true);

    let (_, metrics) = served.ask("GET", "/metrics", "");
    for figure in ["flowrun_journeys_entered_total 2", "flowrun_dead_letters_total 0"] {
        assert!(metrics.contains(figure), "{figure}: {metrics}");
    }
    let (_, listed) = served.ask("GET", "/canvas/list", "");
    assert!(listed.contains("\"short\"") && listed.contains("\"signed\""), "{listed}");

    let trace = std::fs::read_to_string(folder.path().join("trace.ndjson")).expect("a trace");
    let kinds: Vec<Json> = trace
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).expect("JSON"))
        .filter(|line| line["user"] == "eve")
        .map(|line| line["kind"].clone())
        .collect();
    assert_eq!(kinds[..3], [json!("entered"), json!("arrived"), json!("held")]);
    let outbox = std::fs::read_to_string(folder.path().join("outbox.ndjson")).expect("an outbox");
    assert!(outbox.contains("\"body\":\"Hello Ada\""), "{outbox}");
}

#[test]
fn one_server_can_be_the_backend_of_another_whatever_life_it_is_in() {
    let (folder, other) = (folder(), folder());
    let backend = Served::start(other.path(), &[]);
    let url = format!("http://{}", backend.address);
    let trigger = json!({
        "canvas_id": "short", "recipients": [{ "external_user_id": "ada" }],
    });
    let ada = json!({ "attributes": [{ "external_id": "ada", "first_name": "Ada" }] });
    for visits in 1..=2 {
        // Each starts with its own journeys from nothing; the backend remembers both.
        let served = Served::start(folder.path(), &["--backend", &url]);
        assert_eq!(served.post("/users/track", &ada).0, 201);
        assert_eq!(served.post("/canvas/trigger/send", &trigger).0, 201);
        assert_eq!(served.attributes("ada", "visits")["visits"], 1, "what it reads itself");
        assert_eq!(backend.attributes("ada", "visits")["visits"], visits);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_130() {
    let folder = folder();
    let mut served = Served::start(folder.path(), &[]);
    let asked = Command::new("kill").args(["-TERM", &served.child.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    assert_eq!(served.child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn what_cannot_be_served_is_said_at_the_start() {
    let folder = folder();
    let here = folder.path();
    std::fs::create_dir(here.join("broken")).unwrap();
    std::fs::write(here.join("broken/b.yaml"), "canvas: b\nsteps: []\n").unwrap();
    for name in ["fine", "keys"] {
        std::fs::create_dir(here.join(name)).unwrap();
        std::fs::write(here.join(name).join("a.yaml"), SHORT).unwrap();
    }
    let with_token = "[serve.keys.shop]\nhash = 'my-secret-token'\npermissions = ['users.track']\n";
    std::fs::write(here.join("keys/flowrun.toml"), with_token).unwrap();
    for (args, code, expected) in [
        (&["nowhere"][..], 2, "`nowhere` is no folder"),
        (&["broken"], 1, "at least one step"),
        (&["fine", "--backend", "embedded:d"], 2, "`--backend embedded:d` is for virtual time"),
        (&["fine", "--users", "none.csv"], 2, "no such file"),
        (&["keys"], 2, "SHA-256"),
    ] {
        let done = refused(here, args);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
        assert!(!said.contains("my-secret-token"), "{said}");
    }
}
