//! Two profiles become one.
//!
//! The profile that is kept keeps its values; what it lacks it takes over. Counts add up, first times are the earlier, last
//! times the later. Aliases move unless their label is taken; push tokens and subscription groups join.

use serde_json::Value as Json;

use crate::field::Field;
use crate::limits::Limits;
use crate::object::ENTRIES;
use crate::profile::Profile;
use crate::value::{Text, Value};

/// Merges `gone` into `kept`. The external id and braze_id of `gone` are lost.
pub fn merge(kept: &mut Profile, gone: &Profile, limits: &Limits) {
    for (field, value) in gone.fields() {
        match (field, kept.get(field)) {
            (_, None) => kept.set_field(field, Some(value.clone())),
            (Field::DateOfFirstSession, Some(own)) if value.time_ms() < own.time_ms() => {
                kept.set_field(field, Some(value.clone()));
            }
            (Field::DateOfLastSession, Some(own)) if value.time_ms() > own.time_ms() => {
                kept.set_field(field, Some(value.clone()));
            }
            (Field::PushTokens, Some(_)) => join(kept, field, value, &["app_id", "token"]),
            (Field::SubscriptionGroups, Some(_)) => {
                join(kept, field, value, &["subscription_group_id"])
            }
            _ => {}
        }
    }
    for (name, value) in gone.customs() {
        if kept.custom(name).is_none() {
            kept.set_custom(name, Some(value.clone()));
        }
    }
    for alias in gone.aliases() {
        kept.add_alias(alias.clone());
    }
    if let Some(rare) = gone.rare() {
        let own = kept.rare_mut();
        for seen in rare.events.list() {
            own.events.add(seen.clone(), limits.summaries);
        }
        for seen in rare.purchases.list() {
            own.purchases.add(seen.clone(), limits.summaries);
        }
        for (currency, sum) in &rare.revenue {
            own.add_revenue(currency, *sum);
        }
    }
    kept.updated_ms = kept.updated_ms.max(gone.updated_ms);
}

/// Entries whose keys the kept profile doesn't have.
fn join(kept: &mut Profile, field: Field, theirs: &Value, keys: &[&str]) {
    let list =
        |value: Option<&Value>| value.and_then(Value::as_json).and_then(Json::as_array).cloned();
    let mut all = list(kept.get(field)).unwrap_or_default();
    for entry in list(Some(theirs)).unwrap_or_default() {
        if !all.iter().any(|own| keys.iter().all(|key| own.get(*key) == entry.get(*key))) {
            all.push(entry);
        }
    }
    all.truncate(ENTRIES);
    kept.set_field(field, Some(Value::Json(Box::new(Json::Array(all)))));
}

/// `(app_id, token)` of a profile's push tokens.
pub(super) fn tokens(profile: &Profile) -> Vec<(Text, Text)> {
    let list = profile.get(Field::PushTokens).and_then(Value::as_json).and_then(Json::as_array);
    let pair = |entry: &Json| {
        let text = |key: &str| entry.get(key).and_then(Json::as_str).map(Text::new);
        Some((text("app_id")?, text("token")?))
    };
    list.map_or_else(Vec::new, |list| list.iter().filter_map(pair).collect())
}

pub(super) fn drop_token(profile: &mut Profile, app_id: &str, token: &str) {
    let Some(Json::Array(mut list)) =
        profile.get(Field::PushTokens).and_then(Value::as_json).cloned()
    else {
        return;
    };
    let is = |entry: &Json, key: &str, wanted: &str| {
        entry.get(key).and_then(Json::as_str) == Some(wanted)
    };
    list.retain(|entry| !(is(entry, "app_id", app_id) && is(entry, "token", token)));
    let left = (!list.is_empty()).then(|| Value::Json(Box::new(Json::Array(list))));
    profile.set_field(Field::PushTokens, left);
}

pub(super) fn take_tokens(profile: &mut Profile, from: &Profile) {
    if let Some(theirs) = from.get(Field::PushTokens) {
        join(profile, Field::PushTokens, theirs, &["app_id", "token"]);
    }
}
