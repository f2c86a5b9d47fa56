//! `oneOf` and `anyOf`: which of several forms a person meant.
//!
//! A message that says "matches none of five schemas" helps nobody. So the form is picked
//! by what can be seen at once (is it a word or a map, which tag, which keys), and faults
//! are those of the form that was most likely meant.

use serde_json::Value as Json;

use super::view::View;
use super::walker::{At, Walker};
use crate::yaml::{Map, Node, Plain, Value};

impl<'w, 's> Walker<'w, 's> {
    pub(super) fn branch(
        &mut self,
        view: &View<'w>,
        branches: &'w [Json],
        node: &Node<'s>,
        at: &At<'_>,
    ) -> Option<Json> {
        let forms: Vec<View<'w>> = branches
            .iter()
            .filter_map(|branch| View::of(self.root, branch).ok())
            .map(|branch| view.choose(&branch))
            .collect();
        let mut fitting: Vec<(i64, &View<'w>)> = forms
            .iter()
            .filter(|form| shape_fits(form, node))
            .map(|form| (likeness(self.root, form, node), form))
            .collect();
        // The likeliest first; of equals the one that the schema names first.
        fitting.sort_by_key(|(likeness, _)| -likeness);
        match fitting.as_slice() {
            [] => self.no_form(&forms, node, at),
            [(_, only)] => self.walk_view(only, node, at),
            [(_, likeliest), ..] => {
                for (_, form) in &fitting {
                    if let Some(value) = self.attempt(form, node, at) {
                        return Some(value);
                    }
                }
                self.walk_view(likeliest, node, at)
            }
        }
    }

    /// Walks, and forgets about it if anything is wrong.
    fn attempt(&mut self, form: &View<'w>, node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        let (faults, slots, doors) = (self.faults.len(), self.slots.len(), self.doors.len());
        let value = self.walk_view(form, node, at);
        let clean = !self.faults[faults..].iter().any(|fault| fault.is_error());
        if value.is_some() && clean {
            return value;
        }
        self.faults.truncate(faults);
        self.slots.truncate(slots);
        self.doors.truncate(doors);
        None
    }

    /// Says what would have been possible.
    fn no_form(&mut self, forms: &[View<'w>], node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        let words: Vec<&Json> = forms.iter().filter_map(View::values).flatten().collect();
        if !words.is_empty() && matches!(&node.value, Value::Scalar(_)) {
            return self.one_of(&words, node, at);
        }
        let mut kinds: Vec<&str> = forms.iter().flat_map(View::kinds).collect();
        kinds.dedup();
        let wanted: Vec<&str> = kinds
            .iter()
            .filter(|kind| **kind != "null")
            .map(|kind| match *kind {
                "string" if !words.is_empty() => "one of its words",
                "string" => "text",
                "array" => "a list",
                "object" => "a map",
                "boolean" => "true or false",
                _ => "a number",
            })
            .collect();
        let wanted =
            if wanted.is_empty() { "something else".to_owned() } else { wanted.join(" or ") };
        self.expected(&wanted, node, at, &kinds);
        None
    }
}

/// Whether the node is at least the right kind of value for the form.
fn shape_fits(form: &View<'_>, node: &Node<'_>) -> bool {
    let kind = match &node.value {
        Value::Broken => return true,
        Value::List(_) => "array",
        Value::Map(_) => "object",
        Value::Scalar(scalar) => match scalar.plain() {
            Plain::Null => "null",
            Plain::Flag(_) => "boolean",
            Plain::Int(_) => "integer",
            Plain::Float(_) | Plain::Huge => "number",
            Plain::Clock | Plain::Text => "string",
        },
    };
    if !form.allows(kind) {
        return false;
    }
    let Some(values) = form.values() else { return true };
    let text = node.scalar().map(|scalar| scalar.text.as_ref());
    values.iter().any(|value| match value {
        Json::String(word) => text == Some(word),
        Json::Null => kind == "null",
        other => text == Some(other.to_string().as_str()),
    })
}

/// How much a map looks like the form: a tag that fits says most, then keys it knows and
/// needs; keys it does not know speak against it.
fn likeness(root: &Json, form: &View<'_>, node: &Node<'_>) -> i64 {
    let Some(map) = node.map() else { return 0 };
    let mut likeness = 0;
    let open = form.additional().is_some();
    for entry in &map.entries {
        likeness += match form.property(&entry.key) {
            Some(schema) => 2 + tag(root, schema, map, &entry.key),
            None if open => 0,
            None => -2,
        };
    }
    let missing = form.required().filter(|name| map.get(name).is_none()).count();
    likeness - missing as i64
}

fn tag(root: &Json, schema: &Json, map: &Map<'_>, key: &str) -> i64 {
    let only = schema.get("const").or_else(|| {
        let reference = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        root.pointer(reference)?.get("const")
    });
    let written = map.get(key).and_then(|entry| entry.value.scalar());
    match (only.and_then(Json::as_str), written) {
        (Some(only), Some(written)) if written.text == only => 100,
        (Some(_), _) => -100,
        _ => 0,
    }
}
