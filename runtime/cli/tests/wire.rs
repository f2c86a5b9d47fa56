//! Updates over a real network: a run in virtual time against `flowrun serve`. Every update
//! arrives once, no message goes out before its write, and what the server has is what a run
//! with a store of its own has.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value as Json, json};

const USERS: usize = 1_000;
const VIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../flows/vip.yaml");

const KEY: &str = "a-key-for-tests-only";
const NOTHING: &str = "canvas: c\nentry: { api: true }\nsteps:\n  - id: done\n    exit: done\n";

/// The program `flowrun serve` with the profiles of these users; ended with the test.
struct Served {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn new(users: &[Json]) -> Served {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("c.yaml"), NOTHING).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
        command.args(["serve", ".", "--listen", "127.0.0.1:0", "--json"]);
        command.current_dir(folder.path()).env("FLOWRUN_SERVE_KEY", KEY);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program runs");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line with the address");
        // What else it prints is read, so that it never waits for a reader.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let said: Json = serde_json::from_str(&line).expect("one JSON line");
        let address = said["listening"].as_str().expect("the address");
        let address = address.trim_start_matches("http://").to_owned();
        let served = Served { child, address, _folder: folder };
        for users in users.chunks(75) {
            served.post("/users/track", &json!({ "attributes": users }));
        }
        served
    }

    fn post(&self, path: &str, body: &Json) -> Json {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {KEY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        stream.write_all((head + &body).as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        assert!(reply.starts_with("HTTP/1.1 20"), "{reply}");
        let (_, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// The profiles of all these users, by id.
    fn profiles(&self, users: &[Json]) -> BTreeMap<String, Json> {
        let ids: Vec<&Json> = users.iter().map(|user| &user["external_id"]).collect();
        let fields =
            json!(["external_id", "first_name", "country", "custom_attributes", "custom_events"]);
        let of = |ids: &[&Json]| {
            let asked = json!({ "external_ids": ids, "fields_to_export": fields });
            self.post("/users/export/ids", &asked)["users"].as_array().expect("users").clone()
        };
        let named = |user: Json| (user["external_id"].as_str().expect("an id").to_owned(), user);
        ids.chunks(50).flat_map(of).map(named).collect()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn users() -> Vec<Json> {
    let countries = ["FR", "US", "DE"];
    let user = |number: usize| {
        json!({
            "external_id": format!("u{number}"), "first_name": "Ada", "orders": number % 7,
            "country": countries[number % 3], "time_zone": "Europe/Paris",
        })
    };
    (0..USERS).map(user).collect()
}

fn users_file(folder: &Path, users: &[Json]) -> PathBuf {
    let path = folder.join("users.ndjson");
    let lines: Vec<String> = users.iter().map(Json::to_string).collect();
    std::fs::write(&path, lines.join("\n")).expect("a temporary folder can be written");
    path
}

fn run(backend: &str, key: Option<&str>, users: &Path, trace: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
    command.args(["run", VIP, "--quiet", "--backend", backend, "--users"]).arg(users);
    command.arg("--trace").arg(trace).env_remove("FLOWRUN_API_KEY");
    command.envs(key.map(|key| ("FLOWRUN_API_KEY", key)));
    command.output().expect("flowrun starts")
}

fn lines(trace: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(trace).expect("there is a trace");
    text.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect()
}

/// Every text that was sent to a user, in order.
fn sent(trace: &Path) -> BTreeMap<String, Vec<String>> {
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines(trace).iter().filter(|line| line["kind"] == "sent") {
        let of = |name: &str| line[name].as_str().expect("a text").to_owned();
        sent.entry(of("user")).or_default().push(of("body"));
    }
    sent
}

#[test]
fn every_update_arrives_once_and_before_its_message() {
    let users = users();
    let served = Served::new(&users);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, trace) = (users_file(folder.path(), &users), folder.path().join("trace.ndjson"));
    let output = run(&served.url(), Some(KEY), &file, &trace);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let table = String::from_utf8_lossy(&output.stdout);
    let line = table.lines().last().unwrap_or_default();
    assert!(
        line.starts_with("users 1000 · completed 1000 · exited 0 · waiting 0 · held 0"),
        "{line}"
    );
    let whole = std::fs::read_to_string(&trace).expect("there is a trace");
    assert!(![&*told, &*table, &*whole].iter().any(|text| text.contains(KEY)));
    let mut released = BTreeSet::new();
    for line in lines(&trace) {
        let user = line["user"].as_str().unwrap_or_default().to_owned();
        match line["kind"].as_str().expect("every line has a kind") {
            "request" => assert_eq!(line["backend"], "http"),
            "reply" => assert_eq!(line["status"], 201),
            "released" => {
                assert_eq!(line["outcome"], "applied", "our own endpoint applies: {line}");
                assert!(released.insert(user), "released twice: {line}");
            }
            "sent" if line["step"] == "gold" || line["step"] == "gold_fr" => {
                assert!(released.contains(&user), "sent before its write: {line}");
            }
            _ => {}
        }
    }
    assert_eq!(released.len(), USERS);
    let profiles = served.profiles(&users);
    for (number, user) in users.iter().enumerate() {
        let profile = &profiles[user["external_id"].as_str().expect("an id")];
        let attributes = json!({ "vip_member": true, "orders": number % 7 + 1 });
        assert_eq!(profile["custom_attributes"], attributes, "written once: {profile}");
        let events: Vec<_> = profile["custom_events"].as_array().into_iter().flatten().collect();
        assert_eq!(events.len(), 1, "{profile}");
        assert_eq!((&events[0]["name"], &events[0]["count"]), (&json!("became_vip"), &json!(1)));
        assert_eq!(
            (&profile["first_name"], &profile["country"]),
            (&user["first_name"], &user["country"])
        );
    }
    // What steps read of it is what they read of a store of their own.
    let local = folder.path().join("local.ndjson");
    let output = run("memory", None, &file, &local);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (here, there) = (sent(&local), sent(&trace));
    assert_eq!(here.len(), USERS);
    assert!(here.values().filter(|texts| texts[1].contains("Order number")).count() > USERS / 2);
    assert!(here == there, "texts differ");
}

#[test]
fn what_is_wrong_with_the_backend_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, trace) = (users_file(folder.path(), &users()[..3]), folder.path().join("trace"));
    for (backend, key, status, said) in [
        ("http://127.0.0.1:1", None, 2, "set FLOWRUN_API_KEY"),
        ("ftp://127.0.0.1:1", None, 2, "a backend is \"memory\""),
        ("http://ada:secret@127.0.0.1:1", None, 2, "holds no user and no password"),
        ("plugin:nothing", None, 2, "nothing"),
    ] {
        let output = run(backend, key, &file, &trace);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{backend}: {told}");
        assert!(told.contains(said), "{backend}: {told}");
    }
}

#[test]
fn an_embedded_backend_keeps_what_was_written_from_run_to_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = users_file(folder.path(), &users()[1..2]);
    let backend = format!("embedded:{}", folder.path().join("profiles").display());
    let orders = |trace: &Path| {
        let sent = lines(trace).into_iter().rfind(|line| line["kind"] == "sent");
        sent.expect("a message")["body"].as_str().expect("a text").to_owned()
    };
    let mut bodies = Vec::new();
    for run_number in 0..2 {
        let trace = folder.path().join(format!("trace{run_number}"));
        let output = run(&backend, None, &file, &trace);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        bodies.push(orders(&trace));
    }
    assert!(bodies[0].contains("Order number 2 "), "{bodies:?}");
    assert!(bodies[1].contains("Order number 3 "), "another run, another write: {bodies:?}");
}
