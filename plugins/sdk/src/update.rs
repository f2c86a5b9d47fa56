//! A User Update as a step hands it over: the objects to write, as JSON text.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Millis;

/// The decision of a User Update: what to write for the user now at the step.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    pub objects: Arc<Objects>,
    /// How long the user is held at most before leaving by `on_timeout`; `None`: until
    /// the outcome is final.
    pub timeout: Option<Millis>,
}

/// User Track objects, each as the text of one JSON object *without* an identifier: the
/// backend adds the user's. Text rather than values, because that is what is made
/// durable, and what a request to an endpoint is put together from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Objects {
    pub attributes: Vec<Box<str>>,
    pub events: Vec<Box<str>>,
    pub purchases: Vec<Box<str>>,
}

impl Objects {
    /// How many objects there are over all three arrays.
    pub fn len(&self) -> usize {
        self.attributes.len() + self.events.len() + self.purchases.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The objects as one JSON document in the composer's form, for people and dead letters.
    pub fn to_json(&self) -> String {
        let mut text = String::from("{");
        for (name, objects) in [
            ("attributes", &self.attributes),
            ("events", &self.events),
            ("purchases", &self.purchases),
        ] {
            if objects.is_empty() {
                continue;
            }
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&format!("\"{name}\":[{}]", objects.join(",")));
        }
        text.push('}');
        text
    }
}
