//! `flowrun new`.

use crate::Stage;

#[test]
fn what_is_begun_runs_and_passes_its_tests() {
    for (args, at) in [(&["new", "spring-sale"][..], ""), (&["new", "x", "--path", "a/b"], "a/b/")]
    {
        let stage = Stage::new();
        let done = stage.run(args);
        assert_eq!((done.code, &*done.err), (0, ""), "{args:?}");
        let canvas = format!("{at}{}.yaml", args[1]);
        assert!(done.out.contains(&format!("flowrun {canvas}\n")), "{}", done.out);

        let checked = stage.run(&["check", &canvas, "--deny-warnings"]);
        assert_eq!(checked.code, 0, "{}", checked.out);
        let run = stage.run(&[&canvas]);
        assert_eq!((run.code, &*run.err), (0, ""), "{}", run.out);
        assert!(run.closing().starts_with("users 3 · completed 3"), "{}", run.closing());
        let tests = canvas.replace(".yaml", ".test.yaml");
        let tested = stage.run(&["test", &tests, "--coverage=100"]);
        assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
        assert!(stage.path().join(at).join("canvas.schema.json").is_file());
    }
}

#[test]
fn nothing_is_written_over_and_no_odd_name_is_taken() {
    let stage = Stage::new();
    stage.write("mine.users.ndjson", "mine");
    let done = stage.run(&["new", "mine"]);
    assert_eq!((done.code, &*done.out), (2, ""));
    assert!(done.err.contains("`mine.users.ndjson` is there already: nothing was written"));
    assert_eq!(stage.read("mine.users.ndjson"), "mine");
    assert!(!stage.path().join("mine.yaml").exists());

    let long = "x".repeat(101);
    for name in ["", "../x", "a/b", "X", "1a", "a b", "é", ".", &long] {
        let done = stage.run(&["new", name]);
        assert_eq!(done.code, 2, "{name}");
        assert!(done.err.contains("a Canvas can't be called"), "{name}: {}", done.err);
    }
    // A second Canvas beside the first keeps the schemas that are there.
    assert_eq!(stage.run(&["new", "one"]).code, 0);
    stage.write("canvas.schema.json", "{}");
    assert_eq!(stage.run(&["new", "two"]).code, 0);
    assert_eq!(stage.read("canvas.schema.json"), "{}");
}
