//! `decision_split`: one question, two ways.
//!
//! The condition is evaluated on arrival, on the profile as it is then: after a User
//! Update that means the value just written. A side without a step leads where `next`
//! leads.

use flowrun_sdk::settings::Condition;
use flowrun_sdk::{Decision, Declaration, Door, Fault, Step, Visit};
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

    fn warnings(&self) -> Vec<Fault> {
        if self.then != self.otherwise {
            return Vec::new();
        }
        let hint = "name a step in `then` or in `else`";
        vec![Fault::warning("", "both answers lead the same way").hint(hint)]
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
    fn each_answer_has_its_way() {
        let then = json!({ "if": "{{${vip}}}", "then": "gold" });
        let otherwise = json!({ "if": "{{${vip}}}", "else": "plain" });
        let both = json!({ "if": "{{${vip}}}", "then": "gold", "else": "plain" });
        for (settings, yes, no) in [
            (then, Some("gold"), None),
            (otherwise, None, Some("plain")),
            (both, Some("gold"), Some("plain")),
        ] {
            let split = Trial::of::<DecisionSplit>(settings).unwrap();
            assert!(split.warnings().is_empty());
            let users = [true, false].map(|holds| User::new("u").given("/if", holds));
            let door = |step: Option<&str>| step.map_or(Door::NEXT, |step| split.door(step));
            assert_eq!(split.decide(&users), [yes, no].map(|step| Decision::Go(door(step))));
        }
    }

    #[test]
    fn a_split_that_splits_nobody_is_mentioned() {
        let split = Trial::of::<DecisionSplit>(json!({ "if": true })).unwrap();
        assert_eq!(split.warnings().len(), 1);
        assert_eq!(split.decide_one(&User::new("u")), Decision::Go(Door::NEXT));
    }
}
