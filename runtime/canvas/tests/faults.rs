//! Wrong Canvases as data: each file of `faults/` with the diagnostics that it gives.

mod catalogue;

use std::path::Path;

use flowrun_canvas::{Source, load, render_json, render_sarif, render_text};

/// Every file, as people see its faults.
#[test]
fn faults_read_well() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 20, "the cases are there");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("faults");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for file in files {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        let text = std::fs::read_to_string(&file).expect("a text");
        let source = Source { path: format!("flows/{name}.yaml"), text };
        let loaded = load(source, catalogue::catalogue(), &catalogue::Beside);
        assert_ne!(loaded.diagnostics, [], "{name} is wrong");
        let shown = render_text(&loaded.diagnostics, &loaded.sources, false);
        settings.bind(|| insta::assert_snapshot!(name, shown));
    }
}

/// One file in the shapes for programs.
#[test]
fn faults_are_told_to_programs() {
    let loaded = catalogue::load_text(include_str!("faults/targets.yaml"));
    insta::assert_snapshot!("json", render_json(&loaded.diagnostics, &loaded.sources));
    let sarif = render_sarif(&loaded.diagnostics, &loaded.sources);
    let mut log: serde_json::Value = serde_json::from_str(&sarif).expect("JSON");
    // The rules are the pages, which change more often than the shape.
    let rules = log["runs"][0]["tool"]["driver"]["rules"].take();
    assert_eq!(rules.as_array().map(Vec::len), Some(flowrun_canvas::codes::all().count()));
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&log).expect("JSON"));
}

#[test]
fn colors_are_only_there_when_asked_for() {
    let loaded = catalogue::load_text("canvas: x\nsteps: []\n");
    assert!(!render_text(&loaded.diagnostics, &loaded.sources, false).contains('\u{1b}'));
    assert!(render_text(&loaded.diagnostics, &loaded.sources, true).contains('\u{1b}'));
}
