//! The way of a test file: text, tree, a walk along the schema, and then the values with their
//! places. What the walk has refused is passed over in silence here.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowrun_core::sdk::Duration;
use flowrun_core::track::date;
use flowrun_core::{Canvas, Millis};
use serde_json::{Map, Value as Json};

use super::act::{Event, Fault};
use super::{Beside, Cast, Fixtures, Member, Placed, ReadTest, START, Test, TestFile, schema};
use crate::codes::{self, Code};
use crate::diagnostic::{Diagnostic, Span};
use crate::load::finish;
use crate::schema::{Area, At, Walker, short};
use crate::texts::Texts;
use crate::yaml::{self, Node, Plain, Value};
use crate::{NoFiles, Source};

/// The most users of whom a test file can be about in a message.
const NAMED: usize = 10_000;

/// Reads a test file.
///
/// The file is there if and only if no diagnostic is an error and its Canvas has no fault.
pub fn read(source: Source, beside: &mut dyn Beside) -> ReadTest {
    let mut faults = Vec::new();
    let file = match yaml::parse(&source.text, &mut faults) {
        Some(root) => {
            walk(&root, &source, &mut faults);
            let (canvas, users) = Default::default();
            Reader { beside, faults: &mut faults, canvas, users, start: START }.file(&root)
        }
        None => None,
    };
    for fault in faults.iter_mut().filter(|fault| fault.code == codes::EMPTY) {
        fault.hint =
            Some("a test file begins with `canvas: PATH` and has a list of `tests:`".into());
    }
    let wrong = faults.iter().any(Diagnostic::is_error);
    let diagnostics = finish(faults, std::slice::from_ref(&source));
    ReadTest { file: file.filter(|_| !wrong), diagnostics, source }
}

fn walk(root: &Node<'_>, source: &Source, faults: &mut Vec<Diagnostic>) {
    if root.map().is_none() {
        let message =
            format!("a test file is a map with `canvas:` and `tests:`, not {}", root.noun());
        let place = root.span.start..root.span.start;
        faults.push(Diagnostic::error(codes::WRONG_TYPE, place, message));
        return;
    }
    let schema = schema::along();
    let mut texts = Texts::new(source, &NoFiles);
    let mut walker = Walker::new(schema, Area::Test, &mut texts, faults);
    let at = At { key: "", place: root.span.start..root.span.start, item: None, item_index: None };
    walker.walk(schema, root, &at);
}

pub(super) struct Reader<'r> {
    pub beside: &'r mut dyn Beside,
    pub faults: &'r mut Vec<Diagnostic>,
    pub canvas: Option<Arc<Canvas>>,
    /// The users of the file; `None` where they couldn't be read.
    pub users: Option<BTreeSet<String>>,
    pub start: Millis,
}

impl Reader<'_> {
    fn file(mut self, root: &Node<'_>) -> Option<TestFile> {
        let path = root.text_at("canvas");
        let mut missing = path.is_none();
        if let Some(path) = &path {
            match self.beside.canvas(&path.value) {
                Ok(canvas) => self.canvas = canvas,
                Err(why) => {
                    let message =
                        format!("the Canvas `{}` can't be read: {why}", short(&path.value));
                    self.fault(codes::NOT_BESIDE, &path.span, message);
                    missing = true;
                }
            }
        }
        self.start = self.moment_at(root, "start").unwrap_or(START);
        let seed = root.at("seed").and_then(|node| node.whole()).unwrap_or(0);
        let users = root.at("users").map(|node| self.cast(node, None)).unwrap_or_default();
        let fixtures = root.at("fixtures").and_then(|node| self.fixtures(node));
        let items = root.at("tests").map(Node::items).unwrap_or_default();
        let tests: Vec<Test> = items.iter().map(|item| self.test(item)).collect();
        self.names(&tests);
        if missing {
            return None;
        }
        let (path, canvas, start) = (path?, self.canvas.clone()?, self.start);
        Some(TestFile { canvas, path, start, seed, users, fixtures, tests })
    }

    /// Every test has a name of its own.
    fn names(&mut self, tests: &[Test]) {
        for (number, test) in tests.iter().enumerate() {
            let mut before = tests[..number].iter();
            let first = before.find(|first| first.name.value == test.name.value);
            let Some(first) = first.filter(|_| !test.name.value.is_empty()) else { continue };
            let message = format!("two tests are called `{}`", short(&test.name.value));
            let fault = Diagnostic::error(codes::TEST_TWICE, test.name.span.clone(), message);
            self.faults.push(fault.related(first.name.span.clone(), "the first one"));
        }
    }

    fn test(&mut self, node: &Node<'_>) -> Test {
        let nameless = || Placed { value: String::new(), span: node.span.clone() };
        let name = node.text_at("name").unwrap_or_else(nameless);
        let base = self.users.clone();
        let users = node.at("users").map(|node| self.cast(node, base.as_ref()));
        let events = node.at("events").map(Node::items).unwrap_or_default();
        let events: Vec<Event> = events.iter().filter_map(|item| self.event(item)).collect();
        if let Some(known) = &mut self.users {
            known.extend(events.iter().map(|event| event.user.clone()));
        }
        let faults = node.at("faults").map(Node::items).unwrap_or_default();
        let faults: Vec<Fault> = faults.iter().filter_map(|item| self.reaction(item)).collect();
        let until = self.end(node);
        let expect = node.at("expect").map(|node| self.expect(node)).unwrap_or_default();
        let trace = node.text_at("trace");
        if let Some(trace) = &trace {
            self.golden(trace);
        }
        self.users = base;
        Test { name, users, events, faults, until, expect, trace }
    }

    fn end(&mut self, node: &Node<'_>) -> Option<Millis> {
        self.either(node, "until", "for");
        let until = match (self.moment_at(node, "until"), node.length_at("for")) {
            (Some(until), _) => until,
            (None, length) => return length.map(|length| self.start + length),
        };
        if until < self.start {
            let span = node.at("until").map_or(node.span.clone(), |node| node.span.clone());
            self.fault(codes::NO_MOMENT, &span, "the test would end before it starts");
        }
        Some(until)
    }

    /// A trace is written by `--update`: only where the tests are.
    fn golden(&mut self, trace: &Placed<String>) {
        let path = &trace.value;
        let inside = !path.starts_with('/') && !path.contains(['\\', '\0', ':']);
        if path.is_empty() || !inside || path.split('/').any(|part| part == "..") {
            let message = "the trace of a test lies in the folder of the test file or below it";
            self.fault(codes::NOT_BESIDE, &trace.span, message);
        }
    }

    fn fixtures(&mut self, node: &Node<'_>) -> Option<Fixtures> {
        let (fixtures, result) = match &node.value {
            Value::Scalar(scalar) => {
                let path = scalar.text.to_string();
                let result = self.beside.fixtures(&path);
                (Fixtures::File(path), result)
            }
            Value::List(_) => {
                let rows = json(node);
                let result = self.beside.rows(&rows);
                (Fixtures::Rows(rows), result)
            }
            _ => return None,
        };
        if let Err(why) = result {
            let place = node.items().first().map_or(&node.span, |item| &item.span);
            self.fault(codes::NOT_BESIDE, place, format!("the fixtures can't be used: {why}"));
        }
        Some(fixtures)
    }

    /// Who takes part; `base` are the users of the file, for a test.
    fn cast(&mut self, node: &Node<'_>, base: Option<&BTreeSet<String>>) -> Cast {
        let mut ids = BTreeSet::new();
        let cast = match &node.value {
            Value::List(items) => {
                let members = items.iter().filter_map(|item| self.member(item, base, &mut ids));
                Cast::Listed(members.collect())
            }
            Value::Scalar(scalar) => {
                let path = scalar.text.to_string();
                match self.beside.users(&path) {
                    Ok(users) => ids = users,
                    Err(why) => {
                        let message = format!("the users `{}` can't be read: {why}", short(&path));
                        self.fault(codes::NOT_BESIDE, &node.span, message);
                        self.users = None;
                        return Cast::Nobody;
                    }
                }
                Cast::File(path)
            }
            Value::Map(_) => {
                let count = node.at("count").and_then(|node| node.whole()).unwrap_or(1);
                let count = count.min(u64::from(schema::MOST_ALIKE)) as u32;
                let prefix = node.text_at("prefix").map_or("u".to_owned(), |text| text.value);
                let attributes = node.at("attributes").map(object).unwrap_or_default();
                let mut one = attributes.clone();
                one.insert("external_id".to_owned(), format!("{prefix}1").into());
                self.judge_user(node, &one);
                ids.extend((1..=count).map(|number| format!("{prefix}{number}")));
                Cast::Alike { count, prefix, attributes }
            }
            Value::Broken => return Cast::Nobody,
        };
        self.users = Some(ids);
        cast
    }

    fn member(
        &mut self,
        item: &Node<'_>,
        base: Option<&BTreeSet<String>>,
        ids: &mut BTreeSet<String>,
    ) -> Option<Member> {
        if item.map().is_some() {
            let user = object(item);
            let id = user.get("external_id")?.as_str()?.to_owned();
            if self.judge_user(item, &user) {
                ids.insert(id);
            }
            return Some(Member::User(user));
        }
        let id = item.text()?;
        let known = base?;
        if !known.contains(&id.value) {
            self.unknown_user(&id, known);
            return None;
        }
        ids.insert(id.value.clone());
        Some(Member::Known(id.value))
    }

    /// Says what is wrong with a user; true if nothing is.
    fn judge_user(&mut self, node: &Node<'_>, user: &Map<String, Json>) -> bool {
        let Err(all) = self.beside.user(user) else { return true };
        let first = node.map().and_then(|map| map.entries.first());
        let span = first.map_or(node.span.clone(), |entry| entry.value.span.clone());
        for why in all {
            self.fault(codes::NO_USER, &span, format!("this is no user: {why}"));
        }
        false
    }

    pub(super) fn unknown_user(&mut self, id: &Placed<String>, known: &BTreeSet<String>) {
        let message = format!("no user of the test is called `{}`", short(&id.value));
        let mut fault = Diagnostic::error(codes::NO_SUCH_USER, id.span.clone(), message);
        if known.len() <= 8 && !known.is_empty() {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            fault = fault.hint(format!("its users are {}", crate::words::list(&names, "and")));
        }
        let names = known.iter().take(NAMED).map(String::as_str);
        self.faults.push(fault.did_you_mean(&id.value, names));
    }

    /// Whether a user takes part; says so if not.
    pub(super) fn check_user(&mut self, id: &Placed<String>) {
        if let Some(known) = self.users.take() {
            if !known.contains(&id.value) {
                self.unknown_user(id, &known);
            }
            self.users = Some(known);
        }
    }

    /// Whether the Canvas has the step; says so if not.
    pub(super) fn check_step(&mut self, id: &Placed<String>, fits: fn(&str) -> bool, what: &str) {
        let Some(canvas) = self.canvas.clone() else { return };
        let mut nodes = canvas.graph().node_weights();
        let found = nodes.find(|node| *node.id == *id.value);
        if found.is_some_and(|node| fits(&node.kind)) {
            return;
        }
        let (name, written) = (&canvas.head.name, short(&id.value));
        let message = match found {
            Some(node) => format!("`{written}` is no {what} but a `{}`", node.kind),
            None => format!("`{name}` has no step `{written}`"),
        };
        let fitting = canvas.graph().node_weights().filter(|node| fits(&node.kind));
        let names: Vec<&str> = fitting.map(|node| &*node.id).collect();
        let hint = crate::schema::listing("the steps are ", &names);
        let fault = Diagnostic::error(codes::NO_SUCH_STEP, id.span.clone(), message);
        let known = if found.is_some() { Vec::new() } else { names };
        self.faults.push(fault.hint_if(hint).did_you_mean(&id.value, known));
    }

    pub(super) fn fault(&mut self, code: Code, span: &Span, message: impl Into<String>) {
        self.faults.push(Diagnostic::error(code, span.clone(), message));
    }

    /// Two keys that say one thing.
    pub(super) fn either(&mut self, node: &Node<'_>, one: &str, other: &str) {
        let Some(map) = node.map() else { return };
        if let (Some(first), Some(second)) = (map.get(one), map.get(other)) {
            let message = format!("`{one}` and `{other}` say the same thing: write one of them");
            let fault = Diagnostic::error(codes::TOGETHER, second.key_span.clone(), message);
            self.faults.push(fault.related(first.key_span.clone(), "here is the other"));
        }
    }

    pub(super) fn moment_at(&mut self, node: &Node<'_>, key: &str) -> Option<Millis> {
        let text = node.text_at(key)?;
        let moment = date::event(text.value.trim()).map(|instant| Millis(instant.ms()));
        if let Some(moment) = moment.filter(|moment| *moment <= Millis::MAX) {
            return Some(moment);
        }
        let message = format!("`{}` is no moment", short(&text.value));
        let fault = Diagnostic::error(codes::NO_MOMENT, text.span, message);
        self.faults.push(fault.hint("write 2026-03-27T18:30:00Z, or 2026-03-27 for its midnight"));
        None
    }

    /// A moment, or a length after the start.
    pub(super) fn moment_or_length_at(&mut self, node: &Node<'_>, key: &str) -> Option<Millis> {
        match node.length_at(key) {
            Some(length) => Some(self.start + length),
            None => self.moment_at(node, key),
        }
    }
}

/// Looking into the tree.
impl<'s> Node<'s> {
    pub(super) fn at(&self, key: &str) -> Option<&Node<'s>> {
        Some(&self.map()?.get(key)?.value)
    }

    pub(super) fn items(&self) -> &[Node<'s>] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<Placed<String>> {
        let scalar = self.scalar().filter(|scalar| scalar.plain() == Plain::Text)?;
        Some(Placed { value: scalar.text.to_string(), span: self.span.clone() })
    }

    pub(super) fn text_at(&self, key: &str) -> Option<Placed<String>> {
        self.at(key)?.text()
    }

    pub(super) fn whole(&self) -> Option<u64> {
        match self.scalar()?.plain() {
            Plain::Int(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    pub(super) fn whole_at(&self, key: &str) -> Option<u64> {
        self.at(key)?.whole()
    }

    pub(super) fn length_at(&self, key: &str) -> Option<Millis> {
        let length: Duration = self.text_at(key)?.value.parse().ok()?;
        Some(length.as_millis())
    }
}

/// A node as JSON. What JSON has no word for was refused by the walk.
pub(super) fn json(node: &Node<'_>) -> Json {
    match &node.value {
        Value::Broken => Json::Null,
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(_) => Json::Object(object(node)),
        Value::Scalar(scalar) => match scalar.plain() {
            Plain::Null | Plain::Huge => Json::Null,
            Plain::Flag(flag) => flag.into(),
            Plain::Int(number) => number.into(),
            Plain::Float(number) => number.into(),
            Plain::Clock | Plain::Text => scalar.text.as_ref().into(),
        },
    }
}

pub(super) fn object(node: &Node<'_>) -> Map<String, Json> {
    let entries = node.map().into_iter().flat_map(|map| &map.entries);
    entries.map(|entry| (entry.key.to_string(), json(&entry.value))).collect()
}
