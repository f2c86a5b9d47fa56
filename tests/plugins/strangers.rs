//! Built-in steps have nothing that a stranger can't have: no private interface, and no crate
//! that isn't theirs to use.

use std::process::Command;

use serde_json::Value as Json;

use crate::workshop::{Bench, root, rust_library};

#[test]
fn the_built_in_steps_depend_on_the_sdk_and_on_nothing_of_the_runtime_itself() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let ours = |package: &str| -> Vec<String> {
        let mut packages = metadata["packages"].as_array().expect("packages").iter();
        let package = packages.find(|one| one["name"] == package).expect("the package");
        let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
        // What has a path is of this workspace; everything else anybody can depend on.
        let of_workspace = dependencies.filter(|one| one.get("path").is_some_and(Json::is_string));
        of_workspace.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    // The model of User Track is a pure crate by itself, without a crate of ours below it.
    assert_eq!(ours("flowrun-steps"), ["flowrun-sdk", "flowrun-track"]);
    assert_eq!(ours("flowrun-sdk"), Vec::<String>::new());
    assert_eq!(ours("flowrun-track"), Vec::<String>::new());
}

#[test]
fn the_sdk_has_no_door_that_only_built_in_steps_know() {
    let sources = |folder: &str| -> String {
        fn walk(folder: &std::path::Path, text: &mut String) {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                match entry.path() {
                    path if path.is_dir() => walk(&path, text),
                    path => text.push_str(&std::fs::read_to_string(path).expect("text")),
                }
            }
        }
        let mut text = String::new();
        walk(&root().join(folder), &mut text);
        text
    };
    let (steps, sdk) = (sources("steps/src"), sources("plugins/sdk/src"));
    assert!(steps.len() > 10_000 && sdk.len() > 10_000, "the sources were found");
    for private in ["flowrun_core", "flowrun_canvas", "flowrun_template", "flowrun_simulation"] {
        assert!(!steps.contains(private), "steps name {private}");
    }
    // The one hidden item is what the export macros of authors expand to.
    assert_eq!(sdk.matches("#[doc(hidden)]").count(), 1);
}

#[test]
fn a_built_in_step_is_exported_and_loaded_as_a_strangers() {
    let library = rust_library(&root().join("tests/plugins/built-in"), "built_in");
    let bench = Bench::new();
    let library = library.to_str().expect("text");
    // It is a plugin in every way, but for its name, which is taken.
    let done = bench.flowrun(&["plugin", "check", library, "--calls", "1000"]);
    assert!(done.code == 0 && done.out.contains("step `decision_split`"), "{}", done.all());
    let done = bench.flowrun(&["list", "--plugin", library]);
    assert!(done.err.contains("two step kinds called `decision_split`"), "{}", done.all());
}
