//! Updates over a real network: a run in virtual time against flowrun's own endpoint. Every
//! update arrives once, no message goes out before its write, and what the server has is what
//! the run read.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use flowrun_server::track::{Directory, Memory as Profiles};
use flowrun_server::{Keys, Memory, Options, Token, serve};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

const USERS: usize = 1_000;
const VIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../flows/vip.yaml");

/// A server with the profiles of these users, and its key.
struct Served {
    _runtime: Runtime,
    address: SocketAddr,
    token: Token,
    memory: Arc<Memory>,
}

impl Served {
    fn new(users: &[Json]) -> Served {
        let runtime = Runtime::new().expect("a runtime");
        let token = Token::random().expect("randomness");
        let memory = Arc::new(Memory::new(Directory::new(Profiles::default()), None));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let options = Options::new(Keys::full(&token));
        runtime.spawn(serve(listener, memory.clone(), options, std::future::pending()));
        let served = Served { _runtime: runtime, address, token, memory };
        users.chunks(75).for_each(|users| served.post(&json!({ "attributes": users })));
        served
    }

    fn post(&self, body: &Json) {
        let body = body.to_string();
        let head = format!(
            "POST /users/track HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.token.reveal(),
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        stream.write_all((head + &body).as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
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

#[test]
fn every_update_arrives_once_and_before_its_message() {
    let users = users();
    let served = Served::new(&users);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, trace) = (users_file(folder.path(), &users), folder.path().join("trace.ndjson"));
    let output = run(&served.url(), Some(served.token.reveal()), &file, &trace);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let table = String::from_utf8_lossy(&output.stdout);
    let line = table.lines().last().unwrap_or_default();
    assert!(
        line.starts_with("users 1000 · completed 1000 · exited 0 · waiting 0 · held 0"),
        "{line}"
    );
    assert!(!told.contains(served.token.reveal()) && !table.contains(served.token.reveal()));
    let mut released = BTreeSet::new();
    let mut orders: BTreeMap<String, i64> = BTreeMap::new();
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
                let body = line["body"].as_str().expect("a text");
                let number = body.split("number ").nth(1).and_then(|rest| rest.split(' ').next());
                let number = number.and_then(|number| number.parse().ok());
                orders.extend(number.map(|number| (user, number)));
            }
            _ => {}
        }
    }
    assert_eq!(released.len(), USERS);
    served.memory.read(|directory| {
        for (number, user) in users.iter().enumerate() {
            let id = user["external_id"].as_str().expect("an id");
            let profile = directory.profiles.by_external_id(id).expect("they are there");
            let there = |name: &str| profile.custom(name).map(|value| value.to_json());
            assert_eq!(there("vip_member"), Some(json!(true)), "{id}");
            assert_eq!(there("orders"), Some(json!(number % 7 + 1)), "{id}: written once");
            assert_eq!(profile.event("became_vip").map(|event| event.count), Some(1), "{id}");
            let read = orders.get(id).copied();
            let meant = read.is_none() || read == Some((number % 7 + 1) as i64);
            assert!(meant, "{id} read {read:?}, and the server has {:?}", there("orders"));
        }
    });
    assert!(orders.len() > USERS / 2, "most messages name the number that was written");
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
