//! The body of `POST /users/track`, applied object by object: attributes, then events, then purchases.
//!
//! A refused object changes nothing and keeps no other from being applied. Applying a body is the same as applying its
//! objects one by one in that order.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Directory, Id, Key, Profiles, Settled, WriteKey, merge};
use crate::error::ItemError;
use crate::identifier::{
    Identifier, check_external_id, external, identify, is_token_import, named_by,
};
use crate::limits::Limits;
use crate::object::{Applied, Array, Object};
use crate::profile::Profile;

/// What became of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Applied {
        id: Id,
        applied: Applied,
    },
    /// Applied before under the same [`WriteKey`]; nothing has changed again.
    Known {
        id: Id,
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

/// A request's objects, parsed: all that can be done before the profiles are at hand, and side by side for many requests.
#[derive(Clone, Debug)]
pub struct Prepared {
    arrays: [Option<Vec<Item>>; 3],
}

#[derive(Clone, Debug)]
struct Item {
    whom: Result<Whom, ItemError>,
    /// Of many users the same, where a step has written one for all of them.
    object: Arc<Result<Object, ItemError>>,
}

#[derive(Clone, Debug)]
enum Whom {
    Named(Identifier),
    /// Of a push token, whoever has it.
    Token,
}

impl Prepared {
    /// An error is the reply to a request that is refused as a whole.
    pub fn parse(body: &Map<String, Json>, limits: &Limits) -> Result<Prepared, Reply> {
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
        let too_many = lengths.iter().any(|length| *length > limits.per_array)
            || limits.combined.is_some_and(|most| lengths.iter().sum::<usize>() > most);
        if too_many {
            return Err(Reply::new(400, "Max Input Length Exceeded"));
        }
        let items = |at: usize| {
            let items = arrays[at]?.iter();
            Some(items.map(|object| Item::parse(Array::ALL[at], object, limits)).collect())
        };
        Ok(Prepared { arrays: [items(0), items(1), items(2)] })
    }

    /// Objects of all arrays.
    pub fn len(&self) -> usize {
        self.arrays.iter().flatten().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The objects of one array, as far as they can be applied, in order.
    pub fn objects(&self, array: Array) -> impl Iterator<Item = Option<&Object>> {
        let items = self.arrays[array as usize].iter().flatten();
        items.map(|item| (*item.object).as_ref().ok())
    }
}

impl Item {
    fn parse(array: Array, object: &Json, limits: &Limits) -> Item {
        let Json::Object(object) = object else {
            let error = ItemError::plain("", must_be_objects(array.name()));
            return Item { whom: Err(error.clone()), object: Arc::new(Err(error)) };
        };
        let whom = match is_token_import(array, object) {
            Ok(true) => Ok(Whom::Token),
            Ok(false) => identify(object).map(Whom::Named),
            Err(error) => Err(error),
        };
        // An object that nobody can be found for isn't read any further.
        let object = match &whom {
            Ok(_) => Object::parse_within(array, object, limits),
            Err(error) => Err(error.clone()),
        };
        Item { whom, object: Arc::new(object) }
    }

    /// An object without an identifier, of a user as journeys tell them apart.
    fn of_journey(array: Array, text: &str, user: &str, limits: &Limits) -> Item {
        let mut object: Json = serde_json::from_str(text).unwrap_or_default();
        if let Json::Object(object) = &mut object {
            let (key, id) = named_by(user);
            object.insert(key.into(), id.into());
        }
        Item::parse(array, &object, limits)
    }
}

/// What users of journeys are to be written, one array after the other: objects as texts, without an identifier.
pub struct Writing<'l> {
    limits: &'l Limits,
    prepared: Prepared,
    keys: Vec<WriteKey>,
}

impl<'l> Writing<'l> {
    pub fn new(limits: &'l Limits) -> Writing<'l> {
        Writing { limits, prepared: Prepared { arrays: [None, None, None] }, keys: Vec::new() }
    }

    /// All objects of one array, so many, each with its user and its key. The same text for several users in a row is
    /// read once.
    pub fn array<'a>(
        &mut self,
        array: Array,
        count: usize,
        objects: impl Iterator<Item = (&'a str, &'a str, WriteKey)>,
    ) {
        let mut items: Vec<Item> = Vec::with_capacity(count);
        let mut former: Option<(&str, bool)> = None;
        for (user, text, key) in objects {
            self.keys.push(key);
            let shared = former.filter(|(same, is_by_id)| {
                *same == text && *is_by_id && !user.is_empty() && named_by(user).0 == "external_id"
            });
            let item = match (shared, items.last()) {
                (Some(_), Some(last)) => {
                    let whom = external(user).map(Whom::Named);
                    Item { whom, object: last.object.clone() }
                }
                _ => Item::of_journey(array, text, user, self.limits),
            };
            // What an object says besides of whom it is about can't be told for the next user.
            let is_by_id = matches!(&item.whom, Ok(Whom::Named(Identifier::ExternalId(_))));
            former = Some((text, is_by_id));
            items.push(item);
        }
        if !items.is_empty() {
            self.prepared.arrays[array as usize] = Some(items);
        }
    }

    pub fn done(self) -> (Prepared, Vec<WriteKey>) {
        (self.prepared, self.keys)
    }
}

/// Applies a request's body. An error is the reply to a request that is refused as a whole.
pub fn track_batch<P: Profiles>(
    directory: &mut Directory<P>,
    body: &Map<String, Json>,
    now_ms: i64,
) -> Result<Batch, Reply> {
    let prepared = Prepared::parse(body, &directory.limits)?;
    Ok(directory.commit(&prepared, now_ms))
}

pub(super) fn must_be_objects(key: &str) -> String {
    format!("'{key}' must be an array of objects")
}

impl<P: Profiles> Directory<P> {
    /// Applies parsed objects: attributes, then events, then purchases.
    pub fn commit(&mut self, prepared: &Prepared, now_ms: i64) -> Batch {
        let mut all = |at: usize| {
            let items = prepared.arrays[at].as_deref()?;
            let known = self.looked_up(items);
            let each = items.iter().zip(known);
            Some(each.map(|(item, known)| self.commit_item(item, known, None, now_ms)).collect())
        };
        Batch { attributes: all(0), events: all(1), purchases: all(2) }
    }

    /// The same with one key per object, in the order of the arrays: what was applied under its key before is not applied
    /// again. Keys beyond the objects are ignored; an object beyond the keys has none.
    pub fn commit_once(
        &mut self,
        prepared: &Prepared,
        keys: &[WriteKey],
        settled: &mut Settled,
        now_ms: i64,
    ) -> Batch {
        let mut keys = keys.iter();
        let mut all = |at: usize| {
            let items = prepared.arrays[at].as_deref()?;
            let each = items.iter().zip(self.looked_up(items)).map(|(item, known)| {
                let key = keys.next().map(|key| (*key, &mut *settled));
                self.commit_item(item, known, key, now_ms)
            });
            Some(each.collect())
        };
        Batch { attributes: all(0), events: all(1), purchases: all(2) }
    }

    /// One object of a request.
    pub fn track(&mut self, array: Array, object: &Json, now_ms: i64) -> Outcome {
        self.commit_item(&Item::parse(array, object, &self.limits), None, None, now_ms)
    }

    /// Whom external ids mean, all looked up before the first is written to: look-ups that don't wait for each other cost
    /// a fraction. Objects change neither whom an external id means nor take it away; whoever isn't there yet may be by
    /// the time it is their object's turn.
    fn looked_up(&self, items: &[Item]) -> Vec<Option<Id>> {
        let known = items.iter().map(|item| match &item.whom {
            Ok(Whom::Named(Identifier::ExternalId(id))) => self.profiles.first(Key::ExternalId(id)),
            _ => None,
        });
        known.collect()
    }

    fn commit_item(
        &mut self,
        item: &Item,
        known: Option<Id>,
        key: Option<(WriteKey, &mut Settled)>,
        now_ms: i64,
    ) -> Outcome {
        self.try_item(item, known, key, now_ms).unwrap_or_else(Outcome::Refused)
    }

    fn try_item(
        &mut self,
        item: &Item,
        known: Option<Id>,
        key: Option<(WriteKey, &mut Settled)>,
        now_ms: i64,
    ) -> Result<Outcome, ItemError> {
        let identifier = match &item.whom {
            Ok(Whom::Named(identifier)) => identifier,
            // A second time the token is known, so no key is needed.
            Ok(Whom::Token) => {
                let object = (*item.object).as_ref().map_err(Clone::clone)?;
                return Ok(self.import_tokens(object, now_ms));
            }
            Err(error) => return Err(error.clone()),
        };
        if let Identifier::ExternalId(id) = identifier {
            self.check_allowed(id)?;
        }
        let object = (*item.object).as_ref().map_err(Clone::clone)?;
        let known = known.or_else(|| self.resolve(identifier));
        if let Some((key, settled)) = &key
            && let Some(id) = known
            && settled.contains(id, *key)
        {
            return Ok(Outcome::Known { id });
        }
        let applied = self.apply_to_known(known, identifier, object, now_ms);
        let Some((id, applied)) = applied else {
            return Ok(Outcome::Nobody);
        };
        if let Some((key, settled)) = key {
            settled.insert(id, key);
        }
        Ok(Outcome::Applied { id, applied })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Memory;

    /// The outcomes, and the profiles after them, where so many objects are read at a time.
    fn written(objects: &[(&str, &str)], at_a_time: usize) -> (Vec<Outcome>, Vec<Profile>) {
        let mut directory = Directory::new(Memory::default());
        let (limits, mut settled) = (Limits::default(), Settled::default());
        let mut outcomes = Vec::new();
        let keys = (0..).map(|object| WriteKey { write: 1, object });
        let numbered: Vec<_> = objects.iter().zip(keys).collect();
        for some in numbered.chunks(at_a_time) {
            let mut writing = Writing::new(&limits);
            let objects = some.iter().map(|((user, text), key)| (*user, *text, *key));
            writing.array(Array::Attributes, some.len(), objects);
            let (prepared, keys) = writing.done();
            let batch = directory.commit_once(&prepared, &keys, &mut settled, 7);
            outcomes.extend(batch.attributes.into_iter().flatten());
        }
        (outcomes, directory.profiles.iter().map(|(_, profile)| profile.clone()).collect())
    }

    #[test]
    fn what_is_read_once_for_many_users_is_what_each_would_have_got() {
        let long = "x".repeat(988);
        let texts = [
            r#"{"plan": "vip", "email": "a@example.com"}"#,
            r#"{"user_alias": {"alias_name": "a", "alias_label": "b"}, "x": 1}"#,
            r#"{"push_token_import": true, "push_tokens": [{"app_id": "a", "token": "t"}]}"#,
            r#"{"time_zone": 7}"#,
            r#"{"external_id": "another", "x": 2}"#,
            "[]",
            "no JSON",
        ];
        let users = ["ann", "bob", "", "braze_id:0123", &long, "cleo", "ann"];
        // Every text for several users in a row, and every two texts in turn.
        let mut objects: Vec<(&str, &str)> =
            texts.iter().flat_map(|text| users.map(|user| (user, *text))).collect();
        for text in texts {
            objects.extend(users.iter().flat_map(|user| [(*user, texts[0]), (*user, text)]));
        }
        let alone = written(&objects, 1);
        assert_eq!(written(&objects, objects.len()), alone);
        let refused = alone.0.iter().filter(|one| matches!(one, Outcome::Refused(_))).count();
        let vips = alone.1.iter().filter(|profile| profile.custom("plan").is_some()).count();
        assert_eq!((alone.1.len(), vips), (4, 3), "three users, and whoever has the token");
        assert!(refused > 50, "{refused}");
    }
}
