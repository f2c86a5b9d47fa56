//! What stands in profiles.

use serde_json::Value as Json;

use super::Miss;
use super::journey::Journey;

pub fn profile(name: &str, expected: &Json, journey: &Journey<'_>) -> Option<Miss> {
    let got = journey.rehearsal.attribute(journey.user, name);
    attribute("profile", name, expected, got)
}

pub fn written(name: &str, expected: &Json, journey: &Journey<'_>) -> Option<Miss> {
    let profile = journey.rehearsal.script().truth(journey.user);
    let got = profile.and_then(|profile| Some(profile.attribute(name)?.to_json()));
    attribute("backend", name, expected, got)
}

fn attribute(place: &str, name: &str, expected: &Json, got: Option<Json>) -> Option<Miss> {
    let got = got.unwrap_or(Json::Null);
    if same(expected, &got) {
        return None;
    }
    let said = |value: &Json| match value {
        Json::Null => "nothing".to_owned(),
        value => value.to_string(),
    };
    let message = format!("`{name}` in the {place} is {}, not {}", said(&got), said(expected));
    let hint = match (expected, &got) {
        (Json::String(text), other) | (other, Json::String(text)) if *text == plain(other) => {
            Some("one is text, the other is not: mind the quotes".to_owned())
        }
        _ => None,
    };
    Some(Miss::new(message, said(&got)).hint(hint))
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(_) => String::new(),
        value => value.to_string(),
    }
}

/// Equal as values: 1 is 1.0, and the order of keys does not matter.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            one == other || one.as_f64().is_some_and(|one| Some(one) == other.as_f64())
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_and_not_their_texts() {
        for (one, other, expected) in [
            (json!(1), json!(1.0), true),
            (json!(1), json!("1"), false),
            (json!({"a": 1, "b": [2]}), json!({"b": [2.0], "a": 1}), true),
            (json!([1, 2]), json!([2, 1]), false),
            (json!(null), json!(false), false),
        ] {
            assert_eq!(same(&one, &other), expected, "{one} {other}");
        }
    }
}
