//! `user_update`: writes to the profile of the user who is at the step, and holds them
//! there until it is written.
//!
//! What to write is said as `POST /users/track` takes it (arrays of attributes, events
//! and purchases), without saying for whom: the step adds the user. Two forms:
//!
//! - `json:`, the composer. Text that is Liquid first and JSON once rendered, at most
//!   65,536 characters. A value may come out of a template with its braces and commas.
//! - `attributes:`, `events:`, `purchases:` in YAML. Their strings are Liquid and can't
//!   break the JSON; one that is exactly one `{{ … }}` keeps the type of its value.
//!
//! Refused, while the file is read where it can be seen and for the user at the step
//! otherwise: whatever names a user (`external_id`, `braze_id`, `user_alias`), a key or a
//! server, the import of push tokens, and any object that the endpoint would refuse.
//!
//! | what happens | the user leaves by |
//! |---|---|
//! | every object is written | `next`; the next step reads the new values |
//! | nothing is to be written (empty, or aborted by the template) | `next` |
//! | no JSON, a forbidden or invalid object, a final refusal | `on_failure`, and a dead letter keeps the text |
//! | the outcome is open after `timeout` | `on_timeout`; the write is not given up |
//!
//! A composer without Liquid is parsed once, and all users share the objects.

#[cfg(test)]
mod tests;
mod visible;

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_sdk::settings::{Text, Tree};
use flowrun_sdk::{
    Cohort, Decision, Declaration, Door, Duration, Exits, Fault, Millis, Objects, Step, Update,
    Visit,
};
use flowrun_track::{Array, ComposeError, ComposeKind, Composed, Object, compose, compose_value};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use visible::Place;

/// Characters of a composer.
const LONGEST: usize = 65_536;
/// Bytes of a rendered text that a dead letter keeps.
const KEPT: usize = 64 << 10;
/// Different texts of one cohort that are composed once only.
const SHARED: usize = 256;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The update as text: Liquid first, and JSON once rendered, like
    /// `{"attributes": [{"vip_member": true}]}`. No user id: the step adds it.
    json: Option<Text>,
    /// Attributes objects, structured: `[{ vip_member: true, orders: { inc: 1 } }]`.
    attributes: Option<Tree>,
    /// Event objects, structured, each with a `name` and a `time`.
    events: Option<Tree>,
    /// Purchase objects, structured, each with `product_id`, `currency`, `price`, `time`.
    purchases: Option<Tree>,
    /// How long users are held at most, as a duration like `10m`; then they leave by
    /// `on_timeout`. Without it they are held until the outcome is final.
    #[schemars(extend("format" = "duration"))]
    timeout: Option<String>,
}

/// Writes to the user's profile.
pub struct UserUpdate {
    content: Content,
    timeout: Option<Millis>,
    /// The setting where something stands that counts.
    counts: Option<&'static str>,
}

enum Content {
    /// The same for everybody.
    Same(Arc<Objects>),
    Composer(Text),
    Structured(Tree),
}

impl Step for UserUpdate {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("user_update", "Write to the user's profile, and hold them until it is written.")
            .exits(Exits::NextFailureOrTimeout)
            .example(
                "The JSON composer, with a door for writes that fail",
                "user_update:\n  json: |\n    {\"attributes\": [{\"vip_member\": true, \"nickname\": {{${first_name} | as_json_string}}}]}\n  timeout: 10m\non_failure: apologise",
            )
            .example(
                "Structured: counting, and an event",
                "user_update:\n  attributes:\n    - orders: { inc: 1 }\n      last_total: \"{{event_properties.${total}}}\"\n  events:\n    - name: became_vip\n      time: \"{{ 'now' | date: '%Y-%m-%dT%H:%M:%SZ' }}\"",
            )
            .example(
                "A purchase",
                "user_update:\n  purchases:\n    - product_id: \"{{context.${product_id}}}\"\n      currency: EUR\n      price: 9.99\n      time: \"{{ 'now' | date: '%Y-%m-%dT%H:%M:%SZ' }}\"",
            )
    }

    fn create(settings: Settings) -> Result<UserUpdate, Vec<Fault>> {
        let mut faults = Vec::new();
        let timeout = settings.timeout.as_deref().and_then(|text| match text.parse::<Duration>() {
            Ok(duration) if duration.as_millis() > Millis(0) => Some(duration.as_millis()),
            Ok(_) => {
                faults
                    .push(Fault::error("/timeout", "users would leave before anything is written"));
                None
            }
            Err(bad) => {
                faults.push(Fault::error("/timeout", bad.to_string()));
                None
            }
        });
        let structured: serde_json::Map<_, _> = Array::ALL
            .into_iter()
            .zip([settings.attributes, settings.events, settings.purchases])
            .filter_map(|(array, tree)| Some((array.name().to_owned(), tree?.0)))
            .collect();
        let read = match settings.json {
            Some(_) if !structured.is_empty() => {
                let text = "`json` and the structured form exclude each other";
                Err(vec![Fault::error("/json", text).hint("move what it says into one of them")])
            }
            Some(text) => composer(text),
            None if structured.is_empty() => {
                let text = "an update needs something to write";
                let hint = "`json:`, or some of `attributes:`, `events:`, `purchases:`";
                Err(vec![Fault::error("", text).hint(hint)])
            }
            None => structured_form(Tree(structured.into())),
        };
        match read {
            Ok((content, counts)) if faults.is_empty() => {
                Ok(UserUpdate { content, timeout, counts })
            }
            Ok(_) => Err(faults),
            Err(more) => {
                faults.extend(more);
                Err(faults)
            }
        }
    }

    fn warnings(&self) -> Vec<Fault> {
        let text = "this may count twice where the backend doesn't know write keys, as after a \
                    reply that got lost";
        let hint = "set a value instead of `inc`, `$add`, an event or a purchase, if that matters";
        let warning = |at| Fault::warning(at, text).code("FR0310").hint(hint);
        self.counts.map(warning).into_iter().collect()
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        match &self.content {
            Content::Same(objects) => self.write(objects.clone()),
            Content::Composer(text) => {
                let text = visit.text(text);
                self.settle(compose(text), || text.to_owned())
            }
            Content::Structured(tree) => {
                let json = visit.fill(tree);
                self.settle(compose_value(&json), || json.to_string())
            }
        }
    }

    /// Users for whom a composer renders to the same text share the objects, too.
    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        match &self.content {
            Content::Same(objects) => {
                let all = std::iter::repeat_with(|| self.write(objects.clone()));
                decisions.extend(all.take(cohort.len()));
            }
            Content::Composer(text) => {
                let mut known: BTreeMap<&str, Decision> = BTreeMap::new();
                for visit in cohort.visits() {
                    let rendered = visit.text(text);
                    if let Some(decision) = known.get(rendered) {
                        decisions.push(decision.clone());
                        continue;
                    }
                    let decision = self.decide(visit);
                    if known.len() < SHARED {
                        known.insert(rendered, decision.clone());
                    }
                    decisions.push(decision);
                }
            }
            Content::Structured(_) => {
                decisions.extend(cohort.visits().map(|visit| self.decide(visit)));
            }
        }
    }
}

impl UserUpdate {
    fn write(&self, objects: Arc<Objects>) -> Decision {
        if objects.is_empty() {
            return Decision::Go(Door::NEXT);
        }
        Decision::Update(Update { objects, timeout: self.timeout })
    }

    fn settle(
        &self,
        composed: Result<Composed, ComposeError>,
        payload: impl FnOnce() -> String,
    ) -> Decision {
        match composed {
            Ok(composed) => self.write(objects(&composed)),
            Err(error) => {
                let mut payload = payload();
                payload.truncate(payload.floor_char_boundary(KEPT));
                let said = error.message.trim_start_matches("not valid JSON: ");
                let reason = format!("{}: {said}", Refusal::of(&error.kind).words());
                Decision::Fail { reason, payload }
            }
        }
    }
}

/// What kind of wrong an update is.
enum Refusal {
    NoJson,
    Forbidden,
    BadObject,
    TooLong,
}

impl Refusal {
    fn of(kind: &ComposeKind) -> Refusal {
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

    fn words(&self) -> &'static str {
        match self {
            Refusal::NoJson => "invalid JSON",
            Refusal::Forbidden => "forbidden field",
            Refusal::BadObject => "invalid object",
            Refusal::TooLong => "too long",
        }
    }
}

/// A readable update, and the setting where something stands that counts.
type Read = Result<(Content, Option<&'static str>), Vec<Fault>>;

fn composer(text: Text) -> Read {
    if let Some(source) = text.constant() {
        let composed = compose(source).map_err(|error| {
            let span = error.offset.map(|start| start..visible::token_end(source, start));
            vec![Fault { span, ..fault("/json", error) }]
        })?;
        let counts = counts(&composed).map(|_| "/json");
        return Ok((Content::Same(objects(&composed)), counts));
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
            let message = format!("'{}' may not stand in a User Update", key.name);
            let fault = Fault::error("/json", message).code(Refusal::Forbidden.code());
            faults.push(Fault { hint, ..fault.span(key.span) });
        }
        let counting = match key.place {
            Place::Top => ["events", "purchases"].contains(&key.name.as_str()),
            Place::Object | Place::Inside => ["inc", "$add"].contains(&key.name.as_str()),
        };
        counts = counts.or(counting.then_some("/json"));
    }
    if faults.is_empty() { Ok((Content::Composer(text), counts)) } else { Err(faults) }
}

fn structured_form(tree: Tree) -> Read {
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
        let composed = compose_value(&tree.0).map_err(|error| vec![fault("", error)])?;
        return Ok((Content::Same(objects(&composed)), counts(&composed)));
    }
    let counts = ["events", "purchases"].into_iter().find(|array| tree.0.get(array).is_some());
    let counts = match counts {
        None => has_counter(&tree.0).then_some("/attributes"),
        Some("events") => Some("/events"),
        Some(_) => Some("/purchases"),
    };
    Ok((Content::Structured(tree), counts))
}

/// The fault of an object as it stands in the file. In one that is not complete before
/// it is rendered only the keys can be judged.
fn check(array: Array, at: &str, object: &Json) -> Option<Fault> {
    if Tree::slot_of(object).is_some() {
        return None;
    }
    let error = compose_value(&json!({ array.name(): [object] })).err()?;
    let whole = Tree(object.clone()).is_constant();
    let inner = match &error.kind {
        ComposeKind::Forbidden { key, .. } => key.as_str(),
        _ if !whole => return None,
        ComposeKind::Item { error, .. } if object.get(&error.path).is_some() => error.path.as_str(),
        _ => "",
    };
    // The number in the message is that of the probe, not of the file; the place says it.
    let message = error.message.replacen(&format!("{array}[0]"), "this object", 1);
    let message = message.replace(" (this object)", "").replace("this object.", "");
    let at = match inner {
        "" => at.to_owned(),
        key => format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
    };
    Some(Fault { message, ..fault(&at, error) })
}

fn fault(at: &str, error: ComposeError) -> Fault {
    let code = Refusal::of(&error.kind).code();
    Fault { hint: error.hint, ..Fault::error(at, error.message).code(code) }
}

/// The hint that belongs to a forbidden key, in an update that has no other fault.
fn forbidden(probe: &Json) -> Option<Option<String>> {
    let error = compose_value(probe).err()?;
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

fn objects(composed: &Composed) -> Arc<Objects> {
    let texts = |array| {
        let text = |object| serde_json::to_string(object).expect("JSON is JSON").into_boxed_str();
        composed.objects(array).iter().map(text).collect()
    };
    Arc::new(Objects {
        attributes: texts(Array::Attributes),
        events: texts(Array::Events),
        purchases: texts(Array::Purchases),
    })
}
