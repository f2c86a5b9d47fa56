//! JSON Schema (draft 7) as far as our schemas use it, written from the specification: what an
//! editor makes of them.
//!
//! It shares no code with the checker, which has readings of its own (formats, messages). A
//! keyword that it doesn't know is a failure: the schema may not come to rely on one unseen.

use regex_lite::Regex;
use serde_json::{Map, Value as Json};

/// Keywords that say nothing about validity.
const NOTES: [&str; 8] =
    ["$schema", "$defs", "title", "description", "default", "format", "examples", "then"];

pub struct Validator<'s> {
    root: &'s Json,
}

impl<'s> Validator<'s> {
    pub fn new(root: &'s Json) -> Validator<'s> {
        Validator { root }
    }

    pub fn accepts(&self, value: &Json) -> bool {
        self.valid(self.root, value)
    }

    fn valid(&self, schema: &'s Json, value: &Json) -> bool {
        match schema {
            Json::Bool(anything) => *anything,
            Json::Object(schema) => {
                schema.iter().all(|(word, facet)| self.holds(word, facet, schema, value))
            }
            other => panic!("no schema: {other}"),
        }
    }

    fn holds(
        &self,
        word: &str,
        facet: &'s Json,
        schema: &'s Map<String, Json>,
        value: &Json,
    ) -> bool {
        let each = |all: &'s Json| all.as_array().expect("a list").iter();
        match word {
            _ if NOTES.contains(&word) => true,
            "$ref" => {
                let pointer = facet.as_str().and_then(|text| text.strip_prefix('#'));
                let target = pointer.and_then(|pointer| self.root.pointer(pointer));
                self.valid(target.unwrap_or_else(|| panic!("{facet} leads nowhere")), value)
            }
            "type" => match facet {
                Json::String(kind) => is(kind, value),
                kinds => each(kinds).any(|kind| is(kind.as_str().expect("a word"), value)),
            },
            "const" => same(facet, value),
            "enum" => each(facet).any(|one| same(one, value)),
            "allOf" => each(facet).all(|one| self.valid(one, value)),
            "anyOf" => each(facet).any(|one| self.valid(one, value)),
            "oneOf" => each(facet).filter(|one| self.valid(one, value)).count() == 1,
            "not" => !self.valid(facet, value),
            "if" => {
                let then = &schema["then"];
                !self.valid(facet, value) || self.valid(then, value)
            }
            "minimum" | "maximum" => value.as_f64().is_none_or(|number| {
                let bound = facet.as_f64().expect("a number");
                if word == "minimum" { number >= bound } else { number <= bound }
            }),
            "minLength" | "maxLength" => {
                value.as_str().is_none_or(|text| within(word, facet, text.chars().count()))
            }
            "minItems" | "maxItems" => {
                value.as_array().is_none_or(|items| within(word, facet, items.len()))
            }
            "minProperties" | "maxProperties" => {
                value.as_object().is_none_or(|object| within(word, facet, object.len()))
            }
            "pattern" => value.as_str().is_none_or(|text| {
                Regex::new(facet.as_str().expect("a pattern")).expect("a regex").is_match(text)
            }),
            "items" => value
                .as_array()
                .is_none_or(|items| items.iter().all(|item| self.valid(facet, item))),
            "required" => value.as_object().is_none_or(|object| {
                each(facet).all(|key| object.contains_key(key.as_str().expect("a key")))
            }),
            "dependencies" => value.as_object().is_none_or(|object| {
                let needs = facet.as_object().expect("a map");
                needs.iter().filter(|(key, _)| object.contains_key(*key)).all(|(_, keys)| {
                    each(keys).all(|key| object.contains_key(key.as_str().expect("a key")))
                })
            }),
            "propertyNames" => value.as_object().is_none_or(|object| {
                object.keys().all(|key| self.valid(facet, &Json::from(key.as_str())))
            }),
            "properties" => value.as_object().is_none_or(|object| {
                let known = facet.as_object().expect("a map");
                let pairs = object.iter().filter_map(|(key, value)| Some((known.get(key)?, value)));
                pairs.into_iter().all(|(schema, value)| self.valid(schema, value))
            }),
            "additionalProperties" => value.as_object().is_none_or(|object| {
                let known = schema.get("properties").and_then(Json::as_object);
                let other =
                    |key: &String| known.is_none_or(|known| !known.contains_key(key.as_str()));
                let mut others = object.iter().filter(|(key, _)| other(key));
                others.all(|(_, value)| self.valid(facet, value))
            }),
            unknown => panic!("the keyword `{unknown}` is new here"),
        }
    }
}

fn is(kind: &str, value: &Json) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("no type: {other}"),
    }
}

/// `1` and `1.0` are one number.
fn same(one: &Json, other: &Json) -> bool {
    one == other || one.as_f64().is_some_and(|number| other.as_f64() == Some(number))
}

fn within(word: &str, bound: &Json, length: usize) -> bool {
    let bound = bound.as_u64().expect("a length") as usize;
    if word.starts_with("min") { length >= bound } else { length <= bound }
}
