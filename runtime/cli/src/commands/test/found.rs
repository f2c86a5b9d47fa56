//! Which test files the paths on the command line stand for.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Endings of test files.
const ENDINGS: [&str; 2] = [".test.yaml", ".test.yml"];

/// The test files that the paths stand for, each once, folders in the order of names.
pub fn test_files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            walk(path, &mut files)?;
            if files.len() == before {
                bail!("there are no tests (*.test.yaml) in `{}`", path.display())
            }
        } else if path.file_name().is_some_and(is_test_file) {
            files.push(path.clone());
        } else {
            files.push(beside(path)?);
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|path| seen.insert(path.clone()));
    Ok(files)
}

fn is_test_file(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    !name.starts_with('.') && ENDINGS.iter().any(|end| name.ends_with(end))
}

/// The tests of a Canvas.
fn beside(canvas: &Path) -> anyhow::Result<PathBuf> {
    let shown = canvas.display();
    if !canvas.exists() {
        bail!("there is no file or folder `{shown}`")
    }
    let named = |end: &str| canvas.with_extension(end.trim_start_matches('.'));
    match ENDINGS.iter().map(|end| named(end)).find(|path| path.is_file()) {
        Some(found) => Ok(found),
        None => bail!("`{shown}` has no tests: write some to `{}`", named(ENDINGS[0]).display()),
    }
}

/// Links to folders are not followed, so that no circle of them is either.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .with_context(|| format!("can't read the folder `{}`", folder.display()))?;
    let mut entries: Vec<_> = entries.into_iter().map(|entry| (entry.path(), entry)).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, entry) in entries {
        let name = entry.file_name();
        let is_folder = entry.file_type()?.is_dir();
        if is_folder && !name.to_string_lossy().starts_with('.') {
            walk(&path, files)?;
        } else if !is_folder && is_test_file(&name) {
            files.push(path);
        }
    }
    Ok(())
}
