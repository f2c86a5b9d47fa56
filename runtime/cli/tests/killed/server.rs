//! One life of `flowrun serve`, from its start to its kill.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value as Json;

use crate::client::KEY;

/// Reading a state back takes far less.
const TO_START: Duration = Duration::from_secs(60);

pub struct Server {
    child: Child,
    address: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts, and reads what it prints: `message` is given every line but the first.
    pub fn start(
        folder: &Path,
        listen: &str,
        backend: Option<&str>,
        mut message: impl FnMut(&str) + Send + 'static,
    ) -> Server {
        let said = OpenOptions::new().create(true).append(true).open(folder.join("said.txt"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
        command
            .args(["serve", "flows", "--state", "state", "--json", "--listen", listen])
            .args(backend.into_iter().flat_map(|url| ["--backend", url]))
            .current_dir(folder)
            .env("FLOWRUN_SERVE_KEY", KEY)
            .env("FLOWRUN_API_KEY", KEY)
            .env_remove("FLOWRUN_PLUGINS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said.expect("a file"));
        let mut child = command.spawn().expect("the program runs");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let (told, address) = channel();
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|length| length > 0) {
                let said = serde_json::from_str::<Json>(&line).unwrap_or_default();
                match said["listening"].as_str() {
                    Some(url) => drop(told.send(url.trim_start_matches("http://").to_owned())),
                    // What was cut off in the middle did not go out.
                    None if line.ends_with('\n') => message(&line),
                    None => {}
                }
                line.clear();
            }
        });
        Server { child, address, reader: Some(reader) }
    }

    /// Where it listens, once it does; nothing if it ended before.
    pub fn ready(&self) -> Option<String> {
        self.address.recv_timeout(TO_START).ok()
    }
}

/// SIGKILL; then what it had printed is read to its end.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
