//! One row of a file, one user as a file has it, and what is wrong with it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::Sort;
use crate::core::{Context, Millis};
use crate::moment;
use crate::track::{Array, Object, named_by};

/// The longest external id, in bytes, as User Track has it.
const LONGEST_ID: usize = 987;

/// A row of a users or events file.
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What stands there, or why it can't be read.
    pub object: Result<Map<String, Json>, String>,
}

impl Row {
    /// A row that should be an object.
    pub fn of(sort: Sort, line: u64, json: Json) -> Row {
        let one = sort.one();
        let object = match json {
            Json::Object(object) => Ok(object),
            Json::Array(_) => Err(format!("{one} is an object, not a list")),
            other => Err(format!("{one} is an object, not {}", noun(&other))),
        };
        Row { line, object }
    }

    pub fn bad(line: u64, why: impl Into<String>) -> Row {
        Row { line, object: Err(why.into()) }
    }
}

/// A user who is all right.
pub struct Record {
    pub external_id: String,
    /// What is written to the profile.
    pub attributes: Object,
    pub entry_properties: Option<Arc<Context>>,
    pub enter_at: Option<Millis>,
}

impl Record {
    /// Judges a user. All faults at once.
    pub fn parse(mut object: Map<String, Json>) -> Result<Record, Vec<String>> {
        let mut faults = Vec::new();
        let entry_properties = match object.shift_remove("entry_properties") {
            None | Some(Json::Null) => None,
            Some(Json::Object(map)) => Some(Arc::new(map)),
            Some(other) => {
                faults.push(format!("`entry_properties` is an object, not {}", noun(&other)));
                None
            }
        };
        let enter_at = match object.shift_remove("enter_at") {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => moment::parse(&text)
                .map_err(|error| faults.push(format!("`enter_at`: {error}")))
                .ok(),
            Some(other) => {
                faults.push(format!("`enter_at` is a moment in quotes, not {}", noun(&other)));
                None
            }
        };
        let external_id = match id(object.shift_remove("external_id")) {
            Ok(id) => Some(id),
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let attributes = match Object::parse(Array::Attributes, &object) {
            Ok(attributes) => Some(attributes),
            Err(error) => {
                faults.push(error.message);
                None
            }
        };
        match (external_id, attributes) {
            (Some(external_id), Some(attributes)) if faults.is_empty() => {
                Ok(Record { external_id, attributes, entry_properties, enter_at })
            }
            _ => Err(faults),
        }
    }
}

pub(super) fn id(written: Option<Json>) -> Result<String, String> {
    match written {
        None | Some(Json::Null) => Err("`external_id` is missing".to_owned()),
        Some(Json::String(id)) if id.trim().is_empty() => Err("`external_id` is empty".to_owned()),
        Some(Json::String(id)) if id.len() > LONGEST_ID => {
            Err(format!("`external_id` is longer than {LONGEST_ID} bytes"))
        }
        Some(Json::String(id)) if named_by(&id).0 != "external_id" => {
            Err("`external_id` begins with `braze_id:`, which is kept for users without one"
                .to_owned())
        }
        Some(Json::String(id)) => Ok(id),
        Some(Json::Number(number)) => {
            Err(format!("`external_id` is text: put it in quotes, \"{number}\""))
        }
        Some(other) => Err(format!("`external_id` is text, not {}", noun(&other))),
    }
}

/// What a value is, with its article.
pub fn noun(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: Json) -> Vec<String> {
        let Json::Object(object) = json else { panic!("an object") };
        Record::parse(object).err().unwrap_or_default()
    }

    #[test]
    fn all_faults_of_a_user_come_at_once() {
        let json = serde_json::json!({"external_id": 7, "entry_properties": [], "enter_at": "x"});
        let faults = faults(json);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[2].contains("\"7\""), "{faults:?}");
    }

    #[test]
    fn a_user_needs_an_id_and_nothing_else() {
        assert_eq!(faults(serde_json::json!({"external_id": "u"})), Vec::<String>::new());
        for json in [
            serde_json::json!({}),
            serde_json::json!({"external_id": ""}),
            serde_json::json!({"external_id": " "}),
            serde_json::json!({"external_id": null}),
            serde_json::json!({"external_id": ["u"]}),
            serde_json::json!({"external_id": "braze_id:1"}),
            serde_json::json!({"external_id": "x".repeat(988)}),
        ] {
            assert_eq!(faults(json.clone()).len(), 1, "{json}");
        }
    }
}
