//! A server that tests start, ask, kill and start again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

const KEY: &str = "a-key-for-tests-only";

/// A running server, ended with the test.
pub struct Served {
    child: Child,
    pub address: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
    command.args(args).current_dir(folder);
    command
        .env("FLOWRUN_SERVE_KEY", KEY)
        .env("FLOWRUN_API_KEY", KEY)
        .env_remove("FLOWRUN_PLUGINS")
        .stdin(Stdio::null());
    command
}

pub fn done(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the program runs")
}

impl Served {
    /// Serves the folder `flows`, and waits for the line with the address, as programs do.
    pub fn start(folder: &Path, args: &[&str]) -> Served {
        Served::at(folder, "127.0.0.1:0", args)
    }

    pub fn at(folder: &Path, address: &str, args: &[&str]) -> Served {
        let start = ["serve", "flows", "--listen", address, "--json"];
        Served::by(command(folder, &[&start, args].concat()))
    }

    /// A server whose files may take so many blocks of 512 bytes, until it is told otherwise.
    #[cfg(target_os = "linux")]
    pub fn with_a_small_disk(folder: &Path, blocks: u32, args: &[&str]) -> Served {
        let run = format!("trap '' XFSZ; ulimit -Sf {blocks}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        let serve = ["serve", "flows", "--listen", "127.0.0.1:0", "--json"];
        shell.args(["-c", &run, env!("CARGO_BIN_EXE_flowrun")]).args(serve).args(args);
        shell.current_dir(folder).env("FLOWRUN_SERVE_KEY", KEY).stdin(Stdio::null());
        Served::by(shell)
    }

    #[cfg(target_os = "linux")]
    pub fn free_the_disk(&self) {
        let pid = self.child.id().to_string();
        let freed = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &pid]).status();
        assert!(freed.expect("prlimit runs").success());
    }

    fn by(mut command: Command) -> Served {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
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

    /// As if the power of the process went.
    pub fn kill(mut self) {
        self.kill_now();
    }

    pub fn kill_now(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to finish, and gives its exit code.
    #[cfg(unix)]
    pub fn terminate(mut self) -> Option<i32> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.try_ask(method, path, "", body).expect("the server answers")
    }

    /// The same, with further lines of the head, of a server that may be killed meanwhile.
    pub fn try_ask(
        &self,
        method: &str,
        path: &str,
        lines: &str,
        body: &str,
    ) -> Option<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
             Authorization: Bearer {KEY}\r\nContent-Length: {}\r\n{lines}Connection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.write_all(head.as_bytes()).ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        let (head, body) = reply.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Some((status?, body.to_owned()))
    }

    pub fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        let (status, body) = self.ask("POST", path, &body.to_string());
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    pub fn attribute(&self, user: &str, name: &str, value: Json) {
        let body = json!({ "attributes": [{ "external_id": user, name: value }] });
        assert_eq!(self.post("/users/track", &body).0, 201);
    }

    pub fn enter(&self, canvas: &str, user: &str) -> u16 {
        let recipients = json!([{ "external_user_id": user }]);
        let body = json!({ "canvas_id": canvas, "recipients": recipients });
        self.post("/canvas/trigger/send", &body).0
    }

    /// The user's profile, with custom attributes and aliases.
    pub fn profile(&self, user: &str) -> Json {
        let asked = json!({
            "external_ids": [user],
            "fields_to_export": ["external_id", "custom_attributes", "user_aliases", "first_name"],
        });
        self.post("/users/export/ids", &asked).1["users"][0].clone()
    }

    /// The user's custom attributes, once this one is among them.
    pub fn attributes(&self, user: &str, attribute: &str) -> Json {
        let mut found = Json::Null;
        self.until(&format!("{attribute} of {user}"), |served| {
            found = served.profile(user)["custom_attributes"].clone();
            !found[attribute].is_null()
        });
        found
    }

    /// A figure of `/metrics`.
    pub fn figure(&self, name: &str) -> u64 {
        let (_, metrics) = self.ask("GET", "/metrics", "");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        let number = line.unwrap_or_else(|| panic!("no {name}: {metrics}"));
        number.parse().expect("a number")
    }

    /// Asks again and again until it is so.
    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Served) -> bool) {
        let give_up = Instant::now() + Duration::from_secs(30);
        while !is_so(self) {
            assert!(Instant::now() < give_up, "it never was so: {what}");
            // The API has its limits, and a journey its seconds.
            std::thread::park_timeout(Duration::from_millis(25));
        }
    }
}
