//! What editors are told of settings beyond the type of each: which are needed, which exclude
//! each other, what a text must look like.
//!
//! `create` says the same in words and has the last one. Here it is JSON Schema, so that an
//! editor underlines a fault while it is written; the loader passes these words over. Texts may
//! hold Liquid, so every pattern lets through what is yet to be rendered.

use schemars::Schema;
use serde_json::{Value as Json, json};

/// What a text with Liquid looks like.
const LIQUID: &str = r"\{[{%]";

/// A pattern for a text that is constant, and any text with Liquid.
pub fn or_liquid(pattern: &str) -> String {
    format!("{pattern}|{LIQUID}")
}

/// A text with Liquid and nothing else.
pub fn liquid() -> Json {
    json!({ "type": "string", "pattern": LIQUID })
}

/// At least one of the settings is needed; the first is what an editor proposes.
pub fn needs_one_of(schema: &mut Schema, keys: &[&str]) {
    let any: Vec<Json> = keys.iter().copied().map(present).collect();
    let first = keys.first().copied().map(present);
    add(schema, json!({ "if": { "not": { "anyOf": any } }, "then": first }));
}

/// The settings can't stand side by side.
pub fn exclude(schema: &mut Schema, one: &str, other: &str) {
    let both = [present(one), present(other)];
    add(schema, json!({ "not": { "allOf": both } }));
}

/// Who has the one setting needs the other.
pub fn needs(schema: &mut Schema, one: &str, other: &str) {
    add(schema, json!({ "if": present(one), "then": present(other) }));
}

/// What the text of a setting must look like.
pub fn pattern(schema: &mut Schema, key: &str, pattern: &str) {
    let setting = schema.get_mut("properties").and_then(|all| all.get_mut(key));
    if let Some(Json::Object(setting)) = setting {
        setting.insert("pattern".to_owned(), json!(or_liquid(pattern)));
    }
}

/// A pattern for a word of ASCII letters in any case.
pub fn any_case(word: &str) -> String {
    word.chars().map(|c| format!("[{}{c}]", c.to_ascii_uppercase())).collect()
}

/// A setting that is written and not left empty.
fn present(key: &str) -> Json {
    json!({ "required": [key], "properties": { key: { "not": { "type": "null" } } } })
}

fn add(schema: &mut Schema, rule: Json) {
    let rules = schema.ensure_object().entry("allOf").or_insert_with(|| json!([]));
    if let Json::Array(rules) = rules {
        rules.push(rule);
    }
}
