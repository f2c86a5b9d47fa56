//! The sample Canvases are the first documentation that people copy: they run, users take
//! every branch, two runs are alike, and the schema beside them is the current one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn flows() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows");
    let files = std::fs::read_dir(folder).expect("flows/ is there").flatten();
    let mut flows: Vec<PathBuf> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.matches('.').count() == 1
        })
        .collect();
    flows.sort();
    assert!(flows.len() >= 3, "{flows:?}");
    flows
}

fn flowrun(args: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_flowrun")).args(args).output().expect("flowrun starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "flowrun {args:?}: {errors}");
    String::from_utf8(output.stdout).expect("flowrun prints text")
}

fn path(flow: &Path) -> &str {
    flow.to_str().expect("flows have plain names")
}

/// All lines of a run's trace.
fn trace(flow: &Path) -> Vec<serde_json::Value> {
    let text = flowrun(&["run", path(flow), "--quiet", "--trace", "-"]);
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).expect("a trace is NDJSON")).collect()
}

/// Every way of the picture as `step door`, but for those that only failures take.
fn ways(flow: &Path) -> BTreeSet<String> {
    let picture = flowrun(&["graph", path(flow), "--format", "text"]);
    let mut step = "";
    let mut all = Vec::new();
    for line in picture.lines() {
        match line.split_once("→") {
            None => step = line.split_whitespace().nth(1).unwrap_or_default(),
            Some((doors, _)) => {
                let doors = doors.trim_start_matches(['│', '├', '└', '─', ' ']).split(',');
                all.extend(doors.map(|door| format!("{step} {}", door.trim())));
            }
        }
    }
    all.into_iter()
        .filter(|way| !way.ends_with("on_failure") && !way.ends_with("on_timeout"))
        .collect()
}

#[test]
fn sample_users_take_every_branch() {
    for flow in flows() {
        let taken: BTreeSet<String> = trace(&flow)
            .iter()
            .filter(|line| line["kind"] == "advanced" && !line["to"].is_null())
            .map(|line| {
                let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
                format!("{} {}", word("step"), word("via"))
            })
            .collect();
        let ways = ways(&flow);
        assert!(ways.len() > 5, "{}: the picture has ways: {ways:?}", flow.display());
        let missed: Vec<_> = ways.difference(&taken).collect();
        assert!(missed.is_empty(), "{}: nobody goes {missed:?}", flow.display());
    }
}

#[test]
fn no_message_comes_before_the_write_that_it_reads() {
    // In vip, whoever gets the golden message was held and released before.
    let vip = flows().into_iter().find(|flow| flow.ends_with("vip.yaml")).expect("the main one");
    let lines = trace(&vip);
    let mut golden = 0;
    for (ix, line) in lines.iter().enumerate() {
        let is_gold = line["step"].as_str().is_some_and(|step| step.starts_with("gold"));
        if line["kind"] != "sent" || !is_gold {
            continue;
        }
        golden += 1;
        let before = lines[..ix].iter().filter(|other| other["user"] == line["user"]);
        let kinds: Vec<_> = before.filter_map(|other| other["kind"].as_str()).collect();
        let place = |kind| kinds.iter().position(|other| *other == kind);
        assert!(place("held") < place("released") && place("held").is_some(), "{kinds:?}");
    }
    assert_eq!(golden, 12);
}

#[test]
fn two_runs_are_alike() {
    for flow in flows() {
        assert_eq!(trace(&flow), trace(&flow), "{}", flow.display());
    }
}

#[test]
fn the_schemas_beside_the_samples_are_the_current_ones() {
    for (args, name) in [(&["schema"][..], "canvas"), (&["schema", "--test"], "test")] {
        let kept = flows()[0].with_file_name(format!("{name}.schema.json"));
        let kept = std::fs::read_to_string(kept).unwrap_or_default();
        let args_shown = args.join(" ");
        assert!(kept == flowrun(args), "run: cargo run -- {args_shown} > flows/{name}.schema.json");
    }
}

#[test]
fn the_tests_of_the_samples_pass_and_take_every_door() {
    let folder = flows()[0].parent().expect("flows/").to_owned();
    let told = flowrun(&["test", path(&folder), "--coverage=100"]);
    assert!(told.ends_with(" passed, 0 failed\n"), "{told}");
    assert_eq!(told.matches("100 % covered").count(), flows().len(), "{told}");
}
