//! Reading what is expected: one expectation for each thing that may fail by itself, with the
//! place that is shown then.

use super::expect::{Counted, Expectation, Pattern, What, When, Whose};
use super::read::{Reader, json};
use super::read_act::{ACTS, acts, any};
use super::{Cast, Placed};
use crate::codes;
use crate::diagnostic::Span;
use crate::yaml::{Entry, Node, Value};

/// Words of `expect` that are no users.
const RUN: [&str; 5] = ["all", "count", "requests", "objects", "dead_letters"];

impl Reader<'_> {
    pub(super) fn expect(&mut self, node: &Node<'_>) -> Vec<Expectation> {
        let mut all = Vec::new();
        let entries = node.map().map(|map| map.entries.as_slice()).unwrap_or_default();
        for entry in entries {
            let (key, value) = (entry.key.as_ref(), &entry.value);
            let mut of_run = |what| all.push(Expectation::of(Whose::Run, what, value));
            match key {
                "all" => self.of_a_user(&Whose::All, value, &mut all),
                "count" => self.counts(value, &mut all),
                "requests" => drop(value.whole().map(|count| of_run(What::Requests(count)))),
                "dead_letters" => drop(value.whole().map(|count| of_run(What::DeadLetters(count)))),
                "objects" => objects(value, &mut all),
                _ => self.user(entry, &mut all),
            }
        }
        all
    }

    fn user(&mut self, entry: &Entry<'_>, all: &mut Vec<Expectation>) {
        let id = Placed { value: entry.key.to_string(), span: entry.key_span.clone() };
        debug_assert!(!RUN.contains(&id.value.as_str()));
        self.check_user(&id);
        let id = id.value;
        match &entry.value.value {
            Value::List(items) => {
                for (number, item) in items.iter().enumerate() {
                    let entry = Some(number as u32 + 1);
                    self.of_a_user(&Whose::User { id: id.clone(), entry }, item, all);
                }
            }
            _ => self.of_a_user(&Whose::User { id, entry: None }, &entry.value, all),
        }
    }

    fn of_a_user(&mut self, whose: &Whose, node: &Node<'_>, all: &mut Vec<Expectation>) {
        let Some(map) = node.map() else { return };
        for Entry { key, value, .. } in &map.entries {
            let before = all.len();
            let mut add = |what| all.push(Expectation::of(whose.clone(), what, value));
            match key.as_ref() {
                "path" => drop(self.path(value).map(|path| add(What::Path(path)))),
                "exit" if value.is_null() => add(What::Exit(None)),
                "exit" => drop(value.text().map(|exit| add(What::Exit(Some(exit.value))))),
                "entries" => drop(value.whole().map(|count| add(What::Entries(count)))),
                "dead_letters" => drop(value.whole().map(|count| add(What::DeadLetters(count)))),
                "at" => drop(self.step(value, any, "").map(|step| add(What::At(step)))),
                "messages" => drop(self.messages(value).map(add)),
                "waiting" => {
                    let step = value.at("step").and_then(|node| self.step(node, any, ""));
                    let until = self.moment_at(value, "until");
                    add(What::Waiting { step, until });
                }
                "held" => {
                    let step = value.at("step").and_then(|node| self.step(node, acts, ACTS));
                    let attempt = value.whole_at("attempt").map(|attempt| attempt as u32);
                    add(What::Held { step, attempt });
                }
                "profile" => {
                    attributes(value, whose, all, |name, value| What::Profile { name, value })
                }
                "written" => {
                    attributes(value, whose, all, |name, value| What::Written { name, value })
                }
                "arrived" => self.arrived(value, whose, all),
                "never_before" => self.never_before(value, whose, all),
                _ => {}
            }
            debug_assert!(all.len() >= before);
        }
    }

    fn step(&mut self, node: &Node<'_>, fits: fn(&str) -> bool, what: &str) -> Option<String> {
        let step = node.text()?;
        self.check_step(&step, fits, what);
        Some(step.value)
    }

    fn path(&mut self, node: &Node<'_>) -> Option<Vec<Placed<String>>> {
        let Value::List(items) = &node.value else { return None };
        let steps: Vec<Placed<String>> = items.iter().filter_map(Node::text).collect();
        steps.iter().for_each(|step| self.check_step(step, any, ""));
        Some(steps)
    }

    fn messages(&mut self, node: &Node<'_>) -> Option<What> {
        if let Some(count) = node.whole() {
            return Some(What::MessageCount(count));
        }
        let Value::List(items) = &node.value else { return None };
        if items.is_empty() {
            return Some(What::MessageCount(0));
        }
        let patterns = items.iter().map(|item| {
            let text = |key| item.text_at(key).map(|text| text.value);
            let step = item.at("step").and_then(|node| self.step(node, acts, ACTS));
            let value = Pattern {
                step,
                channel: text("channel"),
                subject: text("subject"),
                body: text("body"),
                contains: text("contains"),
                count: item.whole_at("count"),
            };
            Placed { value, span: item.span.clone() }
        });
        Some(What::Messages(patterns.collect()))
    }

    fn arrived(&mut self, node: &Node<'_>, whose: &Whose, all: &mut Vec<Expectation>) {
        for Entry { key, key_span, value } in pairs(node) {
            let step = Placed { value: key.to_string(), span: key_span.clone() };
            self.check_step(&step, any, "");
            self.either(value, "at", "after");
            let when = match (value.length_at("after"), self.moment_at(value, "at")) {
                (Some(after), _) => When::After(after),
                (None, Some(at)) => When::At(at),
                (None, None) => {
                    if value.map().is_some_and(|map| map.entries.is_empty()) {
                        self.fault(codes::TOGETHER, &value.span, "write `at` or `after`");
                    }
                    continue;
                }
            };
            let what = What::Arrived { step: step.value, when };
            all.push(Expectation::of(whose.clone(), what, value));
        }
    }

    fn never_before(&mut self, node: &Node<'_>, whose: &Whose, all: &mut Vec<Expectation>) {
        for Entry { key, key_span, value } in pairs(node) {
            let message = Placed { value: key.to_string(), span: key_span.clone() };
            self.check_step(&message, acts, ACTS);
            let Some(update) = self.step(value, acts, ACTS) else { continue };
            let what = What::NeverBefore { message: message.value, update };
            all.push(Expectation { whose: whose.clone(), what, span: together(key_span, value) });
        }
    }

    fn counts(&mut self, node: &Node<'_>, all: &mut Vec<Expectation>) {
        for Entry { key, value, .. } in pairs(node) {
            let of = match key.as_ref() {
                "entered" => Counted::Entered,
                "completed" => Counted::Completed,
                "exited" => Counted::Exited,
                "failed" => Counted::Failed,
                "waiting" => Counted::Waiting,
                "held" => Counted::Held,
                "messages" => Counted::Messages,
                "arrived" | "exits" => {
                    self.counts_by_name(key, value, all);
                    continue;
                }
                _ => continue,
            };
            if let Some(count) = value.whole() {
                all.push(Expectation::of(Whose::Run, What::Count { of, count }, value));
            }
        }
    }

    fn counts_by_name(&mut self, key: &str, node: &Node<'_>, all: &mut Vec<Expectation>) {
        for Entry { key: name, key_span, value } in pairs(node) {
            let of = if key == "arrived" {
                let step = Placed { value: name.to_string(), span: key_span.clone() };
                self.check_step(&step, any, "");
                Counted::Arrived(step.value)
            } else {
                Counted::Exit(name.to_string())
            };
            if let Some(count) = value.whole() {
                all.push(Expectation::of(Whose::Run, What::Count { of, count }, value));
            }
        }
    }
}

impl Expectation {
    fn of(whose: Whose, what: What, node: &Node<'_>) -> Expectation {
        Expectation { whose, what, span: node.span.clone() }
    }
}

impl Cast {
    /// Whether anybody can be in it.
    pub fn is_nobody(&self) -> bool {
        match self {
            Cast::Nobody => true,
            Cast::Listed(members) => members.is_empty(),
            Cast::File(_) | Cast::Alike { .. } => false,
        }
    }
}

fn pairs<'n, 's>(node: &'n Node<'s>) -> impl Iterator<Item = &'n Entry<'s>> + use<'n, 's> {
    node.map().into_iter().flat_map(|map| map.entries.iter())
}

fn together(key: &Span, value: &Node<'_>) -> Span {
    key.start..value.span.end
}

fn attributes(
    node: &Node<'_>,
    whose: &Whose,
    all: &mut Vec<Expectation>,
    what: fn(String, serde_json::Value) -> What,
) {
    for Entry { key, key_span, value } in pairs(node) {
        let what = what(key.to_string(), json(value));
        all.push(Expectation { whose: whose.clone(), what, span: together(key_span, value) });
    }
}

fn objects(node: &Node<'_>, all: &mut Vec<Expectation>) {
    if let Some(count) = node.whole() {
        let what = What::Objects { array: None, count };
        all.push(Expectation::of(Whose::Run, what, node));
        return;
    }
    for Entry { key, value, .. } in pairs(node) {
        let array = ["attributes", "events", "purchases"].into_iter().find(|array| array == key);
        if let (Some(array), Some(count)) = (array, value.whole()) {
            let what = What::Objects { array: Some(array), count };
            all.push(Expectation::of(Whose::Run, what, value));
        }
    }
}
