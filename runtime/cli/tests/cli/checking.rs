//! `flowrun check`.

use serde_json::Value as Json;

use crate::Stage;

#[test]
fn all_faults_of_a_canvas_are_shown() {
    insta::assert_snapshot!(Stage::new().run(&["check", "broken.yaml"]).all());
}

#[test]
fn folders_are_walked() {
    let stage = Stage::new();
    stage.write("flows/a.yaml", stage.read("gate.yaml"));
    stage.write("flows/deep/er/b.yml", stage.read("gate.yaml"));
    stage.write("flows/a.test.yaml", "no: canvas");
    stage.write("flows/a.users.yaml", "- external_id: a");
    stage.write("flows/.hidden/c.yaml", "no: canvas");
    stage.write("flows/notes.txt", "no canvas");
    std::fs::create_dir(stage.path().join("empty")).unwrap();
    for (args, code, expected) in [
        (&["flows"][..], 0, "2 Canvases checked: all is well"),
        (&["flows", "flows/a.yaml"], 0, "2 Canvases checked: all is well"),
        (&["flows", "broken.yaml"], 1, "3 Canvases checked: 3 errors, 0 warnings"),
        (&["tour.yaml"], 0, "1 Canvas checked: all is well"),
        (&["tour.yaml", "--backend", "https://a.com"], 0, "checked: 0 errors, 1 warning"),
        (
            &["tour.yaml", "--backend", "https://a.com", "--deny-warnings"],
            1,
            "1 Canvas checked: 0 errors, 1 warning",
        ),
        (&["empty"], 2, "there is no Canvas (*.yaml, *.yml) in `empty`"),
        (&["none.yaml"], 2, "can't read the Canvas `none.yaml`: there is no such file"),
        (&[], 2, "required arguments"),
    ] {
        let mut all = vec!["check"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!(done.code, code, "{args:?}: {}", done.all());
    }
}

#[test]
fn programs_get_json_and_scanners_sarif() {
    let stage = Stage::new();
    for args in
        [&["check", "broken.yaml", "--json"][..], &["check", "broken.yaml", "--format", "json"]]
    {
        let json = stage.run(args).json();
        let codes: Vec<_> =
            json.as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
        assert_eq!(codes.len(), 3, "{codes:?}");
    }
    let sarif = stage.run(&["check", "broken.yaml", "--format", "sarif"]).json();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 3);
    let well = stage.run(&["check", "gate.yaml", "--json"]);
    assert_eq!(well.json(), serde_json::json!([]));
}

/// A file that can't even be read is a fault like any other, with a code and a place, and the
/// others are checked all the same.
#[test]
fn what_is_no_text_is_told_beside_all_other_faults() {
    let stage = Stage::new();
    stage
        .write("flows/a.yaml", b"canvas: a\ndescription: caf\xe9\nsteps:\n- id: b\n  exit: done\n");
    stage.write("flows/b.yaml", format!("canvas: b\n{}", "# ".repeat(1 << 19)));
    stage.write("flows/c.yaml", stage.read("broken.yaml"));
    stage.write("flows/d.yaml", "canvas: d\nsteps: [\n");
    let args = ["check", "flows", "none.yaml", "--format"];
    let json = stage.run(&[&args[..], &["json"]].concat()).json();
    let found: Vec<String> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}:{}:{}", text("code"), text("file"), one["line"], one["column"])
        })
        .collect();
    assert_eq!(found[..2], ["FR0120 flows/a.yaml:2:17", "FR0102 flows/b.yaml:1:1"], "{json:#}");
    assert_eq!(found.len(), 2 + 3 + 1 + 1, "{json:#}");
    assert_eq!(found[5..], ["FR0101 flows/d.yaml:2:8", "FR0121 none.yaml:1:1"]);
    let sarif = stage.run(&[&args[..], &["sarif"]].concat()).json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), found.len());
    assert!(results.iter().any(|one| one["ruleId"] == "FR0120"), "{results:#?}");
    let done = stage.run(&["check", "flows/a.yaml"]);
    assert!(done.out.contains("flows/a.yaml:2:17"), "{}", done.out);
    assert_eq!(done.code, 1);
    // What isn't YAML says where and what to do.
    let done = stage.run(&["check", "flows/d.yaml"]);
    assert!(
        done.out.contains("flows/d.yaml:2:8") && done.out.contains("= help: close it"),
        "{}",
        done.out
    );
}

#[test]
fn what_several_canvases_share_is_reported_once() {
    let stage = Stage::new();
    let canvas = |name: &str| {
        format!(
            "canvas: {name}\nsteps:\n  - id: a\n    message: {{ channel: email, body_file: shared.liquid }}\n"
        )
    };
    stage.write("flows/a.yaml", canvas("a")).write("flows/b.yaml", canvas("b"));
    stage.write("flows/shared.liquid", "Hi {{${first_name} | upcaes}}");
    let json = stage.run(&["check", "flows", "--json"]).json();
    assert_eq!(json.as_array().unwrap().len(), 1, "{json:#}");
}

#[test]
fn a_code_has_a_page() {
    let stage = Stage::new();
    let done = stage.run(&["check", "--explain", "fr0203"]);
    assert!(done.out.starts_with("FR0203: "), "{}", done.out);
    assert!(done.out.contains("Wrong:") && done.out.contains("Right:"), "{}", done.out);
    let done = stage.run(&["check", "--explain", "FR0233"]);
    assert!(done.err.contains("did you mean `FR0203`?"), "{}", done.err);
    assert_eq!(done.code, 2);
}

#[test]
fn a_page_can_be_had_as_json() {
    let stage = Stage::new();
    let done = stage.run(&["check", "--explain", "FR0201", "--json"]);
    let page: Json = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!((&page["code"], done.code), (&"FR0201".into(), 0));
    assert!(page["right"].as_str().is_some_and(|right| right.starts_with("canvas:")), "{page:#}");
}

/// What counts is warned of only where it may count twice.
#[test]
fn counting_is_warned_of_where_the_backend_does_not_remember() {
    let stage = Stage::new();
    let counts = "canvas: a\nsteps:\n- id: b\n  user_update: { attributes: [{ n: { inc: 1 } }] }\n";
    stage.write("a.yaml", counts).write("live/b.yaml", counts).write("ours/c.yaml", counts);
    stage.write("live/flowrun.toml", "[backend]\nurl = 'https://rest.example.com'\n");
    stage.write("ours/flowrun.toml", "[backend]\nurl = 'embedded:state'\n");
    for (args, warned) in [
        (&["a.yaml"][..], false),
        (&["ours"], false),
        (&["live"], true),
        (&["live", "--config", "none"], false),
        (&["live", "--backend", "memory"], false),
        (&["a.yaml", "--backend", "https://rest.example.com"], true),
        (&["a.yaml", "--backend", "plugin:crm"], true),
        (&["a.yaml", "--config", "live/flowrun.toml"], true),
    ] {
        let done = stage.run(&[&["check", "--deny-warnings"], args].concat());
        assert_eq!(done.out.contains("FR0310"), warned, "{args:?}: {}", done.all());
        assert_eq!(done.code, i32::from(warned), "{args:?}");
    }
    stage.write("live/flowrun.toml", "[backend]\nurl = 'x'\ncommit = 1\n");
    let done = stage.run(&["check", "live", "ours", "--json"]);
    assert!(done.err.contains("live/flowrun.toml:2:7: "), "{}", done.err);
    assert!(done.err.contains("live/flowrun.toml:3:10: "), "{}", done.err);
    assert_eq!((done.code, done.json()), (1, serde_json::json!([])));
    assert_eq!(stage.run(&["check", "a.yaml", "--backend", "nowhere"]).code, 2);
}

/// Our own samples are clean.
#[test]
fn the_samples_pass_without_a_warning() {
    let flows = concat!(env!("CARGO_MANIFEST_DIR"), "/../../flows");
    let done = Stage::new().run(&["check", flows, "--deny-warnings"]);
    assert_eq!(done.code, 0, "{}", done.all());
}
