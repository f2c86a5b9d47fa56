//! Settings that only the runtime can fill in: templates, conditions, doors; and texts
//! with a form of their own: durations and zones.

use flowrun_core::Slot;
use flowrun_sdk::Duration;
use flowrun_sdk::settings::{Door, Tree, format};
use serde_json::{Map as Object, Value as Json, json};

use super::scalars::short;
use super::view::View;
use super::walker::{At, OwnDoor, Walker};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::texts::{MAX_TEMPLATES, Meant};
use crate::yaml::{Entry, Node, Plain, Scalar, Value};

/// Faults after which no one reads a hint.
const READ: usize = 100;

impl<'w, 's> Walker<'w, 's> {
    /// `None` for a format that says nothing to the runtime.
    pub(super) fn format(
        &mut self,
        name: &str,
        view: &View<'w>,
        node: &Node<'s>,
        at: &At<'_>,
    ) -> Option<Option<Json>> {
        if name == format::TREE {
            return Some(self.tree(node, at));
        }
        if name == crate::head::STEPS && matches!(node.value, Value::List(_)) {
            return Some(Some(Json::Null));
        }
        let check = match name {
            format::TEXT => Self::text,
            format::TEXT_FILE => Self::text_file,
            format::CONDITION => Self::condition,
            format::STEP => Self::door,
            format::DURATION => Self::duration,
            format::TIME_ZONE => Self::time_zone,
            _ => return None,
        };
        let Some(scalar) = node.scalar() else { return Some(self.misfit(name, node, at)) };
        let fits = match scalar.plain() {
            Plain::Text => true,
            Plain::Clock => return Some(self.clock(node, scalar)),
            Plain::Flag(_) => view.allows("boolean") && name == format::CONDITION,
            // Braces at the beginning make a map in YAML, nothing after a key makes null.
            _ => false,
        };
        if !fits {
            return Some(self.misfit(name, node, at));
        }
        let length = scalar.text.chars().count();
        if !self.check_length(view, length, "minLength", "maxLength", node, at) {
            return Some(None);
        }
        Some(check(self, node, scalar, at))
    }

    /// Not even text.
    fn misfit(&mut self, format: &str, node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        let (wanted, kinds): (_, &[&str]) = match format {
            format::DURATION => ("a duration such as `15m` or `2d`", &[]),
            format::TIME_ZONE => ("the name of a time zone", &[]),
            format::STEP => ("the id of a step", &[]),
            format::CONDITION => ("a condition", &[]),
            format::TEXT_FILE => ("the path of a file", &["string"]),
            _ => ("text", &["string"]),
        };
        self.expected(wanted, node, at, kinds);
        None
    }

    fn text(&mut self, node: &Node<'s>, scalar: &Scalar<'s>, _: &At<'_>) -> Option<Json> {
        let place = crate::texts::Place::Scalar { span: &node.span, scalar };
        let Some(template) = self.texts.template(&scalar.text, self.meant, &place, self.faults)
        else {
            return self.mend(unrendered(&scalar.text));
        };
        let constant = template.constant() == Some(scalar.text.as_ref());
        let slot = self.slot(Slot::Text(template), node)?;
        Some(json!({ "slot": slot, "source": scalar.text.as_ref(), "constant": constant }))
    }

    fn text_file(&mut self, node: &Node<'s>, scalar: &Scalar<'s>, _: &At<'_>) -> Option<Json> {
        let source = match self.texts.file(&scalar.text) {
            Ok(source) => source,
            Err(why) => {
                let message = format!("`{}` can't be read: {why}", short(&scalar.text));
                self.fault(Diagnostic::error(codes::NO_FILE, node.span.clone(), message));
                return None;
            }
        };
        self.files.push((node.span.clone(), source.path.clone()));
        let place = crate::texts::Place::File { path: &source.path };
        let Some(template) = self.texts.template(&source.text, self.meant, &place, self.faults)
        else {
            return self.mend(unrendered(&source.text));
        };
        let constant = template.constant() == Some(source.text.as_str());
        let slot = self.slot(Slot::Text(template), node)?;
        Some(json!({ "slot": slot, "source": source.text, "constant": constant }))
    }

    fn condition(&mut self, node: &Node<'s>, scalar: &Scalar<'s>, _: &At<'_>) -> Option<Json> {
        let place = crate::texts::Place::Scalar { span: &node.span, scalar };
        let Some(condition) = self.texts.condition(&scalar.text, &place, self.faults) else {
            return self.mend(json!({ "slot": 0, "source": scalar.text.as_ref() }));
        };
        let slot = self.slot(Slot::Condition(Box::new(condition)), node)?;
        Some(json!({ "slot": slot, "source": scalar.text.as_ref() }))
    }

    fn tree(&mut self, node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        let read = match &node.value {
            Value::List(items) => {
                let values: Vec<_> = items.iter().map(|item| self.tree(item, at)).collect();
                values.into_iter().collect::<Option<Vec<_>>>().map(Json::from)
            }
            Value::Map(map) => {
                let mut object = Object::new();
                let mut whole = !map.partial;
                for entry in &map.entries {
                    whole &= self.may_be_a_key(entry);
                    match self.tree(&entry.value, at) {
                        Some(value) => drop(object.insert(entry.key.to_string(), value)),
                        None => whole = false,
                    }
                }
                whole.then_some(Json::Object(object))
            }
            Value::Scalar(scalar) if scalar.plain() == Plain::Text => self.leaf(node, scalar, at),
            _ => self.anything(node),
        };
        // What is wrong could be anything, as what is yet to be rendered can.
        read.or_else(|| self.mend(json!({ Tree::SLOT: 0 })))
    }

    fn may_be_a_key(&mut self, entry: &Entry<'s>) -> bool {
        let span = entry.key_span.clone();
        if entry.key == Tree::SLOT {
            let message = format!("`{}` is a reserved key", Tree::SLOT);
            self.fault(Diagnostic::error(codes::RESERVED, span, message));
            return false;
        }
        if entry.key.contains("{{") || entry.key.contains("{%") {
            let message = "a key is taken as it stands: the Liquid in this one is not rendered";
            let mut hint = "values are Liquid here, and keys are not";
            if self.meant == Meant::Json {
                hint = "values are Liquid here, and keys are not; in `json:` both are";
            }
            self.fault(Diagnostic::error(codes::LIQUID_KEY, span, message).hint(hint));
            self.mended = true;
        }
        true
    }

    fn leaf(&mut self, node: &Node<'s>, scalar: &Scalar<'s>, _: &At<'_>) -> Option<Json> {
        let place = crate::texts::Place::Scalar { span: &node.span, scalar };
        // A leaf is escaped as a whole, whatever its text looks like.
        let template = self.texts.template(&scalar.text, Meant::Prose, &place, self.faults)?;
        if template.constant() == Some(scalar.text.as_ref()) {
            return Some(scalar.text.as_ref().into());
        }
        let slot = self.slot(Slot::Value(template), node)?;
        Some(json!({ Tree::SLOT: slot }))
    }

    fn door(&mut self, node: &Node<'s>, scalar: &Scalar<'s>, at: &At<'_>) -> Option<Json> {
        let to = (scalar.text.to_string(), node.span.clone());
        Some(self.open_door(at.key, at.item, Some(to)))
    }

    /// Opens a door and gives its number.
    pub(super) fn open_door(
        &mut self,
        key: &str,
        item: Option<&str>,
        to: Option<(String, crate::diagnostic::Span)>,
    ) -> Json {
        let number = usize::from(Door::FIRST_OWN) + self.doors.len();
        let plain = item.unwrap_or(key).to_owned();
        let name = [plain.clone(), format!("{plain} {key}")]
            .into_iter()
            .find(|name| self.doors.iter().all(|door| door.name != *name))
            .unwrap_or_else(|| format!("{plain} {}", self.doors.len() + 1));
        self.doors.push(OwnDoor { name, to });
        // More doors than numbers is refused where the step is put together.
        Json::from(number.min(u16::MAX.into()))
    }

    fn duration(&mut self, node: &Node<'s>, scalar: &Scalar<'s>, _: &At<'_>) -> Option<Json> {
        match scalar.text.parse::<Duration>() {
            Ok(_) => Some(scalar.text.as_ref().into()),
            Err(error) => {
                let fault =
                    Diagnostic::error(codes::BAD_DURATION, node.span.clone(), error.to_string());
                self.fault(fault);
                None
            }
        }
    }

    fn time_zone(&mut self, node: &Node<'s>, scalar: &Scalar<'s>, at: &At<'_>) -> Option<Json> {
        let name = scalar.text.as_ref();
        // Only a step knows a user.
        let user = self.area == super::Area::Step && name == "user";
        if user || crate::zones::exists(name) {
            return Some(name.into());
        }
        let message = format!("`{}` is no time zone for `{}`", short(name), at.key);
        let hint = "write an IANA name such as `Europe/Paris`";
        let mut fault = Diagnostic::error(codes::BAD_ZONE, node.span.clone(), message).hint(hint);
        // Comparing with six hundred names is for a person who reads the answer.
        if self.faults.len() < READ {
            fault = fault.did_you_mean(name, crate::zones::names().iter().map(String::as_str));
        }
        self.fault(fault);
        None
    }

    fn slot(&mut self, slot: Slot, node: &Node<'s>) -> Option<u16> {
        let number = u16::try_from(self.slots.len()).ok().filter(|_| self.texts.may_keep());
        if number.is_none() {
            let said = self.faults.iter().any(|fault| fault.code == codes::TOO_MANY);
            if !said {
                let message = format!("a Canvas has at most {MAX_TEMPLATES} templates");
                self.fault(Diagnostic::error(codes::TOO_MANY, node.span.clone(), message));
            }
            return None;
        }
        self.slots.push(slot);
        number
    }
}

/// A text that could not be compiled, as a step sees one that is yet to be rendered.
fn unrendered(source: &str) -> Json {
    json!({ "slot": 0, "source": source, "constant": false })
}
