//! The sample plugins: their own tests, the program's verdict, and a Canvas run with each.

use std::path::{Path, PathBuf};

use crate::workshop::{Bench, cargo, root, rust_library};

fn sample(name: &str) -> PathBuf {
    root().join("plugins").join(name)
}

/// Runs the Canvas beside a sample, and gives the story.
fn run(folder: &Path, library: &Path, more: &[&str]) -> String {
    let bench = Bench::new();
    let flow = folder.join("flow.yaml");
    let mut args = vec![flow.to_str().expect("text"), "--plugin", library.to_str().expect("text")];
    args.extend_from_slice(more);
    let done = bench.flowrun(&args);
    assert_eq!(done.code, 0, "{}", done.all());
    done.out
}

fn is_fit(library: &Path, more: &[&str]) {
    let mut args = vec!["plugin", "check", library.to_str().expect("text"), "--calls", "5000"];
    args.extend_from_slice(more);
    let done = Bench::new().flowrun(&args);
    assert!(done.code == 0 && done.out.contains("fit to be used"), "{}", done.all());
}

#[test]
fn loyalty_tier_writes_the_tier_and_then_sends_each_its_way() {
    let folder = sample("example-loyalty-tier");
    cargo(&folder, &["test"]);
    let library = rust_library(&folder, "loyalty_tier");
    is_fit(&library, &[]);
    for more in [&[][..], &["--plugin-isolation", "process"]] {
        let story = run(&folder, &library, more);
        for expected in
            ["Ada, you are gold now.", "Silver suits you, Béla.", "Dara, you are gold now."]
        {
            assert!(story.contains(expected), "{expected}: {story}");
        }
        assert_eq!(story.matches("Spend 100 and be silver.").count(), 2, "{story}");
        // Dara had the right tier already, so four of five were written.
        assert!(story.contains("writes 4 objects"), "{story}");
    }
}

#[test]
fn send_window_waits_for_the_calendar_beside_the_canvas() {
    let folder = sample("example-send-window");
    cargo(&folder, &["test"]);
    let library = rust_library(&folder, "send_window");
    is_fit(&library, &[]);
    let story = run(&folder, &library, &[]);
    // Ada comes on a Monday evening, and Tuesday is closed: 9:00 in Paris on Wednesday. Béla
    // comes when it is open.
    assert!(story.contains("ada   open   waits until Wed 7 Jan 08:00"), "{story}");
    assert!(!story.contains("bela  open"), "{story}");
    assert_eq!(story.matches("Good day, ").count(), 2, "{story}");
}

#[test]
fn file_backend_writes_every_object_once() {
    let folder = sample("example-file-backend");
    cargo(&folder, &["test"]);
    let library = rust_library(&folder, "file_backend");
    let bench = Bench::new();
    let path = bench.path().join("profiles.ndjson");
    let settings = serde_json::json!({ "path": path }).to_string();
    let settings = bench.write("settings.json", settings);
    is_fit(&library, &["--settings", settings.to_str().expect("text")]);
    let text = std::fs::read_to_string(path).expect("what was written");
    assert_eq!(text.lines().count(), 3, "three samples, sent twice, are in once: {text}");
    for more in [&[][..], &["--plugin-isolation", "process"]] {
        // In a folder of its own, where the file is made.
        let bench = Bench::new();
        for name in ["flow.yaml", "flow.users.ndjson", "flowrun.toml"] {
            bench.write(name, std::fs::read(folder.join(name)).expect("a sample"));
        }
        let mut args = vec!["flow.yaml", "--plugin", library.to_str().expect("text")];
        args.extend_from_slice(more);
        let done = bench.flowrun(&args);
        assert!(done.out.contains("users 2 · completed 2"), "{}", done.all());
        let text = std::fs::read_to_string(bench.path().join("profiles.ndjson"));
        assert_eq!(text.expect("what was written").matches("{\"vip\":true}").count(), 2);
        let done = bench.flowrun(&["flow.yaml"]);
        assert!(done.err.contains("there is no plugin `file_backend`"), "{}", done.all());
        args.extend(["--config", "none", "--backend", "plugin:file_backend"]);
        let done = bench.flowrun(&args);
        assert!(
            done.err.contains("[plugin.file_backend.settings]: missing field `path`"),
            "{}",
            done.all()
        );
    }
    let done = bench.flowrun(&["list", "backends", "--plugin", library.to_str().expect("text")]);
    assert!(done.out.contains("file_backend"), "{}", done.all());
}

#[test]
fn a_step_in_c_needs_nothing_but_the_header() {
    let folder = sample("example-threshold-c");
    let bench = Bench::new();
    let library = bench.c_library(&folder.join("threshold.c"), "THRESHOLD");
    is_fit(&library, &[]);
    for more in [&[][..], &["--plugin-isolation", "process"]] {
        let story = run(&folder, &library, more);
        assert!(story.contains("You have spent 250."), "{story}");
        assert_eq!(story.matches("Have you seen our offers?").count(), 2, "{story}");
    }
}
