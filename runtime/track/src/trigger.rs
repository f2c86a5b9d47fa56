//! A request to enter users into a Canvas: the body of `/canvas/trigger/send`, and of its schedules.
//!
//! Parsing checks all that doesn't depend on profiles. [`Directory::recipients`] then says who the recipients are, and
//! writes the attributes that come with them, before anybody enters.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::audience::Audience;
use crate::directory::neighbours::{Prioritization, prioritization};
use crate::directory::{Directory, Id, Profiles, Reply};
use crate::error::ItemError;
use crate::identifier::{Identifier, alias_of, check_external_id};
use crate::limits::Limits;
use crate::object::{Array, Object, flag};
use crate::value::Text;
use crate::values::contact;

/// Recipients of one request.
const RECIPIENTS: usize = 50;
/// Bytes of entry properties.
const CONTEXT_BYTES: usize = 50 * 1024;

/// Entry properties, shared by those who enter with the same ones.
pub type Properties = Arc<Map<String, Json>>;

/// Who is to enter which Canvas, and with what.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub canvas_id: String,
    /// Properties of the request; a recipient's own are already over them.
    pub context: Properties,
    pub audience: Option<Audience>,
    pub to: Recipients,
}

#[derive(Clone, Debug)]
pub enum Recipients {
    /// Everybody, as far as the audience goes.
    Everybody,
    Named(Vec<Recipient>),
}

#[derive(Clone, Debug)]
pub struct Recipient {
    identifier: Identifier,
    prioritization: Vec<Prioritization>,
    pub context: Properties,
    /// Written before entering.
    attributes: Option<Object>,
    existing_only: bool,
}

impl Trigger {
    /// An error is the reply to the request, which is refused as a whole.
    pub fn parse(body: &Map<String, Json>, limits: &Limits) -> Result<Trigger, Reply> {
        let invalid = |key: &str| Reply::new(400, &ItemError::invalid(key).message);
        let canvas_id = match body.get("canvas_id") {
            None | Some(Json::Null) => return Err(Reply::new(400, "'canvas_id' is required")),
            Some(Json::String(id)) if id.len() <= 255 => id.clone(),
            Some(_) => return Err(Reply::new(400, "Invalid Canvas ID")),
        };
        let context = context(body).map_err(|error| Reply::new(400, &error.message))?;
        let context = Arc::new(context.cloned().unwrap_or_default());
        let audience = match body.get("audience") {
            None | Some(Json::Null) => None,
            Some(json) => {
                Some(Audience::parse(json).map_err(|error| Reply::new(400, &error.to_string()))?)
            }
        };
        let broadcast = flag(body, "broadcast").map_err(|error| Reply::new(400, &error.message))?;
        let named: &[Json] = match body.get("recipients") {
            None | Some(Json::Null) => &[],
            Some(Json::Array(list)) => list,
            Some(_) => return Err(invalid("recipients")),
        };
        let to = match (named, broadcast.unwrap_or(false)) {
            ([], true) => Recipients::Everybody,
            ([], false) => {
                let hint = "without 'recipients', 'broadcast' must be true";
                return Err(Reply::new(400, "No Recipients").with("errors", vec![hint]));
            }
            (_, true) => {
                let message = "'broadcast' can't be true when 'recipients' are given";
                return Err(Reply::new(400, message));
            }
            (list, _) if list.len() > RECIPIENTS => {
                let message = "The max number of external_ids and aliases per request was exceeded";
                return Err(Reply::new(400, message));
            }
            (list, false) => Recipients::Named(recipients(list, &context, limits)?),
        };
        Ok(Trigger { canvas_id, context, audience, to })
    }
}

impl<P: Profiles> Directory<P> {
    /// The named recipients who enter, in their order, with their properties. Their attributes are written; who is unknown
    /// and isn't to be created, and who is outside the audience, doesn't enter. Our choice: the audience is asked after the
    /// attributes were written, since entering reads them too.
    pub fn recipients(
        &mut self,
        named: &[Recipient],
        audience: Option<&Audience>,
        now_ms: i64,
    ) -> Vec<(Id, Properties)> {
        let mut entering = Vec::with_capacity(named.len());
        for recipient in named {
            let Some(id) = self.recipient(recipient, now_ms) else { continue };
            let within = audience.is_none_or(|audience| {
                self.profiles.get(id).is_some_and(|profile| audience.contains(&profile, now_ms))
            });
            if within {
                entering.push((id, recipient.context.clone()));
            }
        }
        entering
    }

    /// Who a recipient is now; nobody comes into being.
    pub fn known(&self, recipient: &Recipient) -> Option<Id> {
        self.chosen(&recipient.identifier, &recipient.prioritization)
    }

    /// Whether a recipient who enters now would have no external id.
    pub fn is_unidentified(&self, recipient: &Recipient) -> bool {
        match self.known(recipient) {
            Some(id) => {
                self.profiles.get(id).is_some_and(|profile| profile.external_id().is_none())
            }
            None => {
                let named = matches!(recipient.identifier, Identifier::ExternalId(_));
                !named && !recipient.existing_only
            }
        }
    }

    fn recipient(&mut self, recipient: &Recipient, now_ms: i64) -> Option<Id> {
        let known = self.known(recipient);
        let Some(attributes) = &recipient.attributes else { return known };
        match known {
            Some(id) => {
                let _ = self.apply_to(id, attributes, now_ms);
                Some(id)
            }
            None if recipient.existing_only => None,
            None => {
                let (id, _) = self.apply(&recipient.identifier, attributes, now_ms)?;
                Some(id)
            }
        }
    }
}

/// `context`, or under its older name `canvas_entry_properties`.
fn context(object: &Map<String, Json>) -> Result<Option<&Map<String, Json>>, ItemError> {
    for key in ["context", "canvas_entry_properties"] {
        match object.get(key) {
            None | Some(Json::Null) => {}
            Some(Json::Object(map)) if bytes(map) <= CONTEXT_BYTES => {
                return Ok(Some(map));
            }
            Some(Json::Object(_)) => {
                return Err(ItemError::plain(key, format!("'{key}' is larger than 50 KB")));
            }
            Some(_) => return Err(ItemError::invalid(key)),
        }
    }
    Ok(None)
}

fn bytes(map: &Map<String, Json>) -> usize {
    serde_json::to_string(map).map_or(usize::MAX, |text| text.len())
}

fn recipients(
    list: &[Json],
    common: &Properties,
    limits: &Limits,
) -> Result<Vec<Recipient>, Reply> {
    let mut named = Vec::with_capacity(list.len());
    let mut errors = Vec::new();
    for (index, json) in list.iter().enumerate() {
        match recipient(json, common, limits) {
            Ok(recipient) => named.push(recipient),
            Err(error) => errors.push(Json::Object(Map::from_iter([
                ("type".into(), Json::from(error.message)),
                ("input_array".into(), Json::from("recipients")),
                ("index".into(), Json::from(index)),
            ]))),
        }
    }
    match errors.first() {
        None => Ok(named),
        Some(first) => {
            let message = first["type"].as_str().unwrap_or_default().to_owned();
            Err(Reply::new(400, &message).with("errors", errors))
        }
    }
}

fn recipient(json: &Json, common: &Properties, limits: &Limits) -> Result<Recipient, ItemError> {
    let object = json
        .as_object()
        .ok_or_else(|| ItemError::plain("", "'recipients' must be an array of objects"))?;
    let identifier = identifier(object)?;
    let existing_only = flag(object, "send_to_existing_only")?.unwrap_or(true);
    let attributes = match object.get("attributes") {
        None | Some(Json::Null) => None,
        Some(Json::Object(map)) => Some(Object::parse_within(Array::Attributes, map, limits)?),
        Some(_) => return Err(ItemError::invalid("attributes")),
    };
    if !existing_only && matches!(identifier, Identifier::Alias(_)) {
        let message = "'send_to_existing_only' must be true with a 'user_alias'";
        return Err(ItemError::plain("send_to_existing_only", message));
    }
    if !existing_only && attributes.is_none() {
        let message = "'attributes' are required when 'send_to_existing_only' is false";
        return Err(ItemError::plain("attributes", message));
    }
    Ok(Recipient {
        identifier,
        prioritization: prioritization(object)?,
        context: joined(common, context(object)?)?,
        attributes,
        existing_only,
    })
}

fn identifier(object: &Map<String, Json>) -> Result<Identifier, ItemError> {
    let given = |key: &str| object.get(key).filter(|json| !json.is_null());
    match (given("external_user_id"), given("user_alias"), given("email")) {
        (Some(id), None, None) => {
            let id = id.as_str().filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| ItemError::invalid("external_user_id"))?;
            check_external_id(id)?;
            Ok(Identifier::ExternalId(Text::new(id)))
        }
        (None, Some(alias), None) => alias_of(alias).map(Identifier::Alias),
        (None, None, Some(email)) => match email.as_str() {
            Some(email) if contact::is_email(email) => Ok(Identifier::Email(Text::new(email))),
            _ => Err(crate::object::bad_email()),
        },
        (None, None, None) => {
            Err(ItemError::plain("", "'external_user_id', 'user_alias' or 'email' is required"))
        }
        _ => Err(ItemError::plain(
            "",
            "You must specify only one of 'external_user_id', 'user_alias' or 'email'",
        )),
    }
}

fn joined(common: &Properties, own: Option<&Map<String, Json>>) -> Result<Properties, ItemError> {
    let Some(own) = own.filter(|own| !own.is_empty()) else { return Ok(common.clone()) };
    let mut all = (**common).clone();
    all.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
    match bytes(&all) <= CONTEXT_BYTES {
        true => Ok(Arc::new(all)),
        false => Err(ItemError::plain("context", "'context' is larger than 50 KB")),
    }
}
