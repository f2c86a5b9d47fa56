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
        (&["tour.yaml"], 0, "1 Canvas checked: 0 errors, 1 warning"),
        (&["tour.yaml", "--deny-warnings"], 1, "1 Canvas checked: 0 errors, 1 warning"),
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
