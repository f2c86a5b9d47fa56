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

mod check;
mod schema;
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
use flowrun_track::{Array, ComposeError, Composed, compose, compose_value};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::rules;
use check::Refusal;

/// Characters of a composer.
const LONGEST: usize = 65_536;
/// Bytes of a rendered text that a dead letter keeps.
const KEPT: usize = 64 << 10;
/// Different outcomes of one cohort's rendering that are composed once only.
const SHARED: usize = 256;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = together)]
pub struct Settings {
    /// The update as text: Liquid first, and JSON once rendered, like
    /// `{"attributes": [{"vip_member": true}]}`. No user id: the step adds it.
    json: Option<Text>,
    /// Attributes objects, structured: `[{ vip_member: true, orders: { inc: 1 } }]`.
    #[serde(default)]
    #[schemars(schema_with = "schema::attributes")]
    attributes: Option<Tree>,
    /// Event objects, structured, each with a `name` and a `time`.
    #[serde(default)]
    #[schemars(schema_with = "schema::events")]
    events: Option<Tree>,
    /// Purchase objects, structured, each with `product_id`, `currency`, `price`, `time`.
    #[serde(default)]
    #[schemars(schema_with = "schema::purchases")]
    purchases: Option<Tree>,
    /// How long users are held at most, as a duration like `10m`; then they leave by
    /// `on_timeout`. Without it they are held until the outcome is final.
    #[schemars(extend("format" = "duration"))]
    timeout: Option<String>,
}

fn together(schema: &mut Schema) {
    rules::needs_one_of(schema, &["json", "attributes", "events", "purchases"]);
    for array in Array::ALL {
        rules::exclude(schema, "json", array.name());
    }
}

/// Writes to the user's profile.
pub struct UserUpdate {
    content: Content,
    timeout: Option<Millis>,
    /// What is to be said of it before anybody comes.
    warnings: Vec<Fault>,
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
                faults.push(Fault::error("/timeout", bad.to_string()).code("FR0506"));
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
            Some(text) => check::composer(text),
            None if structured.is_empty() => {
                let text = "an update needs something to write";
                let hint = "`json:`, or some of `attributes:`, `events:`, `purchases:`";
                Err(vec![Fault::error("", text).hint(hint)])
            }
            None => check::structured_form(Tree(structured.into())),
        };
        match read {
            Ok((content, warnings)) if faults.is_empty() => {
                Ok(UserUpdate { content, timeout, warnings })
            }
            Ok(_) => Err(faults),
            Err(more) => {
                faults.extend(more);
                Err(faults)
            }
        }
    }

    fn warnings(&self) -> Vec<Fault> {
        self.warnings.clone()
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        match &self.content {
            Content::Same(objects) => self.write(objects.clone()),
            Content::Composer(text) => {
                let text = visit.text(text);
                self.settle(compose(text), || text.to_owned())
            }
            Content::Structured(tree) => {
                // Filled once more where it is refused: that is rare, and a copy for each isn't.
                self.settle(compose_value(visit.fill(tree)), || visit.fill(tree).to_string())
            }
        }
    }

    /// Users for whom the same comes out share the objects, too.
    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        match &self.content {
            Content::Same(objects) => {
                let all = std::iter::repeat_with(|| self.write(objects.clone()));
                decisions.extend(all.take(cohort.len()));
            }
            Content::Composer(text) => self.decide_shared(cohort, decisions, |visit, rendered| {
                rendered.extend_from_slice(visit.text(text).as_bytes());
            }),
            Content::Structured(_) => self.decide_shared(cohort, decisions, Visit::rendered),
        }
    }
}

impl UserUpdate {
    /// Composes once for all for whom the same was rendered.
    fn decide_shared<'a>(
        &self,
        cohort: &'a Cohort<'_>,
        decisions: &mut Vec<Decision>,
        render: impl Fn(&Visit<'a>, &mut Vec<u8>),
    ) {
        let mut known: BTreeMap<Vec<u8>, Decision> = BTreeMap::new();
        let (mut rendered, mut met) = (Vec::new(), false);
        for visit in cohort.visits() {
            // Where everybody gets something of their own, nobody looks any longer.
            if known.len() == SHARED && !met {
                decisions.push(self.decide(visit));
                continue;
            }
            rendered.clear();
            render(&visit, &mut rendered);
            if let Some(decision) = known.get(&rendered) {
                met = true;
                decisions.push(decision.clone());
                continue;
            }
            let decision = self.decide(visit);
            if known.len() < SHARED {
                known.insert(rendered.clone(), decision.clone());
            }
            decisions.push(decision);
        }
    }

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

fn objects(composed: &Composed) -> Arc<Objects> {
    // One buffer to print into: a text that is made to fit is then allocated once only.
    let mut buffer = Vec::with_capacity(512);
    let mut texts = |array| {
        let text = |object| {
            buffer.clear();
            serde_json::to_writer(&mut buffer, object).expect("JSON is JSON");
            Box::from(str::from_utf8(&buffer).expect("JSON is UTF-8"))
        };
        composed.objects(array).iter().map(text).collect()
    };
    Arc::new(Objects {
        attributes: texts(Array::Attributes),
        events: texts(Array::Events),
        purchases: texts(Array::Purchases),
    })
}
