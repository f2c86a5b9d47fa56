//! The SDK as it was when this program was built: what a new project takes along.

macro_rules! sdk {
    ($($path:literal)*) => {
        &[$(($path, include_str!(concat!("../../../sdk/", $path)))),*]
    };
}

const SOURCES: &[(&str, &str)] = sdk! {
    "flowrun_plugin.h"
    "src/backend.rs"
    "src/channel.rs"
    "src/cohort.rs"
    "src/decision.rs"
    "src/declaration.rs"
    "src/duration.rs"
    "src/export.rs"
    "src/lib.rs"
    "src/plugin/abi.rs"
    "src/plugin/answer.rs"
    "src/plugin/ask.rs"
    "src/plugin/describe.rs"
    "src/plugin/exported.rs"
    "src/plugin/guard.rs"
    "src/plugin/mod.rs"
    "src/plugin/outcome_bytes.rs"
    "src/plugin/settings.rs"
    "src/plugin/step_bytes.rs"
    "src/settings.rs"
    "src/step.rs"
    "src/testing.rs"
    "src/testing/examples.rs"
    "src/time.rs"
    "src/update.rs"
};

const MANIFEST: &str = include_str!("../../../sdk/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

/// Paths within the crate, and texts.
pub(super) fn files() -> impl Iterator<Item = (&'static str, String)> {
    let sources = SOURCES.iter().map(|(path, text)| (*path, (*text).to_owned()));
    sources.chain([("Cargo.toml", manifest(MANIFEST, WORKSPACE))])
}

/// The manifest without its workspace: what it takes from there is written out.
fn manifest(own: &str, workspace: &str) -> String {
    let mut text = String::new();
    let mut in_lints = false;
    for line in own.lines() {
        if line.starts_with('[') {
            in_lints = line == "[lints]";
        }
        if in_lints {
            continue;
        }
        text.push_str(&written_out(line, workspace));
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

/// `serde.workspace = true`, `serde = { workspace = true, optional = true }` and
/// `version.workspace = true`, with what the workspace says.
fn written_out(line: &str, workspace: &str) -> String {
    let whole = line.strip_suffix(".workspace = true").map(|name| (name, ""));
    let with_more = line.split_once(" = { workspace = true, ");
    let Some((name, more)) = whole.or(with_more) else { return line.to_owned() };
    let found = workspace.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
    let value = found.unwrap_or_else(|| panic!("the workspace knows `{name}`"));
    let more = more.trim_end_matches(" }");
    match (more, value.strip_suffix(" }")) {
        ("", _) => format!("{name} = {value}"),
        (more, Some(table)) => format!("{name} = {table}, {more} }}"),
        (more, None) => format!("{name} = {{ version = {value}, {more} }}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn no_source_of_the_sdk_is_left_behind() {
        fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.insert(path.strip_prefix(root).unwrap().display().to_string());
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
        let mut there = BTreeSet::from(["flowrun_plugin.h".to_owned()]);
        walk(&root.join("src"), &root, &mut there);
        let taken: BTreeSet<String> = SOURCES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(taken, there);
    }

    #[test]
    fn the_manifest_stands_alone() {
        let text = manifest(MANIFEST, WORKSPACE);
        assert!(!text.contains("workspace"), "{text}");
        assert!(text.contains("\nversion = \"") && text.contains("\nedition = \"2024\""), "{text}");
        assert!(
            text.contains("package = \"serde-saphyr\", version = \"=2.1.1\", optional = true }")
        );
    }
}
