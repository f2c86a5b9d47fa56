//! What every built-in step promises the tools that read declarations: the loader, editors,
//! `flowrun list`, the manual.

use flowrun_sdk::Kind;
use flowrun_sdk::testing::Trial;
use serde_json::Value as Json;

const README: &str = include_str!("../README.md");

/// The settings of an example, and the keys beside the kind key.
fn parsed(kind: &Kind, yaml: &str) -> (Json, Vec<String>) {
    let name = &kind.declaration.name;
    let step: Json = serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{name}: {error}"));
    let Json::Object(mut step) = step else { panic!("{name}: no mapping: {yaml}") };
    let settings = step.remove(name).unwrap_or_else(|| panic!("{name}: another kind: {yaml}"));
    (settings, step.into_iter().map(|(key, _)| key).collect())
}

#[test]
fn every_kind_says_what_it_does_in_one_sentence() {
    for kind in flowrun_steps::catalogue().iter() {
        let summary = &kind.declaration.summary;
        let sentence = summary.starts_with(char::is_uppercase) && summary.ends_with('.');
        assert!(sentence && !summary.contains(". "), "{}: {summary}", kind.declaration.name);
    }
}

#[test]
fn every_example_loads_as_it_stands() {
    for kind in flowrun_steps::catalogue().iter() {
        let name = &kind.declaration.name;
        assert!(kind.declaration.examples.len() >= 2, "{name} has too few examples");
        for example in &kind.declaration.examples {
            let (settings, beside) = parsed(kind, &example.yaml);
            let doors = ["next", "on_failure", "on_timeout"];
            assert!(beside.iter().all(|key| doors.contains(&key.as_str())), "{name}: {beside:?}");
            if let Err(faults) = Trial::of_kind(kind, settings) {
                panic!("{name}, {}: {faults:?}", example.title);
            }
            assert!(!example.title.is_empty() && !example.title.ends_with('.'), "{name}");
        }
    }
}

#[test]
fn examples_show_every_setting() {
    for kind in flowrun_steps::catalogue().iter() {
        let name = kind.declaration.name.as_str();
        let texts: Vec<_> = kind.declaration.examples.iter().map(|e| e.yaml.as_str()).collect();
        let shorthand = kind.declaration.shorthand.as_deref();
        for setting in settings(kind).filter(|setting| shorthand != Some(setting)) {
            let shown = texts.iter().any(|text| text.contains(&format!("{setting}:")));
            assert!(shown, "{name}: no example of {setting}");
        }
    }
}

#[test]
fn editors_can_describe_and_check_every_setting() {
    for kind in flowrun_steps::catalogue().iter() {
        check_schema(&kind.declaration.name, &kind.settings);
    }
}

fn check_schema(at: &str, schema: &Json) {
    // What stands in a tree belongs to whoever takes it: attributes may be called anything.
    if schema["format"] == "liquid-tree" {
        return;
    }
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(schema["additionalProperties"], false, "{at}: takes anything");
        for (name, property) in properties {
            let at = format!("{at}.{name}");
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{at}: {description:?}");
            check_schema(&at, property);
        }
    }
    if let Some(items) = schema.get("items") {
        check_schema(at, items);
    }
    assert!(schema.get("$defs").is_none(), "{at}: a reader has to look elsewhere");
}

#[test]
fn the_table_of_the_readme_is_what_the_steps_declare() {
    let declared: Vec<String> = flowrun_steps::catalogue().iter().map(row).collect();
    let written: Vec<&str> = README.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(written, declared, "the table should be:\n{}\n", declared.join("\n"));
}

fn row(kind: &Kind) -> String {
    let settings: Vec<_> = settings(kind).map(|name| format!("`{name}`")).collect();
    let declaration = &kind.declaration;
    format!("| `{}` | {} | {} |", declaration.name, declaration.summary, settings.join(" "))
}

fn settings(kind: &Kind) -> impl Iterator<Item = &str> {
    let properties = kind.settings["properties"].as_object();
    properties.into_iter().flatten().map(|(name, _)| name.as_str())
}
