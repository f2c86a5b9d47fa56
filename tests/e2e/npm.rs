//! Installing what the lock file names: once, outside of the sources, from the registry that npm is configured with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILES: [&str; 3] = ["package.json", "package-lock.json", "client.cjs"];

/// A folder with the client's script and all packages it needs. Panics with what to install if that can't be.
pub fn installed() -> PathBuf {
    for (tool, least) in [("node", 18), ("npm", 8)] {
        let version = version(tool);
        assert!(
            version.is_some_and(|version| version >= least),
            "this test needs {tool} {least} or newer, and found {version:?}: install Node.js, which brings both \
             (on Debian and Ubuntu: apt-get install nodejs npm)"
        );
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    for file in FILES {
        fs::copy(sources.join(file), folder.join(file)).expect("the script can be copied");
    }
    // What was installed from the same lock file is good; a half-done installation left no note.
    let lock =
        fs::read_to_string(folder.join("package-lock.json")).expect("the lock file is there");
    let note = folder.join("installed-from.json");
    if fs::read_to_string(&note).is_ok_and(|known| known == lock) {
        return folder;
    }
    let _ = fs::remove_file(&note);
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let output = Command::new("npm").args(install).current_dir(&folder).output();
    let output = output.expect("npm runs: it was there a moment ago");
    assert!(
        output.status.success(),
        "npm could not install what {} names; it needs a registry it can reach (npm config get registry):\n{}",
        sources.join("package-lock.json").display(),
        String::from_utf8_lossy(&output.stderr)
    );
    fs::write(&note, lock).expect("the target folder can be written");
    folder
}

/// The major version; `None` if the tool doesn't run.
fn version(tool: &str) -> Option<u32> {
    let output = Command::new(tool).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}
