//! One object, a profile before and after: rows of `cases/objects-*.json`.
//!
//! A row has `say`, `object` (or `objects`, applied in order), `array` (attributes when absent), `before` and `after` (the
//! flat profile without external_id), and `refused` (the message) with `code` and `path`, or `warned` (path: reason).

use flowrun_track::{Array, Object, Profile};
use serde_json::{Map, Value as Json, json};

const NOW: i64 = 1_750_000_000_000; // 2025-06-15T15:06:40Z

fn check(file: &str, rows: &str) {
    let rows: Vec<Map<String, Json>> = serde_json::from_str(rows).expect(file);
    let mut faults = Vec::new();
    for row in &rows {
        if let Err(fault) = check_row(row) {
            faults.push(format!("{file}: {}: {fault}", row["say"]));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn check_row(row: &Map<String, Json>) -> Result<(), String> {
    for key in row.keys() {
        let known = [
            "say", "array", "object", "objects", "before", "after", "refused", "code", "path",
            "warned",
        ];
        if !known.contains(&key.as_str()) {
            return Err(format!("unknown key {key}"));
        }
    }
    let array = match row.get("array").and_then(Json::as_str) {
        Some("events") => Array::Events,
        Some("purchases") => Array::Purchases,
        _ => Array::Attributes,
    };
    let objects: Vec<_> = match row.get("objects") {
        Some(objects) => objects.as_array().unwrap().iter().collect(),
        None => vec![&row["object"]],
    };
    let mut profile: Profile =
        serde_json::from_value(row.get("before").cloned().unwrap_or(json!({})))
            .map_err(|e| e.to_string())?;
    let mut warned = Vec::new();
    for object in objects {
        let object = match Object::parse(array, object.as_object().unwrap()) {
            Ok(object) => object,
            Err(error) => {
                let wanted = (row.get("refused"), row.get("code").and_then(Json::as_str));
                if wanted.0.and_then(Json::as_str) != Some(&error.message) || wanted.1 != error.code
                {
                    return Err(format!("refused with {error:?}"));
                }
                return match row.get("path") {
                    Some(path) if path != &json!(error.path) => Err(format!("path {}", error.path)),
                    _ => Ok(()),
                };
            }
        };
        let before = profile.clone();
        let applied = object.apply(&mut profile, NOW);
        if applied.changed != (before != profile) {
            return Err(format!("says changed: {}", applied.changed));
        }
        warned
            .extend(applied.warnings.iter().map(|w| json!(format!("{}: {:?}", w.path, w.reason))));
    }
    if row.contains_key("refused") {
        return Err("was not refused".into());
    }
    let shown = Json::Object(profile.to_json());
    if let Some(after) = row.get("after")
        && *after != shown
    {
        return Err(format!("profile is {shown}"));
    }
    if row.get("warned").cloned().unwrap_or(json!([])) != Json::Array(warned.clone()) {
        return Err(format!("warned of {warned:?}"));
    }
    let stored: Profile = serde_json::from_str(&serde_json::to_string(&profile).unwrap()).unwrap();
    if stored != profile {
        return Err(format!("comes back from a store as {stored:?}"));
    }
    Ok(())
}

#[test]
fn custom_attributes() {
    check("custom", include_str!("cases/objects-custom.json"));
}

#[test]
fn arrays() {
    check("arrays", include_str!("cases/objects-arrays.json"));
}

#[test]
fn nested_objects() {
    check("nested", include_str!("cases/objects-nested.json"));
}

#[test]
fn profile_fields() {
    check("fields", include_str!("cases/objects-fields.json"));
}

#[test]
fn events_and_purchases() {
    check("occurrences", include_str!("cases/objects-occurrences.json"));
}
