//! `flowrun plugin new`: what it makes builds and passes its tests untouched, anywhere.

use crate::workshop::{Bench, cargo, rust_library};

#[test]
fn a_new_step_builds_passes_its_tests_and_runs_its_canvas() {
    let bench = Bench::new();
    let done = bench.flowrun(&["plugin", "new", "tier-split"]);
    assert_eq!(done.code, 0, "{}", done.all());
    let project = bench.path().join("tier-split");
    cargo(&project, &["test"]);
    let library = rust_library(&project, "tier-split");
    let library = library.to_str().expect("text");
    let done = bench.flowrun(&["plugin", "check", library, "--calls", "1000"]);
    assert!(done.code == 0 && done.out.contains("fit to be used"), "{}", done.all());
    assert!(!done.out.contains("note "), "nothing to better: {}", done.all());
    let done = bench.flowrun(&["tier-split/flow.yaml", "--plugin", library]);
    assert!(done.out.contains("4 orders, Ada!") && done.code == 0, "{}", done.all());
    let done = bench.flowrun(&["check", "tier-split/flow.yaml", "--plugin", library]);
    assert_eq!(done.code, 0, "{}", done.all());
}

#[test]
fn a_new_backend_and_a_new_channel_build_and_are_fit() {
    for kind in ["backend", "channel"] {
        let bench = Bench::new();
        let name = format!("my_{kind}");
        let done = bench.flowrun(&["plugin", "new", &name, "--kind", kind, "--path", "deep/er"]);
        assert_eq!(done.code, 0, "{}", done.all());
        let project = bench.path().join("deep/er");
        cargo(&project, &["test"]);
        let library = rust_library(&project, &name);
        bench.write("settings.json", "{}");
        let library = library.to_str().expect("text");
        let done = bench.flowrun(&["plugin", "check", library, "--settings", "settings.json"]);
        assert!(done.code == 0 && done.out.contains("fit to be used"), "{}", done.all());
        let done = bench.flowrun(&["list", &format!("{kind}s"), &name, "--plugin", library]);
        assert_eq!(done.code, 0, "{}", done.all());
        // Its Canvas needs no plugin to be right.
        assert_eq!(bench.flowrun(&["check", "deep/er/flow.yaml"]).code, 0);
        if kind == "channel" {
            let said = format!("us to {}", "ada");
            for more in [&[][..], &["--plugin-isolation", "process"]] {
                let args = [&["deep/er/flow.yaml", "--quiet", "--plugin", library][..], more];
                let done = bench.flowrun(&args.concat());
                assert!(done.err.contains(&said) && done.code == 0, "{}", done.all());
                let told = "really sends messages of my_channel by the plugin my_channel";
                assert!(done.err.contains(told), "{}", done.all());
            }
            // Without the plugin nothing is sent, and nobody is told that it was.
            let done = bench.flowrun(&["deep/er/flow.yaml"]);
            assert!(done.err.contains("there is no plugin `my_channel`"), "{}", done.all());
            assert_eq!(done.code, 2);
        }
    }
}

#[test]
fn a_name_that_can_not_be_is_refused() {
    let bench = Bench::new();
    for (name, expected) in [
        ("Tier", "is no name for a plugin"),
        ("../tier", "is no name for a plugin"),
        ("match", "is a word of Rust's"),
        ("delay", "a built-in step is called `delay`"),
    ] {
        let done = bench.flowrun(&["plugin", "new", name]);
        assert!(done.err.contains(expected), "{name}: {}", done.all());
        assert_eq!(done.code, 2, "{name}");
    }
    bench.write("there/file", "");
    let done = bench.flowrun(&["plugin", "new", "there"]);
    assert!(done.err.contains("is there already"), "{}", done.all());
}
