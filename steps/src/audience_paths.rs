//! `audience_paths`: ranked groups; a user takes the first that fits.
//!
//! All conditions look at the profile on arrival. The order of the paths is their rank:
//! a user for whom two hold takes the upper one. Everyone else leaves by `else`.

use flowrun_sdk::settings::Condition;
use flowrun_sdk::{Decision, Declaration, Door, Exits, Fault, Step, Visit};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::paths;

/// As many as a Canvas of Braze can have.
const MOST: usize = 8;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The groups, the highest rank first; at most eight.
    #[schemars(length(min = 1, max = 8))]
    paths: Vec<Path>,
    /// The step for everyone else; without it, `next`.
    #[serde(rename = "else")]
    otherwise: Option<Door>,
}

/// A group of users and their way.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Path {
    /// What the group is called in reports and traces; no two alike.
    #[schemars(length(min = 1, max = 100), transform = paths::name)]
    name: String,
    /// Who belongs to it, as a Liquid condition.
    #[serde(rename = "if")]
    condition: Condition,
    /// The step for the group; without it, `next`.
    next: Option<Door>,
}

/// Sends users the way of the first group they belong to.
pub struct AudiencePaths {
    paths: Vec<(Condition, Door)>,
    otherwise: Door,
}

impl Step for AudiencePaths {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("audience_paths", "Send users the way of the first group that fits.")
            .exits(Exits::Branches)
            .example(
                "Three groups and everyone else",
                "audience_paths:\n  paths:\n    - { name: clicked, if: \"{{custom_attribute.${clicked_welcome}}} == true\", next: tips }\n    - { name: reachable, if: \"{{${push_subscribe}}} != 'unsubscribed'\", next: nudge }\n    - { name: german, if: \"{{${country}}} == 'DE'\", next: letter }\n  else: done",
            )
            .example(
                "One group that leaves out the next step",
                "audience_paths: { paths: [{ name: staff, if: \"{{${email}}} contains '@example.com'\", next: done }] }",
            )
    }

    fn create(settings: Settings) -> Result<AudiencePaths, Vec<Fault>> {
        let names = settings.paths.iter().map(|path| path.name.as_str());
        let faults = paths::check(names, 1..=MOST);
        if !faults.is_empty() {
            return Err(faults);
        }
        let way = |path: Path| (path.condition, path.next.unwrap_or(Door::NEXT));
        Ok(AudiencePaths {
            paths: settings.paths.into_iter().map(way).collect(),
            otherwise: settings.otherwise.unwrap_or(Door::NEXT),
        })
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let first = self.paths.iter().find(|(condition, _)| visit.holds(condition));
        Decision::Go(first.map_or(self.otherwise, |(_, door)| *door))
    }
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_group_that_fits_wins() {
        let settings = json!({
            "paths": [
                { "name": "gold", "if": "{{a}}", "next": "one" },
                { "name": "silver", "if": "{{b}}", "next": "two" },
                { "name": "rest", "if": "{{c}}" },
            ],
            "else": "nobody",
        });
        let trial = Trial::of::<AudiencePaths>(settings).unwrap();
        for (fits, way) in [
            ([true, true, true], "gold"),
            ([false, true, true], "silver"),
            ([false, false, true], "rest"),
            ([false, false, false], "else"),
            ([true, false, false], "gold"),
        ] {
            let give = |user: User, (index, fits): (usize, bool)| {
                user.given(&format!("/paths/{index}/if"), fits)
            };
            let user = fits.into_iter().enumerate().fold(User::new("u"), give);
            assert_eq!(trial.decide_one(&user), Decision::Go(trial.door(way)), "{fits:?}");
        }
    }

    #[test]
    fn groups_need_names_of_their_own_and_are_at_most_eight() {
        let of = |count: usize| {
            let path = |index| json!({ "name": format!("p{index}"), "if": true });
            json!({ "paths": (0..count).map(path).collect::<Vec<_>>() })
        };
        let named = |a: &str, b: &str| json!({ "paths": [{ "name": a, "if": true }, { "name": b, "if": true }] });
        for (settings, at) in [
            (of(8), vec![]),
            (of(9), vec!["/paths"]),
            (of(0), vec!["/paths"]),
            (named("a", "a"), vec!["/paths/1/name"]),
            (named("", "else"), vec!["/paths/0/name", "/paths/1/name"]),
            (named("on_failure", "b"), vec!["/paths/0/name"]),
        ] {
            let faults = Trial::of::<AudiencePaths>(settings.clone()).err().unwrap_or_default();
            let places: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
            assert_eq!(places, at, "{settings}");
        }
    }
}
