//! Texts that have to be JSON once they are rendered.

use flowrun_core::Slot;
use flowrun_core::template::Output;
use flowrun_sdk::settings::{Text, Tree};
use flowrun_sdk::{Exits, Fault, Kind};
use serde_json::Value as Json;

use crate::codes;
use crate::diagnostic::Span;
use crate::texts::Meant;
use crate::yaml::{Node, Value};

/// A step that writes takes JSON, and so does one that says so itself, as a webhook does with
/// `Content-Type: application/json`. A letter that begins with a bracket is none.
pub(crate) fn meant(kind: &Kind, settings: &Node<'_>) -> Meant {
    if writes(kind) || names_json(settings) { Meant::Json } else { Meant::Prose }
}

/// Whether steps of the kind write to profiles: only they hold users, so only they have a door
/// for those who were held too long.
pub(crate) fn writes(kind: &Kind) -> bool {
    kind.declaration.exits == Exits::NextFailureOrTimeout
}

/// Whether one of the values is the media type of JSON.
fn names_json(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Map(map) => map.entries.iter().any(|entry| names_json(&entry.value)),
        Value::List(items) => items.iter().any(names_json),
        Value::Scalar(scalar) => {
            let kind = scalar.text.split(';').next().unwrap_or_default().trim();
            kind.starts_with("application/") && kind.ends_with("json")
        }
        Value::Broken => false,
    }
}

/// What of a step's settings is rendered.
#[derive(Default)]
pub(crate) struct Rendered {
    /// The first such setting, as a pointer.
    at: String,
    /// Its slot and its text, if it is one text and not a tree.
    text: Option<(u16, String)>,
}

impl Rendered {
    pub(crate) fn of(settings: &Json) -> Rendered {
        let mut settings = settings.as_object().into_iter().flatten();
        let Some((key, value)) = settings.find(|(_, value)| is_rendered(value)) else {
            return Rendered::default();
        };
        let at = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        let text = serde_json::from_value::<Text>(value.clone()).ok();
        Rendered { at, text: text.map(|text| (text.slot, text.source)) }
    }

    /// The warning that a user without attributes can't be served.
    pub(crate) fn refused(&self, reason: &str, slots: &[Slot]) -> Fault {
        // Lines are those of the rendered text, which nobody has seen.
        let reason = reason.rfind(" (line ").map_or(reason, |line| &reason[..line]);
        let warning = |message| Fault::warning(&self.at, message).code(codes::PLAIN_USER.as_str());
        let Some(what) = reason.strip_prefix("invalid JSON: ") else {
            let hint = "say what stands for a missing value, as in `| default: 0`, or ask with a \
                        `decision_split` before";
            return warning(format!("for a user without attributes this fails: {reason}"))
                .hint(hint);
        };
        let hint = "say what stands for a missing value, as in `| default: 0`, or print it with \
                    `as_json_string`";
        let message = format!("for a user without attributes this is not JSON: {what}");
        Fault { span: self.bare(slots), ..warning(message).hint(hint) }
    }

    /// The one output that may leave a hole in the document, if there is but one.
    fn bare(&self, slots: &[Slot]) -> Option<Span> {
        let (slot, source) = self.text.as_ref()?;
        let Some(Slot::Text(template)) = slots.get(usize::from(*slot)) else { return None };
        let leaves_hole = |output: &&Output| {
            let text = source.get(output.span.clone()).unwrap_or_default();
            output.inside_json_string == Some(false)
                && !output.escaped_for_json
                && !output.is_literal
                && !text.contains("default")
        };
        let mut bare = template.outputs().iter().filter(leaves_hole);
        match (bare.next(), bare.next()) {
            (Some(only), None) => Some(only.span.clone()),
            _ => None,
        }
    }
}

/// Whether a setting, or something in it, has a value per user.
fn is_rendered(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().any(is_rendered),
        Json::Object(object) => {
            let text =
                object.contains_key("slot") && object.get("constant") != Some(&Json::Bool(true));
            text || Tree::slot_of(value).is_some() || object.values().any(is_rendered)
        }
        _ => false,
    }
}
