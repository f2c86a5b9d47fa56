//! Builds libraries, and runs the program with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The folder that the workspace lies in.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the workspace is there")
}

/// A folder of its own for a test, in which the program is run.
pub struct Bench {
    folder: TempDir,
}

/// What a command has come to.
pub struct Done {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Bench {
    pub fn new() -> Bench {
        Bench { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// Builds a library of C. What is defined chooses what it does.
    pub fn c_library(&self, source: &Path, defined: &str) -> PathBuf {
        self.c_library_of(source, defined, "FLOWRUN_AGREED")
    }

    fn c_library_of(&self, source: &Path, defined: &str, also: &str) -> PathBuf {
        let library = self.path().join(format!("lib{}.so", defined.to_lowercase()));
        let output = Command::new("cc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O1"])
            .args([format!("-D{defined}"), format!("-D{also}")])
            .arg("-I")
            .arg(root().join("plugins/sdk"))
            .arg("-o")
            .args([&library, source])
            .output()
            .expect("there is a C compiler called cc");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    }

    /// One of the misbehaving plugins of `bad.c`.
    pub fn bad(&self, defined: &str) -> PathBuf {
        self.c_library(&root().join("tests/plugins/bad.c"), defined)
    }

    /// One of the misbehaving backends and channels of `outlets.c`.
    pub fn outlet(&self, kind: &str, defined: &str) -> PathBuf {
        let source = root().join("tests/plugins/outlets.c");
        self.c_library_of(&source, defined, &format!("KIND=FLOWRUN_{kind}"))
    }

    pub fn flowrun(&self, args: &[&str]) -> Done {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Done::of(command.output().expect("the program runs"))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowrun"));
        command.args(args).current_dir(self.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // The one who runs the tests may have plugins.
        command.env("XDG_DATA_HOME", self.path().join("own")).env_remove("FLOWRUN_PLUGINS");
        command
    }
}

impl Done {
    fn of(output: Output) -> Done {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Done { out: text(&output.stdout), err: text(&output.stderr), code }
    }

    /// Everything, for the message of a failed test.
    pub fn all(&self) -> String {
        format!("{}\n--- standard error ---\n{}\n--- exit {} ---", self.out, self.err, self.code)
    }
}

/// Runs cargo in a project of its own, on what is already downloaded.
pub fn cargo(project: &Path, args: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(args)
        .args(["--offline", "--quiet"])
        .current_dir(project)
        .env("CARGO_TARGET_DIR", built())
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "cargo {args:?} in {}: {said}", project.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Builds the library of a project.
pub fn rust_library(project: &Path, name: &str) -> PathBuf {
    cargo(project, &["build"]);
    let ending = if cfg!(target_os = "macos") { "dylib" } else { "so" };
    built().join(format!("debug/lib{}.{ending}", name.replace('-', "_")))
}

fn built() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}
