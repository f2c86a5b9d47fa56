//! User Track as one would write it down on a page: plain JSON, linear scans, no thought of speed.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

#[derive(Default)]
pub struct Users(Vec<User>);

#[derive(Default)]
struct User {
    external_id: Option<String>,
    alias: Option<Json>,
    attributes: BTreeMap<String, Json>,
    /// Under the array's name and the event's: first, last, count.
    counts: BTreeMap<(String, String), (i64, i64, u64)>,
    cents: i64,
    updated: i64,
}

/// An export without what the model doesn't keep, standard and custom attributes side by side.
pub fn comparable(user: Json) -> Json {
    let mut user = user.as_object().unwrap().clone();
    user.remove("braze_id");
    if let Some(Json::Object(custom)) = user.remove("custom_attributes") {
        user.extend(custom);
    }
    Json::Object(user)
}

impl Users {
    pub fn shown(&self) -> Vec<Json> {
        self.0.iter().map(User::shown).collect()
    }

    pub fn track(&mut self, array: &str, object: &Json, now: i64) {
        let object = object.as_object().unwrap();
        if refused(array, object) {
            return;
        }
        let Some(at) = self.find_or_create(object) else { return };
        let user = &mut self.0[at];
        user.updated = now;
        match array {
            "attributes" => {
                let merge = object.get("_merge_objects") == Some(&json!(true));
                for (name, value) in object {
                    if !["external_id", "user_alias", "_update_existing_only", "_merge_objects"]
                        .contains(&name.as_str())
                    {
                        user.set(name, value, merge);
                    }
                }
                let state = object.get("email_subscribe").filter(|state| !state.is_null()).cloned();
                if let (Some(state), Some(email)) = (state, user.email()) {
                    for other in
                        self.0.iter_mut().filter(|other| other.email().as_ref() == Some(&email))
                    {
                        other.attributes.insert("email_subscribe".into(), state.clone());
                    }
                }
            }
            "events" => user.count("custom_events", &object["name"], &object["time"], 1, now),
            _ => {
                let quantity = object["quantity"].as_u64().unwrap();
                user.count("purchases", &object["product_id"], &object["time"], quantity, now);
                user.cents +=
                    (object["price"].as_f64().unwrap() * 100.0).round() as i64 * quantity as i64;
            }
        }
    }

    fn find_or_create(&mut self, object: &Map<String, Json>) -> Option<usize> {
        let only = object.get("_update_existing_only").and_then(Json::as_bool);
        if let Some(id) = object.get("external_id").and_then(Json::as_str) {
            let found = self.0.iter().position(|user| user.external_id.as_deref() == Some(id));
            return found.or_else(|| {
                (only != Some(true))
                    .then(|| self.create(User { external_id: Some(id.into()), ..User::default() }))
            });
        }
        if let Some(alias) = object.get("user_alias") {
            let found = self.0.iter().position(|user| user.alias.as_ref() == Some(alias));
            return found.or_else(|| {
                (only == Some(false))
                    .then(|| self.create(User { alias: Some(alias.clone()), ..User::default() }))
            });
        }
        let key = if object.get("email").is_some_and(|email| !email.is_null()) {
            "email"
        } else {
            "phone"
        };
        let value = object[key].as_str().unwrap().to_lowercase();
        let mut best: Option<usize> = None;
        for (at, user) in self.0.iter().enumerate() {
            let has = user
                .attributes
                .get(key)
                .and_then(Json::as_str)
                .is_some_and(|own| own.to_lowercase() == value);
            let better = best.is_none_or(|best| {
                let rank = |user: &User| (user.external_id.is_some(), user.updated);
                rank(user) >= rank(&self.0[best])
            });
            if has && better {
                best = Some(at);
            }
        }
        best.or_else(|| {
            let mut user = User::default();
            user.attributes.insert(key.into(), object[key].clone());
            (only != Some(true)).then(|| self.create(user))
        })
    }

    fn create(&mut self, user: User) -> usize {
        self.0.push(user);
        self.0.len() - 1
    }
}

fn refused(array: &str, object: &Map<String, Json>) -> bool {
    let primary = ["external_id", "braze_id", "user_alias"]
        .iter()
        .filter(|key| object.contains_key(**key))
        .count();
    let named = |key: &str| object.get(key).is_some_and(|value| !value.is_null());
    primary > 1
        || (primary == 0 && !named("email") && !named("phone"))
        || ((primary == 0 || array == "attributes") && object.get("email") == Some(&json!("nope")))
        || (array == "attributes" && object.get("email_subscribe") == Some(&json!("maybe")))
        || object.values().any(|value| *value == json!([["bad"]]))
        || object.get("time") == Some(&json!("soon"))
        || object.get("quantity") == Some(&json!(0))
}

impl User {
    fn email(&self) -> Option<String> {
        Some(self.attributes.get("email")?.as_str()?.to_lowercase())
    }

    fn set(&mut self, name: &str, value: &Json, merge: bool) {
        let old = self.attributes.get(name).cloned();
        let has = |key: &str| value.as_object().is_some_and(|map| map.contains_key(key));
        let new = if value.is_null() {
            None
        } else if has("inc") {
            match &old {
                None => Some(value["inc"].clone()),
                Some(Json::Number(n)) => {
                    Some(json!(n.as_i64().unwrap() + value["inc"].as_i64().unwrap()))
                }
                Some(_) => old,
            }
        } else if has("add") {
            changed_set(old, value)
        } else if has("$add") {
            changed_objects(old, value, merge)
        } else if let (true, Some(Json::Object(old)), Json::Object(new)) = (merge, &old, value) {
            Some(Json::Object(merged(old, new, true)))
        } else if let (true, Json::Object(new)) = (merge, value) {
            Some(Json::Object(merged(&Map::new(), new, true)))
        } else if let Json::Array(list) = value {
            Some(if list.iter().any(Json::is_object) { bare(value) } else { set(list.clone()) })
        } else {
            Some(bare(value))
        };
        match new {
            Some(new) => drop(self.attributes.insert(name.into(), new)),
            None => drop(self.attributes.remove(name)),
        }
    }

    fn count(&mut self, kind: &str, name: &Json, time: &Json, count: u64, now: i64) {
        // All times of the model's requests are on the hour of one day of a year.
        let text = time.as_str().unwrap();
        let (year, hour) =
            (text[..4].parse::<i64>().unwrap(), text[11..13].parse::<i64>().unwrap());
        let leap_days = (year - 1969) / 4 + i64::from(year % 4 == 0);
        let day = (year - 1970) * 365 + leap_days + 31 + 28 + 31 + 30 + 5;
        let at = ((day * 24 + hour) * 3_600_000).min(now);
        let key = (kind.to_owned(), name.as_str().unwrap().to_owned());
        let seen = self.counts.entry(key).or_insert((at, at, 0));
        *seen = (seen.0.min(at), seen.1.max(at), seen.2 + count);
    }

    fn shown(&self) -> Json {
        let mut shown: Map<String, Json> = self.attributes.clone().into_iter().collect();
        shown.extend(self.external_id.as_ref().map(|id| ("external_id".into(), json!(id))));
        shown.extend(self.alias.as_ref().map(|alias| ("user_aliases".into(), json!([alias]))));
        let time = |ms: i64| json!(flowrun_track::date::iso_ms(ms));
        for kind in ["custom_events", "purchases"] {
            let of_kind = self.counts.iter().filter(|((own, _), _)| own == kind);
            let list: Vec<Json> = of_kind
                .map(|((_, name), (first, last, count))| json!({"name": name, "first": time(*first), "last": time(*last), "count": count}))
                .collect();
            if !list.is_empty() {
                shown.insert(kind.into(), json!(list));
                if kind == "purchases" {
                    shown.insert("total_revenue".into(), json!(self.cents as f64 / 100.0));
                }
            }
        }
        Json::Object(shown)
    }
}

/// A set of at most 25, each value at its last place.
fn set(list: Vec<Json>) -> Json {
    let mut set: Vec<Json> = Vec::new();
    for value in list {
        set.retain(|known| *known != value);
        set.push(value);
    }
    let from = set.len().saturating_sub(25);
    json!(set[from..])
}

fn changed_set(old: Option<Json>, change: &Json) -> Option<Json> {
    let add = change["add"].as_array().unwrap();
    let none = Vec::new();
    let remove = change.get("remove").and_then(Json::as_array).unwrap_or(&none);
    let old = match old {
        None if add.is_empty() => return None,
        None => Vec::new(),
        Some(Json::Array(list)) if !list.iter().any(Json::is_object) => list,
        other => return other,
    };
    // Cutting to 25 comes last: what is removed makes room.
    let mut all: Vec<Json> = old;
    for value in add {
        all.retain(|known| known != value);
        all.push(value.clone());
    }
    all.retain(|value| !remove.contains(value));
    Some(set(all))
}

fn changed_objects(old: Option<Json>, change: &Json, merge: bool) -> Option<Json> {
    let part = |key: &str| change[key].as_array().unwrap();
    let mut list = match old {
        None if part("$add").is_empty() => return None,
        None => Vec::new(),
        Some(Json::Array(list)) if list.iter().all(Json::is_object) => list,
        other => return other,
    };
    let meets = |element: &Json, which: &Json| {
        element.get(which["$identifier_key"].as_str().unwrap()) == Some(&which["$identifier_value"])
    };
    list.extend(part("$add").iter().map(bare));
    for which in part("$remove") {
        list.retain(|element| !meets(element, which));
    }
    for which in part("$update") {
        for element in list.iter_mut().filter(|element| meets(element, which)) {
            let new = bare(&which["$new_object"]);
            *element = match merge {
                true => Json::Object(merged(
                    element.as_object().unwrap(),
                    new.as_object().unwrap(),
                    false,
                )),
                false => new,
            };
        }
    }
    Some(json!(list))
}

fn merged(
    old: &Map<String, Json>,
    new: &Map<String, Json>,
    nulls_remove: bool,
) -> Map<String, Json> {
    let mut all = old.clone();
    for (key, value) in new {
        match (all.get(key).cloned(), value) {
            (_, Json::Null) if nulls_remove => drop(all.shift_remove(key)),
            (Some(Json::Object(old)), Json::Object(new)) => {
                all.insert(key.clone(), Json::Object(merged(&old, new, nulls_remove)));
            }
            _ => drop(all.insert(key.clone(), bare(value))),
        }
    }
    all
}

/// Without the keys that are null.
fn bare(value: &Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(
            map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), bare(v))).collect(),
        ),
        Json::Array(list) => Json::Array(list.iter().map(bare).collect()),
        other => other.clone(),
    }
}
