//! One event as a file has it, and what is wrong with it.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::record::{id, noun};
use crate::core::Millis;
use crate::core::trace::rfc3339;
use crate::moment;
use crate::simulation::Happening;
use crate::track::{Array, Object};

/// Judges an event object of User Track. Without a `time` it happens at the start of the run.
/// All faults at once.
pub fn parse(mut object: Map<String, Json>, start: Millis) -> Result<Happening, Vec<String>> {
    let mut faults = Vec::new();
    let user = id(object.shift_remove("external_id")).map_err(|why| faults.push(why)).ok();
    let at = match object.shift_remove("time") {
        None | Some(Json::Null) => Some(start),
        Some(Json::String(text)) => {
            moment::parse(&text).map_err(|error| faults.push(format!("`time`: {error}"))).ok()
        }
        Some(other) => {
            faults.push(format!("`time` is a moment in quotes, not {}", noun(&other)));
            None
        }
    };
    // What happens is noted with its moment, also where that was the start.
    object.insert("time".to_owned(), rfc3339(at.unwrap_or(start)).into());
    let parsed = Object::parse(Array::Events, &object);
    let parsed = parsed.map_err(|error| faults.push(error.message)).ok();
    let (Some(user), Some(at), Some(parsed), true) = (user, at, parsed, faults.is_empty()) else {
        return Err(faults);
    };
    let Some(Json::String(name)) = object.shift_remove("name") else {
        return Err(vec!["`name` is the name of an event".to_owned()]);
    };
    let properties = match object.shift_remove("properties") {
        Some(Json::Object(properties)) => Some(Arc::new(properties)),
        _ => None,
    };
    let (user, name, object) = (user.into(), name.into(), Arc::new(parsed));
    Ok(Happening { at, user, name, properties, object })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: Json) -> Result<Happening, Vec<String>> {
        let Json::Object(object) = json else { panic!("an object") };
        parse(object, Millis(5_000))
    }

    #[test]
    fn all_faults_of_an_event_come_at_once() {
        let faults = parsed(serde_json::json!({"external_id": 7, "time": "soon"})).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn an_event_without_a_time_happens_at_the_start() {
        let json = serde_json::json!({"external_id": "u", "name": "e", "properties": {"a": 1}});
        let happening = parsed(json).expect("an event");
        assert_eq!((happening.at, &*happening.name), (Millis(5_000), "e"));
        assert_eq!(happening.properties.expect("properties")["a"], 1);
    }
}
