//! From the settings a person wrote to a created step.

use flowrun_core::Slot;
use flowrun_sdk::{Decide, Fault, Kind, Severity};
use serde_json::{Map as Object, Value as Json};

use crate::codes;
use crate::composer::{self, Rendered};
use crate::diagnostic::{Diagnostic, Span};
use crate::plain_user::PlainUser;
use crate::schema::{Area, At, OwnDoor, Walker};
use crate::texts::Texts;
use crate::yaml::{Entry, Node, Offsets, Value};

/// A step that was created, and what the runtime renders for it.
pub(crate) struct Created {
    pub(crate) step: Box<dyn Decide>,
    pub(crate) slots: Vec<Slot>,
}

/// What is known of a step's settings: the doors also where the step is wrong, so that the
/// graph can be checked all the same.
pub(crate) struct Settled {
    pub(crate) doors: Vec<OwnDoor>,
    pub(crate) created: Option<Created>,
    /// A door may have been lost to a fault in the settings.
    pub(crate) lost_way: bool,
}

/// Faults in a template lose no door, these may.
const MAY_LOSE_A_DOOR: [codes::Code; 5] = [
    codes::UNKNOWN_SETTING,
    codes::MISSING_SETTING,
    codes::WRONG_TYPE,
    codes::NOT_ALLOWED,
    codes::BAD_SCHEMA,
];

pub(crate) fn settle<'s>(
    kind: &Kind,
    entry: &Entry<'s>,
    source: &'s str,
    texts: &mut Texts<'s>,
    plain_user: &mut PlainUser,
    faults: &mut Vec<Diagnostic>,
) -> Settled {
    let name = kind.declaration.name.as_str();
    let before = faults.len();
    let mut walker = Walker::new(&kind.settings, Area::Step, texts, faults);
    walker.meant = composer::meant(kind, &entry.value);
    let at = At { key: name, place: entry.key_span.clone(), item: None, item_index: None };
    let bare = kind.declaration.shorthand.as_deref();
    let bare =
        bare.and_then(|setting| Some((setting, kind.settings.get("properties")?.get(setting)?)));
    let settings = match (bare, &entry.value.value) {
        (Some((setting, schema)), Value::Scalar(_)) if !entry.value.is_null() => {
            shorthand(&mut walker, setting, schema, &entry.value, &at)
        }
        (Some((_, schema)), Value::List(_)) => walker.neither(schema, &entry.value, &at),
        // `exit:` with nothing behind it has no settings.
        (_, Value::Scalar(_)) if entry.value.is_null() => {
            let nothing =
                Node { span: entry.key_span.clone(), value: Value::Map(Default::default()) };
            walker.walk(&kind.settings, &nothing, &at)
        }
        _ => walker.walk(&kind.settings, &entry.value, &at),
    };
    let (slots, doors, files) = (walker.slots, walker.doors, walker.files);
    let mended = walker.mended;
    let may_lose = |fault: &Diagnostic| MAY_LOSE_A_DOOR.contains(&fault.code);
    let lost_way = !doors.is_empty() && faults[before..].iter().any(may_lose);
    let places = Places { entry, source, files };
    let created = settings.and_then(|settings| {
        if mended {
            let found = found_beside(kind, &settings);
            faults.extend(found.iter().map(|fault| places.diagnostic(fault, name)));
            return None;
        }
        let rendered = composer::writes(kind).then(|| Rendered::of(&settings));
        let created = kind.create(settings);
        let (step, mut found) = match created {
            Ok(step) => {
                let found = step.warnings();
                (Some(step), found)
            }
            Err(refused) => (None, with_an_error(refused)),
        };
        if let (Some(step), Some(rendered)) = (step.as_deref(), rendered) {
            let reason = plain_user.refused(step, &slots);
            found.extend(reason.map(|reason| rendered.refused(&reason, &slots)));
        }
        faults.extend(found.iter().map(|fault| places.diagnostic(fault, name)));
        Some(Created { step: step?, slots })
    });
    Settled { doors, created, lost_way }
}

/// What a step says of settings of which some are wrong: only what is about one of the
/// others. The step as a whole may seem to lack what was merely left out.
fn found_beside(kind: &Kind, settings: &Json) -> Vec<Fault> {
    let mut found = match kind.create(settings.clone()) {
        Ok(step) => step.warnings(),
        Err(refused) => refused,
    };
    found.retain(|fault| !fault.at.is_empty() && settings.pointer(&fault.at).is_some());
    found
}

/// A step that was not created has an error, also where it doesn't say so.
fn with_an_error(mut refused: Vec<Fault>) -> Vec<Fault> {
    if !refused.iter().any(|fault| fault.severity == Severity::Error) {
        refused.push(Fault::error("", "the step refuses its settings"));
    }
    refused
}

/// `exit: done` is `exit: { reason: done }`.
fn shorthand<'w, 's>(
    walker: &mut Walker<'w, 's>,
    setting: &str,
    schema: &'w Json,
    value: &Node<'s>,
    at: &At<'_>,
) -> Option<Json> {
    let inner = At { key: setting, ..at.clone() };
    let value = walker.walk(schema, value, &inner)?;
    let mut object = Object::new();
    object.insert(setting.to_owned(), value);
    walker.unwritten(at, &mut object);
    Some(Json::Object(object))
}

/// Finds what a step's faults are about.
struct Places<'p, 's> {
    entry: &'p Entry<'s>,
    source: &'p str,
    /// Settings whose text stands in a file of its own.
    files: Vec<(Span, String)>,
}

impl<'s> Places<'_, 's> {
    fn diagnostic(&self, fault: &Fault, kind: &str) -> Diagnostic {
        let code = fault.code.as_deref().and_then(codes::of).unwrap_or(codes::REFUSED);
        let (file, span) = self.place(fault);
        let message = match fault.at.is_empty() && code == codes::REFUSED {
            true => format!("`{kind}`: {}", fault.message),
            false => fault.message.clone(),
        };
        let mut diagnostic = Diagnostic::error(code, span, message.trim_end_matches('.'))
            .file(file)
            .hint_if(fault.hint.clone());
        diagnostic.severity = fault.severity;
        diagnostic
    }

    fn place(&self, fault: &Fault) -> (&str, Span) {
        let (key, node) = self.find(&fault.at);
        let scalar = match &node.value {
            Value::Scalar(scalar) if !node.is_null() => scalar,
            _ => return ("", key),
        };
        let offsets = || Offsets::of(self.source, &node.span, scalar);
        match &fault.span {
            Some(part) => match self.files.iter().find(|(place, _)| *place == node.span) {
                Some((_, path)) => (path.as_str(), part.clone()),
                None => ("", offsets().place(part)),
            },
            // What may not be there is the key, whatever its value is.
            None if fault.code.as_deref() == Some(codes::FORBIDDEN_FIELD.as_str()) => ("", key),
            None => ("", offsets().whole()),
        }
    }

    /// The setting a pointer names, and the key that it stands under.
    fn find(&self, pointer: &str) -> (Span, &Node<'s>) {
        let mut key = self.entry.key_span.clone();
        let mut node = &self.entry.value;
        for part in pointer.split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            match &node.value {
                Value::Map(map) => match map.get(&name) {
                    Some(entry) => (key, node) = (entry.key_span.clone(), &entry.value),
                    None => break,
                },
                Value::List(items) => match name.parse().ok().and_then(|at: usize| items.get(at)) {
                    Some(item) => {
                        let first = item.map().and_then(|map| map.entries.first());
                        key = first.map_or(item.span.clone(), |entry| entry.key_span.clone());
                        node = item;
                    }
                    None => break,
                },
                _ => break,
            }
        }
        (key, node)
    }
}
