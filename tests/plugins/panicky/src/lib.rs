//! A step that panics where its settings say.

use flowrun_sdk::{Decision, Declaration, Fault, Step, Visit};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to panic: `create`, `decide` (for users whose id begins with an x), `drop`.
    at: String,
}

pub struct Panicky(Settings);

impl Step for Panicky {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("panicky", "Panic where the settings say.")
            .shorthand("at")
            .example("Nowhere", "panicky: nowhere\n")
            .example("When it is dropped", "panicky: drop\n")
    }

    fn create(settings: Settings) -> Result<Self, Vec<Fault>> {
        assert!(settings.at != "create", "not this one");
        Ok(Panicky(settings))
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        if self.0.at == "decide" && visit.user().starts_with('x') {
            panic!("I can't stand {}", visit.user());
        }
        Decision::Go(visit.next())
    }
}

impl Drop for Panicky {
    fn drop(&mut self) {
        assert!(self.0.at != "drop", "I won't go");
    }
}

flowrun_sdk::export_step!(Panicky);
