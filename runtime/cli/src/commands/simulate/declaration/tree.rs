//! YAML with places: what stands where, so that every fault can be shown.
//!
//! Values are read by hand from this tree. A data model would stop at the first fault, and
//! could not say where the others are.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};
use serde_yaml::{Location, Spanned};

/// How deep lists and maps may lie in each other.
const DEEPEST: usize = 32;

/// Line and column, from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    pub line: u64,
    pub column: u64,
}

impl Place {
    fn of(location: Location) -> Place {
        Place { line: location.line(), column: location.column() }
    }
}

/// A value in its place.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub at: Place,
    pub value: Value,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Nothing, true or false, a number or a text.
    Scalar(Json),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// What stands before a colon.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    pub at: Place,
    /// As it is written, but for quotes.
    pub name: String,
    /// What it means as a value: `true` is no text.
    pub json: Json,
}

/// The tree of a text.
///
/// # Errors
/// If it is not YAML: the place, and why.
pub fn parse(text: &str) -> Result<Node, (Place, String)> {
    // `NO` is Norway; and what is nested deeper than anyone writes is not read.
    let options = serde_yaml::options! {
        strict_booleans: true,
        budget: serde_yaml::budget! { max_depth: DEEPEST },
    };
    let read: Result<Spanned<Raw>, _> = serde_yaml::from_str_with_options(text, options);
    match read {
        Ok(raw) => Ok(node(raw)),
        Err(error) => {
            let at = error.location().map(Place::of).unwrap_or(Place { line: 1, column: 1 });
            let said = error.without_snippet().to_string();
            let said = said.lines().next().unwrap_or_default();
            Err((at, said.strip_prefix("error: ").unwrap_or(said).to_owned()))
        }
    }
}

impl Node {
    /// The value without places.
    pub fn json(&self) -> Json {
        match &self.value {
            Value::Scalar(json) => json.clone(),
            Value::List(list) => Json::Array(list.iter().map(Node::json).collect()),
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| (key.name.clone(), value.json()));
                Json::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(Json::String(text)) => Some(text),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Scalar(Json::Number(number)) => number.as_f64().filter(|n| n.is_finite()),
            _ => None,
        }
    }

    /// What kind of thing it is, with its article.
    pub fn noun(&self) -> &'static str {
        match &self.value {
            Value::Scalar(Json::Null) => "nothing",
            Value::Scalar(Json::Bool(_)) => "true or false",
            Value::Scalar(Json::Number(_)) => "a number",
            Value::Scalar(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

enum Raw {
    Scalar(Json),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Json>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>) -> Node {
    let at = Place::of(raw.referenced);
    let value = match raw.value {
        Raw::Scalar(json) => Value::Scalar(json),
        Raw::List(list) => Value::List(list.into_iter().map(node).collect()),
        Raw::Map(map) => Value::Map(map.into_iter().map(entry).collect()),
    };
    Node { at, value }
}

fn entry((key, value): (Spanned<Json>, Spanned<Raw>)) -> (Key, Node) {
    let name = match &key.value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    (Key { at: Place::of(key.referenced), name, json: key.value }, node(value))
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Raw, D::Error> {
        from.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Json::Null))
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Json::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Raw, D::Error> {
        Raw::deserialize(from)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(one) = access.next_element()? {
            list.push(one);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = access.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_knows_its_place_and_what_it_is() {
        let text = "users:\n  plan: { trial: 70, true: 1 }\n  tags: [a, 2, ~, NO, 'no']\n";
        let tree = parse(text).unwrap();
        let Value::Map(top) = &tree.value else { panic!("{tree:?}") };
        let Value::Map(users) = &top[0].1.value else { panic!("{tree:?}") };
        let place = |line, column| Place { line, column };
        assert_eq!((users[0].0.at, users[1].0.at), (place(2, 3), place(3, 3)));
        let Value::Map(plan) = &users[0].1.value else { panic!("{tree:?}") };
        assert_eq!((plan[0].0.at, plan[0].1.at), (place(2, 11), place(2, 18)));
        assert_eq!((&plan[1].0.json, plan[1].0.name.as_str()), (&Json::Bool(true), "true"));
        assert_eq!(users[1].1.json(), serde_json::json!(["a", 2, null, "NO", "no"]));
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        for (text, line) in [("users: [", 1), ("a: 1\na: 2\n", 2), ("a: 1\n b: 2\n", 2)] {
            let (at, said) = parse(text).unwrap_err();
            assert!(at.line >= line && !said.is_empty(), "{text}: {at:?} {said}");
        }
    }
}
