//! Pure crates decide; they touch nothing. Time, files, threads and sockets come to them
//! as values, which is what makes a run repeatable and a crash recoverable.

use std::fs;

/// The pure crates by folder.
const PURE: &[&str] = &[
    "runtime/core",
    "runtime/canvas",
    "runtime/template",
    "runtime/track",
    "steps",
    "plugins/sdk",
];

/// What must not stand in their sources, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("std::fs", "files belong to log, profiles and cli"),
    ("std::net", "sockets belong to outbound and server"),
    ("std::thread", "threads belong to hosts"),
    ("std::env", "the environment belongs to cli"),
    ("std::process", "processes belong to cli"),
    ("tokio", "a pure crate never waits"),
    ("async fn", "a pure crate never waits"),
    ("Instant::now", "time is an argument"),
    ("SystemTime::now", "time is an argument"),
    ("Timestamp::now", "time is an argument"),
    ("Zoned::now", "time is an argument"),
    ("thread_rng", "chance is a hash of the seed"),
    ("RandomState", "tables hash the same in every run"),
    ("HashMap::new", "tables hash the same in every run: give them a fixed hasher"),
    ("std::collections::HashMap", "tables hash the same in every run: give them a fixed hasher"),
    ("std::collections::HashSet", "tables hash the same in every run: give them a fixed hasher"),
    ("unsafe ", "unsafe code lives in plugins/loader"),
];

/// The one exception: macros whose text becomes part of a plugin, where it meets C. What they
/// call in the SDK is safe, and the SDK itself still forbids unsafe code.
const EXPANDED_ELSEWHERE: &str = "plugins/sdk/src/export.rs";

/// The bans that a source breaks, by line. Comments may name what they like.
fn broken(source: &str) -> Vec<(usize, &'static str, &'static str)> {
    let lines = source.lines().enumerate();
    let code = lines.filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(number, line)| {
        let code = ungrouped(line.split("//").next().unwrap_or(line));
        let hits = BANNED.iter().filter(move |(banned, _)| code.contains(banned));
        hits.map(move |&(banned, why)| (number + 1, banned, why))
    })
    .collect()
}

/// `use std::{fs, net}` as `use std::fs std::net`, so that a group hides nothing.
fn ungrouped(code: &str) -> String {
    let Some((before, group)) = code.split_once("std::{") else { return code.to_owned() };
    group
        .split([',', '{', '}'])
        .fold(before.to_owned(), |line, name| format!("{line} std::{}", name.trim()))
}

#[test]
fn pure_crates_touch_nothing() {
    let mut sources = 0;
    for folder in PURE {
        for path in crate::files_below(&format!("{folder}/src")) {
            let text = fs::read_to_string(&path).expect("a source is text");
            sources += 1;
            let mut broken = broken(&text);
            if path.ends_with(EXPANDED_ELSEWHERE) {
                broken.retain(|(_, banned, _)| *banned != "unsafe ");
            }
            assert_eq!(broken, [], "{}", path.display());
        }
        let lib = crate::root().join(folder).join("src/lib.rs");
        let lib = fs::read_to_string(lib).expect("a crate has a lib.rs");
        assert!(lib.contains("#![forbid(unsafe_code)]"), "{folder} forbids unsafe code");
        let manifest = fs::read_to_string(crate::root().join(folder).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("tokio"), "{folder} has no runtime");
    }
    assert!(sources > 60, "the sources were found: {sources}");
}

#[test]
fn a_clock_in_a_pure_crate_is_found() {
    let source =
        "// Instant::now is fine here\nlet t = std::time::Instant::now(); // why\nfn f() {}\n";
    assert_eq!(broken(source), [(2, "Instant::now", "time is an argument")]);
    assert_eq!(broken("use tokio::spawn;").len(), 1);
    assert_eq!(broken("use std::{fmt, fs, net};").len(), 2);
    assert_eq!(broken("use std::{fmt, sync::Arc};"), []);
}
