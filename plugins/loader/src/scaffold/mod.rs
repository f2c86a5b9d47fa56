//! `flowrun plugin new`: a project that builds and passes its tests untouched, anywhere on the
//! disk. The SDK goes with it, in its own folder.

mod vendored;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flowrun_sdk::plugin::abi::PluginKind;

use crate::description::is_name;

/// Why there is no project.
#[derive(thiserror::Error, Debug)]
pub enum ScaffoldError {
    #[error("`{0}` is no name for a plugin: begin with a-z, and go on with a-z, 0-9, `_` and `-`")]
    Name(String),
    #[error("`{0}` is a word of Rust's: choose another name")]
    Keyword(String),
    #[error("`{}` is there already: choose another name or folder", .0.display())]
    Taken(PathBuf),
    #[error("can't write `{}`: {}", .0.display(), .1)]
    Unwritable(PathBuf, #[source] io::Error),
}

const STEP: &[(&str, &str)] = &[
    ("src/lib.rs", include_str!("../../templates/step.rs.txt")),
    ("flow.yaml", include_str!("../../templates/flow.yaml.txt")),
    ("README.md", include_str!("../../templates/README.step.md.txt")),
];
const BACKEND: &[(&str, &str)] = &[
    ("src/lib.rs", include_str!("../../templates/backend.rs.txt")),
    ("flow.yaml", include_str!("../../templates/flow.outlet.yaml.txt")),
    ("README.md", include_str!("../../templates/README.backend.md.txt")),
];
const CHANNEL: &[(&str, &str)] = &[
    ("src/lib.rs", include_str!("../../templates/channel.rs.txt")),
    ("flow.yaml", include_str!("../../templates/flow.outlet.yaml.txt")),
    ("flowrun.toml", include_str!("../../templates/flowrun.channel.toml.txt")),
    ("README.md", include_str!("../../templates/README.channel.md.txt")),
];
const ALL: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../templates/Cargo.toml.txt")),
    ("flow.users.ndjson", include_str!("../../templates/users.ndjson.txt")),
    (".gitignore", "/target\n"),
];

/// Names that crates can't have.
const KEYWORDS: [&str; 20] = [
    "as", "async", "const", "crate", "dyn", "else", "enum", "extern", "fn", "for", "if", "impl",
    "in", "let", "loop", "match", "mod", "self", "test", "use",
];

/// Writes a new project into a folder that isn't there yet.
pub fn scaffold(name: &str, kind: PluginKind, folder: &Path) -> Result<(), ScaffoldError> {
    if !is_name(name) || name.ends_with(['-', '_']) {
        return Err(ScaffoldError::Name(name.to_owned()));
    }
    if KEYWORDS.contains(&name) {
        return Err(ScaffoldError::Keyword(name.to_owned()));
    }
    if folder.exists() {
        return Err(ScaffoldError::Taken(folder.to_owned()));
    }
    let of_kind = match kind {
        PluginKind::Step => STEP,
        PluginKind::Backend => BACKEND,
        PluginKind::Channel => CHANNEL,
    };
    let file = name.replace('-', "_");
    let filled = |text: &str| {
        text.replace("__NAME__", name)
            .replace("__FILE__", &file)
            .replace("__TYPE__", &type_name(name))
    };
    for (path, text) in ALL.iter().chain(of_kind) {
        put(&folder.join(path), &filled(text))?;
    }
    for (path, text) in vendored::files() {
        put(&folder.join("vendor/flowrun-sdk").join(path), &text)?;
    }
    Ok(())
}

/// `tier_split` as `TierSplit`.
fn type_name(name: &str) -> String {
    let parts = name.split(['-', '_']).filter(|part| !part.is_empty());
    let capital = |part: &str| part[..1].to_uppercase() + &part[1..];
    let camel: String = parts.map(capital).collect();
    // These the templates use themselves.
    match camel.as_str() {
        "Step" | "Settings" | "Backend" | "Channel" | "Decision" | "Declaration" | "Door"
        | "Exits" | "Fault" | "Visit" | "Attribute" | "About" | "Batch" | "Outcome" | "Reply"
        | "Letter" | "Post" | "Self" | "Option" | "Vec" | "String" | "Result" | "Mutex"
        | "HashSet" | "Some" | "None" | "Ok" | "Err" => format!("My{camel}"),
        _ => camel,
    }
}

fn put(path: &Path, text: &str) -> Result<(), ScaffoldError> {
    let unwritable = |error| ScaffoldError::Unwritable(path.to_owned(), error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(unwritable)?;
    }
    fs::write(path, text).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_called_as_rust_calls_them() {
        for (name, expected) in
            [("tier_split", "TierSplit"), ("a-b2", "AB2"), ("step", "MyStep"), ("x--y", "XY")]
        {
            assert_eq!(type_name(name), expected);
        }
    }

    #[test]
    fn names_that_nothing_can_have_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "Tier", "1a", "a/b", "../x", "é", "a_", "match", "self"] {
            assert!(scaffold(name, PluginKind::Step, &folder.path().join("x")).is_err(), "{name}");
        }
        let taken = scaffold("fine", PluginKind::Step, folder.path()).unwrap_err();
        assert!(taken.to_string().contains("there already"), "{taken}");
    }
}
