//! A profile as a flat User Track attributes object, the form of users files, exports and stores.
//!
//! `external_id`, `braze_id` and `user_alias` stand under their own names; what no attributes object can hold (several
//! aliases, summaries, revenue, the time of the last update) stands under names with a leading `$`, which no attribute
//! can have. Reading puts back exactly what writing took; it doesn't validate.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json, json};

use super::{Alias, Profile};
use crate::field::Field;
use crate::name::Name;
use crate::summary::{Summaries, Summary};
use crate::value::{Text, Value};

const EXTERNAL_ID: &str = "external_id";
const BRAZE_ID: &str = "braze_id";
const ALIASES: &str = "$aliases";
const EVENTS: &str = "$events";
const PURCHASES: &str = "$purchases";
const REVENUE: &str = "$revenue";
const UPDATED: &str = "$updated";

impl Profile {
    /// `external_id`, standard fields and custom attributes side by side, as a users file has them.
    pub fn to_json(&self) -> Map<String, Json> {
        let mut map = Map::new();
        if let Some(id) = self.external_id() {
            map.insert(EXTERNAL_ID.into(), Json::from(id));
        }
        for (name, value) in self.iter() {
            map.insert(name.into(), value.to_json());
        }
        map
    }

    fn read(map: Map<String, Json>) -> Result<Profile, String> {
        let mut profile = Profile::default();
        for (key, json) in map {
            let bad = || format!("'{key}' of a stored profile is not readable");
            match key.as_str() {
                EXTERNAL_ID => profile.set_external_id(json.as_str().ok_or_else(bad)?),
                BRAZE_ID => profile.set_braze_id(json.as_str().ok_or_else(bad)?),
                UPDATED => profile.updated_ms = json.as_i64().ok_or_else(bad)?,
                ALIASES => {
                    for pair in json.as_array().ok_or_else(bad)? {
                        let text =
                            |part: usize| pair.get(part).and_then(Json::as_str).map(Text::new);
                        let (Some(label), Some(name)) = (text(0), text(1)) else {
                            return Err(bad());
                        };
                        profile.add_alias(Alias { label, name });
                    }
                }
                EVENTS => profile.rare_mut().events = summaries(&json).ok_or_else(bad)?,
                PURCHASES => profile.rare_mut().purchases = summaries(&json).ok_or_else(bad)?,
                REVENUE => {
                    for (code, sum) in json.as_object().ok_or_else(bad)? {
                        let sum = sum.as_i64().ok_or_else(bad)?;
                        profile.rare_mut().revenue.push((Text::new(code), sum));
                    }
                }
                name => {
                    let Some(value) = Value::from_json(&json) else { continue };
                    match Field::named(name) {
                        Some(field) => profile.set_field(field, Some(value)),
                        None => profile.set_custom(&Name::new(name), Some(value)),
                    }
                }
            }
        }
        Ok(profile)
    }
}

fn summaries(json: &Json) -> Option<Summaries> {
    let mut all = Summaries::default();
    for one in json.as_array()? {
        all.add(Summary::from_json(one)?, usize::MAX);
    }
    Some(all)
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = self.external_id() {
            map.serialize_entry(EXTERNAL_ID, id)?;
        }
        if let Some(id) = self.braze_id() {
            map.serialize_entry(BRAZE_ID, id)?;
        }
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        if let Some(rare) = self.rare() {
            if !rare.aliases.is_empty() {
                let pairs: Vec<_> =
                    rare.aliases.iter().map(|a| json!([&*a.label, &*a.name])).collect();
                map.serialize_entry(ALIASES, &pairs)?;
            }
            for (key, list) in [(EVENTS, rare.events.list()), (PURCHASES, rare.purchases.list())] {
                if !list.is_empty() {
                    let all: Vec<_> = list.iter().map(Summary::to_json).collect();
                    map.serialize_entry(key, &all)?;
                }
            }
            if !rare.revenue.is_empty() {
                let sums: Map<_, _> =
                    rare.revenue.iter().map(|(code, sum)| (code.to_string(), json!(sum))).collect();
                map.serialize_entry(REVENUE, &sums)?;
            }
        }
        if self.updated_ms != 0 {
            map.serialize_entry(UPDATED, &self.updated_ms)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Profile, D::Error> {
        Profile::read(Map::deserialize(deserializer)?).map_err(Error::custom)
    }
}
