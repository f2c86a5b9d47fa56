//! What can be judged of an update while the file is read.
//!
//! Of a constant update that is everything. Of one with Liquid it is what stands outside
//! of it: forbidden keys and, in the structured form, objects that need no rendering.

use flowrun_sdk::Fault;
use flowrun_sdk::settings::{Text, Tree};
use flowrun_track::{
    Array, ComposeError, ComposeKind, Composed, Object, compose_checked, compose_value,
    compose_value_checked,
};
use serde_json::{Value as Json, json};

use super::visible::{self, Place};
use super::{Content, LONGEST, objects};

/// Values that are told to be kept otherwise than written: nobody reads more.
const TOLD: usize = 100;

/// A readable update with what is to be said of it all the same.
pub type Read = Result<(Content, Vec<Fault>), Vec<Fault>>;

/// The `json` form.
pub fn composer(text: Text) -> Read {
    if let Some(source) = text.constant() {
        let said = |error: ComposeError| {
            let span = error.offset.map(|start| start..visible::token_end(source, start));
            let mut fault = fault("/json", error);
            // Lines of the text; the file's own are shown beside the underlined place.
            if let Some(line) = fault.message.rfind(" (line ").filter(|_| span.is_some()) {
                fault.message.truncate(line);
            }
            Fault { span, ..fault }
        };
        let composed = compose_checked(source)
            .map_err(|errors| errors.into_iter().map(said).collect::<Vec<_>>())?;
        let mut warnings = warn_of_counting(counts(&composed).map(|_| "/json"));
        warnings.extend(warn_of_constants(&composed, |_, _, _| "/json".to_owned()));
        return Ok((Content::Same(objects(&composed)), warnings));
    }
    let mut faults = Vec::new();
    let length = text.source.chars().count();
    if length > LONGEST {
        let message = format!("{length} characters of JSON; at most {LONGEST} are taken");
        faults.push(Fault::error("/json", message).code(Refusal::TooLong.code()));
    }
    let mut counts = None;
    for key in visible::keys(&text.source) {
        let probe = match key.place {
            Place::Top => json!({ key.name.as_str(): [] }),
            Place::Object => json!({ "attributes": [{ key.name.as_str(): 1 }] }),
            Place::Inside => json!({}),
        };
        if let Some(hint) = forbidden(&probe) {
            let fault = Fault::error("/json", forbids(&key.name)).code(Refusal::Forbidden.code());
            faults.push(Fault { hint, ..fault.span(key.span) });
        }
        let counting = match key.place {
            Place::Top => ["events", "purchases"].contains(&key.name.as_str()),
            Place::Object | Place::Inside => ["inc", "$add"].contains(&key.name.as_str()),
        };
        counts = counts.or(counting.then_some("/json"));
    }
    match faults.is_empty() {
        true => Ok((Content::Composer(text), warn_of_counting(counts))),
        false => Err(faults),
    }
}

/// The form with an array each for attributes, events and purchases.
pub fn structured_form(tree: Tree) -> Read {
    let mut faults = Vec::new();
    for array in Array::ALL {
        let at = format!("/{array}");
        match tree.0.get(array.name()) {
            Some(Json::Array(objects)) => {
                for (index, object) in objects.iter().enumerate() {
                    faults.extend(check(array, &format!("{at}/{index}"), object));
                }
            }
            Some(one) => faults.extend(check(array, &at, one)),
            None => {}
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    if tree.is_constant() {
        let composed = compose_value(tree.0.clone()).map_err(|error| vec![fault("", error)])?;
        let mut warnings = warn_of_counting(counts(&composed));
        // One object may stand without a list around it.
        let is_list = |array: Array| tree.0.get(array.name()).is_some_and(Json::is_array);
        warnings.extend(warn_of_constants(&composed, |array, index, path| {
            let at = if is_list(array) { format!("/{array}/{index}") } else { format!("/{array}") };
            format!("{at}{}", pointer(&Json::from(composed.objects(array)[index].clone()), path))
        }));
        return Ok((Content::Same(objects(&composed)), warnings));
    }
    let counts = ["events", "purchases"].into_iter().find(|array| tree.0.get(array).is_some());
    let counts = match counts {
        None => has_counter(&tree.0).then_some("/attributes"),
        Some("events") => Some("/events"),
        Some(_) => Some("/purchases"),
    };
    Ok((Content::Structured(tree), warn_of_counting(counts)))
}

/// Of something that counts, at a setting.
fn warn_of_counting(at: Option<&str>) -> Vec<Fault> {
    let text = "this may count twice where the backend doesn't know write keys, as after a reply \
                that got lost";
    let hint = "set a value instead of `inc`, `$add`, an event or a purchase, if that matters";
    at.map(|at| Fault::warning(at, text).code("FR0310").hint(hint)).into_iter().collect()
}

/// Of an update that is the same for everybody: that there is nothing in it, or what a profile
/// won't hold as it is written.
fn warn_of_constants(
    composed: &Composed,
    place: impl Fn(Array, usize, &str) -> String,
) -> Vec<Fault> {
    if Array::ALL.iter().all(|array| composed.objects(*array).is_empty()) {
        let text = "this update writes nothing: users go on with their profiles as they are";
        let hint = "write something, as in `attributes: [{ vip_member: true }]`";
        return vec![Fault::warning("", text).code("FR0312").hint(hint)];
    }
    let mut warnings = Vec::new();
    for array in Array::ALL {
        for (index, object) in composed.objects(array).iter().enumerate() {
            let Ok(object) = Object::parse(array, object) else { continue };
            warnings.extend(object.warnings().iter().take(TOLD - warnings.len()).map(|one| {
                let at = place(array, index, &one.path);
                Fault::warning(&at, format!("not kept as it is written: {one}")).code("FR0313")
            }));
        }
    }
    warnings
}

/// The faults of an object as it stands in the file. What a template gives is judged once it
/// is rendered, and all that stands around it here.
fn check(array: Array, at: &str, object: &Json) -> Vec<Fault> {
    if Tree::slot_of(object).is_some() {
        return Vec::new();
    }
    let errors = compose_value_checked(json!({ array.name(): [object] })).err();
    let seen = errors.into_iter().flatten().filter(|error| !is_rendered(object, &error.kind));
    seen.map(|error| of_object(array, at, object, error)).collect()
}

/// Whether the fault lies in a value that is yet to be rendered.
fn is_rendered(object: &Json, kind: &ComposeKind) -> bool {
    let ComposeKind::Item { error, .. } = kind else { return false };
    let constant = |value: &Json| Tree(value.clone()).is_constant();
    // The whole path may be the name of an attribute.
    if let Some(value) = object.get(&error.path) {
        return !constant(value);
    }
    let mut value = object;
    for (depth, part) in error.path.split(['.', '[']).enumerate() {
        match value.get(part) {
            Some(inner) => value = inner,
            // A key that is not there is not rendered either.
            None => return depth > 0 && !constant(value),
        }
        if Tree::slot_of(value).is_some() {
            return true;
        }
    }
    !constant(value)
}

fn of_object(array: Array, at: &str, object: &Json, error: ComposeError) -> Fault {
    let inner = match &error.kind {
        ComposeKind::Forbidden { key, .. } => pointer(object, key),
        ComposeKind::Item { error, .. } => pointer(object, &error.path),
        _ => String::new(),
    };
    // The place says which object it is; the number in the message is that of the probe.
    let message = match &error.kind {
        ComposeKind::Forbidden { key, .. } => forbids(key),
        ComposeKind::Item { error, .. } => error.message.clone(),
        _ => error.message.replacen(&format!("{array}[0]"), array.name(), 1),
    };
    Fault { message, ..fault(&format!("{at}{inner}"), error) }
}

/// The deepest part of a path that stands in the object.
fn pointer(object: &Json, path: &str) -> String {
    if object.get(path).is_some() {
        return format!("/{}", escaped(path));
    }
    let (mut found, mut value) = (String::new(), object);
    for part in path.split('.') {
        let Some(inner) = value.get(part) else { break };
        found.push('/');
        found.push_str(&escaped(part));
        value = inner;
    }
    found
}

/// A key as a pointer has it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn fault(at: &str, error: ComposeError) -> Fault {
    let code = Refusal::of(&error.kind).code();
    Fault { hint: error.hint, ..Fault::error(at, error.message).code(code) }
}

fn forbids(key: &str) -> String {
    format!("'{}' may not stand in a User Update", key.chars().take(80).collect::<String>())
}

/// The hint that belongs to a forbidden key, in an update that has no other fault.
fn forbidden(probe: &Json) -> Option<Option<String>> {
    let error = compose_value(probe.clone()).err()?;
    matches!(error.kind, ComposeKind::Forbidden { .. }).then_some(error.hint)
}

/// The array with an object that a second write would count again.
fn counts(composed: &Composed) -> Option<&'static str> {
    let counts = |array: &Array| {
        let objects = composed.objects(*array).iter();
        objects
            .filter_map(|object| Object::parse(*array, object).ok())
            .any(|object| object.counts_twice())
    };
    Array::ALL.into_iter().find(counts).map(|array| match array {
        Array::Attributes => "/attributes",
        Array::Events => "/events",
        Array::Purchases => "/purchases",
    })
}

fn has_counter(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().any(has_counter),
        Json::Object(object) => {
            object.iter().any(|(key, value)| key == "inc" || key == "$add" || has_counter(value))
        }
        _ => false,
    }
}

/// What kind of wrong an update is.
pub enum Refusal {
    NoJson,
    Forbidden,
    BadObject,
    TooLong,
}

impl Refusal {
    pub fn of(kind: &ComposeKind) -> Refusal {
        match kind {
            ComposeKind::Forbidden { .. } => Refusal::Forbidden,
            ComposeKind::TooLong { .. } => Refusal::TooLong,
            ComposeKind::NotAnObject { .. }
            | ComposeKind::UnknownTopKey { .. }
            | ComposeKind::Item { .. } => Refusal::BadObject,
            _ => Refusal::NoJson,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Refusal::NoJson => "FR0301",
            Refusal::Forbidden => "FR0302",
            Refusal::BadObject => "FR0303",
            Refusal::TooLong => "FR0304",
        }
    }

    pub fn words(&self) -> &'static str {
        match self {
            Refusal::NoJson => "invalid JSON",
            Refusal::Forbidden => "forbidden field",
            Refusal::BadObject => "invalid object",
            Refusal::TooLong => "too long",
        }
    }
}
