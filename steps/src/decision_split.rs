//! `decision_split`: one question, two ways.
//!
//! The condition is evaluated on arrival, on the profile as it is then: after a User
//! Update that means the value just written. A side without a step leads where `next`
//! leads.

use flowrun_sdk::settings::Condition;
use flowrun_sdk::{Decision, Declaration, Door, Exits, Fault, Step, Visit};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The question, as a Liquid condition.
    #[serde(rename = "if")]
    condition: Condition,
    /// The step for users for whom it holds; without it, `next`.
    then: Option<Door>,
    /// The step for all others; without it, `next`.
    #[serde(rename = "else")]
    otherwise: Option<Door>,
}

/// Sends users one of two ways.
pub struct DecisionSplit {
    condition: Condition,
    then: Door,
    otherwise: Door,
}

impl Step for DecisionSplit {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("decision_split", "Send users one of two ways, by a condition.")
            .exits(Exits::Branches)
            .example(
                "Two ways",
                "decision_split:\n  if: \"{{custom_attribute.${vip_member}}} == true and {{${country}}} == 'FR'\"\n  then: gold_fr\n  else: gold",
            )
            .example(
                "Leave out one step; everyone else just goes on",
                "decision_split: { if: \"{{custom_attribute.${orders}}} > 10\", then: skip_intro }",
            )
    }

    fn create(settings: Settings) -> Result<DecisionSplit, Vec<Fault>> {
        Ok(DecisionSplit {
            condition: settings.condition,
            then: settings.then.unwrap_or(Door::NEXT),
            otherwise: settings.otherwise.unwrap_or(Door::NEXT),
        })
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        Decision::Go(if visit.holds(&self.condition) { self.then } else { self.otherwise })
    }
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User};
    use serde_json::json;

    use super::*;

    #[test]
    fn each_answer_has_its_door_whether_it_is_written_or_not() {
        for settings in [
            json!({ "if": "{{${vip}}}", "then": "gold", "else": "plain" }),
            json!({ "if": "{{${vip}}}", "then": "gold" }),
            json!({ "if": "{{${vip}}}", "else": "plain" }),
            json!({ "if": "{{${vip}}}" }),
        ] {
            let split = Trial::of::<DecisionSplit>(settings).unwrap();
            let users = [true, false, true].map(|holds| User::new("u").given("/if", holds));
            let ways = ["then", "else", "then"].map(|door| Decision::Go(split.door(door)));
            assert_eq!(split.decide(&users), ways);
        }
    }
}
