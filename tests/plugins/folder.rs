//! The plugin folder: only what was installed is loaded, and only as it was installed.

use std::fs;
use std::path::Path;

use crate::workshop::{Bench, root, rust_library};

const CANVAS: &str = "canvas: c\ntime_zone: UTC\nsteps:\n  - id: odd\n    bad: {}\n";

/// A bench with a plugin in its folder `plugins`.
fn installed() -> Bench {
    let bench = Bench::new();
    let library = bench.bad("FINE");
    let library = library.to_str().expect("text");
    let done = bench.flowrun(&["plugin", "install", library, "--plugins", "plugins"]);
    assert!(done.out.starts_with("installed the step `bad` as "), "{}", done.all());
    bench.write("c.yaml", CANVAS);
    bench.write("c.users.ndjson", "{\"external_id\": \"ada\"}\n");
    bench
}

const RUN: [&str; 3] = ["c.yaml", "--plugins", "plugins"];

#[test]
fn what_is_installed_is_known_to_every_command() {
    let bench = installed();
    assert_eq!(bench.flowrun(&RUN).code, 0);
    let done = bench.flowrun(&["check", "c.yaml", "--plugins", "plugins"]);
    assert_eq!(done.code, 0, "{}", done.all());
    bench.write("slip.yaml", CANVAS.replace("{}", "{ colour: red }"));
    let done = bench.flowrun(&["check", "slip.yaml", "--plugins", "plugins"]);
    assert!(done.out.contains("colour") && done.code == 1, "{}", done.all());
    let done = bench.flowrun(&["list", "steps", "bad", "--plugins", "plugins"]);
    assert!(done.out.contains("bad: Do something wrong."), "{}", done.all());
    let done = bench.flowrun(&["schema", "--plugins", "plugins"]);
    assert!(done.out.contains("Do something wrong."), "{}", done.all());
    // Without the folder there is no such step.
    assert_eq!(bench.flowrun(&["check", "c.yaml"]).code, 1);
}

#[test]
fn the_folder_is_that_of_the_user_unless_one_is_named() {
    let bench = Bench::new();
    let library = bench.bad("FINE");
    let done = bench.flowrun(&["plugin", "install", library.to_str().expect("text")]);
    assert!(done.out.contains("own/flowrun/plugins/bad.so"), "{}", done.all());
    bench.write("flows/c.yaml", CANVAS);
    bench.write("flows/c.users.ndjson", "{\"external_id\": \"ada\"}\n");
    assert_eq!(bench.flowrun(&["flows/c.yaml"]).code, 0);
    // A folder beside a Canvas brings no code along.
    fs::create_dir_all(bench.path().join("flows")).expect("a folder");
    fs::rename(bench.path().join("own/flowrun/plugins"), bench.path().join("flows/plugins"))
        .expect("moved");
    assert_eq!(bench.flowrun(&["flows/c.yaml"]).code, 1);
    let done = bench.flowrun(&["flows/c.yaml", "--plugins", "none"]);
    assert!(done.err.contains("can't use the plugin folder"), "{}", done.all());
    assert_eq!(done.code, 2);
}

#[test]
fn what_is_not_as_it_was_installed_is_not_loaded() {
    type Change = fn(&Path);
    let changes: [(&str, Change, &str); 7] = [
        ("a byte more", append, "its SHA-256 is not that of its manifest"),
        ("gone", |folder| fs::remove_file(folder.join("bad.so")).expect("gone"), "No such file"),
        ("a link that leads out", link_out, "a link that leads out of the plugin folder"),
        ("open to all", |folder| open_to_all(&folder.join("bad.so")), "everybody may write to it"),
        (
            "a manifest for another ABI",
            |folder| edit(folder, "    1,\n    0", "    2,\n    0"),
            "was built for plugin ABI 2.0",
        ),
        (
            "a manifest that lies",
            |folder| edit(folder, "Do something wrong.", "Do it."),
            "it is another than its manifest says",
        ),
        (
            "a manifest that names another file",
            |folder| edit(folder, "\"bad.so\"", "\"../bad.so\""),
            "a file that is not beside it",
        ),
    ];
    for (name, change, expected) in changes {
        let bench = installed();
        change(&bench.path().join("plugins"));
        let done = bench.flowrun(&RUN);
        assert!(done.err.contains(expected), "{name}: {}", done.all());
        assert_eq!(done.code, 1, "{name}: {}", done.all());
    }
    let bench = installed();
    open_to_all(&bench.path().join("plugins"));
    let done = bench.flowrun(&RUN);
    assert!(done.err.contains("everybody may write to it"), "{}", done.all());
    assert_eq!(done.code, 2);
}

#[test]
fn a_plugin_nobody_uses_is_not_opened() {
    let bench = installed();
    append(&bench.path().join("plugins"));
    bench.write(
        "other.yaml",
        "canvas: other\ntime_zone: UTC\nsteps:\n  - id: done\n    exit: done\n",
    );
    bench.write("other.users.ndjson", "{\"external_id\": \"ada\"}\n");
    assert_eq!(bench.flowrun(&["other.yaml", "--plugins", "plugins"]).code, 0);
}

#[test]
fn a_library_that_hangs_in_its_constructor_is_a_fault_of_the_canvas_that_wants_it() {
    // Fine when it was installed; what it needs is gone since.
    for more in [&[][..], &["--plugin-isolation", "process"]] {
        let bench = Bench::new();
        let library = bench.bad("CONSTRUCTOR_MAY_HANG");
        let library = library.to_str().expect("text");
        bench.write("healthy", "");
        let done = bench.flowrun(&["plugin", "install", library, "--plugins", "plugins"]);
        assert_eq!(done.code, 0, "{}", done.all());
        std::fs::remove_file(bench.path().join("healthy")).expect("it was there");
        bench.write("c.yaml", CANVAS);
        bench.write("c.users.ndjson", "{\"external_id\": \"ada\"}\n");
        let args = [&RUN[..], &["--plugin-timeout", "500ms"], more].concat();
        let done = bench.flowrun(&args);
        assert!(done.err.contains("opening it did not end within 0.5 s"), "{}", done.all());
        assert_eq!(done.code, 1, "{}", done.all());
    }
}

#[test]
fn a_name_of_a_built_in_step_is_not_installed() {
    let library = rust_library(&root().join("tests/plugins/built-in"), "built_in");
    let bench = Bench::new();
    let library = library.to_str().expect("text");
    let done = bench.flowrun(&["plugin", "install", library, "--plugins", "plugins"]);
    assert!(done.err.contains("a built-in step is called `decision_split`"), "{}", done.all());
    assert_eq!(done.code, 2);
    assert!(!bench.path().join("plugins").exists(), "nothing is left in the folder");
}

#[test]
fn installing_again_takes_the_place_of_what_was_there() {
    let bench = installed();
    append(&bench.path().join("plugins"));
    assert_eq!(bench.flowrun(&RUN).code, 1);
    let done = bench.flowrun(&["plugin", "install", "libfine.so", "--plugins", "plugins"]);
    assert_eq!(done.code, 0, "{}", done.all());
    assert_eq!(bench.flowrun(&RUN).code, 0);
    let done = bench.flowrun(&["plugin", "check", "plugins/bad.so", "--calls", "100"]);
    assert!(done.out.contains("agrees with the library"), "{}", done.all());
}

fn append(folder: &Path) {
    let path = folder.join("bad.so");
    let mut bytes = fs::read(&path).expect("a library");
    bytes.push(0);
    fs::write(path, bytes).expect("written");
}

fn link_out(folder: &Path) {
    let (inside, outside) = (folder.join("bad.so"), folder.join("../outside.so"));
    fs::rename(&inside, &outside).expect("moved");
    std::os::unix::fs::symlink(outside, inside).expect("a link");
}

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("permissions");
}

fn edit(folder: &Path, from: &str, to: &str) {
    let path = folder.join("bad.plugin.json");
    let text = fs::read_to_string(&path).expect("a manifest");
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).expect("written");
}
