//! `POST /users/track/sync`: one object, and in the reply what the profile then holds of what was asked.

use serde_json::{Map, Value as Json};

use super::{Batch, Directory, Id, Outcome, Profiles, Reply, track_batch};
use crate::identifier::identify;
use crate::object::Array;
use crate::summary::Summary;

/// Applies exactly one object. `users` in the reply is empty when there was nobody to change.
pub fn track_sync<P: Profiles>(
    directory: &mut Directory<P>,
    body: &Map<String, Json>,
    now_ms: i64,
) -> Reply {
    if let Some(refused) = sync_refused(body) {
        return refused;
    }
    match track_batch(directory, body, now_ms) {
        Ok(batch) => sync_reply(directory, body, &batch),
        Err(reply) => reply,
    }
}

/// The reply to a request with more than one object.
pub fn sync_refused(body: &Map<String, Json>) -> Option<Reply> {
    let count = |array: &Array| body.get(array.name()).and_then(Json::as_array).map_or(0, Vec::len);
    let objects: usize = Array::ALL.iter().map(count).sum();
    (objects > 1).then(|| Reply::new(400, "Max Input Length Exceeded"))
}

/// The reply to a request that was applied, with this outcome.
pub fn sync_reply<P: Profiles>(
    directory: &Directory<P>,
    body: &Map<String, Json>,
    batch: &Batch,
) -> Reply {
    for array in Array::ALL {
        let object =
            body.get(array.name()).and_then(|objects| objects.get(0)).and_then(Json::as_object);
        let (Some(object), Some([outcome])) = (object, batch.outcomes(array)) else { continue };
        let users = match outcome {
            Outcome::Refused(_) => return batch.reply(),
            Outcome::Nobody => Vec::new(),
            Outcome::Applied { id, .. } | Outcome::Known { id } => {
                shown(directory, *id, array, object).into_iter().collect()
            }
        };
        return Reply { status: 201, body: Map::new() }
            .with("users", users)
            .with("message", "success");
    }
    batch.reply()
}

/// The identifier as given, and the part of the profile that the object was about.
fn shown<P: Profiles>(
    directory: &Directory<P>,
    id: Id,
    array: Array,
    object: &Map<String, Json>,
) -> Option<Json> {
    let profile = directory.profiles.get(id)?;
    let mut user = Map::new();
    if identify(object).is_ok() {
        let names = ["external_id", "user_alias", "braze_id", "email", "phone"];
        let given = names.iter().find_map(|name| object.get_key_value(*name));
        user.extend(given.map(|(name, value)| (name.clone(), value.clone())));
    }
    let text = |key: &str| object.get(key).and_then(Json::as_str);
    match array {
        Array::Attributes => {
            let asked = profile.customs().filter(|(name, _)| object.contains_key(name.as_str()));
            let values = asked.map(|(name, value)| (name.to_string(), value.to_json())).collect();
            user.insert("custom_attributes".into(), Json::Object(values));
        }
        Array::Events => {
            let summary = profile.event(text("name")?)?;
            user.insert("custom_events".into(), Json::Array(vec![summary.to_json()]));
        }
        Array::Purchases => {
            let summary = profile.purchase(text("product_id")?)?;
            user.insert("purchase_events".into(), Json::Array(vec![of_product(summary)]));
        }
    }
    Some(Json::Object(user))
}

/// `{product_id, first, last, count}`.
fn of_product(summary: &Summary) -> Json {
    let mut entry = Map::from_iter([("product_id".to_owned(), Json::from(summary.name.as_str()))]);
    if let Json::Object(all) = summary.to_json() {
        entry.extend(all.into_iter().filter(|(key, _)| key != "name"));
    }
    Json::Object(entry)
}
