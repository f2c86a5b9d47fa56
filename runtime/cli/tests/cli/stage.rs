//! A folder with the test's Canvases, and the program run in it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder of its own for a test.
pub struct Stage {
    folder: TempDir,
}

/// What a command has come to.
pub struct Done {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Stage {
    /// With all files of `tests/data`.
    pub fn new() -> Stage {
        let stage = Stage { folder: tempfile::tempdir().expect("a temporary folder") };
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        for entry in fs::read_dir(data).expect("tests/data") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), stage.path().join(entry.file_name())).expect("a copy");
        }
        stage
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Stage {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
        self
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a file of text")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
        command.args(args).current_dir(self.path()).env_remove("NO_COLOR");
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args).stdin(Stdio::null()).output().expect("the program runs"))
    }

    pub fn run_with(&self, args: &[&str], input: impl AsRef<[u8]>) -> Done {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("its input");
        let input = input.as_ref().to_vec();
        let writer = std::thread::spawn(move || {
            // The program may have ended before it has read all.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the program ends");
        writer.join().expect("the input is written");
        Done::of(output)
    }
}

impl Done {
    pub fn of(output: Output) -> Done {
        Done {
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
            code: output.status.code().expect("an exit code"),
        }
    }

    /// The last line of the results.
    pub fn closing(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("JSON")
    }

    /// Everything, for a snapshot.
    pub fn all(&self) -> String {
        let mut text = self.out.clone();
        if !self.err.is_empty() {
            text.push_str(&format!("--- standard error ---\n{}", self.err));
        }
        format!("{}\n--- exit {} ---", text.trim_end(), self.code)
    }
}
