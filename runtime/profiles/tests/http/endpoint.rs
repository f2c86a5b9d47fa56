//! An endpoint that answers as Braze does, and refuses what a test names.

use serde_json::{Map, Value as Json, json};

use super::server::{Act, Heard, json};

pub const ARRAYS: [&str; 3] = ["attributes", "events", "purchases"];

/// The objects of a request by array.
pub fn objects(heard: &Heard, array: &str) -> Vec<Json> {
    let body: Json = serde_json::from_str(&heard.body).unwrap();
    body.get(array).and_then(Json::as_array).cloned().unwrap_or_default()
}

/// How an endpoint complains of objects it refuses.
#[derive(Clone, Copy)]
pub enum Complains {
    /// As Braze: 201 if something is left, with a place for each.
    ByPlace,
    /// 400 with the places, and takes nothing.
    ByPlaceAltogether,
    /// 400 without a place, and takes nothing.
    InGeneral,
}

/// Answers a request; an object is refused if it holds the word `bad`.
pub fn braze(heard: &Heard, complains: Complains) -> Vec<Act> {
    let mut errors = Vec::new();
    let mut counts = Map::new();
    for array in ARRAYS {
        let objects = objects(heard, array);
        let bad = |object: &Json| object.to_string().contains("bad");
        let places = objects.iter().enumerate().filter(|(_, object)| bad(object));
        let before = errors.len();
        errors.extend(places.map(|(index, object)| {
            json!({ "type": format!("{} is bad", object["external_id"]), "input_array": array, "index": index })
        }));
        if !objects.is_empty() {
            let processed = objects.len() - (errors.len() - before);
            counts.insert(format!("{array}_processed"), processed.into());
        }
    }
    let nothing = counts.values().all(|count| *count == 0);
    let fatal = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.";
    match complains {
        _ if errors.is_empty() => {
            counts.insert("message".into(), "success".into());
            json(201, &counts.into())
        }
        Complains::ByPlace if !nothing => {
            counts.insert("message".into(), "success".into());
            counts.insert("errors".into(), errors.into());
            json(201, &counts.into())
        }
        Complains::InGeneral => json(400, &json!({ "message": "Bad Request" })),
        _ => json(400, &json!({ "message": fatal, "errors": errors })),
    }
}
