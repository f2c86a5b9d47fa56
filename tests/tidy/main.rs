//! Rules of the house, as tests: which crate may use which, what a pure crate may not
//! touch, and what must not stand in the repository.

mod edges;
mod purity;
mod words;

use std::path::{Path, PathBuf};

/// The folder that the workspace lies in.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root").to_owned()
}

/// All files below a folder that git would see, by path relative to the root.
pub fn files_below(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let skipped = ["target", ".git", "node_modules"].iter().any(|skip| name == *skip);
            if skipped {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
}
