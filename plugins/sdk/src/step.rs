//! The step trait, and the catalogue of kinds that a Canvas may use.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::settings::Tree;
use crate::{Cohort, Decision, Declaration, Fault, Visit, WrittenMessage};

/// A kind of step. Implement [`decide`](Step::decide); take
/// [`decide_cohort`](Step::decide_cohort) where work can be shared between users.
///
/// Decisions must follow from the visit alone. Nothing breaks if they don't (what was
/// decided is what is recorded), but a simulation can then not be repeated.
pub trait Step: Sized + Send + Sync + 'static {
    /// What a person writes under the kind key. Use `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;

    fn declare() -> Declaration;

    /// Made once per place in a Canvas, at load. All faults at once.
    fn create(settings: Self::Settings) -> Result<Self, Vec<Fault>>;

    /// What should be said about correct settings all the same.
    fn warnings(&self) -> Vec<Fault> {
        Vec::new()
    }

    /// Attributes read at this place, where that depends on the settings.
    fn reads(&self) -> Vec<String> {
        Self::declare().reads
    }

    /// Variables that this step may put into the journey's context
    /// ([`Decision::Remember`]): a template that reads another one is warned of.
    fn sets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Those of the variables whose values the step's own settings read further down, as
    /// `context.${name}`, with the values as the settings hold them: in order.
    fn sets_in_order(&self) -> Vec<(String, Tree)> {
        Vec::new()
    }

    /// The messages that this step may send, as they are written.
    fn messages(&self) -> Vec<WrittenMessage> {
        Vec::new()
    }

    /// What should happen to this user.
    fn decide(&self, visit: Visit<'_>) -> Decision;

    /// What should happen to these users: one decision each, in their order.
    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        decisions.extend(cohort.visits().map(|visit| self.decide(visit)));
    }
}

/// A created step, with its settings inside: what the runtime asks.
pub trait Decide: Send + Sync {
    fn warnings(&self) -> Vec<Fault>;
    fn reads(&self) -> Vec<String>;
    fn sets(&self) -> Vec<String> {
        Vec::new()
    }
    fn sets_in_order(&self) -> Vec<(String, Tree)> {
        Vec::new()
    }
    fn messages(&self) -> Vec<WrittenMessage> {
        Vec::new()
    }
    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>);
}

impl<S: Step> Decide for S {
    fn warnings(&self) -> Vec<Fault> {
        Step::warnings(self)
    }
    fn reads(&self) -> Vec<String> {
        Step::reads(self)
    }
    fn sets(&self) -> Vec<String> {
        Step::sets(self)
    }
    fn sets_in_order(&self) -> Vec<(String, Tree)> {
        Step::sets_in_order(self)
    }
    fn messages(&self) -> Vec<WrittenMessage> {
        Step::messages(self)
    }
    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        Step::decide_cohort(self, cohort, decisions);
    }
}

type Create = dyn Fn(Json) -> Result<Box<dyn Decide>, Vec<Fault>> + Send + Sync;

/// A kind as the catalogue holds it: the declaration, the schema of its settings, and how
/// to make one.
#[derive(Clone)]
pub struct Kind {
    pub declaration: Declaration,
    /// JSON Schema of the settings, with the formats of [`crate::settings::format`].
    pub settings: Json,
    create: Arc<Create>,
}

impl Kind {
    pub fn of<S: Step>() -> Kind {
        Kind::new(S::declare(), schemars::schema_for!(S::Settings).to_value(), |settings| {
            let settings = serde_json::from_value(settings)
                .map_err(|error| vec![Fault::error("", error.to_string())])?;
            Ok(Box::new(S::create(settings)?))
        })
    }

    pub fn new(
        declaration: Declaration,
        settings: Json,
        create: impl Fn(Json) -> Result<Box<dyn Decide>, Vec<Fault>> + Send + Sync + 'static,
    ) -> Kind {
        Kind { declaration, settings, create: Arc::new(create) }
    }

    /// Creates the step from settings in which slots stand for templates.
    pub fn create(&self, settings: Json) -> Result<Box<dyn Decide>, Vec<Fault>> {
        (self.create)(settings)
    }
}

/// The kinds that a Canvas may use, by name.
#[derive(Clone, Default)]
pub struct Catalogue {
    kinds: BTreeMap<String, Kind>,
}

impl Catalogue {
    /// Adds a kind, or refuses a second one of the same name.
    pub fn add(&mut self, kind: Kind) -> Result<(), String> {
        let name = kind.declaration.name.clone();
        if self.kinds.contains_key(&name) {
            return Err(format!("there are two step kinds called `{name}`"));
        }
        self.kinds.insert(name, kind);
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values()
    }
}
