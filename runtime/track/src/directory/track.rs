//! The body of `POST /users/track`, applied object by object: attributes, then events, then purchases.
//!
//! A refused object changes nothing and keeps no other from being applied. Applying a body is the same as applying its
//! objects one by one in that order.

use serde_json::{Map, Value as Json};

use super::{Directory, Id, Key, Profiles, merge};
use crate::error::ItemError;
use crate::identifier::{Identifier, check_external_id, identify, is_token_import};
use crate::object::{Applied, Array, Object};
use crate::profile::Profile;

/// What became of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Applied {
        id: Id,
        applied: Applied,
    },
    /// Taken, but there was nobody to change: only existing profiles were meant, or the push token is known.
    Nobody,
    Refused(ItemError),
}

/// The outcomes of a request, per array that was in it, in the order of the objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub attributes: Option<Vec<Outcome>>,
    pub events: Option<Vec<Outcome>>,
    pub purchases: Option<Vec<Outcome>>,
}

/// An answer of an endpoint: status and body.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub body: Map<String, Json>,
}

const NOTHING_VALID: &str =
    "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.";

impl Reply {
    pub fn new(status: u16, message: &str) -> Reply {
        Reply { status, body: Map::from_iter([("message".into(), Json::from(message))]) }
    }

    /// With a further key of the body.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Json>) -> Reply {
        self.body.insert(key.into(), value.into());
        self
    }
}

impl Batch {
    pub fn outcomes(&self, array: Array) -> Option<&[Outcome]> {
        match array {
            Array::Attributes => self.attributes.as_deref(),
            Array::Events => self.events.as_deref(),
            Array::Purchases => self.purchases.as_deref(),
        }
    }

    /// Refused objects with the index within their array.
    pub fn refused(&self) -> impl Iterator<Item = (Array, usize, &ItemError)> {
        Array::ALL.into_iter().flat_map(|array| {
            let outcomes = self.outcomes(array).unwrap_or_default().iter().enumerate();
            outcomes.filter_map(move |(index, outcome)| match outcome {
                Outcome::Refused(error) => Some((array, index, error)),
                _ => None,
            })
        })
    }

    /// 201 with counts per array present, and `errors` when some objects were refused; 400 when nothing was valid.
    pub fn reply(&self) -> Reply {
        let errors: Vec<Json> =
            self.refused().map(|(array, index, error)| error_entry(array, index, error)).collect();
        let count = |array| self.outcomes(array).map(<[Outcome]>::len);
        let given: usize = Array::ALL.into_iter().filter_map(count).sum();
        if errors.len() == given {
            return Reply::new(400, NOTHING_VALID).with("errors", errors);
        }
        let mut reply = Reply::new(201, "success");
        for array in Array::ALL {
            if let Some(outcomes) = self.outcomes(array) {
                let taken = outcomes
                    .iter()
                    .filter(|outcome| !matches!(outcome, Outcome::Refused(_)))
                    .count();
                reply = reply.with(&format!("{array}_processed"), taken);
            }
        }
        match errors.is_empty() {
            true => reply,
            false => reply.with("errors", errors),
        }
    }
}

fn error_entry(array: Array, index: usize, error: &ItemError) -> Json {
    Json::Object(Map::from_iter([
        ("type".into(), Json::from(error.message.as_str())),
        ("input_array".into(), Json::from(array.name())),
        ("index".into(), Json::from(index)),
    ]))
}

/// Applies a request's body. An error is the reply to a request that is refused as a whole.
pub fn track_batch<P: Profiles>(
    directory: &mut Directory<P>,
    body: &Map<String, Json>,
    now_ms: i64,
) -> Result<Batch, Reply> {
    let mut arrays = [None; 3];
    for (slot, array) in arrays.iter_mut().zip(Array::ALL) {
        *slot = match body.get(array.name()) {
            None | Some(Json::Null) => None,
            Some(Json::Array(objects)) => Some(objects.as_slice()),
            Some(_) => {
                let error = ItemError::plain(array.name(), must_be_objects(array.name()));
                return Err(Reply::new(400, NOTHING_VALID)
                    .with("errors", vec![error_entry(array, 0, &error)]));
            }
        };
    }
    let lengths = arrays.map(|objects| objects.map_or(0, <[Json]>::len));
    let limits = &directory.limits;
    let too_many = lengths.iter().any(|length| *length > limits.per_array)
        || limits.combined.is_some_and(|most| lengths.iter().sum::<usize>() > most);
    if too_many {
        return Err(Reply::new(400, "Max Input Length Exceeded"));
    }
    let mut all = |at: usize| {
        let objects = arrays[at]?;
        Some(objects.iter().map(|object| directory.track(Array::ALL[at], object, now_ms)).collect())
    };
    Ok(Batch { attributes: all(0), events: all(1), purchases: all(2) })
}

pub(super) fn must_be_objects(key: &str) -> String {
    format!("'{key}' must be an array of objects")
}

impl<P: Profiles> Directory<P> {
    /// One object of a request.
    pub fn track(&mut self, array: Array, object: &Json, now_ms: i64) -> Outcome {
        let Json::Object(object) = object else {
            return Outcome::Refused(ItemError::plain("", must_be_objects(array.name())));
        };
        self.track_object(array, object, now_ms).unwrap_or_else(Outcome::Refused)
    }

    fn track_object(
        &mut self,
        array: Array,
        object: &Map<String, Json>,
        now_ms: i64,
    ) -> Result<Outcome, ItemError> {
        if is_token_import(array, object)? {
            let parsed = Object::parse_within(array, object, &self.limits)?;
            return Ok(self.import_tokens(&parsed, now_ms));
        }
        let identifier = identify(object)?;
        if let Identifier::ExternalId(id) = &identifier {
            self.check_allowed(id)?;
        }
        let parsed = Object::parse_within(array, object, &self.limits)?;
        Ok(match self.apply(&identifier, &parsed, now_ms) {
            Some((id, applied)) => Outcome::Applied { id, applied },
            None => Outcome::Nobody,
        })
    }

    pub(super) fn check_allowed(&self, external_id: &str) -> Result<(), ItemError> {
        check_external_id(external_id)?;
        match self.blocked.contains(external_id) {
            false => Ok(()),
            true => Err(ItemError::coded(
                "BLACKLISTED_EXTERNAL_USER_ID",
                "external_id",
                "provided external_id is blacklisted and disallowed",
            )),
        }
    }

    /// A known token is ignored; unknown ones make an anonymous profile, to be claimed when their user is identified.
    fn import_tokens(&mut self, object: &Object, now_ms: i64) -> Outcome {
        let mut profile = Profile::anonymous();
        let applied = object.apply(&mut profile, now_ms);
        for (app_id, token) in merge::tokens(&profile) {
            if self.profiles.first(Key::PushToken { app_id: &app_id, token: &token }).is_some() {
                merge::drop_token(&mut profile, &app_id, &token);
            }
        }
        if merge::tokens(&profile).is_empty() {
            return Outcome::Nobody;
        }
        let id = self.profiles.insert(profile);
        Outcome::Applied { id, applied }
    }
}
