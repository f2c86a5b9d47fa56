//! The walk over lists and maps.

use flowrun_core::Slot;
use flowrun_sdk::settings::format;
use serde_json::{Map as Object, Value as Json};

use super::view::View;
use crate::codes::{self, Code};
use crate::diagnostic::{Diagnostic, Span};
use crate::texts::{Meant, Texts};
use crate::unsupported;
use crate::words;
use crate::yaml::{Entry, Map, Node, Plain, Value};

/// Looks at schemas and nodes together that one walk may take: far beyond any honest
/// schema, and over in an instant.
const FUEL: usize = 1_000_000;
/// How deep a walk may go; the tree itself is no deeper than 64.
const MAX_DEPTH: usize = 256;

/// Whose settings are walked: decides the codes of what every schema can say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    /// The file itself.
    File,
    /// The settings of a step.
    Step,
    /// A test file.
    Test,
}

impl Area {
    fn unknown_key(self) -> Code {
        match self {
            Area::File => codes::UNKNOWN_KEY,
            Area::Step => codes::UNKNOWN_SETTING,
            Area::Test => codes::UNKNOWN_IN_TEST,
        }
    }

    fn missing_key(self) -> Code {
        match self {
            Area::File => codes::MISSING_KEY,
            Area::Step => codes::MISSING_SETTING,
            Area::Test => codes::MISSING_IN_TEST,
        }
    }
}

/// A door that settings open.
#[derive(Clone, Debug)]
pub(crate) struct OwnDoor {
    pub(crate) name: String,
    /// The id that was written, and where; `None`: leads where `next` leads.
    pub(crate) to: Option<(String, Span)>,
}

/// Where in the settings the walk is.
#[derive(Clone)]
pub(crate) struct At<'k> {
    /// The key, or for an item its list's key.
    pub(crate) key: &'k str,
    /// What stands for a map or list as a whole when something is missing in it.
    pub(crate) place: Span,
    /// The name of the list item that this is directly in.
    pub(crate) item: Option<&'k str>,
    /// Its number, for an item itself.
    pub(crate) item_index: Option<usize>,
}

pub(crate) struct Walker<'w, 's> {
    pub(crate) root: &'w Json,
    pub(crate) area: Area,
    pub(crate) texts: &'w mut Texts<'s>,
    pub(crate) faults: &'w mut Vec<Diagnostic>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) doors: Vec<OwnDoor>,
    /// Settings whose text stands in a file of its own: where, and which.
    pub(crate) files: Vec<(Span, String)>,
    /// What the texts of the settings are for.
    pub(crate) meant: Meant,
    /// Something that is wrong was left out or stood in for, so that a step can be asked
    /// about the rest of its settings; it is not to run with them.
    pub(crate) mended: bool,
    fuel: usize,
    depth: usize,
}

impl<'w, 's> Walker<'w, 's> {
    pub(crate) fn new(
        root: &'w Json,
        area: Area,
        texts: &'w mut Texts<'s>,
        faults: &'w mut Vec<Diagnostic>,
    ) -> Walker<'w, 's> {
        let (slots, doors, files) = Default::default();
        let (meant, mended) = (Meant::Prose, false);
        let (fuel, depth) = (FUEL, 0);
        Walker { root, area, texts, faults, slots, doors, files, meant, mended, fuel, depth }
    }

    /// Checks the node; its settings as JSON, unless something is wrong with it.
    pub(crate) fn walk(&mut self, schema: &'w Json, node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        match View::of(self.root, schema) {
            Ok(view) => self.walk_view(&view, node, at),
            Err(unusable) => {
                let message = format!("the schema of `{}` is unusable: {}", at.key, unusable.0);
                self.fault(Diagnostic::error(codes::BAD_SCHEMA, at.place.clone(), message));
                None
            }
        }
    }

    pub(super) fn walk_view(
        &mut self,
        view: &View<'w>,
        node: &Node<'s>,
        at: &At<'_>,
    ) -> Option<Json> {
        if self.fuel == 0 || self.depth >= MAX_DEPTH {
            return self.exhausted(at);
        }
        self.fuel -= 1;
        self.depth += 1;
        let value = self.dispatch(view, node, at);
        self.depth -= 1;
        value
    }

    fn dispatch(&mut self, view: &View<'w>, node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        if matches!(node.value, Value::Broken) {
            return None;
        }
        if node.is_null() && view.allows("null") && !view.kinds().is_empty() {
            return Some(Json::Null);
        }
        if let Some(format) = view.text("format")
            && let Some(value) = self.format(format, view, node, at)
        {
            return value;
        }
        if let Some(branches) = view.branches() {
            return self.branch(view, branches, node, at);
        }
        if let Some(values) = view.values() {
            return self.one_of(&values, node, at);
        }
        match &node.value {
            Value::Scalar(scalar) => self.scalar(view, node, scalar, at),
            Value::List(items) => self.list(view, node, items, at),
            Value::Map(map) => self.map(view, node, map, at),
            Value::Broken => None,
        }
    }

    fn list(
        &mut self,
        view: &View<'w>,
        node: &Node<'s>,
        items: &[Node<'s>],
        at: &At<'_>,
    ) -> Option<Json> {
        if !view.allows("array") {
            return self.mismatch(view, node, at);
        }
        self.check_length(view, items.len(), "minItems", "maxItems", node, at);
        let anything = &Json::Bool(true);
        let schema = view.word("items").unwrap_or(anything);
        let prefix = view.word("prefixItems").and_then(Json::as_array);
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let schema = prefix.and_then(|prefix| prefix.get(index)).unwrap_or(schema);
            let name = name_of(item, index);
            let place = first_place(item);
            let at = At { key: at.key, place, item: Some(&name), item_index: Some(index) };
            values.push(self.walk(schema, item, &at));
        }
        values.into_iter().collect::<Option<Vec<_>>>().map(Json::from)
    }

    fn map(
        &mut self,
        view: &View<'w>,
        node: &Node<'s>,
        map: &Map<'s>,
        at: &At<'_>,
    ) -> Option<Json> {
        if !view.allows("object") {
            return self.mismatch(view, node, at);
        }
        let before = self.faults.len();
        let mut object = Object::new();
        let mut whole = true;
        for entry in &map.entries {
            match self.entry(view, entry, at) {
                Some(value) => drop(object.insert(entry.key.to_string(), value)),
                None if self.may_do_without(view, &entry.key) => self.mended = true,
                None => whole = false,
            }
        }
        if map.partial {
            return None;
        }
        for name in view.required() {
            if map.get(name).is_none() {
                whole = false;
                if !self.was_meant(before, name) {
                    self.missing(view, name, at);
                }
            }
        }
        self.unwritten_doors(view, map, at, &mut object);
        whole.then_some(Json::Object(object))
    }

    fn entry(&mut self, view: &View<'w>, entry: &Entry<'s>, at: &At<'_>) -> Option<Json> {
        let key = entry.key.as_ref();
        let inner = At { key, place: entry.key_span.clone(), item: at.item, item_index: None };
        if let Some(schema) = view.property(key) {
            return self.walk(schema, &entry.value, &inner);
        }
        if let Some(schema) = view.additional() {
            return self.walk(schema, &entry.value, &inner);
        }
        if self.area == Area::File
            && let Some(fault) = unsupported::key(at.key, key, entry.key_span.clone())
        {
            self.fault(fault);
            return None;
        }
        let known: Vec<&str> = view.properties().map(|(name, _)| name).collect();
        let message = match self.area {
            Area::File | Area::Test => format!("`{key}` is not a key that belongs here"),
            Area::Step => format!("`{}` has no setting `{key}`", at.key),
        };
        let span = entry.key_span.clone();
        let fault = Diagnostic::error(self.area.unknown_key(), span, message)
            .hint_if(listing("it has ", &known))
            .did_you_mean(key, known.iter().copied());
        self.fault(fault);
        None
    }

    /// Whether a step can be asked about its settings without this one: a `timeout` that is
    /// wrong must not hide what is wrong with the update.
    fn may_do_without(&self, view: &View<'w>, key: &str) -> bool {
        let of_the_step = self.area == Area::Step && self.depth == 1;
        of_the_step && !view.required().any(|required| required == key)
    }

    /// Stands in for a text that can't be compiled.
    pub(super) fn mend(&mut self, value: Json) -> Option<Json> {
        if self.area != Area::Step {
            return None;
        }
        self.mended = true;
        Some(value)
    }

    /// Whether a key that is unknown was taken for a slip of this one.
    fn was_meant(&self, since: usize, name: &str) -> bool {
        self.faults[since..].iter().any(|fault| {
            let suggestion = fault.suggestion.as_ref();
            fault.code == self.area.unknown_key()
                && suggestion.is_some_and(|suggestion| suggestion.replacement == name)
        })
    }

    fn missing(&mut self, view: &View<'w>, name: &str, at: &At<'_>) {
        let message = match (self.area, at.item_index) {
            (Area::File | Area::Test, _) if at.key.is_empty() => {
                format!("the file has no `{name}`")
            }
            (_, Some(index)) => format!("item {} of `{}` has no `{name}`", index + 1, at.key),
            _ => format!("`{}` has no `{name}`", at.key),
        };
        let schema = view.property(name).and_then(|schema| View::of(self.root, schema).ok());
        let hint = schema.and_then(|schema| schema.description()).map(|words| {
            format!("`{name}`: {}", lower_first(words.lines().next().unwrap_or(words)))
        });
        let code = self.area.missing_key();
        self.fault(Diagnostic::error(code, at.place.clone(), message).hint_if(hint));
    }

    /// [`Self::unwritten_doors`] for settings that were written as one bare value.
    pub(crate) fn unwritten(&mut self, at: &At<'_>, object: &mut Object<String, Json>) {
        if let Ok(view) = View::of(self.root, self.root) {
            self.unwritten_doors(&view, &Map::default(), at, object);
        }
    }

    /// A door that is not written leads where `next` leads; the step gets its number all the same.
    fn unwritten_doors(
        &mut self,
        view: &View<'w>,
        map: &Map<'s>,
        at: &At<'_>,
        object: &mut Object<String, Json>,
    ) {
        for (name, schema) in view.properties() {
            let written = map.get(name).is_some_and(|entry| !entry.value.is_null());
            let given = object.get(name).is_some_and(|value| !value.is_null());
            if written || given || view.required().any(|required| required == name) {
                continue;
            }
            let is_door = View::of(self.root, schema).is_ok_and(|view| is_door(self.root, &view));
            if is_door {
                let door = self.open_door(name, at.item, None);
                object.insert(name.to_owned(), door);
            }
        }
    }

    /// Whatever it is, as JSON: where the schema says nothing.
    pub(super) fn anything(&mut self, node: &Node<'s>) -> Option<Json> {
        match &node.value {
            Value::Broken => None,
            Value::List(items) => {
                let values: Vec<_> = items.iter().map(|item| self.anything(item)).collect();
                values.into_iter().collect::<Option<Vec<_>>>().map(Json::from)
            }
            Value::Map(map) => {
                let mut object = Object::new();
                let mut whole = !map.partial;
                for entry in &map.entries {
                    match self.anything(&entry.value) {
                        Some(value) => drop(object.insert(entry.key.to_string(), value)),
                        None => whole = false,
                    }
                }
                whole.then_some(Json::Object(object))
            }
            Value::Scalar(scalar) => match scalar.plain() {
                Plain::Null => Some(Json::Null),
                Plain::Flag(flag) => Some(flag.into()),
                Plain::Int(number) => Some(number.into()),
                Plain::Float(number) => Some(number.into()),
                Plain::Text => Some(scalar.text.as_ref().into()),
                Plain::Huge => self.huge(node, scalar),
                Plain::Clock => self.clock(node, scalar),
            },
        }
    }

    pub(super) fn fault(&mut self, fault: Diagnostic) {
        self.faults.push(fault);
    }

    /// Said once: what is left of the walk would say it again and again.
    fn exhausted(&mut self, at: &At<'_>) -> Option<Json> {
        let said = self.faults.last().is_some_and(|fault| fault.code == codes::BAD_SCHEMA);
        if !said {
            let message = format!("the schema of `{}` is too involved to be checked", at.key);
            self.fault(Diagnostic::error(codes::BAD_SCHEMA, at.place.clone(), message));
        }
        None
    }
}

/// True for `format: step`, also where it may be null.
fn is_door<'w>(root: &'w Json, view: &View<'w>) -> bool {
    if view.text("format") == Some(format::STEP) {
        return true;
    }
    view.branches().into_iter().flatten().any(|branch| {
        View::of(root, branch).is_ok_and(|view| view.text("format") == Some(format::STEP))
    })
}

/// The `name` of a list item, or its number.
fn name_of(item: &Node<'_>, index: usize) -> String {
    let name = item.map().and_then(|map| map.get("name")?.value.scalar());
    match name {
        Some(name) if !name.text.is_empty() => name.text.to_string(),
        _ => format!("path {}", index + 1),
    }
}

/// A few characters that stand for a list item as a whole.
fn first_place(item: &Node<'_>) -> Span {
    match item.map().and_then(|map| map.entries.first()) {
        Some(entry) => entry.key_span.clone(),
        None => item.span.clone(),
    }
}

/// `it has a, b and c`, unless there are too many to be of help.
pub(crate) fn listing(before: &str, names: &[&str]) -> Option<String> {
    if names.is_empty() || names.len() > 20 {
        return None;
    }
    Some(format!("{before}{}", words::list(names, "and")))
}

fn lower_first(words: &str) -> String {
    let words = words.trim_end_matches('.');
    let mut letters = words.chars();
    match (letters.next(), letters.clone().next()) {
        // "IANA name" keeps its capitals.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => words.to_owned(),
    }
}
