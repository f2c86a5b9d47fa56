//! Types for settings that the runtime fills in: templates, conditions, doors.
//!
//! A person writes a string; the loader compiles it, gives it a *slot*, and hands the
//! step's `create` a JSON object that names the slot. Per visit the rendered value of
//! each slot comes with the [`Visit`](crate::Visit). A step written in another language
//! sees the same: `{"slot": 0, "source": "Hello", "constant": true}`.
//!
//! In the JSON Schema of the settings these types are strings with a `format`, which is
//! how the loader knows what to do with them: see [`format`].

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The `format` words that the loader acts on.
pub mod format {
    /// A Liquid text: [`Text`](super::Text).
    pub const TEXT: &str = "liquid";
    /// The path of a Liquid file beside the Canvas: [`TextFile`](super::TextFile).
    pub const TEXT_FILE: &str = "liquid-file";
    /// A Liquid condition: [`Condition`](super::Condition).
    pub const CONDITION: &str = "liquid-condition";
    /// Any YAML whose strings are Liquid: [`Tree`](super::Tree).
    pub const TREE: &str = "liquid-tree";
    /// The id of a step: [`Door`](super::Door).
    pub const STEP: &str = "step";
    /// A duration as of [`Duration`](crate::Duration); the value stays a string.
    pub const DURATION: &str = "duration";
    /// An IANA time zone, or `user`; the value stays a string.
    pub const TIME_ZONE: &str = "time-zone";
}

/// A Liquid text, rendered for each user before the step decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Text {
    pub slot: u16,
    /// The text as the person wrote it.
    pub source: String,
    /// True where there is nothing to render, so that `source` is what every user gets.
    pub constant: bool,
}

impl Text {
    /// The text, if it is the same for everybody.
    pub fn constant(&self) -> Option<&str> {
        self.constant.then_some(self.source.as_str())
    }
}

/// A Liquid text that stands in a file of its own beside the Canvas.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TextFile(pub Text);

/// A Liquid condition, evaluated for each user before the step decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Condition {
    pub slot: u16,
    pub source: String,
}

/// Any YAML value whose string leaves are Liquid. Leaves to be rendered stand as
/// `{"$slot": n}`; a leaf that is exactly one `{{ … }}` keeps the type of its value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(pub Json);

impl Tree {
    /// The key of the object that stands in place of a rendered leaf.
    pub const SLOT: &'static str = "$slot";

    /// The slot that stands in place of this value, if one does.
    pub fn slot_of(value: &Json) -> Option<u16> {
        let object = value.as_object().filter(|object| object.len() == 1)?;
        object.get(Tree::SLOT)?.as_u64().and_then(|slot| slot.try_into().ok())
    }

    /// The tree with a value in place of each slot.
    pub fn filled(&self, slot: &mut dyn FnMut(u16) -> Json) -> Json {
        fn fill(value: &Json, slot: &mut dyn FnMut(u16) -> Json) -> Json {
            if let Some(number) = Tree::slot_of(value) {
                return slot(number);
            }
            match value {
                Json::Array(items) => items.iter().map(|item| fill(item, slot)).collect(),
                Json::Object(object) => {
                    let filled = object.iter().map(|(key, value)| (key.clone(), fill(value, slot)));
                    filled.collect::<serde_json::Map<_, _>>().into()
                }
                other => other.clone(),
            }
        }
        fill(&self.0, slot)
    }

    /// True where no leaf has to be rendered.
    pub fn is_constant(&self) -> bool {
        fn walk(value: &Json) -> bool {
            match value {
                Json::Array(items) => items.iter().all(walk),
                Json::Object(_) if Tree::slot_of(value).is_some() => false,
                Json::Object(object) => object.values().all(walk),
                _ => true,
            }
        }
        walk(&self.0)
    }
}

/// A way out of a step, as a number that is only meaningful for its place in a Canvas.
///
/// In settings it is written as the id of the step to go to, and need not be written:
/// then the door leads where `next` leads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Door(pub u16);

impl Door {
    pub const NEXT: Door = Door(0);
    pub const ON_FAILURE: Door = Door(1);
    pub const ON_TIMEOUT: Door = Door(2);
    /// The number of the first door that settings open.
    pub const FIRST_OWN: u16 = 3;
}

macro_rules! string_schema {
    ($type:ty, $name:literal, $format:expr, $description:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "description": $description })
            }
        }
    };
}

string_schema!(Text, "Text", format::TEXT, "Text with Liquid, rendered for each user.");
string_schema!(TextFile, "TextFile", format::TEXT_FILE, "A Liquid file beside the Canvas.");
string_schema!(Door, "Door", format::STEP, "The id of the step to go to; without it, `next`.");

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Condition")
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "boolean"],
            "format": format::CONDITION,
            "description": "A Liquid condition; the double braces are optional."
        })
    }
}

impl JsonSchema for Tree {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Tree")
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "format": format::TREE,
            "description": "Any value; its strings are Liquid, rendered for each user."
        })
    }
}
