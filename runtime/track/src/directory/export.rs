//! `POST /users/export/ids`: profiles as an export shows them.

use serde_json::{Map, Value as Json};

use super::neighbours::{array_of, too_many};
use super::{Directory, Id, Key, Profiles, Reply};
use crate::field::Field;
use crate::identifier::alias_of;
use crate::profile::Profile;
use crate::summary::Summary;
use crate::value::Value;
use crate::values::contact;

/// Answers an export request. Users not found among `external_ids` are listed in `invalid_user_ids`.
///
/// Our choice: all fields when `fields_to_export` is absent or empty; unknown field names are ignored, since the vendor
/// exports fields that flowrun has no source for. A `device_id` finds nobody: devices are known by push tokens only.
pub fn export<P: Profiles>(directory: &Directory<P>, body: &Map<String, Json>) -> Reply {
    let external_ids = match array_of(body, "external_ids") {
        Ok(ids) => ids,
        Err(reply) => return reply,
    };
    let aliases = match array_of(body, "user_aliases") {
        Ok(aliases) => aliases,
        Err(reply) => return reply,
    };
    if let Some(reply) = too_many(external_ids.len() + aliases.len()) {
        return reply;
    }
    let one = |key: &str| body.get(key).and_then(Json::as_str);
    let mut found: Vec<Id> = Vec::new();
    let mut invalid = Vec::new();
    for json in external_ids {
        match json.as_str().and_then(|id| directory.profiles.first(Key::ExternalId(id))) {
            Some(id) => found.push(id),
            None => invalid.push(json.clone()),
        }
    }
    for json in aliases {
        let alias = alias_of(json).ok();
        found.extend(alias.and_then(|alias| directory.profiles.first(Key::Alias(&alias))));
    }
    found.extend(one("braze_id").and_then(|id| directory.by_braze_id(id)));
    if let Some(email) = one("email_address") {
        found.extend(directory.profiles.find(Key::Email(email)));
    }
    if let Some(phone) = one("phone") {
        let phone = contact::phone(phone);
        found.extend(phone.iter().flat_map(|phone| directory.profiles.find(Key::Phone(phone))));
    }
    let asked = ["external_ids", "user_aliases", "braze_id", "device_id", "email_address", "phone"];
    if !asked.iter().any(|key| body.contains_key(*key)) {
        return Reply::new(
            400,
            "No external_ids, aliases, braze_id, device_id, email_address or phone given",
        );
    }
    let fields = fields_of(body);
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|id| seen.insert(*id));
    let users: Vec<Json> = found
        .into_iter()
        .filter_map(|id| Some(Json::Object(user(directory, id, fields.as_deref())?)))
        .collect();
    let reply = Reply::new(200, "success").with("users", users);
    match invalid.is_empty() {
        true => reply,
        false => reply.with("invalid_user_ids", invalid),
    }
}

fn fields_of(body: &Map<String, Json>) -> Option<Vec<&str>> {
    let fields: Vec<_> =
        body.get("fields_to_export")?.as_array()?.iter().filter_map(Json::as_str).collect();
    (!fields.is_empty()).then_some(fields)
}

/// One user of an export, or the fields asked for; empty fields are left out.
pub fn user<P: Profiles>(
    directory: &Directory<P>,
    id: Id,
    fields: Option<&[&str]>,
) -> Option<Map<String, Json>> {
    let profile = directory.profiles.get(id)?;
    let mut user = Map::new();
    user.extend(profile.external_id().map(|id| ("external_id".into(), Json::from(id))));
    user.insert("braze_id".into(), Json::from(directory.braze_id(id)?));
    let mut put = |key: &str, value: Json| {
        let empty = matches!(&value, Json::Array(list) if list.is_empty())
            || matches!(&value, Json::Object(map) if map.is_empty());
        if !empty {
            user.insert(key.into(), value);
        }
    };
    put("user_aliases", profile.aliases().iter().map(alias_entry).collect());
    for (field, value) in profile.fields() {
        match field {
            Field::CurrentLocation => put("last_coordinates", coordinates(value)),
            _ => put(field.name(), value.to_json()),
        }
    }
    put(
        "custom_attributes",
        profile.customs().map(|(name, value)| (name.to_string(), value.to_json())).collect(),
    );
    put("custom_events", profile.events().iter().map(Summary::to_json).collect());
    put("purchases", profile.purchases().iter().map(Summary::to_json).collect());
    if !profile.purchases().is_empty() {
        put("total_revenue", Json::from(dollars(&profile)));
    }
    if let Some(fields) = fields {
        user.retain(|key, _| fields.contains(&key.as_str()));
    }
    Some(user)
}

fn alias_entry(alias: &crate::profile::Alias) -> Json {
    Json::Object(Map::from_iter([
        ("alias_name".into(), Json::from(alias.name.as_str())),
        ("alias_label".into(), Json::from(alias.label.as_str())),
    ]))
}

/// `[longitude, latitude]`.
fn coordinates(place: &Value) -> Json {
    let part =
        |key: &str| place.as_json().and_then(|place| place.get(key)).cloned().unwrap_or_default();
    Json::Array(vec![part("longitude"), part("latitude")])
}

/// Our choice: purchases in US dollars only, since no rate is known to convert others.
fn dollars(profile: &Profile) -> f64 {
    profile.revenue_micros("USD") as f64 / 1e6
}
