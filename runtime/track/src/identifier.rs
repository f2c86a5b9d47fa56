//! Whom an object is about.
//!
//! Exactly one of `external_id`, `user_alias`, `braze_id` is the primary identifier. Without one, `email` looks the user
//! up, or `phone` when there is no `email`. Next to a primary identifier both are plain attributes.

use serde_json::{Map, Value as Json};

use crate::error::ItemError;
use crate::object::{Array, PUSH_TOKEN_IMPORT, flag, get};
use crate::profile::Alias;
use crate::value::Text;
use crate::values::contact;

/// The longest external id, in bytes.
const EXTERNAL_ID_BYTES: usize = 987;
/// Our choice for the parts of an alias, as for every other name.
const ALIAS_CHARS: usize = 255;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    ExternalId(Text),
    BrazeId(Text),
    Alias(Alias),
    /// As written; compared without regard to case.
    Email(Text),
    /// E.164.
    Phone(Text),
}

/// What stands before the braze_id of a user who has no external id, where users are told apart by one text. No external
/// id begins so.
const BY_BRAZE_ID: &str = "braze_id:";

/// The key and value by which an object names the user of a journey.
pub fn named_by(user: &str) -> (&'static str, &str) {
    match user.strip_prefix(BY_BRAZE_ID) {
        Some(braze_id) => ("braze_id", braze_id),
        None => ("external_id", user),
    }
}

/// The text that stands for a user without an external id.
pub(crate) fn by_braze_id(braze_id: &str) -> String {
    format!("{BY_BRAZE_ID}{braze_id}")
}

/// The identifier of an object of any array.
pub fn identify(object: &Map<String, Json>) -> Result<Identifier, ItemError> {
    primary(object)?.map_or_else(|| secondary(object), Ok)
}

/// True for an object that brings a push token of someone unknown: it may have no primary id.
pub(crate) fn is_token_import(array: Array, object: &Map<String, Json>) -> Result<bool, ItemError> {
    if array != Array::Attributes || flag(object, PUSH_TOKEN_IMPORT)? != Some(true) {
        return Ok(false);
    }
    let has_id = ["external_id", "braze_id"].iter().any(|key| present(object, key).is_some());
    let has_token = get(object, "push_tokens")
        .and_then(Json::as_array)
        .is_some_and(|tokens| !tokens.is_empty());
    if has_id || !has_token {
        let message = "'push_token_import' is not valid";
        return Err(ItemError::coded("BAD_PUSH_TOKEN_IMPORT", PUSH_TOKEN_IMPORT, message));
    }
    Ok(true)
}

fn present<'a>(object: &'a Map<String, Json>, key: &str) -> Option<&'a Json> {
    get(object, key).filter(|json| !json.is_null() && json.as_str() != Some(""))
}

fn primary(object: &Map<String, Json>) -> Result<Option<Identifier>, ItemError> {
    let external = present(object, "external_id");
    let alias = present(object, "user_alias");
    let braze = present(object, "braze_id");
    match (external, alias, braze) {
        (None, None, None) => Ok(None),
        (Some(id), None, None) => external_id(id).map(Some),
        (None, Some(pair), None) => alias_of(pair).map(|alias| Some(Identifier::Alias(alias))),
        (None, None, Some(id)) => match id.as_str() {
            Some(id) if id.len() <= 255 => Ok(Some(Identifier::BrazeId(Text::new(id)))),
            _ => Err(ItemError::invalid("braze_id")),
        },
        _ => {
            let message = "You must specify only one of 'external_id', 'user_alias' or 'braze_id'";
            Err(ItemError::plain("", message))
        }
    }
}

fn external_id(json: &Json) -> Result<Identifier, ItemError> {
    external(json.as_str().ok_or_else(|| ItemError::invalid("external_id"))?)
}

pub(crate) fn external(id: &str) -> Result<Identifier, ItemError> {
    check_external_id(id)?;
    Ok(Identifier::ExternalId(Text::new(id)))
}

pub(crate) fn check_external_id(id: &str) -> Result<(), ItemError> {
    if id.starts_with(BY_BRAZE_ID) {
        return Err(ItemError::invalid("external_id"));
    }
    if id.len() <= EXTERNAL_ID_BYTES {
        return Ok(());
    }
    let message = "'external_id' is larger than 987 bytes";
    Err(ItemError::coded("EXTERNAL_USER_ID_TOO_LARGE", "external_id", message))
}

/// `{alias_name, alias_label}`.
pub(crate) fn alias_of(json: &Json) -> Result<Alias, ItemError> {
    let part = |key: &str| {
        let text = json.get(key).and_then(Json::as_str)?;
        (!text.is_empty() && text.chars().count() <= ALIAS_CHARS).then(|| Text::new(text))
    };
    match (part("alias_label"), part("alias_name")) {
        (Some(label), Some(name)) => Ok(Alias { label, name }),
        _ => Err(ItemError::invalid("user_alias")),
    }
}

fn secondary(object: &Map<String, Json>) -> Result<Identifier, ItemError> {
    if let Some(email) = present(object, "email") {
        return match email.as_str() {
            Some(email) if contact::is_email(email) => Ok(Identifier::Email(Text::new(email))),
            _ => Err(crate::object::bad_email()),
        };
    }
    if let Some(phone) = present(object, "phone") {
        let phone = phone.as_str().and_then(contact::phone);
        return phone.map(Identifier::Phone).ok_or_else(|| ItemError::invalid("phone"));
    }
    let message = "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required";
    Err(ItemError::plain("", message))
}
