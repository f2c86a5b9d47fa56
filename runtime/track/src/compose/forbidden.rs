//! What may not stand in a User Update, and the words that say so.
//!
//! Identifiers are matched exactly, since attribute names are case-sensitive; keys and addresses in any spelling, since no
//! attribute is called so by chance.

use serde_json::Value as Json;

use super::{Error, Kind, Refused, locate};
use crate::error::shown;
use crate::object::Array;

/// Why `key` may not be written by a step; `None` when it may.
pub(super) fn forbidden(key: &str) -> Option<&'static str> {
    match key {
        "external_id" | "braze_id" | "user_alias" => Some("the step adds the user who is at it"),
        "push_token_import" | "push_tokens" => {
            Some("push tokens are imported by the endpoint, not by a step")
        }
        _ if KEYS.iter().any(|known| reads(key, known)) => {
            Some("the key belongs to the backend's settings")
        }
        _ if ADDRESSES.iter().any(|known| reads(key, known)) => {
            Some("the address belongs to the backend's settings")
        }
        _ => None,
    }
}

const KEYS: [&str; 3] = ["apikey", "restapikey", "brazeapikey"];
const ADDRESSES: [&str; 9] = [
    "resturl",
    "restapiurl",
    "restendpoint",
    "restapiendpoint",
    "resthost",
    "clusterurl",
    "brazecluster",
    "brazeurl",
    "brazeendpoint",
];
/// At the top level these can only mean the server; within an object they may be about the user.
const TOP_ADDRESSES: [&str; 7] =
    ["url", "cluster", "endpoint", "host", "instance", "instanceurl", "baseurl"];

/// Equal but for case and anything that is no letter or digit: `API-Key` reads `apikey`.
fn reads(key: &str, known: &str) -> bool {
    let letters =
        key.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    key.len() <= 64 && letters.eq(known.bytes())
}

pub(super) fn top_key(key: &str) -> Refused {
    let hint = forbidden(key).or_else(|| {
        TOP_ADDRESSES
            .iter()
            .any(|known| reads(key, known))
            .then_some("the address belongs to the backend's settings")
    });
    let shown_key = shown(key);
    let error = match hint {
        Some(hint) => Error {
            kind: Kind::Forbidden { key: key.to_owned(), array: None, index: None },
            offset: None,
            message: format!("'{shown_key}' may not stand in a User Update"),
            hint: Some(hint.into()),
        },
        None => Error {
            kind: Kind::UnknownTopKey { key: key.to_owned() },
            offset: None,
            message: format!("'{shown_key}' is none of attributes, events, purchases"),
            hint: Some(format!(
                "to write an attribute: {{\"attributes\": [{{\"{shown_key}\": …}}]}}"
            )),
        },
    };
    Refused::new(error, vec![locate::Part::key(key)])
}

pub(super) fn not_an_object(
    array: Option<Array>,
    index: Option<usize>,
    found: &Json,
    place: Vec<locate::Part>,
) -> Refused {
    let found = match found {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    };
    let (what, hint) = match (array, index) {
        (Some(array), Some(index)) => {
            (format!("{array}[{index}]"), "each element is an object".to_owned())
        }
        (Some(array), None) => (format!("'{array}'"), format!("\"{array}\": [{{…}}]")),
        _ => (
            "a User Update".to_owned(),
            r#"{"attributes": [{…}], "events": [{…}], "purchases": [{…}]}"#.to_owned(),
        ),
    };
    let error = Error {
        kind: Kind::NotAnObject { array, index },
        offset: None,
        message: format!("{what} must hold objects, not {found}"),
        hint: Some(hint),
    };
    Refused::new(error, place)
}
