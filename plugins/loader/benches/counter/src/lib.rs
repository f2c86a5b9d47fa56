//! The step of the bench: reads two attributes, and sends users one of two ways.

use flowrun_sdk::{Attribute, Decision, Declaration, Door, Exits, Fault, Step, Visit};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The least number of orders.
    at_least: i64,
    /// Where users of France go who have as many.
    then: Option<Door>,
}

pub struct Counter(Settings);

impl Step for Counter {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("counter", "Split users by orders and country.")
            .exits(Exits::Branches)
            .reads("orders")
            .reads("country")
            .example("Three orders", "counter:\n  at_least: 3\n  then: x\n")
    }

    fn create(settings: Settings) -> Result<Self, Vec<Fault>> {
        Ok(Counter(settings))
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let enough = matches!(visit.attribute("orders"), Attribute::Int(n) if n >= self.0.at_least);
        let there = visit.attribute("country") == Attribute::Text("FR");
        Decision::Go(match enough && there {
            true => self.0.then.unwrap_or(visit.next()),
            false => visit.next(),
        })
    }
}

flowrun_sdk::export_step!(Counter);
