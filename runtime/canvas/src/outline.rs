//! The steps as written: ids, kinds and doors found, nothing resolved yet.

use flowrun_sdk::{Catalogue, Exits, Kind};

use crate::codes;
use crate::diagnostic::{Diagnostic, Span};
use crate::schema::is_name;
use crate::unsupported;
use crate::words;
use crate::yaml::{Entry, Map, Node, Plain, Value};

/// The most steps that a Canvas may have.
pub(crate) const MAX_STEPS: usize = 10_000;

/// Keys of a step that don't name a kind.
pub(crate) const ID: &str = "id";
pub(crate) const NEXT: &str = "next";
pub(crate) const ON_FAILURE: &str = "on_failure";
pub(crate) const ON_TIMEOUT: &str = "on_timeout";
const GENERAL: [&str; 4] = [ID, NEXT, ON_FAILURE, ON_TIMEOUT];

/// A step as written.
pub(crate) struct Step<'t, 's> {
    /// Not there where none was written; a bad one still names its step.
    pub(crate) id: Option<Name>,
    /// A few characters that stand for the step.
    pub(crate) place: Span,
    pub(crate) kind: Option<&'t Kind>,
    pub(crate) settings: Option<&'t Entry<'s>>,
    pub(crate) next: Option<Name>,
    pub(crate) on_failure: Option<Name>,
    pub(crate) on_timeout: Option<Name>,
    /// A way was written that could not be made out.
    pub(crate) lost_way: bool,
}

/// A name and where it stands.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// Reads all steps; what is wrong with one does not stop the next.
pub(crate) fn outline<'t, 's>(
    list: &'t Entry<'s>,
    catalogue: &'t Catalogue,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Step<'t, 's>> {
    let Value::List(items) = &list.value.value else { return Vec::new() };
    if items.is_empty() {
        let message = "a Canvas has at least one step";
        faults.push(Diagnostic::error(codes::NO_STEPS, list.key_span.clone(), message));
    }
    if items.len() > MAX_STEPS {
        let message =
            format!("a Canvas has at most {MAX_STEPS} steps; this one has {}", items.len());
        faults.push(Diagnostic::error(codes::TOO_MANY_STEPS, list.key_span.clone(), message));
        return Vec::new();
    }
    items.iter().filter_map(|item| step(item, catalogue, faults)).collect()
}

fn step<'t, 's>(
    node: &'t Node<'s>,
    catalogue: &'t Catalogue,
    faults: &mut Vec<Diagnostic>,
) -> Option<Step<'t, 's>> {
    let map = match &node.value {
        Value::Map(map) => map,
        Value::Broken => return None,
        _ => {
            let message = format!("a step is a map with an `id` and a kind, not {}", node.noun());
            let hint = "write `- id: NAME` and below it a kind such as `delay:`";
            faults
                .push(Diagnostic::error(codes::WRONG_TYPE, node.span.clone(), message).hint(hint));
            return None;
        }
    };
    let place = map.entries.first().map_or(node.span.clone(), |entry| entry.key_span.clone());
    let id = id(map, &place, faults);
    let settings = kind_key(map, &place, catalogue, faults);
    let kind = settings.and_then(|entry| catalogue.get(&entry.key));
    let mut door = |key: &str| door(map, key, kind, settings, faults);
    let (next, on_failure, on_timeout) = (door(NEXT), door(ON_FAILURE), door(ON_TIMEOUT));
    let ways = [(NEXT, &next), (ON_FAILURE, &on_failure), (ON_TIMEOUT, &on_timeout)];
    let lost_way =
        map.partial || ways.iter().any(|(key, way)| way.is_none() && map.get(key).is_some());
    Some(Step { id, place, kind, settings, next, on_failure, on_timeout, lost_way })
}

fn id(map: &Map<'_>, place: &Span, faults: &mut Vec<Diagnostic>) -> Option<Name> {
    let Some(entry) = map.get(ID) else {
        if !map.partial {
            let message = "this step has no `id`";
            faults.push(
                Diagnostic::error(codes::NO_ID, place.clone(), message)
                    .hint("write `id: NAME`: tests, traces and jumps know the step by it"),
            );
        }
        return None;
    };
    let span = entry.value.span.clone();
    let text = match entry.value.scalar() {
        Some(scalar) if scalar.plain() != Plain::Null => scalar.text.to_string(),
        _ => {
            let message = format!("an `id` is a name, not {}", entry.value.noun());
            faults.push(Diagnostic::error(codes::BAD_ID, entry.key_span.clone(), message));
            return None;
        }
    };
    if !is_name(&text) {
        let message = "this is no `id` for a step";
        let hint = "an id begins with a small letter and has small letters, digits, `_` and `-`";
        let mut fault = Diagnostic::error(codes::BAD_ID, span.clone(), message).hint(hint);
        if let Some(better) = better_name(&text) {
            fault = fault.suggest(span.clone(), better);
        }
        faults.push(fault);
    }
    Some(Name { text, span })
}

/// The name that the text would be if it were one.
fn better_name(text: &str) -> Option<String> {
    let better: String = text
        .trim()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
        .collect::<String>()
        .to_ascii_lowercase();
    (better.len() <= 64 && is_name(&better)).then_some(better)
}

/// The one key that names a kind.
fn kind_key<'t, 's>(
    map: &'t Map<'s>,
    place: &Span,
    catalogue: &Catalogue,
    faults: &mut Vec<Diagnostic>,
) -> Option<&'t Entry<'s>> {
    let others = map.entries.iter().filter(|entry| !GENERAL.contains(&entry.key.as_ref()));
    let (kinds, unknown): (Vec<_>, Vec<_>) = others
        .partition(|entry| catalogue.get(&entry.key).is_some() || unsupported::is_kind(&entry.key));
    for entry in &unknown {
        faults.push(unknown_key(entry, kinds.is_empty(), catalogue));
    }
    let [first, more @ ..] = kinds.as_slice() else {
        if unknown.is_empty() && !map.partial {
            let message = "this step has no kind";
            let names: Vec<&str> = kind_names(catalogue).collect();
            let hint = words::offer(&names);
            faults.push(Diagnostic::error(codes::NO_KIND, place.clone(), message).hint_if(hint));
        }
        return None;
    };
    for entry in more {
        let message = format!("a step has one kind: `{}` and `{}` are two", first.key, entry.key);
        faults.push(
            Diagnostic::error(codes::TWO_KINDS, entry.key_span.clone(), message)
                .related(first.key_span.clone(), "the first one")
                .hint("make two steps of it"),
        );
    }
    if let Some(fault) = unsupported::kind(first, catalogue) {
        faults.push(fault);
        return None;
    }
    Some(first)
}

fn unknown_key(entry: &Entry<'_>, lacks_kind: bool, catalogue: &Catalogue) -> Diagnostic {
    let key = entry.key.as_ref();
    let span = entry.key_span.clone();
    let general = crate::nearest::nearest(key, GENERAL);
    if lacks_kind && general.is_none() {
        let message = format!("there is no step kind `{}`", short(key));
        let names: Vec<&str> = kind_names(catalogue).collect();
        return Diagnostic::error(codes::UNKNOWN_KIND, span, message)
            .hint_if(words::offer(&names))
            .did_you_mean(key, names.iter().copied());
    }
    let message = format!("a step has no key `{}`", short(key));
    Diagnostic::error(codes::UNKNOWN_KEY, span, message)
        .hint(format!("beside its kind a step has {}", words::list(&GENERAL, "and")))
        .did_you_mean(key, GENERAL)
}

fn kind_names(catalogue: &Catalogue) -> impl Iterator<Item = &str> {
    catalogue.iter().map(|kind| kind.declaration.name.as_str())
}

/// Where a general door leads.
fn door(
    map: &Map<'_>,
    key: &str,
    kind: Option<&Kind>,
    settings: Option<&Entry<'_>>,
    faults: &mut Vec<Diagnostic>,
) -> Option<Name> {
    let entry = map.get(key)?;
    if let (Some(kind), Some(settings)) = (kind, settings)
        && !has_door(kind.declaration.exits, key)
    {
        let name = &kind.declaration.name;
        let message = match kind.declaration.exits {
            Exits::None => format!("`{name}` ends the journey, so it has no `{key}`"),
            _ => format!("`{name}` has no `{key}`"),
        };
        faults.push(
            Diagnostic::error(codes::NO_SUCH_DOOR, entry.key_span.clone(), message)
                .related(settings.key_span.clone(), "the kind of the step"),
        );
        return None;
    }
    match &entry.value.value {
        Value::Broken => None,
        Value::Scalar(scalar) if scalar.plain() != Plain::Null => {
            Some(Name { text: scalar.text.to_string(), span: entry.value.span.clone() })
        }
        _ => {
            let message = format!("`{key}` is the id of a step, not {}", entry.value.noun());
            let hint = "leave it out to go on to the step below";
            let span = entry.key_span.clone();
            faults.push(Diagnostic::error(codes::UNKNOWN_TARGET, span, message).hint(hint));
            None
        }
    }
}

fn has_door(exits: Exits, key: &str) -> bool {
    match exits {
        Exits::None => false,
        Exits::NextOrFailure | Exits::Branches => key != ON_TIMEOUT,
        Exits::NextFailureOrTimeout => true,
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(40).collect()
}
