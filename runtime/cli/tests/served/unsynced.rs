//! A disk that fails to keep what it has taken ends the process, and not with success; what was
//! answered before is there at the next start.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::stage::{KEY, Served, external, folder};

const CANVAS: &str = r#"
canvas: patient
entry: { api: true }
steps:
  - id: hours
    delay: { for: 5h }
"#;

/// The disk that fails, as a library that is put before the system's.
fn failing_disk(folder: &Path) -> PathBuf {
    let library = folder.join("libunsynced.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/unsynced.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
    let output = compiler.args([&library, &source]).output().expect("there is a C compiler: cc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// The status of an answer, if one comes.
fn status(served: &Served, path: &str, body: &Json) -> Option<u16> {
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {KEY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(&served.address).ok()?;
    stream.write_all(head.as_bytes()).ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    reply.split(' ').nth(1)?.parse().ok()
}

fn write(user: &str) -> Json {
    json!({ "attributes": [{ "external_id": user, "known": true }] })
}

fn enter(user: &str) -> Json {
    json!({ "canvas_id": "patient", "recipients": [{ "external_user_id": user }] })
}

/// How many users have entered.
fn inside(served: &Served) -> u64 {
    served.figure("flowrun_journeys_entered_total").as_u64().expect("a number")
}

#[test]
fn a_failed_sync_ends_the_process_and_loses_nothing_that_was_answered() {
    type Asked = (&'static str, fn(&str) -> Json);
    let rows: [(&str, &str, Asked); 2] = [
        ("log.redb", "the log", ("/canvas/trigger/send", enter)),
        ("directory.redb", "the profiles", ("/users/track", write)),
    ];
    for (file, place, (path, body)) in rows {
        let folder = folder(&[("patient.yaml", CANVAS)]);
        let here = folder.path();
        let (library, broken) = (failing_disk(here), here.join("broken"));
        let env = [
            ("LD_PRELOAD", library.to_str().expect("a text")),
            ("FLOWRUN_FAIL", broken.to_str().expect("a text")),
        ];
        let mut served = Served::with_env(here, &["--state", "data"], &env);
        for user in ["ada", "bob"] {
            assert_eq!(served.post("/users/track", &write(user)).0, 201);
            assert_eq!(served.post("/canvas/trigger/send", &enter(user)).0, 201);
        }
        // Known, so that it is the disk which keeps her out.
        assert_eq!(served.post("/users/track", &write("eve")).0, 201);
        std::fs::write(&broken, file).expect("a file");
        let answered = status(&served, path, &body("eve"));
        assert!(answered.is_none_or(|status| status >= 500), "{file}: {answered:?}");

        let give_up = Instant::now() + Duration::from_secs(30);
        let ended = loop {
            match served.child.try_wait().expect("it can be asked") {
                Some(ended) => break ended,
                None => assert!(Instant::now() < give_up, "{file}: it never ended"),
            }
            std::thread::park_timeout(Duration::from_millis(10));
        };
        assert!(ended.code().is_some_and(|code| code != 0), "{file}: {ended}");
        let told = served.told();
        assert!(told.contains(place) && told.contains("Input/output error"), "{file}: {told}");

        std::fs::remove_file(&broken).expect("it is there");
        let served = Served::start(here, &["--state", "data"]);
        for user in ["ada", "bob"] {
            served.attribute(external(user), "known", &json!(true));
        }
        // Of the one who got no answer nobody knows.
        assert!(matches!(inside(&served), 2 | 3), "{file}: {}", inside(&served));
    }
}
