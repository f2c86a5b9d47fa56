//! A step that keeps a customer's loyalty tier: it reads what they have spent, writes the tier
//! that follows, and sends each tier its own way.
//!
//! ```yaml
//! - id: rate
//!   loyalty_tier: &tiers
//!     tiers:
//!       - { name: gold, at_least: 500 }
//!       - { name: silver, at_least: 100 }
//! ```
//!
//! A user whose profile has another tier than the one they deserve is *held* until the right
//! one is written, and then leaves by `next`. A user whose tier is right leaves by the door of
//! that tier. So a Canvas has the step twice: the first writes, and everybody who comes to the
//! second has the right tier and is sent their way. The second never sees a value that isn't
//! committed; that is what holding is for.

use std::sync::Arc;

use flowrun_sdk::{
    Attribute, Decision, Declaration, Door, Duration, Exits, Fault, Millis, Objects, Step, Update,
    Visit,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What users have who reach no tier.
const NONE: &str = "none";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The tiers, the highest first.
    tiers: Vec<Tier>,
    /// Where users go who reach no tier.
    other: Option<Door>,
    /// How long a user is held at most.
    #[schemars(extend("format" = "duration"))]
    timeout: Option<String>,
}

/// A tier, and where its users go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// What is written to the profile.
    name: String,
    /// The least spend, in whole units of money.
    at_least: i64,
    /// Where users of this tier go.
    next: Option<Door>,
}

pub struct LoyaltyTier {
    settings: Settings,
    timeout: Option<Millis>,
    /// One for each tier, and the last for none: made once, shared by all users.
    updates: Vec<Arc<Objects>>,
}

impl Step for LoyaltyTier {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("loyalty_tier", "Keep the loyalty tier of users up to date.")
            .exits(Exits::NextFailureOrTimeout)
            .reads("spend")
            .reads("loyalty_tier")
            .example(
                "Two tiers, and a way for the better one",
                "loyalty_tier:\n  tiers:\n    - { name: gold, at_least: 500, next: thanks }\n    - { name: silver, at_least: 100 }\n",
            )
            .example(
                "Hold users for a minute at most",
                "loyalty_tier:\n  tiers: [{ name: member, at_least: 1 }]\n  other: invite\n  timeout: 1m\n",
            )
    }

    fn create(settings: Settings) -> Result<LoyaltyTier, Vec<Fault>> {
        let mut faults = Vec::new();
        if settings.tiers.is_empty() {
            faults.push(Fault::error("/tiers", "there is no tier"));
        }
        for (number, pair) in settings.tiers.windows(2).enumerate() {
            if pair[1].at_least >= pair[0].at_least {
                let at = format!("/tiers/{}/at_least", number + 1);
                let said = format!("nobody would be `{}`", pair[1].name);
                faults.push(Fault::error(&at, said).hint("write the highest tier first"));
            }
        }
        let timeout = match settings.timeout.as_deref().map(str::parse::<Duration>) {
            None => None,
            Some(Ok(timeout)) => Some(timeout.as_millis()),
            Some(Err(error)) => {
                faults.push(Fault::error("/timeout", error.to_string()));
                None
            }
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let names = settings.tiers.iter().map(|tier| tier.name.as_str()).chain([NONE]);
        let updates = names.map(|name| Arc::new(update(name))).collect();
        Ok(LoyaltyTier { settings, timeout, updates })
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let spend = match visit.attribute("spend") {
            Attribute::Int(spend) => spend,
            Attribute::Float(spend) => spend as i64,
            _ => 0,
        };
        let tiers = &self.settings.tiers;
        let number = tiers.iter().position(|tier| spend >= tier.at_least);
        let (name, door) = match number {
            Some(number) => (tiers[number].name.as_str(), tiers[number].next),
            None => (NONE, self.settings.other),
        };
        if visit.attribute("loyalty_tier") == Attribute::Text(name) {
            return Decision::Go(door.unwrap_or(visit.next()));
        }
        let objects = self.updates[number.unwrap_or(tiers.len())].clone();
        Decision::Update(Update { objects, timeout: self.timeout })
    }
}

/// The objects without an identifier: the runtime adds the user's.
fn update(tier: &str) -> Objects {
    let attributes = format!("{{\"loyalty_tier\":{tier:?}}}");
    Objects { attributes: vec![attributes.into()], ..Objects::default() }
}

flowrun_sdk::export_step!(LoyaltyTier);

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User, try_examples};
    use serde_json::json;

    use super::*;

    fn trial() -> Trial {
        Trial::of::<LoyaltyTier>(json!({
            "tiers": [
                { "name": "gold", "at_least": 500, "next": "thanks" },
                { "name": "silver", "at_least": 100 },
            ],
            "timeout": "1m",
        }))
        .unwrap()
    }

    #[test]
    fn a_tier_that_is_right_opens_its_door() {
        let trial = trial();
        for (spend, tier, door) in [
            (json!(500), "gold", "gold"),
            (json!(499.9), "silver", "silver"),
            (json!(100), "silver", "silver"),
            (json!(0), "none", "other"),
            (json!("much"), "none", "other"),
            (json!(null), "none", "other"),
        ] {
            let user = User::new("ada").attribute("spend", spend.clone());
            let decision = trial.decide_one(&user.attribute("loyalty_tier", tier));
            assert_eq!(decision, Decision::Go(trial.door(door)), "{spend} {tier}");
        }
    }

    #[test]
    fn a_tier_that_is_wrong_or_missing_is_written_first() {
        let trial = trial();
        for (spend, expected) in [(600, "gold"), (200, "silver"), (1, "none")] {
            let user = User::new("ada").attribute("spend", spend).attribute("loyalty_tier", "iron");
            let Decision::Update(update) = trial.decide_one(&user) else { panic!("no update") };
            assert_eq!(
                &*update.objects.attributes[0],
                format!("{{\"loyalty_tier\":\"{expected}\"}}")
            );
            assert_eq!(update.timeout, Some(Millis::from_secs(60)));
        }
        assert!(matches!(trial.decide_one(&User::new("new")), Decision::Update(_)));
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        let tiers = json!([{ "name": "a", "at_least": 1 }, { "name": "b", "at_least": 2 }]);
        for (settings, at) in [
            (json!({ "tiers": [] }), "/tiers"),
            (json!({ "tiers": tiers }), "/tiers/1/at_least"),
            (json!({ "tiers": [{ "name": "a", "at_least": 1 }], "timeout": "soon" }), "/timeout"),
        ] {
            let faults = Trial::of::<LoyaltyTier>(settings).err().unwrap();
            assert_eq!(faults[0].at, at);
        }
    }

    #[test]
    fn the_examples_work() {
        assert_eq!(try_examples::<LoyaltyTier>(), Vec::<String>::new());
    }
}
