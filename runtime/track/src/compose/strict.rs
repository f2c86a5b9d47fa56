//! JSON without duplicate keys and without depth, and with words for what templates typically get wrong.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value as Json};

use super::{Error, Kind};
use crate::error::shown;

/// Parses all of `text`; arrays and objects nest at most `depth` deep.
pub(super) fn parse(text: &str, depth: usize) -> Result<Json, Error> {
    let stopped = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let tree = Tree { left: depth, stopped: &stopped };
    let parsed =
        tree.deserialize(&mut deserializer).and_then(|json| deserializer.end().map(|()| json));
    parsed.map_err(|error| {
        let offset = byte_offset(text, error.line(), error.column());
        match stopped.take() {
            Some(Stop::Duplicate(key)) => {
                let written = format!("\"{key}\"");
                let before = text.get(..=offset).unwrap_or(text);
                let offset = before.rfind(&written).unwrap_or(offset);
                Error {
                    message: format!("'{}' stands twice in one object", shown(&key)),
                    kind: Kind::DuplicateKey { key },
                    offset: Some(offset),
                    hint: Some(
                        "the same attribute may be written again in a further object of the array"
                            .into(),
                    ),
                }
            }
            Some(Stop::Deep) => too_deep(Some(offset)),
            None => invalid(text, offset, &error),
        }
    })
}

pub(super) fn too_deep(offset: Option<usize>) -> Error {
    let message = "objects and arrays are nested too deeply".into();
    Error { kind: Kind::TooDeep, offset, message, hint: None }
}

enum Stop {
    Duplicate(String),
    Deep,
}

#[derive(Clone, Copy)]
struct Tree<'a> {
    left: usize,
    stopped: &'a RefCell<Option<Stop>>,
}

impl<'a> Tree<'a> {
    fn deeper<E: serde::de::Error>(self) -> Result<Tree<'a>, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Tree { left, ..self }),
            None => {
                self.stopped.replace(Some(Stop::Deep));
                Err(E::custom("too deep"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, on: bool) -> Result<Json, E> {
        Ok(Json::Bool(on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut elements = Vec::new();
        while let Some(element) = access.next_element_seed(inner)? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            match map.entry(key) {
                Entry::Vacant(free) => free.insert(access.next_value_seed(inner)?),
                Entry::Occupied(taken) => {
                    self.stopped.replace(Some(Stop::Duplicate(taken.key().clone())));
                    return Err(A::Error::custom("duplicate key"));
                }
            };
        }
        Ok(Json::Object(map))
    }
}

fn byte_offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut offset = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn invalid(text: &str, mut offset: usize, error: &serde_json::Error) -> Error {
    let mut said = error.to_string();
    if let Some(at) = said.rfind(" at line ") {
        said.truncate(at);
    }
    let before = text[..offset].trim_end();
    let at = &text[offset..];
    let mut hint = None;
    if at.starts_with('>') && before.ends_with('=') || at.starts_with("=>") {
        hint = Some("an object was printed in Ruby style: use the filter as_json_string");
    } else if at.starts_with(['}', ']']) && before.ends_with(',') {
        offset = before.len() - 1;
        said = "a comma before a closing bracket".into();
        hint = Some("remove the comma");
    } else if at.starts_with(['}', ']', ',']) && before.ends_with(':') {
        said = "a value is missing".into();
        hint = Some("a variable rendered empty: give it a default, or put it in quotes");
    } else if at.starts_with("{{")
        || at.starts_with("{%")
        || before.ends_with('{') && at.starts_with(['{', '%'])
    {
        hint = Some("this is template syntax that was not rendered");
    } else if said.contains("control character") {
        hint = Some("a value holds a line break: use the filter json_escape");
    } else if error.is_eof() {
        hint = Some("the text ends too early: a bracket or a quote is open");
    } else if at.starts_with(['\'', '“', '”', '‘', '’']) {
        hint = Some("JSON takes straight double quotes only");
    } else if said.contains("expected `,`") {
        hint = Some("a value may hold a quote: use the filter json_escape");
    } else if said.contains("expected value") || said.contains("expected ident") {
        hint = Some("text needs double quotes around it");
    }
    let line_start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = text[..offset].matches('\n').count() + 1;
    let column = text[line_start..offset].chars().count() + 1;
    Error {
        kind: Kind::InvalidJson { line, column },
        offset: Some(offset),
        message: format!("not valid JSON: {said} (line {line}, column {column})"),
        hint: hint.map(Into::into),
    }
}
