//! The schema for editors: what it offers, and that it says what the checker says.

mod catalogue;

use flowrun_canvas::schema;
use serde_json::Value as Json;

#[test]
fn an_editor_is_offered_every_kind_and_its_settings() {
    let schema = schema(catalogue::catalogue());
    let step = &schema["$defs"]["step"];
    let keys: Vec<&str> =
        step["properties"].as_object().expect("a map").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "id",
            "audience_paths",
            "broken",
            "context",
            "decision_split",
            "delay",
            "exit",
            "experiment_paths",
            "message",
            "user_update",
            "webhook",
            "next",
            "on_failure",
            "on_timeout"
        ]
    );
    assert_eq!(step["additionalProperties"], false);
    assert_eq!(schema["properties"]["steps"]["items"]["$ref"], "#/$defs/step");
    assert_eq!(schema["additionalProperties"], false);
    insta::assert_snapshot!("schema", serde_json::to_string_pretty(&schema).expect("JSON"));
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(at: &Json, root: &Json) {
        if let Some(reference) = at.get("$ref").and_then(Json::as_str) {
            let pointer = reference.strip_prefix('#').expect("a local one");
            assert!(root.pointer(pointer).is_some(), "{reference}");
        }
        match at {
            Json::Object(object) => object.values().for_each(|value| walk(value, root)),
            Json::Array(items) => items.iter().for_each(|item| walk(item, root)),
            _ => {}
        }
    }
    let schema = schema(catalogue::catalogue());
    walk(&schema, &schema);
}
