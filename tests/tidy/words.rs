//! What must not stand in the repository, and what every folder must have.

use std::fs;

/// Ends of files that people read.
const TEXTS: &[&str] = &["rs", "md", "toml", "yaml", "yml", "json", "ndjson", "liquid"];

/// Marks of unfinished work. Written in parts, so that this file doesn't find itself.
fn unfinished() -> Vec<String> {
    [("TO", "DO"), ("FIX", "ME"), ("XX", "X:"), ("todo", "!("), ("unimplemented", "!(")]
        .map(|(a, b)| format!("{a}{b}"))
        .to_vec()
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = unfinished();
    let mut read = 0;
    for path in crate::files_below("") {
        let readable = path.extension().is_some_and(|end| TEXTS.iter().any(|text| end == *text));
        // Files that are wrong on purpose stand in folders of their own.
        let nasty = path.components().any(|part| part.as_os_str() == "corpus");
        if !readable || nasty {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { panic!("{} is text", path.display()) };
        read += 1;
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} has a `{mark}`", path.display());
        }
    }
    assert!(read > 100, "the files were found: {read}");
}

#[test]
fn no_room_is_too_large() {
    // Where readers get lost: one file that holds everything.
    const MOST: usize = 600;
    for path in crate::files_below("") {
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let lines = fs::read_to_string(&path).expect("a source is text").lines().count();
        assert!(lines <= MOST, "{} has {lines} lines; split it along what happens", path.display());
    }
}

#[test]
fn every_crate_says_what_it_is() {
    for path in crate::files_below("") {
        if path.file_name().is_none_or(|name| name != "lib.rs" && name != "main.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source is text");
        assert!(text.starts_with("//!"), "{} begins with what it is", path.display());
    }
}
