//! Crates use each other only along the arrows of the architecture page.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may use whom. `tests` may use everybody, and nobody uses it.
const ARROWS: &[(&str, &[&str])] = &[
    ("cli", &["server", "engine", "simulation", "loader", "steps", "canvas"]),
    ("server", &["engine", "track"]),
    ("engine", &["log", "profiles", "outbound", "core"]),
    ("simulation", &["log", "profiles", "outbound", "core"]),
    ("profiles", &["log", "outbound", "core", "track"]),
    ("log", &["core"]),
    ("outbound", &["core"]),
    ("core", &["sdk", "track", "template"]),
    ("canvas", &["sdk", "core", "template"]),
    ("steps", &["sdk", "track"]),
    ("loader", &["sdk"]),
    ("sdk", &[]),
    ("track", &[]),
    ("template", &[]),
];

/// `cli` is the crate `flowrun`; all others are `flowrun-NAME`.
fn short(package: &str) -> Option<&str> {
    match package {
        "flowrun" => Some("cli"),
        other => other.strip_prefix("flowrun-"),
    }
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(crate::root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Packages of the workspace with those they are built from. What only their tests use is free.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .filter_map(|package| {
            let name = short(package["name"].as_str()?)?.to_owned();
            let dependencies = package["dependencies"].as_array()?.iter();
            let used = dependencies
                .filter(|one| one["kind"] != "dev")
                .filter_map(|one| Some(short(one["name"].as_str()?)?.to_owned()));
            Some((name, used.collect()))
        })
        .collect()
}

/// The edges that no arrow allows, as `from -> to`.
fn forbidden(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut found = Vec::new();
    for (from, used) in edges.iter().filter(|(from, _)| *from != "tests") {
        let allowed = allowed.get(from.as_str()).copied();
        for to in used {
            if !allowed.is_some_and(|allowed| allowed.contains(&to.as_str())) {
                found.push(format!("{from} -> {to}"));
            }
        }
        if allowed.is_none() && !from.starts_with("example-") {
            found.push(format!("{from} has no place on the architecture page"));
        }
    }
    found
}

#[test]
fn crates_use_each_other_only_along_the_arrows() {
    let edges = edges();
    assert!(edges.len() > 8, "the workspace was found: {edges:?}");
    assert_eq!(forbidden(&edges), Vec::<String>::new());
}

#[test]
fn an_edge_against_the_arrows_is_found() {
    let edge = |from: &str, to: &str| (from.to_owned(), BTreeSet::from([to.to_owned()]));
    let edges = BTreeMap::from([edge("steps", "core"), edge("core", "sdk"), edge("odd", "sdk")]);
    assert_eq!(
        forbidden(&edges),
        ["odd -> sdk", "odd has no place on the architecture page", "steps -> core"]
    );
}

#[test]
fn folders_are_named_as_their_crates() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        let manifest = package["manifest_path"].as_str().expect("a path");
        let folder = std::path::Path::new(manifest).parent().and_then(|folder| folder.file_name());
        let name = package["name"].as_str().and_then(short).expect("a flowrun crate");
        assert_eq!(folder.and_then(|folder| folder.to_str()), Some(name), "{manifest}");
    }
}
