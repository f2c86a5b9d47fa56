//! Runs a step on a few users without a runtime: the test kit for authors of steps.
//!
//! ```
//! # use flowrun_sdk::{*, settings::Text};
//! # #[derive(serde::Deserialize, schemars::JsonSchema)]
//! # struct Settings { reason: Text }
//! # struct Leave(Settings);
//! # impl Step for Leave {
//! #     type Settings = Settings;
//! #     fn declare() -> Declaration { Declaration::new("leave", "End the journey.") }
//! #     fn create(settings: Settings) -> Result<Self, Vec<Fault>> { Ok(Leave(settings)) }
//! #     fn decide(&self, visit: Visit<'_>) -> Decision {
//! #         Decision::Exit(visit.text(&self.0.reason).to_owned())
//! #     }
//! # }
//! use flowrun_sdk::testing::{Trial, User};
//!
//! let trial = Trial::of::<Leave>(serde_json::json!({ "reason": "{{${plan}}} ended" })).unwrap();
//! let ada = User::new("ada").given("/reason", "trial ended");
//! assert_eq!(trial.decide_one(&ada), Decision::Exit("trial ended".to_owned()));
//! ```
//!
//! Settings are written as in a Canvas, with plain strings. The kit does with them what
//! the loader does, by the same [`format`] words of the schema, except that it has no
//! Liquid: what a template renders to is [given](User::given) per user, by the setting's
//! JSON pointer. A text in which no Liquid stands needs no value.

#[cfg(feature = "examples")]
mod examples;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::settings::{Tree, format};
use crate::{Cell, CohortBuilder, Decide, Decision, Door, Fault, Kind, Millis, Step};

#[cfg(feature = "examples")]
pub use examples::{parse_yaml, try_examples, try_kind};

/// A step at a place in an imagined Canvas.
pub struct Trial {
    step: Box<dyn Decide>,
    slots: Vec<Slot>,
    /// By number, from [`Door::FIRST_OWN`]: the names of the doors that settings open.
    doors: Vec<String>,
    place: String,
    now: Millis,
    seed: u64,
    zone: String,
}

/// What stands in place of a template or condition.
struct Slot {
    at: String,
    kind: Slotted,
    /// What every user has for whom nothing is given; `None` where Liquid stands.
    constant: Option<Json>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slotted {
    Text,
    Condition,
}

impl Trial {
    /// Creates the step from settings as a person writes them, or tells its faults.
    pub fn of<S: Step>(settings: Json) -> Result<Trial, Vec<Fault>> {
        Trial::of_kind(&Kind::of::<S>(), settings)
    }

    /// The same for a kind out of a catalogue.
    pub fn of_kind(kind: &Kind, settings: Json) -> Result<Trial, Vec<Fault>> {
        let settings = match &kind.declaration.shorthand {
            Some(setting) if !settings.is_object() => json!({ setting.as_str(): settings }),
            _ => settings,
        };
        let (loader, settings) = Loader::run(&kind.settings, settings);
        Ok(Trial {
            step: kind.create(settings)?,
            slots: loader.slots,
            doors: loader.doors,
            place: "canvas/step".to_owned(),
            now: Millis(0),
            seed: 0,
            zone: "UTC".to_owned(),
        })
    }

    /// Settings as `create` gets them: slots and door numbers in place of texts and steps.
    pub fn loaded(schema: &Json, settings: Json) -> Json {
        Loader::run(schema, settings).1
    }

    /// The moment of the decisions; the beginning of 1970 if nothing is said.
    pub fn now(mut self, now: Millis) -> Trial {
        self.now = now;
        self
    }

    /// The company zone; UTC if nothing is said.
    pub fn zone(mut self, zone: &str) -> Trial {
        self.zone = zone.to_owned();
        self
    }

    /// The seed of the run; 0 if nothing is said.
    pub fn seed(mut self, seed: u64) -> Trial {
        self.seed = seed;
        self
    }

    /// `canvas/step`, which random choices are tied to.
    pub fn place(mut self, place: &str) -> Trial {
        self.place = place.to_owned();
        self
    }

    /// The door of this name, as traces call it: the setting (`then`, `else`), or in a
    /// list the item's `name`. A door that the settings don't write has a number, too.
    ///
    /// # Panics
    /// If there is no such door.
    pub fn door(&self, name: &str) -> Door {
        let index = self.doors.iter().position(|door| door == name);
        let index = index.unwrap_or_else(|| panic!("no door is called `{name}`"));
        Door(Door::FIRST_OWN + index as u16)
    }

    /// The names of all doors by number: the general ones, then those that settings open.
    pub fn doors(&self) -> Vec<&str> {
        let own = self.doors.iter().map(String::as_str);
        ["next", "on_failure", "on_timeout"].into_iter().chain(own).collect()
    }

    /// A user for whom every condition holds or doesn't, and every text is this.
    pub fn imagined(&self, id: &str, holds: bool, text: &str) -> User {
        self.slots.iter().fold(User::new(id), |user, slot| match slot.constant {
            Some(_) => user,
            None if slot.kind == Slotted::Condition => user.given(&slot.at, holds),
            None => user.given(&slot.at, text),
        })
    }

    /// What the step says about correct settings all the same.
    pub fn warnings(&self) -> Vec<Fault> {
        self.step.warnings()
    }

    /// The profile attributes that the step reads at this place.
    pub fn reads(&self) -> Vec<String> {
        self.step.reads()
    }

    /// The decisions for users who are at the step together, in their order.
    ///
    /// # Panics
    /// If a user has no value for a setting with Liquid, or if the step doesn't decide
    /// once per user.
    pub fn decide(&self, users: &[User]) -> Vec<Decision> {
        let reads = self.step.reads();
        let slots = self.slots.len();
        let mut cohort =
            CohortBuilder::new(self.now, self.seed, &self.place, &self.zone, slots, &reads);
        for user in users {
            for slot in &self.slots {
                let value = user.rendered.get(&slot.at).or(slot.constant.as_ref());
                let nothing = || panic!("user `{}` is given nothing at {}", user.id, slot.at);
                push(&mut cohort, value.unwrap_or_else(nothing));
            }
            for name in &reads {
                push(&mut cohort, user.attributes.get(name).unwrap_or(&Json::Null));
            }
            cohort.visit(&user.id);
        }
        let mut decisions = Vec::new();
        self.step.decide_cohort(&cohort.build(), &mut decisions);
        assert_eq!(decisions.len(), users.len(), "one decision per user");
        decisions
    }

    /// The decision for a user who is alone at the step.
    pub fn decide_one(&self, user: &User) -> Decision {
        self.decide(std::slice::from_ref(user)).remove(0)
    }
}

/// A user at the step: what is rendered for them, and what their profile holds.
#[derive(Clone, Debug)]
pub struct User {
    id: String,
    rendered: BTreeMap<String, Json>,
    attributes: BTreeMap<String, Json>,
}

impl User {
    pub fn new(id: &str) -> User {
        User { id: id.to_owned(), rendered: BTreeMap::new(), attributes: BTreeMap::new() }
    }

    /// What the setting at this JSON pointer renders to: a string for a text, a bool for
    /// a condition, any value for a leaf of structured settings.
    pub fn given(mut self, at: &str, value: impl Into<Json>) -> User {
        self.rendered.insert(at.to_owned(), value.into());
        self
    }

    /// An attribute of the profile. Only those the step [reads](Step::reads) reach it.
    pub fn attribute(mut self, name: &str, value: impl Into<Json>) -> User {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

fn push(cohort: &mut CohortBuilder<'_>, value: &Json) {
    match value {
        Json::String(text) => cohort.text(text),
        Json::Null => cohort.cell(Cell::Empty),
        Json::Bool(flag) => cohort.cell(Cell::Flag(*flag)),
        Json::Number(number) => cohort.cell(match number.as_i64() {
            Some(number) => Cell::Int(number),
            None => Cell::Float(number.as_f64().unwrap_or(f64::NAN)),
        }),
        other => cohort.cell(Cell::Value(Box::new(other.clone()))),
    }
}

/// Puts slots and door numbers into settings, as the loader does.
struct Loader<'k> {
    root: &'k Json,
    slots: Vec<Slot>,
    doors: Vec<String>,
}

/// Where in the settings a value stands.
#[derive(Clone, Copy)]
struct At<'a> {
    path: &'a str,
    key: &'a str,
    /// The name of the list item it is in.
    item: Option<&'a str>,
}

impl<'k> Loader<'k> {
    fn run(root: &'k Json, settings: Json) -> (Loader<'k>, Json) {
        let mut loader = Loader { root, slots: Vec::new(), doors: Vec::new() };
        let settings = loader.load(&[root], At { path: "", key: "", item: None }, settings);
        (loader, settings)
    }

    fn load(&mut self, schemas: &[&'k Json], at: At<'_>, value: Json) -> Json {
        let schemas = self.alternatives(schemas);
        let format = schemas.iter().find_map(|schema| schema.get("format")?.as_str());
        match (format, value) {
            (Some(format::TEXT | format::TEXT_FILE), Json::String(source)) => {
                let constant = !has_liquid(&source);
                let slot = self.slot(at.path, Slotted::Text, constant.then_some(Json::Null));
                json!({ "slot": slot, "source": source, "constant": constant })
            }
            (Some(format::CONDITION), Json::String(source)) => {
                let flag = source.trim().parse::<bool>().ok().map(Json::Bool);
                let slot = self.slot(at.path, Slotted::Condition, flag);
                json!({ "slot": slot, "source": source })
            }
            (Some(format::CONDITION), Json::Bool(flag)) => {
                let slot = self.slot(at.path, Slotted::Condition, Some(Json::Bool(flag)));
                json!({ "slot": slot, "source": flag.to_string() })
            }
            (Some(format::STEP), Json::String(_)) => self.open_door(at),
            (Some(format::TREE), value) => self.leaves(at.path, value),
            (_, Json::Object(object)) => self.object(&schemas, at, object),
            (_, Json::Array(items)) => {
                let inner: Vec<_> =
                    schemas.iter().filter_map(|schema| schema.get("items")).collect();
                let item = |(index, item): (usize, Json)| {
                    let name = match item["name"].as_str() {
                        Some(name) => name.to_owned(),
                        None => format!("path {}", index + 1),
                    };
                    let path = format!("{}/{index}", at.path);
                    self.load(&inner, At { path: &path, item: Some(&name), ..at }, item)
                };
                items.into_iter().enumerate().map(item).collect()
            }
            (_, other) => other,
        }
    }

    fn object(
        &mut self,
        schemas: &[&'k Json],
        at: At<'_>,
        object: serde_json::Map<String, Json>,
    ) -> Json {
        let mut loaded = serde_json::Map::new();
        for (key, value) in object {
            let property = |schema: &&'k Json| {
                schema["properties"].get(&key).or_else(|| schema.get("additionalProperties"))
            };
            let inner: Vec<_> = schemas.iter().filter_map(property).collect();
            let path = format!("{}/{key}", at.path);
            let value = self.load(&inner, At { path: &path, key: &key, ..at }, value);
            loaded.insert(key, value);
        }
        // A door that is not written leads where `next` leads, and has its number.
        for (key, schema) in schemas.iter().filter_map(|s| s["properties"].as_object()).flatten() {
            if schema["format"] == format::STEP && !loaded.contains_key(key) {
                let door = self.open_door(At { key, ..at });
                loaded.insert(key.clone(), door);
            }
        }
        Json::Object(loaded)
    }

    fn open_door(&mut self, at: At<'_>) -> Json {
        let plain = at.item.unwrap_or(at.key);
        let taken = self.doors.iter().any(|door| door == plain);
        self.doors.push(if taken { format!("{plain} {}", at.key) } else { plain.to_owned() });
        json!(usize::from(Door::FIRST_OWN) + self.doors.len() - 1)
    }

    /// The schemas that may describe a value: references and alternatives laid open.
    fn alternatives(&self, schemas: &[&'k Json]) -> Vec<&'k Json> {
        let mut open = schemas.to_vec();
        let mut next = 0;
        while let Some(schema) = open.get(next).copied() {
            let reference = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
            open.extend(reference.and_then(|path| self.root.pointer(path)));
            for key in ["anyOf", "oneOf", "allOf"] {
                open.extend(schema[key].as_array().into_iter().flatten());
            }
            next += 1;
        }
        open
    }

    /// Structured settings: every string with Liquid becomes a slot.
    fn leaves(&mut self, at: &str, value: Json) -> Json {
        match value {
            Json::String(text) if has_liquid(&text) => {
                json!({ Tree::SLOT: self.slot(at, Slotted::Text, None) })
            }
            Json::Array(items) => {
                let item = |(index, item)| self.leaves(&format!("{at}/{index}"), item);
                items.into_iter().enumerate().map(item).collect()
            }
            Json::Object(object) => object
                .into_iter()
                .map(|(key, value)| {
                    let value = self.leaves(&format!("{at}/{key}"), value);
                    (key, value)
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other,
        }
    }

    fn slot(&mut self, at: &str, kind: Slotted, constant: Option<Json>) -> usize {
        self.slots.push(Slot { at: at.to_owned(), kind, constant });
        self.slots.len() - 1
    }
}

fn has_liquid(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}
