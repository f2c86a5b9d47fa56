//! Parsing the standard profile fields.
//!
//! Our choice where nothing is documented: what drives delivery, consent or identity (addresses, subscription states,
//! location, tokens) refuses the object when it is wrong, and so does any value of the wrong JSON type; a descriptive value
//! that can't be read (country, language, gender, time zone, dates) is not stored and warned of, as the vendor does for
//! country and time zone.

use serde_json::{Map, Value as Json};

use super::{Change, cut};
use crate::error::{ItemError, Reason, Warning};
use crate::field::Field;
use crate::limits::Limits;
use crate::value::{Text, Value};
use crate::values::{contact, country, date, language, zone};

/// Entries that one profile keeps of subscription groups and of push tokens, and that one object may bring. Our choice.
pub(crate) const ENTRIES: usize = 500;
/// Longer than other strings: addresses of images often are.
const URL_CHARS: usize = 2_048;

type Parsed = Result<Option<Change>, ItemError>;

pub(super) fn parse(
    field: Field,
    json: &Json,
    limits: &Limits,
    warnings: &mut Vec<Warning>,
) -> Parsed {
    if json.is_null() {
        return Ok(Some(Change::Remove));
    }
    let name = field.name();
    let mut not_stored = |reason| {
        warnings.push(Warning { path: name.to_owned(), reason });
        Ok(None)
    };
    let text = || json.as_str().ok_or_else(|| ItemError::invalid(name));
    match field {
        Field::FirstName | Field::LastName | Field::HomeCity | Field::ImageUrl => {
            let most = if field == Field::ImageUrl { URL_CHARS } else { limits.string_chars };
            let (text, was_cut) = cut(text()?, most);
            if was_cut {
                warnings.push(Warning { path: name.to_owned(), reason: Reason::Cut });
            }
            set(text)
        }
        Field::Email => match json.as_str() {
            Some(email) if contact::is_email(email) => set(email),
            _ => Err(bad_email()),
        },
        Field::Phone => match contact::phone(text()?) {
            Some(phone) => Ok(Some(Change::Set(Value::Str(phone)))),
            None => Err(ItemError::invalid(name)),
        },
        Field::Country => match country::code(text()?) {
            Some(code) => set(code),
            None => not_stored(Reason::Country).map(|_: Option<Change>| Some(Change::Remove)),
        },
        Field::Language => match language::code(text()?) {
            Some(code) => set(code),
            None => not_stored(Reason::Language),
        },
        Field::TimeZone => match zone::iana(text()?) {
            Some(zone) => set(zone),
            None => not_stored(Reason::TimeZone),
        },
        Field::Gender => match gender(text()?) {
            Some(letter) => set(letter),
            None => not_stored(Reason::Gender),
        },
        Field::Dob => match date::day(text()?) {
            Some(day) => set(&day),
            None => not_stored(Reason::Date),
        },
        Field::DateOfFirstSession | Field::DateOfLastSession | Field::MarkedEmailAsSpamAt => {
            let text = time_text(json).ok_or_else(|| ItemError::invalid(name))?;
            match date::event(text) {
                Some(at) if at.plain => Ok(Some(Change::Time(at.ms(), Value::from(text)))),
                Some(at) => Ok(Some(Change::Time(at.ms(), Value::Str(Text::from(at.iso()))))),
                None => not_stored(Reason::Date),
            }
        }
        Field::EmailOpenTrackingDisabled | Field::EmailClickTrackingDisabled => match json {
            Json::Bool(on) => Ok(Some(Change::Set(Value::Bool(*on)))),
            _ => Err(ItemError::invalid(name)),
        },
        Field::EmailSubscribe => subscription(json, "BAD_EMAIL_SUBSCRIPTION_STATE", name),
        Field::PushSubscribe => subscription(json, "BAD_PUSH_SUBSCRIPTION_STATE", name),
        Field::CurrentLocation => location(json),
        Field::SubscriptionGroups => groups(json),
        Field::Facebook => {
            social(json, name, &[("id", TEXT), ("likes", TEXTS), ("num_friends", NUMBER)])
        }
        Field::Twitter => social(
            json,
            name,
            &[
                ("id", NUMBER | TEXT),
                ("screen_name", TEXT),
                ("followers_count", NUMBER),
                ("friends_count", NUMBER),
                ("statuses_count", NUMBER),
            ],
        ),
        Field::PushTokens => tokens(json),
    }
}

fn set(text: &str) -> Parsed {
    Ok(Some(Change::Set(Value::from(text))))
}

pub(crate) fn bad_email() -> ItemError {
    ItemError::coded(
        "EMAIL_BAD_FORMAT",
        "email",
        "The value provided for the 'email' field is not a valid email.",
    )
}

/// A time as text, or wrapped in `$time` as examples of the vendor have it.
pub(super) fn time_text(json: &Json) -> Option<&str> {
    json.as_str().or_else(|| json.get("$time")?.as_str())
}

fn gender(text: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 10] = [
        ("m", "M"),
        ("f", "F"),
        ("o", "O"),
        ("n", "N"),
        ("p", "P"),
        ("male", "M"),
        ("female", "F"),
        ("other", "O"),
        ("not applicable", "N"),
        ("prefer not to say", "P"),
    ];
    KNOWN.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, letter)| *letter)
}

fn subscription(json: &Json, code: &'static str, name: &str) -> Parsed {
    match json.as_str() {
        Some(state @ ("opted_in" | "subscribed" | "unsubscribed")) => set(state),
        _ => {
            let message = format!("'{name}' must be 'subscribed', 'unsubscribed', or 'opted_in'");
            Err(ItemError::coded(code, name, message))
        }
    }
}

fn location(json: &Json) -> Parsed {
    let degrees = |key: &str, most: f64| json.get(key)?.as_f64().filter(|d| d.abs() <= most);
    let (Some(longitude), Some(latitude)) =
        (degrees("longitude", 180.0), degrees("latitude", 90.0))
    else {
        let message = "'current_location' is not valid";
        return Err(ItemError::coded("BAD_LOCATION_UPDATE", "current_location", message));
    };
    let mut place = Map::with_capacity(2);
    place.insert("longitude".into(), Json::from(longitude));
    place.insert("latitude".into(), Json::from(latitude));
    Ok(Some(Change::Set(Value::Json(Box::new(Json::Object(place))))))
}

fn groups(json: &Json) -> Parsed {
    let bad = |code, what: &str| ItemError::coded(code, "subscription_groups", what);
    let Json::Array(list) = json else {
        return Err(bad(
            "BAD_SUBSCRIPTION_GROUP_ARRAY",
            "'subscription_groups' must be an array of objects",
        ));
    };
    if list.len() > ENTRIES {
        return Err(bad("BAD_SUBSCRIPTION_GROUP_ARRAY", "'subscription_groups' is not valid"));
    }
    let mut groups = Vec::with_capacity(list.len());
    for group in list {
        let Json::Object(group) = group else {
            return Err(bad(
                "BAD_SUBSCRIPTION_GROUP_HASH",
                "'subscription_groups' must be an array of objects",
            ));
        };
        let id = group
            .get("subscription_group_id")
            .and_then(Json::as_str)
            .filter(|id| (1..=255).contains(&id.len()));
        let Some(id) = id else {
            return Err(bad("BAD_SUBSCRIPTION_GROUP_ID", "'subscription_group_id' is not valid"));
        };
        let Some(state @ ("subscribed" | "unsubscribed")) =
            group.get("subscription_state").and_then(Json::as_str)
        else {
            let message = "'subscription_state' must be 'subscribed' or 'unsubscribed'";
            return Err(bad("BAD_SUBSCRIPTION_GROUP_STATE", message));
        };
        // Double opt-in sends a message before subscribing; a profile keeps the state that was asked for.
        match group.get("use_double_opt_in_logic") {
            None | Some(Json::Null | Json::Bool(_)) => {}
            Some(_) => return Err(ItemError::invalid("use_double_opt_in_logic")),
        }
        let mut entry = Map::with_capacity(2);
        entry.insert("subscription_group_id".into(), Json::from(id));
        entry.insert("subscription_state".into(), Json::from(state));
        groups.push(Json::Object(entry));
    }
    Ok(Some(Change::Entries(groups.into())))
}

fn tokens(json: &Json) -> Parsed {
    let bad = |code, what: &str| Err(ItemError::coded(code, "push_tokens", what));
    let Some(list) = json.as_array().filter(|list| list.len() <= ENTRIES) else {
        return bad("BAD_PUSH_TOKEN_VALUE", "'push_tokens' is not valid");
    };
    let mut tokens = Vec::with_capacity(list.len());
    for token in list {
        let Json::Object(given) = token else {
            return bad("BAD_PUSH_TOKEN_VALUE", "'push_tokens' is not valid");
        };
        let text = |key: &str| {
            given.get(key).and_then(Json::as_str).filter(|text| (1..=4096).contains(&text.len()))
        };
        let Some(app_id) = text("app_id") else {
            return bad("BAD_PUSH_TOKEN_APP_ID", "'app_id' is not valid");
        };
        let Some(token) = text("token") else {
            return bad("BAD_PUSH_TOKEN_STRING", "'token' is not valid");
        };
        let mut entry = Map::with_capacity(3);
        entry.insert("app_id".into(), Json::from(app_id));
        entry.insert("token".into(), Json::from(token));
        if let Some(device) = given.get("device_id").filter(|device| !device.is_null()) {
            let Some(device) = device.as_str().filter(|device| (8..=255).contains(&device.len()))
            else {
                let message = "token import with 'device_id' must have a device_id less than 255 bytes and at least 8 bytes";
                return bad("BAD_DEVICE_ID", message);
            };
            entry.insert("device_id".into(), Json::from(device));
        }
        tokens.push(Json::Object(entry));
    }
    Ok(Some(Change::Entries(tokens.into())))
}

const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const TEXTS: u8 = 4;

/// Known keys of the right kinds; others are left out, since no profile shows them.
fn social(json: &Json, name: &str, known: &[(&str, u8)]) -> Parsed {
    let Json::Object(given) = json else { return Err(ItemError::invalid(name)) };
    let mut kept = Map::with_capacity(known.len());
    for (key, kinds) in known {
        let Some(value) = given.get(*key).filter(|value| !value.is_null()) else { continue };
        let kind = match value {
            Json::String(text) if text.len() <= 1024 => TEXT,
            Json::Number(_) => NUMBER,
            Json::Array(all)
                if all.len() <= 500
                    && all.iter().all(|one| one.as_str().is_some_and(|s| s.len() <= 255)) =>
            {
                TEXTS
            }
            _ => 0,
        };
        if kinds & kind == 0 {
            return Err(ItemError { path: format!("{name}.{key}"), ..ItemError::invalid(name) });
        }
        kept.insert((*key).into(), value.clone());
    }
    Ok(Some(Change::Set(Value::Json(Box::new(Json::Object(kept))))))
}
