//! `context`: puts variables into the journey's context.
//!
//! A variable set here is read as `{{context.${name}}}` by every later step of the same
//! journey, and is forgotten when the journey ends. It overwrites an entry property of
//! the same name. A value that is exactly one `{{ … }}` keeps its type (a number stays a
//! number); any other text is a text.
//!
//! As in Braze, a value that is null is not stored, and neither is one with which the
//! step's values grow over 50 KB; the variable keeps what it had and the user goes on.
//!
//! The variables are set in order: a later one may read those before it.

use flowrun_sdk::settings::{Tree, format};
use flowrun_sdk::{Decision, Declaration, Door, Fault, Step, Visit};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value as Json;

const MOST: usize = 10;
/// Characters of a value as it is written.
const LONGEST: usize = 10_240;
/// Bytes of all values as JSON.
const LARGEST: usize = 50 * 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The variables with their values: text with Liquid, numbers, lists, objects.
    /// At most ten; names are letters, digits and `_`. A later one sees those before it.
    #[schemars(schema_with = "variables")]
    set: Tree,
}

fn variables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "format": format::TREE,
        "minProperties": 1,
        "maxProperties": MOST,
        "propertyNames": { "pattern": "^[A-Za-z0-9_]{1,100}$" },
        "additionalProperties": { "not": { "type": "null" } },
    })
}

/// Remembers variables.
pub struct Context {
    set: Tree,
}

impl Step for Context {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("context", "Remember variables for the rest of the journey.")
            .example(
                "A value of the moment, kept for later",
                "context:\n  set:\n    tier: \"{{custom_attribute.${tier} | default: 'basic'}}\"\n    orders_then: \"{{custom_attribute.${orders}}}\"",
            )
            .example("Constants", "context: { set: { offer: SUMMER, percent: 20, gifts: [mug, pen] } }")
    }

    fn create(Settings { set }: Settings) -> Result<Context, Vec<Fault>> {
        let Some(variables) = set.0.as_object().filter(|_| Tree::slot_of(&set.0).is_none()) else {
            let fault = Fault::error("/set", "the variables stand here by name");
            return Err(vec![fault.hint("write `set: { name: value }`")]);
        };
        let mut faults = Vec::new();
        if variables.is_empty() || variables.len() > MOST {
            let text = format!("{} variables, but a context step has 1 to {MOST}", variables.len());
            faults.push(Fault::error("/set", text).hint("another context step takes the rest"));
        }
        for (name, value) in variables {
            let at = format!("/set/{}", name.replace('~', "~0").replace('/', "~1"));
            if !is_name(name) {
                let text = format!("`{name}` can't be the name of a variable");
                faults.push(Fault::error(&at, text).hint("letters, digits and `_`, at most 100"));
            }
            if value.is_null() {
                faults.push(Fault::error(&at, "a variable without a value is never stored"));
            }
            if value.to_string().chars().count() > LONGEST {
                let text = format!("the value is longer than {LONGEST} characters");
                faults.push(Fault::error(&at, text));
            }
        }
        if faults.is_empty() { Ok(Context { set }) } else { Err(faults) }
    }

    fn sets(&self) -> Vec<String> {
        self.set.0.as_object().into_iter().flat_map(|values| values.keys().cloned()).collect()
    }

    fn sets_in_order(&self) -> Vec<(String, Tree)> {
        let values = self.set.0.as_object().into_iter().flatten();
        values.map(|(name, value)| (name.clone(), Tree(value.clone()))).collect()
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let Json::Object(values) = visit.fill(&self.set) else {
            unreachable!("the variables stand by name, as was checked");
        };
        let mut size = 0;
        let mut variables = Vec::with_capacity(values.len());
        for (name, value) in values {
            let grown = size + value.to_string().len();
            if value.is_null() || grown > LARGEST {
                continue;
            }
            size = grown;
            variables.push((name, value));
        }
        Decision::Remember { variables, then: Door::NEXT }
    }
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=100).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User};
    use serde_json::json;

    use super::*;

    fn remembered(settings: Json, user: &User) -> Vec<(String, Json)> {
        match Trial::of::<Context>(settings).unwrap().decide_one(user) {
            Decision::Remember { variables, then: Door::NEXT } => variables,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn variables_are_remembered_in_their_order_with_their_types() {
        let settings = json!({ "set": {
            "z": "{{${first_name}}}", "a": "{{${orders}}}", "list": ["{{x}}", 1, true], "n": 2.5,
        }});
        let user = User::new("u1").given("/set/z", "Ada").given("/set/a", 3);
        let user = user.given("/set/list/0", json!({ "k": "v" }));
        let expected = [
            ("z", json!("Ada")),
            ("a", json!(3)),
            ("list", json!([{ "k": "v" }, 1, true])),
            ("n", json!(2.5)),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(remembered(settings, &user), expected);
    }

    #[test]
    fn what_may_be_set_is_known_before_anybody_comes() {
        let settings = serde_json::from_value(json!({ "set": { "b": 1, "a": { "$slot": 0 } } }));
        let step = Context::create(settings.unwrap()).unwrap();
        assert_eq!(step.sets(), ["b", "a"]);
    }

    #[test]
    fn what_has_no_value_or_no_room_keeps_what_it_had() {
        let settings = json!({ "set": { "a": "{{a}}", "b": "{{b}}", "c": "{{c}}", "d": "{{d}}" } });
        let user = User::new("u1").given("/set/a", Json::Null).given("/set/b", "x".repeat(40_000));
        let user = user.given("/set/c", "x".repeat(20_000)).given("/set/d", 1);
        let variables = remembered(settings, &user);
        let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "d"]);
    }

    #[test]
    fn variables_that_could_not_be_read_again_are_refused() {
        let many = |count: usize| {
            let one = |n| (format!("v{n}"), json!(n));
            Json::Object((0..count).map(one).collect())
        };
        for (set, places) in [
            (json!({ "a": 1 }), vec![]),
            (many(10), vec![]),
            (many(11), vec!["/set"]),
            (json!({}), vec!["/set"]),
            (json!([1]), vec!["/set"]),
            (json!("{{all}}"), vec!["/set"]),
            (json!({ "two words": 1, "a/b": 2 }), vec!["/set/two words", "/set/a~1b"]),
            (json!({ "a": null }), vec!["/set/a"]),
            (json!({ "a": "x".repeat(10_300) }), vec!["/set/a"]),
        ] {
            let faults = Trial::of::<Context>(json!({ "set": set })).err().unwrap_or_default();
            let found: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
            assert_eq!(found, places, "{set}");
        }
    }
}
