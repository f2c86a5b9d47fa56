//! The JSON Schema of a Canvas file, for editors: `# yaml-language-server: $schema=…`.
//!
//! Put together from what the checker itself reads: the schema of the head, and the
//! declaration and settings of every kind. Draft 7, because that is what
//! yaml-language-server completes from best; `$defs` are in its place all the same, since
//! a pointer works in every draft.

use flowrun_sdk::settings::format;
use flowrun_sdk::{Catalogue, Declaration, Duration, Exits, Kind};
use serde_json::{Map, Value as Json, json};

use crate::head::Written;
use crate::outline::{ID, NEXT, ON_FAILURE, ON_TIMEOUT};
use crate::schema::{NAME_PATTERN, is_usable};

/// How deep a schema is looked into; a plugin's may be anything, no honest one is this deep.
const MAX_DEPTH: usize = 128;

/// The schema of a Canvas that may use these kinds.
pub fn schema(catalogue: &Catalogue) -> Json {
    let mut schema = Written::schema().clone();
    let mut definitions = Map::new();
    let mut steps = Vec::new();
    for kind in catalogue.iter() {
        let name = &kind.declaration.name;
        definitions.insert(name.clone(), settings(kind));
        steps.push(step(&kind.declaration));
    }
    definitions.insert("step".to_owned(), any_step(catalogue));
    definitions.insert("one kind".to_owned(), json!({ "oneOf": steps }));
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Canvas");
    let list = &mut schema["properties"]["steps"];
    list["minItems"] = json!(1);
    list["items"] = json!({ "$ref": "#/$defs/step" });
    if let Some(list) = list.as_object_mut() {
        list.remove("format");
    }
    schema["$defs"] = Json::Object(definitions);
    tidy(&mut schema, 0);
    schema
}

/// Says in words of JSON Schema what our formats mean, and takes out what would mislead an
/// editor: to it a `duration` is ISO 8601 only, and a default of nothing is none.
pub(crate) fn tidy(schema: &mut Json, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match schema {
        Json::Object(object) => {
            let pattern = match object.get("format").and_then(Json::as_str) {
                Some(format::DURATION) => {
                    object.remove("format");
                    Some(format!(r"^\s*({})\s*$", Duration::PATTERN))
                }
                Some(format::CONDITION) => Some(r"\S".to_owned()),
                Some(format::STEP) => Some(NAME_PATTERN.to_owned()),
                _ => None,
            };
            if let Some(pattern) = pattern {
                object.entry("pattern").or_insert(json!(pattern));
            }
            if object.get("default").is_some_and(Json::is_null) {
                object.remove("default");
            }
            object.values_mut().for_each(|value| tidy(value, depth + 1));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| tidy(item, depth + 1)),
        _ => {}
    }
}

/// What stands at one place in a list of steps: all kinds as properties, so that an editor
/// completes their names and their settings while the step is still being written.
fn any_step(catalogue: &Catalogue) -> Json {
    let door =
        |text: &str| json!({ "type": "string", "pattern": NAME_PATTERN, "description": text });
    let mut properties = Map::new();
    properties.insert(
        ID.to_owned(),
        json!({
            "type": "string",
            "pattern": NAME_PATTERN,
            "description": "What tests, traces, jumps and users in flight know the step by.",
        }),
    );
    for kind in catalogue.iter() {
        let name = &kind.declaration.name;
        let description = description(&kind.declaration);
        // Beside `$ref` a description is ignored by old drafts.
        let reference = json!({ "$ref": pointer(name) });
        properties
            .insert(name.clone(), json!({ "description": description, "allOf": [reference] }));
    }
    let next = "The id of the step to go to; without it, the step below.";
    let failure =
        "Where users go for whom the step failed; without it they exit with `update_failed`.";
    let timeout = "Where users go for whom it took too long; without it, as `on_failure`.";
    properties.insert(NEXT.to_owned(), door(next));
    properties.insert(ON_FAILURE.to_owned(), door(failure));
    properties.insert(ON_TIMEOUT.to_owned(), door(timeout));
    json!({
        "type": "object",
        "description": "An id, exactly one kind with its settings, and where to go from there.",
        "properties": properties,
        "required": [ID],
        "additionalProperties": false,
        "allOf": [{ "$ref": "#/$defs/one kind" }],
    })
}

/// Exactly one kind, with the doors that it has.
fn step(declaration: &Declaration) -> Json {
    let closed: &[&str] = match declaration.exits {
        Exits::None => &[NEXT, ON_FAILURE, ON_TIMEOUT],
        Exits::NextFailureOrTimeout => &[],
        _ => &[ON_TIMEOUT],
    };
    let mut step = json!({ "required": [declaration.name] });
    if !closed.is_empty() {
        let any = closed.iter().map(|door| json!({ "required": [door] }));
        step["not"] = json!({ "anyOf": any.collect::<Vec<_>>() });
    }
    step
}

/// The settings of a kind, and the bare value that stands for one of them.
fn settings(kind: &Kind) -> Json {
    let declaration = &kind.declaration;
    let name = &declaration.name;
    let mut settings = kind.settings.clone();
    rebase(&mut settings, &kind.settings, &pointer(name), 0);
    let Some(object) = settings.as_object_mut() else { return json!(true) };
    object.remove("$schema");
    object.remove("title");
    object.insert("description".to_owned(), json!(description(declaration)));
    let bare = declaration
        .shorthand
        .as_ref()
        .and_then(|setting| Some(object.get("properties")?.get(setting)?.clone()));
    let Some(mut bare) = bare else { return settings };
    if let Some(Json::Array(kinds)) = bare.get_mut("type") {
        kinds.retain(|kind| kind != "null");
    }
    let mut forms = vec![bare];
    // Where nothing is required, the kind can stand alone.
    let required = object.get("required").and_then(Json::as_array);
    if required.is_none_or(Vec::is_empty) && !object.contains_key("allOf") {
        forms.push(json!({ "type": "null" }));
    }
    let definitions = object.remove("$defs");
    forms.push(settings);
    let mut both = json!({ "description": description(declaration), "anyOf": forms });
    if let Some(definitions) = definitions {
        both["$defs"] = definitions;
    }
    both
}

fn description(declaration: &Declaration) -> String {
    let mut text = declaration.summary.clone();
    for example in &declaration.examples {
        text.push_str(&format!("\n\n{}:\n\n{}", example.title, example.yaml.trim_end()));
    }
    text
}

fn pointer(name: &str) -> String {
    format!("#/$defs/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Settings become a part of a larger schema, so their references get a longer way. One
/// that leads nowhere would cost the editor the whole schema, so it is left out.
fn rebase(schema: &mut Json, root: &Json, place: &str, depth: usize) {
    if depth > MAX_DEPTH || (schema.get("$ref").is_some() && !is_usable(root, schema)) {
        *schema = json!(true);
        return;
    }
    match schema {
        Json::Object(object) => {
            for (key, value) in object.iter_mut() {
                match value {
                    Json::String(reference) if key == "$ref" => {
                        if let Some(rest) = reference.strip_prefix('#') {
                            *reference = format!("{place}{rest}");
                        }
                    }
                    // What is no schema is left alone.
                    _ if matches!(key.as_str(), "const" | "enum" | "default" | "examples") => {}
                    value => rebase(value, root, place, depth + 1),
                }
            }
        }
        Json::Array(items) => {
            items.iter_mut().for_each(|item| rebase(item, root, place, depth + 1));
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "../tests/catalogue/mod.rs"]
mod catalogue;

#[cfg(test)]
mod tests {
    use super::{catalogue, schema};
    use crate::schema::{Area, At, Walker};
    use crate::texts::Texts;
    use crate::{Source, codes, yaml};

    /// Faults that the editor's schema finds in a text, read by the checker's own walk.
    fn faults(text: &str) -> Vec<crate::Diagnostic> {
        let schema = schema(catalogue::catalogue());
        let source = Source { path: "x.yaml".to_owned(), text: text.to_owned() };
        let mut faults = Vec::new();
        let root = yaml::parse(&source.text, &mut faults).expect("a tree");
        let mut texts = Texts::new(&source, &catalogue::Beside);
        let mut walker = Walker::new(&schema, Area::Step, &mut texts, &mut faults);
        let at = At { key: "", place: 0..0, item: None, item_index: None };
        walker.walk(&schema, &root, &at);
        faults.retain(|fault| fault.is_error());
        faults
    }

    #[test]
    fn what_the_checker_accepts_the_editor_accepts() {
        let canvases = codes::all().filter(|page| !page.code.as_str().starts_with("FR06"));
        let right = canvases.map(|page| page.right).filter(|right| !right.is_empty());
        for text in right.chain([include_str!("../tests/corpus/good.yaml")]) {
            assert_eq!(faults(text), [], "{text}");
        }
    }

    #[test]
    fn an_editor_sees_unknown_keys_and_wrong_values() {
        for code in [
            codes::UNKNOWN_KEY,
            codes::MISSING_KEY,
            codes::BAD_ID,
            codes::NO_ID,
            codes::UNKNOWN_KIND,
            codes::UNKNOWN_SETTING,
            codes::WRONG_TYPE,
            codes::NOT_ALLOWED,
            codes::OUT_OF_RANGE,
        ] {
            let page = codes::page(code.as_str()).expect("a page");
            assert_ne!(faults(page.wrong), [], "{code}");
        }
    }
}
