//! `flowrun eval`, for one template and for many.

use serde_json::{Value as Json, json};

use crate::Stage;

#[test]
fn a_template_is_rendered_for_a_user() {
    let stage = Stage::new();
    stage.write("ada.json", "{\"external_id\":\"ada\",\"first_name\":\"Ada\",\"orders\":4}");
    stage.write("row.json", "{\"external_id\":\"ada\",\"entry_properties\":{\"p\":5}}");
    stage.write("content_blocks/foot.liquid", "Bye {{${first_name}}}.");
    for (args, expected) in [
        (&["Hi {{${first_name} | default: 'you'}}!"][..], "Hi you!\n"),
        (&["Hi {{${first_name} | default: 'you'}}!", "--user", "ada.json"], "Hi Ada!\n"),
        (&["{{custom_attribute.${orders} | plus: 1}}", "--user", "ada.json"], "5\n"),
        (&["{{ x | times: 2 }}", "--data", "{\"x\": 21}"], "42\n"),
        (&["{{context.${x}}}", "--data", "{\"context\": {\"x\": 1}}"], "1\n"),
        (&["{{ 'now' | date: '%Y-%m-%d' }}", "--now", "2026-02-03"], "2026-02-03\n"),
        (&["{{content_blocks.${foot}}}", "--user", "ada.json"], "Bye Ada.\n"),
        (&["--condition", "{{custom_attribute.${orders}}} > 3", "--user", "ada.json"], "true\n"),
        (&["--condition", "{{custom_attribute.${orders}}} > 3"], "false\n"),
        (&["{{${first_name}}}", "--user", "tour.users.ndjson", "--id", "bela"], "Béla\n"),
        (&["{{context.${p}}}{{canvas_entry_properties.${p}}}", "--user", "row.json"], "55\n"),
        (&["{{context.${p}}}", "--user", "row.json", "--data", "{\"context\": {\"p\": 6}}"], "6\n"),
        (&["{{custom_attribute.${entry_properties}}}", "--user", "row.json"], "\n"),
        (&[""], "\n"),
        (&["a\n"], "a\n\n"),
    ] {
        let mut all = vec!["eval"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        assert_eq!((done.out.as_str(), done.code), (expected, 0), "{args:?}: {}", done.err);
    }
    let piped = stage.run_with(&["eval", "-"], "{{ 1 | plus: 1 }}");
    assert_eq!(piped.out, "2\n");
}

#[test]
fn what_is_wrong_is_drawn() {
    let stage = Stage::new();
    let mut all = String::new();
    for args in [
        &["one\ntwo {{${first_name} | upcaes}} {{ x | nope }}"][..],
        &["{% abort_message('not today') %}"],
        &["{% for i in (1..9999999999) %}x{% endfor %}"],
        &["{{${first_name}}}", "--strict"],
        &["{% connected_content https://example.com/a :save x %}{{x}}"],
        &["--condition", "1 >"],
        &["{% if"],
    ] {
        let mut command = vec!["eval"];
        command.extend_from_slice(args);
        let done = stage.run(&command);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{args:?}: {}", done.err);
        all.push_str(&format!("$ {args:?}\n{}\n", done.err));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let stage = Stage::new();
    stage.write("bad.json", "{\"a\":");
    for (args, expected) in [
        (&[][..], "required"),
        (&["x", "--batch"], "cannot be used with"),
        (&["x", "--data", "[1]"], "--data is a JSON object"),
        (&["x", "--data", "{"], "not JSON"),
        (&["x", "--user", "none.json"], "there is no such file"),
        (&["x", "--user", "bad.json"], "can't read the users file"),
        (&["x", "--user", "tour.users.ndjson"], "has several users: say which with --id"),
        (&["x", "--user", "tour.users.ndjson", "--id", "z"], "there is no user `z`"),
        (&["x", "--now", "soon"], "--now: `soon` is no moment"),
    ] {
        let mut all = vec!["eval"];
        all.extend_from_slice(args);
        let done = stage.run(&all);
        assert!(done.err.contains(expected), "{args:?}: {}", done.err);
        assert_eq!(done.code, 2, "{args:?}");
    }
}

#[test]
fn a_batch_answers_every_line_in_its_order() {
    type Holds = fn(&Json) -> bool;
    let rows: [(&str, Holds); 11] = [
        (r#"{"template":"a{{x}}","data":{"x":1}}"#, |line| *line == json!({"text": "a1"})),
        (r#"{"template":"{{${first_name}}}","user":{"first_name":"Ada"}}"#, |line| {
            *line == json!({"text": "Ada"})
        }),
        (r#"{"template":"{% abort_message('why') %}"}"#, |line| *line == json!({"abort": "why"})),
        (r#"{"template":"{{ x | nope }}"}"#, |line| {
            line["error"]
                .as_str()
                .is_some_and(|text| text.contains("nope") && text.contains(" at 1:8"))
        }),
        (r#"{"template":"é\né {{ 1 | divided_by: 0 }}"}"#, |line| {
            line["error"].as_str().is_some_and(|text| text.contains(" at 2:"))
        }),
        ("not json", |line| line["error"].is_string()),
        ("{}", |line| line["error"].as_str().is_some_and(|text| text.contains("template"))),
        (r#"{"template":"x","user":null,"data":null}"#, |line| *line == json!({"text": "x"})),
        (r#"{"template":"x","odd":1}"#, |line| line["error"].is_string()),
        (r#"{"template":"x","data":7}"#, |line| line["error"].is_string()),
        (r#"{"template":"é\n\u0000"}"#, |line| *line == json!({"text": "é\n\u{0}"})),
    ];
    let input: Vec<&str> = rows.iter().map(|(line, _)| *line).collect();
    let done = Stage::new().run_with(&["eval", "--batch"], input.join("\n"));
    assert_eq!(done.code, 0, "{}", done.err);
    let lines: Vec<Json> =
        done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), rows.len(), "{}", done.out);
    for ((input, holds), line) in rows.iter().zip(&lines) {
        assert!(holds(line), "{input}: {line}");
    }
}

#[test]
fn a_batch_survives_any_bytes() {
    let mut input = b"\xff\xfe\n{\"template\":\"a\"}\n".to_vec();
    input.extend(std::iter::repeat_n(b'[', 200_000));
    input.extend(b"\n{\"template\":\"b\"}");
    let done = Stage::new().run_with(&["eval", "--batch"], input);
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines.len(), 4, "{}", done.out);
    assert_eq!((lines[1], lines[3]), (r#"{"text":"a"}"#, r#"{"text":"b"}"#));
}

#[test]
fn tens_of_thousands_of_lines_are_no_matter() {
    let input: String = (0..20_000)
        .map(|n| {
            format!("{{\"template\":\"{{{{ x | plus: {} }}}}\",\"data\":{{\"x\":{n}}}}}\n", n % 500)
        })
        .collect();
    let done = Stage::new().run_with(&["eval", "--batch"], input);
    assert_eq!(done.out.lines().count(), 20_000);
    assert_eq!(done.closing(), r#"{"text":"20498"}"#);
}

#[test]
fn one_template_has_the_same_answer_as_a_line_of_a_batch() {
    let stage = Stage::new();
    for (template, code) in [
        ("Hi {{ 1 | plus: 1 }}", 0),
        ("{% abort_message('no') %}", 1),
        ("{{ 1 | divided_by: 0 }}", 1),
        ("{{ x | nope }}{{", 1),
    ] {
        let done = stage.run(&["eval", template, "--json"]);
        let line = json!({ "template": template }).to_string();
        assert_eq!(done.out, stage.run_with(&["eval", "--batch"], line).out);
        assert_eq!((done.code, done.err.as_str()), (code, ""), "{template}");
    }
}

#[test]
fn a_batch_may_come_from_windows() {
    let stage = Stage::new();
    let lines = "\u{feff}{\"template\":\"a\"}\r\n{\"template\":\"b\"}\r\n";
    let done = stage.run_with(&["eval", "--batch"], lines);
    assert_eq!(done.out, "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
}
