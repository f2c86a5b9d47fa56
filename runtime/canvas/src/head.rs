//! What a Canvas says about itself, above its steps.
//!
//! The types here are the schema of a Canvas file: the editor's and the checker's, so that
//! the two can't disagree.

use std::sync::LazyLock;

use flowrun_core::{Entry, Reentry, Slot, Trigger};
use flowrun_sdk::Duration;
use flowrun_sdk::schemars::{self, JsonSchema, Schema, SchemaGenerator, json_schema};
use flowrun_sdk::settings::{self, format};
use serde::Deserialize;
use serde_json::Value as Json;

/// The `format` of the list of steps, which is checked by itself.
pub(crate) const STEPS: &str = "flowrun-steps";

/// A customer journey as code: who enters, and the steps they go through.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "flowrun_sdk::schemars", rename = "Canvas")]
pub(crate) struct Written {
    /// The name of the Canvas: small letters, digits, `_` and `-`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_-]*$"))]
    pub(crate) canvas: String,
    /// What the journey is for, in a sentence.
    pub(crate) description: Option<String>,
    /// IANA name of the company's time zone, for users without one. Default: UTC.
    #[serde(default)]
    #[schemars(schema_with = "time_zone")]
    pub(crate) time_zone: Option<String>,
    /// Missing values make a template fail, instead of rendering empty.
    #[serde(default)]
    pub(crate) strict: bool,
    /// Who may enter, and how often. Default: users enter when the run starts.
    #[serde(default)]
    pub(crate) entry: WrittenEntry,
    /// The steps in order: one without `next` goes on to the one below it.
    #[schemars(schema_with = "steps")]
    #[serde(rename = "steps")]
    _steps: Json,
}

/// Who may enter, and how often.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "flowrun_sdk::schemars", inline)]
#[schemars(extend("dependencies" = { "where": ["event"] }))]
pub(crate) struct WrittenEntry {
    /// Users enter by a call of the API.
    #[serde(default)]
    api: bool,
    /// Users enter when they do this: the name of an event. Its properties are the entry
    /// properties.
    #[schemars(length(min = 1, max = 255))]
    event: Option<String>,
    /// Only if this holds for the event: a Liquid condition on `event_properties`.
    #[serde(rename = "where")]
    condition: Option<settings::Condition>,
    /// Only users for whom this holds: a Liquid condition.
    audience: Option<settings::Condition>,
    /// Whether a user may enter again: never (default), always, or so long after the last entry.
    #[serde(default)]
    reentry: WrittenReentry,
}

/// Whether a user may enter again.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(crate = "flowrun_sdk::schemars", inline)]
enum WrittenReentry {
    /// Every user enters once.
    #[default]
    Never,
    /// As often as they like.
    Always,
    /// Again so long after the last entry: `45s`, `15m`, `4h`, `2d`, `1w`, `1d 12h`.
    After(#[schemars(schema_with = "duration")] String),
}

impl Written {
    /// The schema of all but the steps.
    pub(crate) fn schema() -> &'static Json {
        static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Written).to_value());
        &SCHEMA
    }
}

impl WrittenEntry {
    /// The compiled condition is among the slots.
    pub(crate) fn compiled(self, slots: Vec<Slot>) -> Entry {
        let mut slots: Vec<Option<Slot>> = slots.into_iter().map(Some).collect();
        let mut compiled = |written: Option<settings::Condition>| match slots
            .get_mut(usize::from(written?.slot))?
            .take()
        {
            Some(Slot::Condition(condition)) => Some(*condition),
            _ => None,
        };
        let (audience, condition) = (compiled(self.audience), compiled(self.condition));
        let event = self.event.map(|name| Trigger { name: name.into(), condition });
        let reentry = match self.reentry {
            WrittenReentry::Never => Reentry::Never,
            WrittenReentry::Always => Reentry::Always,
            WrittenReentry::After(text) => {
                let duration: Duration = text.parse().expect("the walk checked the duration");
                Reentry::After(duration.as_millis())
            }
        };
        Entry { api: self.api, event, audience, reentry }
    }
}

fn time_zone(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": format::TIME_ZONE })
}

fn duration(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": format::DURATION })
}

fn steps(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "format": STEPS })
}
