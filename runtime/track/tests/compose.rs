//! The composer's JSON: rows of `cases/compose.json`.
//!
//! A row has `text` and either `objects` (counts of attributes, events, purchases) or `refused` (the kind's name), `at` (the
//! text from the fault on), and optionally `message` and `hint` (parts of them).

use flowrun_track::{
    ComposeError, ComposeKind as Kind, compose, compose_checked, compose_value,
    compose_value_checked,
};
use serde_json::{Map, Value as Json, json};

fn kind(kind: &Kind) -> String {
    let debug = format!("{kind:?}");
    debug.split([' ', '{']).next().unwrap().to_owned()
}

fn fault(row: &Map<String, Json>) -> Option<String> {
    let text = row["text"].as_str().unwrap();
    let result = compose(text);
    if let Ok(json) = serde_json::from_str::<Json>(text)
        && !row.contains_key("text only")
    {
        let structured = compose_value(json.clone()).map_err(|error| error.kind);
        if structured != result.clone().map_err(|error| error.kind) {
            return Some(format!("the structured form gives {structured:?}"));
        }
    }
    match (result, row.get("objects"), row.get("refused")) {
        (Ok(composed), Some(counts), None) => {
            let found =
                json!([composed.attributes.len(), composed.events.len(), composed.purchases.len()]);
            (found != *counts).then(|| format!("objects {found}"))
        }
        (Err(error), None, Some(wanted)) => refusal_fault(row, text, &error, wanted),
        (other, ..) => Some(format!("{other:?}")),
    }
}

fn refusal_fault(
    row: &Map<String, Json>,
    text: &str,
    error: &ComposeError,
    wanted: &Json,
) -> Option<String> {
    if *wanted != json!(kind(&error.kind)) {
        return Some(format!("{error:?}"));
    }
    if let Some(at) = row.get("at") {
        let Some(offset) = error.offset else { return Some("no offset".into()) };
        if !text[offset..].starts_with(at.as_str().unwrap()) {
            return Some(format!("at {:?}", &text[offset..]));
        }
    }
    for (key, said) in [("message", Some(&error.message)), ("hint", error.hint.as_ref())] {
        if let Some(part) = row.get(key)
            && !said.is_some_and(|said| said.contains(part.as_str().unwrap()))
        {
            return Some(format!("{key} {said:?}"));
        }
    }
    None
}

#[test]
fn composed_or_refused() {
    let rows: Vec<Map<String, Json>> =
        serde_json::from_str(include_str!("cases/compose.json")).unwrap();
    let faults: Vec<_> =
        rows.iter().filter_map(|row| Some(format!("{}: {}", row["say"], fault(row)?))).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn all_faults_of_a_text_in_one_go() {
    let text = r#"{"external_id": "u", "attributes": [{"email": "x"}, {"a": 1}, {"braze_id": "b"}, 5], "events": {"name": "n"}}"#;
    let errors = compose_checked(text).unwrap_err();
    let places: Vec<&str> =
        errors.iter().map(|error| &text[error.offset.unwrap()..][..5]).collect();
    assert_eq!(places, ["\"exte", "\"emai", "\"braz", "5], \"", "{\"nam"]);
    assert_eq!(compose(text).unwrap_err(), errors[0]);
    assert_eq!(compose_checked(r#"{"attributes": {"a": 1}}"#).unwrap().len(), 1);
}

/// What a person reads of a wrong update: keys and words, in the order of the text.
#[test]
fn all_faults_of_an_object_in_one_go() {
    for (text, expected) in [
        (
            r#"{"attributes": [{"email": "x", "a": 1, "$b": 2, "gender": 5, "c": {"inc": "x"}}]}"#,
            &["email", "$b", "gender", "c"][..],
        ),
        (
            r#"{"attributes": [{"_merge_objects": 1, "push_tokens": 5, "external_id": 1, "email": 1}]}"#,
            &["push_tokens", "external_id", "_merge_objects", "email"],
        ),
        (
            r#"{"events": [{}, {"name": 5, "time": "x", "properties": 1}]}"#,
            &["name", "time", "name", "time", "properties"],
        ),
        (
            r#"{"events": {"name": "n", "time": "soon", "properties": {"time": 1, "a": 1, "event_name": 2}}}"#,
            &["time", "properties.time", "properties.event_name"],
        ),
        (
            r#"{"purchases": {"price": "x", "quantity": 0, "currency": "?"}}"#,
            &["product_id", "currency", "price", "quantity", "time"],
        ),
    ] {
        let errors = compose_checked(text).unwrap_err();
        let key = |error: &ComposeError| match &error.kind {
            Kind::Forbidden { key, .. } => key.clone(),
            Kind::Item { error, .. } => error.path.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(errors.iter().map(key).collect::<Vec<_>>(), expected, "{text}");
        let structured = compose_value_checked(serde_json::from_str(text).unwrap()).unwrap_err();
        assert_eq!(structured.iter().map(key).collect::<Vec<_>>(), expected, "{text}");
    }
    let keys: String = (0..1000).map(|n| format!(r#""${n}": 1,"#)).collect();
    let many = format!(r#"{{"attributes": [{{{keys} "a": 1}}, {{"email": 1}}]}}"#);
    assert_eq!(compose_checked(&many).unwrap_err().len(), 100);
}

#[test]
fn size_and_depth_have_bounds() {
    let objects = |n: usize| format!(r#"{{"attributes":[{{"a":"{}"}}]}}"#, "é".repeat(n));
    let frame = objects(0).len();
    assert!(compose(&objects(65_536 - frame)).is_ok());
    let error = compose(&objects(65_537 - frame)).unwrap_err();
    assert_eq!(error.kind, Kind::TooLong { characters: 65_537 });
    for deep in ["[".repeat(60_000), r#"{"a":"#.repeat(10_000)] {
        assert_eq!(compose(&deep).unwrap_err().kind, Kind::TooDeep);
    }
    let nested = |n: usize| {
        format!(r#"{{"attributes":[{{"a":{}1{}}}]}}"#, r#"{"b":"#.repeat(n), "}".repeat(n))
    };
    assert!(compose(&nested(32)).is_ok());
    assert!(compose(&nested(33)).is_err());
    assert!(compose(&nested(40)).is_err());
}
