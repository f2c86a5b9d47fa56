//! What the neighbours of `/users/track` do to profiles: identify, merge, delete, new aliases.
//!
//! Each function takes a request's body and gives the reply; the HTTP around it is the server's.

use serde_json::{Map, Value as Json};

use super::merge::merge as join;
use super::{Directory, Id, Key, Profiles, Reply, track};
use crate::error::ItemError;
use crate::identifier::{Identifier, alias_of};
use crate::profile::{Alias, Profile};
use crate::value::Text;
use crate::values::contact;

/// Users of one request, for every endpoint here.
const MOST: usize = 50;

/// Which of several profiles with one address is meant, first criterion first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prioritization {
    Identified,
    Unidentified,
    MostRecentlyUpdated,
    LeastRecentlyUpdated,
}

/// `POST /users/identify`: an alias-only, e-mail-only or phone-only profile turns out to be `external_id`'s.
///
/// With a profile of that id the two merge; without one the found profile gets the id. A profile that has an external id
/// already stays who it is. Our choice: an unknown alias, address or number changes nothing but counts as processed.
pub fn identify<P: Profiles>(directory: &mut Directory<P>, body: &Map<String, Json>) -> Reply {
    identify_with(directory, body, &mut |_, _| {})
}

/// The same, showing each profile that went into another one.
pub fn identify_with<P: Profiles>(
    directory: &mut Directory<P>,
    body: &Map<String, Json>,
    gone: &mut dyn FnMut(Id, &Profile),
) -> Reply {
    const LISTS: [(&str, &str); 3] = [
        ("aliases_to_identify", "user_alias"),
        ("emails_to_identify", "email"),
        ("phone_numbers_to_identify", "phone"),
    ];
    let mut asked = Vec::new();
    for (list, key) in LISTS {
        match array_of(body, list) {
            Ok(entries) => asked
                .extend(entries.iter().enumerate().map(|(index, entry)| (list, key, index, entry))),
            Err(reply) => return reply,
        }
    }
    if asked.is_empty() {
        return Reply::new(400, "'aliases_to_identify' is required");
    }
    if let Some(reply) = too_many(asked.len()) {
        return reply;
    }
    let mut processed = 0;
    let mut errors = Vec::new();
    for (list, key, index, entry) in asked {
        match directory.identify_one(key, entry, gone) {
            Ok(()) => processed += 1,
            Err(error) => errors.push(Json::Object(Map::from_iter([
                ("type".into(), Json::from(error.message)),
                ("input_array".into(), Json::from(list)),
                ("index".into(), Json::from(index)),
            ]))),
        }
    }
    if processed == 0 {
        return Reply::new(400, "Valid data must be provided").with("errors", errors);
    }
    let reply = Reply { status: 201, body: Map::new() }
        .with("aliases_processed", processed)
        .with("message", "success");
    match errors.is_empty() {
        true => reply,
        false => reply.with("errors", errors),
    }
}

/// `POST /users/merge`: the first profile goes into the second and is removed. Refused as a whole or taken as a whole.
pub fn merge<P: Profiles>(directory: &mut Directory<P>, body: &Map<String, Json>) -> Reply {
    merge_with(directory, body, &mut |_, _| {})
}

/// The same, showing each profile that went into another one.
pub fn merge_with<P: Profiles>(
    directory: &mut Directory<P>,
    body: &Map<String, Json>,
    gone: &mut dyn FnMut(Id, &Profile),
) -> Reply {
    let Some(Json::Array(updates)) = body.get("merge_updates") else {
        return Reply::new(400, "'merge_updates' must be an array of objects");
    };
    if updates.iter().any(|update| !update.is_object()) {
        return Reply::new(400, "'merge_updates' must be an array of objects");
    }
    if updates.len() > MOST {
        return Reply::new(400, "a single request may not contain more than 50 merge updates");
    }
    let mut pairs = Vec::with_capacity(updates.len());
    for update in updates {
        let pair = (update.get("identifier_to_merge"), update.get("identifier_to_keep"));
        let (Some(gone), Some(kept)) = pair else { return wrong_pair() };
        if update.as_object().is_some_and(|update| update.len() != 2) {
            return wrong_pair();
        }
        match (Wanted::read(gone), Wanted::read(kept)) {
            (Some(gone), Some(kept)) => pairs.push((gone, kept)),
            _ => {
                return Reply::new(
                    400,
                    "identifiers must be objects with an 'external_id' property that is a string, 'user_alias' \
                     property that is an object, 'email' property that is a string, or 'phone' property that is a string",
                );
            }
        }
    }
    for (merged, kept) in pairs {
        if let (Some(merged), Some(kept)) = (directory.wanted(&merged), directory.wanted(&kept))
            && let Some(profile) = directory.merge_into(merged, kept)
        {
            gone(merged, &profile);
        }
    }
    Reply::new(202, "success")
}

fn wrong_pair() -> Reply {
    Reply::new(400, "'merge_updates' must only have 'identifier_to_merge' and 'identifier_to_keep'")
}

/// `POST /users/delete`. Unknown users are not counted.
pub fn delete<P: Profiles>(directory: &mut Directory<P>, body: &Map<String, Json>) -> Reply {
    delete_with(directory, body, &mut |_, _| {})
}

/// The same, showing each profile as it goes.
pub fn delete_with<P: Profiles>(
    directory: &mut Directory<P>,
    body: &Map<String, Json>,
    gone: &mut dyn FnMut(Id, &Profile),
) -> Reply {
    const LISTS: [(&str, &str); 5] = [
        ("external_ids", "external_id"),
        ("user_aliases", "user_alias"),
        ("braze_ids", "braze_id"),
        ("email_addresses", "email"),
        ("phone_numbers", "phone"),
    ];
    let mut asked = Vec::new();
    for (list, key) in LISTS {
        match array_of(body, list) {
            Ok(entries) => asked.extend(entries.iter().map(|entry| (key, entry))),
            Err(reply) => return reply,
        }
    }
    if asked.is_empty() {
        return Reply::new(
            400,
            "'external_ids', 'user_aliases', 'braze_ids', 'email_addresses' or 'phone_numbers' is required",
        );
    }
    if asked.len() > MOST {
        return Reply::new(400, "The max number of ids per request was exceeded");
    }
    let mut deleted = 0;
    for (key, entry) in asked {
        // An address stands alone, or in an object that says which of several profiles is meant.
        let wanted = match (key, entry) {
            ("email" | "phone", Json::Object(_)) => Wanted::read(entry),
            _ => Wanted::read(&Json::Object(Map::from_iter([(key.to_owned(), entry.clone())]))),
        };
        let found = wanted.and_then(|wanted| directory.wanted(&wanted));
        let removed = found.and_then(|id| Some((id, directory.profiles.remove(id)?)));
        if let Some((id, profile)) = removed {
            gone(id, &profile);
            deleted += 1;
        }
    }
    Reply { status: 200, body: Map::new() }.with("deleted", deleted).with("message", "success")
}

/// `POST /users/alias/new`: a further alias for a known user, or an alias-only user.
///
/// Ignored, yet counted: an unknown external id, a label the user has, an alias that is someone's already.
pub fn new_aliases<P: Profiles>(directory: &mut Directory<P>, body: &Map<String, Json>) -> Reply {
    let entries = match array_of(body, "user_aliases") {
        Ok([]) => return Reply::new(400, "'user_aliases' is required"),
        Ok(entries) => entries,
        Err(reply) => return reply,
    };
    if let Some(reply) = too_many(entries.len()) {
        return reply;
    }
    let mut aliases = Vec::with_capacity(entries.len());
    for entry in entries {
        let external_id = entry.get("external_id").filter(|id| !id.is_null());
        match (alias_of(entry), external_id.map(Json::as_str)) {
            (Ok(alias), None) => aliases.push((alias, None)),
            (Ok(alias), Some(Some(id))) => aliases.push((alias, Some(id))),
            (Err(error), _) => return Reply::new(400, &error.message),
            (_, Some(None)) => return Reply::new(400, &ItemError::invalid("external_id").message),
        }
    }
    let processed = aliases.len();
    for (alias, external_id) in aliases {
        directory.new_alias(alias, external_id);
    }
    Reply { status: 201, body: Map::new() }
        .with("aliases_processed", processed)
        .with("message", "success")
}

/// An identifier as the neighbours write it, with the order of preference for shared ones.
struct Wanted {
    identifier: Identifier,
    prioritization: Vec<Prioritization>,
}

impl Wanted {
    fn read(json: &Json) -> Option<Wanted> {
        let object = json.as_object()?;
        let text = |key: &str| object.get(key)?.as_str().filter(|text| !text.is_empty());
        let named = ["external_id", "user_alias", "braze_id", "email", "phone"];
        if object.keys().filter(|key| named.contains(&key.as_str())).count() != 1 {
            return None;
        }
        let identifier = if let Some(id) = text("external_id") {
            Identifier::ExternalId(Text::new(id))
        } else if let Some(id) = text("braze_id") {
            Identifier::BrazeId(Text::new(id))
        } else if let Some(alias) = object.get("user_alias") {
            Identifier::Alias(alias_of(alias).ok()?)
        } else if let Some(email) = text("email") {
            Identifier::Email(Text::new(email))
        } else {
            Identifier::Phone(contact::phone(text("phone")?)?)
        };
        Some(Wanted { identifier, prioritization: prioritization(object).ok()? })
    }
}

pub(crate) fn prioritization(object: &Map<String, Json>) -> Result<Vec<Prioritization>, ItemError> {
    let list = match object.get("prioritization") {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Array(list)) if list.len() <= 4 => list,
        Some(_) => return Err(ItemError::invalid("prioritization")),
    };
    let one = |json: &Json| {
        Ok(match json.as_str() {
            Some("identified") => Prioritization::Identified,
            Some("unidentified") => Prioritization::Unidentified,
            Some("most_recently_updated") => Prioritization::MostRecentlyUpdated,
            Some("least_recently_updated") => Prioritization::LeastRecentlyUpdated,
            _ => return Err(ItemError::invalid("prioritization")),
        })
    };
    list.iter().map(one).collect()
}

impl<P: Profiles> Directory<P> {
    fn wanted(&self, wanted: &Wanted) -> Option<Id> {
        self.chosen(&wanted.identifier, &wanted.prioritization)
    }

    pub(crate) fn chosen(
        &self,
        identifier: &Identifier,
        prioritization: &[Prioritization],
    ) -> Option<Id> {
        let shared = match identifier {
            Identifier::Email(email) => self.profiles.find(Key::Email(email)),
            Identifier::Phone(phone) => self.profiles.find(Key::Phone(phone)),
            _ => return self.resolve(identifier),
        };
        self.choose(&shared, prioritization)
    }

    /// The profile that meets the criteria; without any, as an update by that address would choose.
    pub fn choose(&self, ids: &[Id], prioritization: &[Prioritization]) -> Option<Id> {
        if prioritization.is_empty() {
            return self.preferred(ids);
        }
        let mut left: Vec<(bool, i64, Id)> = ids
            .iter()
            .filter_map(|id| {
                let profile = self.profiles.get(*id)?;
                Some((profile.external_id().is_some(), profile.updated_ms(), *id))
            })
            .collect();
        for criterion in prioritization {
            match criterion {
                Prioritization::Identified => left.retain(|(identified, ..)| *identified),
                Prioritization::Unidentified => left.retain(|(identified, ..)| !identified),
                Prioritization::MostRecentlyUpdated => {
                    left =
                        left.into_iter().max_by_key(|(_, at, id)| (*at, *id)).into_iter().collect();
                }
                Prioritization::LeastRecentlyUpdated => {
                    left =
                        left.into_iter().min_by_key(|(_, at, id)| (*at, *id)).into_iter().collect();
                }
            }
        }
        left.first().map(|(.., id)| *id)
    }

    fn identify_one(
        &mut self,
        key: &str,
        entry: &Json,
        gone: &mut dyn FnMut(Id, &Profile),
    ) -> Result<(), ItemError> {
        let object = entry.as_object().ok_or_else(|| ItemError::invalid(key))?;
        let external_id =
            object.get("external_id").and_then(Json::as_str).filter(|id| !id.is_empty());
        let external_id = external_id.ok_or_else(|| ItemError::required("external_id"))?;
        self.check_allowed(external_id)?;
        let named = object.get(key).ok_or_else(|| ItemError::required(key))?;
        let mut alone = Map::from_iter([(key.to_owned(), named.clone())]);
        prioritization(object)?;
        alone.extend(
            object.get("prioritization").map(|list| ("prioritization".to_owned(), list.clone())),
        );
        let wanted = Wanted::read(&Json::Object(alone)).ok_or_else(|| ItemError::invalid(key))?;
        let Some(found) = self.wanted(&wanted) else { return Ok(()) };
        if self.profiles.get(found).is_none_or(|profile| profile.external_id().is_some()) {
            return Ok(());
        }
        match self.profiles.first(Key::ExternalId(external_id)) {
            Some(target) => {
                if let Some(profile) = self.merge_into(found, target) {
                    gone(found, &profile);
                }
            }
            None => {
                self.profiles.update(found, &mut |profile| profile.set_external_id(external_id))
            }
        }
        Ok(())
    }

    /// Merges one profile into another, and removes and returns it. Nothing happens when they are the same.
    pub fn merge_into(&mut self, gone: Id, kept: Id) -> Option<Profile> {
        if gone == kept || self.profiles.get(kept).is_none() {
            return None;
        }
        let gone = self.profiles.remove(gone)?;
        let limits = self.limits;
        self.profiles.update(kept, &mut |profile| join(profile, &gone, &limits));
        Some(gone)
    }

    fn new_alias(&mut self, alias: Alias, external_id: Option<&str>) {
        if self.profiles.first(Key::Alias(&alias)).is_some() {
            return;
        }
        match external_id {
            Some(external_id) => {
                if let Some(id) = self.profiles.first(Key::ExternalId(external_id)) {
                    self.profiles.update(id, &mut |profile| {
                        profile.add_alias(alias.clone());
                    });
                }
            }
            None => {
                let mut profile = Profile::anonymous();
                profile.add_alias(alias);
                self.profiles.insert(profile);
            }
        }
    }
}

/// The array under `key`; empty when absent.
pub(super) fn array_of<'a>(body: &'a Map<String, Json>, key: &str) -> Result<&'a [Json], Reply> {
    match body.get(key) {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Array(list)) => Ok(list),
        Some(_) if key == "external_ids" || key == "braze_ids" => {
            Err(Reply::new(400, &format!("'{key}' must be an array of strings")))
        }
        Some(_) => Err(Reply::new(400, &track::must_be_objects(key))),
    }
}

pub(super) fn too_many(count: usize) -> Option<Reply> {
    (count > MOST).then(|| {
        Reply::new(400, "The max number of external_ids and aliases per request was exceeded")
    })
}
