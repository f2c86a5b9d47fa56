//! A server that was started as a program: asked over HTTP, its words kept.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

pub const KEY: &str = "a-key-for-tests-only";

/// A running server, ended with the test.
pub struct Served {
    pub child: Child,
    pub address: String,
    told: Arc<Mutex<String>>,
    shown: Arc<Mutex<String>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with these files.
pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

impl Served {
    /// Waits for the line with the address, as programs do.
    pub fn start(folder: &Path, args: &[&str]) -> Served {
        Served::with_env(folder, args, &[])
    }

    pub fn with_env(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Served {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
        command.args(["serve", ".", "--listen", "127.0.0.1:0", "--json"]).args(args);
        command.current_dir(folder).env("FLOWRUN_SERVE_KEY", KEY).env("FLOWRUN_API_KEY", KEY);
        command.env_remove("FLOWRUN_PLUGINS").env_remove("FLOWRUN_LOG");
        command.envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let told = kept(child.stderr.take().expect("its words"));
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let shown = kept(out);
        let said: Json = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{line:?}; {}", told.lock().unwrap()));
        let address = said["listening"].as_str().expect("the address");
        let address = address.trim_start_matches("http://").to_owned();
        Served { child, address, told, shown }
    }

    /// What it has said on standard error.
    pub fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    /// What it has printed on standard output.
    pub fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    pub fn ask(&self, method: &str, path: &str, key: &str, body: &str) -> (u16, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {key}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
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

    pub fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        let (status, body) = self.ask("POST", path, KEY, &body.to_string());
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    pub fn get(&self, path: &str) -> Json {
        serde_json::from_str(&self.ask("GET", path, KEY, "").1).expect("JSON")
    }

    pub fn figure(&self, name: &str) -> Json {
        self.get("/health")["figures"][name].clone()
    }

    /// The first exported user, once they have this custom attribute.
    pub fn attribute(&self, whom: Json, attribute: &str, wanted: &Json) {
        until(attribute, || {
            let (_, reply) = self.post("/users/export/ids", &whom);
            let is = &reply["users"][0]["custom_attributes"][attribute];
            (is == wanted).then_some(()).ok_or_else(|| reply.to_string())
        });
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let asked = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
    }
}

/// Asks until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(why) => assert!(Instant::now() < give_up, "{what} never came: {why}"),
        }
        // Exports are limited to 250 a minute.
        std::thread::park_timeout(Duration::from_millis(150));
    }
}

pub fn external(user: &str) -> Json {
    json!({ "external_ids": [user] })
}

/// All that comes from a stream, read as it comes so that nobody waits for a reader.
fn kept(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let into = text.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    });
    text
}
