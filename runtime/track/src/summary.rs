//! What a profile remembers of its events and purchases: a name, the first and last time, a count.
//!
//! The occurrences themselves (with their properties) trigger and personalize; they are not part of the profile.

use serde_json::{Map, Value as Json};

use crate::name::Name;
use crate::values::date;

/// Events of one name, or purchases of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub name: Name,
    pub first_ms: i64,
    pub last_ms: i64,
    pub count: u64,
}

impl Summary {
    /// `{name, first, last, count}` as exports show it.
    pub fn to_json(&self) -> Json {
        let mut map = Map::with_capacity(4);
        map.insert("name".into(), Json::from(self.name.as_str()));
        map.insert("first".into(), Json::from(date::iso_ms(self.first_ms)));
        map.insert("last".into(), Json::from(date::iso_ms(self.last_ms)));
        map.insert("count".into(), Json::from(self.count));
        Json::Object(map)
    }

    pub(crate) fn from_json(json: &Json) -> Option<Summary> {
        Some(Summary {
            name: Name::new(json.get("name")?.as_str()?),
            first_ms: date::event(json.get("first")?.as_str()?)?.ms(),
            last_ms: date::event(json.get("last")?.as_str()?)?.ms(),
            count: json.get("count")?.as_u64()?,
        })
    }
}

/// Summaries in order of name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summaries(Vec<Summary>);

impl Summaries {
    pub fn list(&self) -> &[Summary] {
        &self.0
    }

    pub fn get(&self, name: &str) -> Option<&Summary> {
        let at = self.0.binary_search_by(|s| s.name.as_str().cmp(name)).ok()?;
        Some(&self.0[at])
    }

    /// Adds what was seen. False when `name` is new and `most` names are kept already.
    pub fn add(&mut self, seen: Summary, most: usize) -> bool {
        match self.0.binary_search_by(|s| s.name.cmp(&seen.name)) {
            Ok(at) => {
                let known = &mut self.0[at];
                known.first_ms = known.first_ms.min(seen.first_ms);
                known.last_ms = known.last_ms.max(seen.last_ms);
                known.count = known.count.saturating_add(seen.count);
                true
            }
            Err(_) if self.0.len() >= most => false,
            Err(at) => {
                // Most users have one or two, and users are many.
                self.0.reserve_exact(1);
                self.0.insert(at, seen);
                true
            }
        }
    }
}
