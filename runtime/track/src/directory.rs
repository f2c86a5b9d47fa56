//! Identity over many profiles: whom an object is about, who comes into being, who merges with whom.
//!
//! The rules stand here and in the modules below, over the small trait [`Profiles`], so that the same rules hold for
//! profiles in memory and in a database. [`Memory`] is the implementation in memory.
//!
//! Invariants: an external id, a braze_id and an alias each belong to at most one profile; an address, a number or a push
//! token may belong to several for a while. What happens depends only on the profiles and the call, never on hash order.

pub mod export;
mod memory;
pub mod merge;
pub mod neighbours;
mod places;
mod settled;
mod sync;
mod track;

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use memory::Memory;
pub use settled::{Remembered, Settled, WriteKey};
pub use sync::{sync_refused, sync_reply, track_sync};
pub use track::{Batch, Outcome, Prepared, Reply, Writing, track_batch};

use crate::field::Field;
use crate::identifier::{self, Identifier};
use crate::limits::Limits;
use crate::object::{Applied, Object};
use crate::profile::{Alias, Profile};
use crate::value::{Text, Value};

/// A profile's number within its store. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

/// What profiles are looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    ExternalId(&'a str),
    BrazeId(&'a str),
    Alias(&'a Alias),
    /// Compared without regard to case.
    Email(&'a str),
    Phone(&'a str),
    PushToken {
        app_id: &'a str,
        token: &'a str,
    },
}

/// Where profiles are kept, with the look-ups that identity needs.
pub trait Profiles {
    fn get(&self, id: Id) -> Option<Cow<'_, Profile>>;
    /// All profiles with the key, in order of id.
    fn find(&self, key: Key<'_>) -> Vec<Id>;
    /// The first profile with the key; for keys that one profile has.
    fn first(&self, key: Key<'_>) -> Option<Id> {
        self.find(key).first().copied()
    }
    /// Keeps a new profile under a new id.
    fn insert(&mut self, profile: Profile) -> Id;
    /// Changes a profile in place; look-ups follow. Does nothing for an unknown id.
    fn update(&mut self, id: Id, change: &mut dyn FnMut(&mut Profile));
    /// Changes a profile in place where the change leaves all keys as they are, so that look-ups can be left alone.
    fn touch(&mut self, id: Id, change: &mut dyn FnMut(&mut Profile)) {
        self.update(id, change);
    }
    fn remove(&mut self, id: Id) -> Option<Profile>;
}

/// The rules of identity over a store of profiles.
#[derive(Clone, Debug, Default)]
pub struct Directory<P = Memory> {
    pub profiles: P,
    pub limits: Limits,
    /// External ids that are refused: `provided external_id is blacklisted and disallowed`.
    pub blocked: std::collections::BTreeSet<String>,
}

impl<P: Profiles> Directory<P> {
    pub fn new(profiles: P) -> Directory<P> {
        Directory { profiles, limits: Limits::default(), blocked: Default::default() }
    }

    /// The profile an identifier means now.
    pub fn resolve(&self, identifier: &Identifier) -> Option<Id> {
        match identifier {
            Identifier::ExternalId(id) => self.profiles.first(Key::ExternalId(id)),
            Identifier::BrazeId(id) => self.by_braze_id(id),
            Identifier::Alias(alias) => self.profiles.first(Key::Alias(alias)),
            Identifier::Email(email) => self.preferred(&self.profiles.find(Key::Email(email))),
            Identifier::Phone(phone) => self.preferred(&self.profiles.find(Key::Phone(phone))),
        }
    }

    /// Applies a parsed object to whom the identifier means, creating a profile where the rules say so. `None` when the
    /// object is for existing profiles only and there is none.
    ///
    /// `_update_existing_only` defaults to false with an external id, an address or a number, and to true with an alias;
    /// an explicit false creates in every array. A braze_id never creates.
    pub fn apply(
        &mut self,
        identifier: &Identifier,
        object: &Object,
        now_ms: i64,
    ) -> Option<(Id, Applied)> {
        let known = self.resolve(identifier);
        self.apply_to_known(known, identifier, object, now_ms)
    }

    /// The same where it is known whom the identifier means now.
    pub(crate) fn apply_to_known(
        &mut self,
        known: Option<Id>,
        identifier: &Identifier,
        object: &Object,
        now_ms: i64,
    ) -> Option<(Id, Applied)> {
        let id = match known {
            Some(id) => id,
            None => {
                let new = new(identifier, object.update_existing_only())?;
                self.profiles.insert(new)
            }
        };
        Some((id, self.apply_to(id, object, now_ms)))
    }

    /// Applies a parsed object to a profile, with what follows for others.
    pub(crate) fn apply_to(&mut self, id: Id, object: &Object, now_ms: i64) -> Applied {
        let mut applied = Applied::default();
        let mut change = |profile: &mut Profile| applied = object.apply(profile, now_ms);
        match object.writes_keys() {
            true => self.profiles.update(id, &mut change),
            false => self.profiles.touch(id, &mut change),
        }
        if applied.email_subscribe {
            self.spread_subscription(id);
        }
        if applied.push_tokens {
            self.take_tokens(id);
        }
        applied
    }

    /// Of several: the one updated last that has an external id, else the one updated last. Of two updated in the same
    /// millisecond, the younger.
    fn preferred(&self, ids: &[Id]) -> Option<Id> {
        let rank = |id: &Id| {
            let profile = self.profiles.get(*id);
            profile.map(|profile| (profile.external_id().is_some(), profile.updated_ms(), *id))
        };
        ids.iter().copied().max_by_key(rank)
    }

    fn by_braze_id(&self, braze_id: &str) -> Option<Id> {
        let derived = id_of(braze_id).filter(|id| {
            self.profiles.get(*id).is_some_and(|profile| profile.braze_id().is_none())
        });
        derived.or_else(|| self.profiles.first(Key::BrazeId(braze_id)))
    }

    /// The braze_id of a profile: its own when it came with one, else one derived from its number.
    pub fn braze_id(&self, id: Id) -> Option<String> {
        Some(braze_id(id, &*self.profiles.get(id)?))
    }

    /// The text by which journeys tell users apart: the external id, else the braze_id in a form that no external id has.
    pub fn journey_id(&self, id: Id) -> Option<String> {
        Some(journey_id(id, &*self.profiles.get(id)?))
    }

    /// Whose journeys are told apart by this text.
    pub fn of_journey(&self, text: &str) -> Option<Id> {
        match identifier::named_by(text) {
            ("braze_id", braze_id) => self.by_braze_id(braze_id),
            (_, external_id) => self.profiles.first(Key::ExternalId(external_id)),
        }
    }

    /// The e-mail subscription state is the address's: every profile that has the address takes it. Our choice: push state
    /// belongs to the user and subscription groups to the profile, so these don't spread; nor does a removal.
    fn spread_subscription(&mut self, from: Id) {
        let Some(profile) = self.profiles.get(from) else { return };
        let (Some(email), Some(state)) =
            (profile.get(Field::Email), profile.get(Field::EmailSubscribe))
        else {
            return;
        };
        let Some(email) = email.as_str().map(Text::new) else { return };
        let state = state.clone();
        drop(profile);
        for id in self.profiles.find(Key::Email(&email)) {
            if id != from {
                self.profiles.touch(id, &mut |profile| {
                    profile.set_field(Field::EmailSubscribe, Some(state.clone()));
                });
            }
        }
    }

    /// A push token reaches one device, so its newest owner is the only one. An anonymous profile that was kept for its
    /// tokens alone goes with the last of them.
    fn take_tokens(&mut self, owner: Id) {
        let Some(profile) = self.profiles.get(owner) else { return };
        let tokens = merge::tokens(&profile);
        drop(profile);
        for (app_id, token) in &tokens {
            for id in self.profiles.find(Key::PushToken { app_id, token }) {
                if id == owner {
                    continue;
                }
                let mut forsaken = false;
                self.profiles.update(id, &mut |profile| {
                    merge::drop_token(profile, app_id, token);
                    forsaken = is_nobody(profile) && merge::tokens(profile).is_empty();
                });
                if forsaken {
                    self.profiles.remove(id);
                }
            }
        }
    }

    /// What an SDK learned before its user was identified, and what it says from then on, meet here: the device of the
    /// anonymous profile turns out to be `external_id`'s. A profile of that id, made by the API, stays as it is and takes
    /// over the push tokens; what the SDK had sent before is lost. Without such a profile the anonymous one becomes it.
    pub fn legacy_import(&mut self, anonymous: Id, external_id: &str) -> Option<Id> {
        let profile = self.profiles.get(anonymous)?;
        if profile.external_id().is_some() {
            return None;
        }
        drop(profile);
        let Some(known) = self.profiles.first(Key::ExternalId(external_id)) else {
            self.profiles.update(anonymous, &mut |profile| profile.set_external_id(external_id));
            return Some(anonymous);
        };
        let lost = self.profiles.remove(anonymous)?;
        self.profiles.update(known, &mut |profile| merge::take_tokens(profile, &lost));
        Some(known)
    }
}

/// The profile that an identifier leads to when nobody has it, if somebody is to be created.
fn new(identifier: &Identifier, existing_only: Option<bool>) -> Option<Profile> {
    let creates = match identifier {
        Identifier::BrazeId(_) => false,
        Identifier::Alias(_) => existing_only == Some(false),
        _ => existing_only != Some(true),
    };
    if !creates {
        return None;
    }
    let mut profile = Profile::anonymous();
    match identifier {
        Identifier::ExternalId(id) => profile.set_external_id(id),
        Identifier::Alias(alias) => {
            profile.add_alias(alias.clone());
        }
        Identifier::Email(email) => {
            profile.set_field(Field::Email, Some(Value::Str(email.clone())))
        }
        Identifier::Phone(phone) => {
            profile.set_field(Field::Phone, Some(Value::Str(phone.clone())))
        }
        Identifier::BrazeId(_) => {}
    }
    Some(profile)
}

/// See [`Directory::journey_id`].
pub fn journey_id(id: Id, profile: &Profile) -> String {
    match profile.external_id() {
        Some(external_id) => external_id.to_owned(),
        None => identifier::by_braze_id(&braze_id(id, profile)),
    }
}

fn braze_id(id: Id, profile: &Profile) -> String {
    profile.braze_id().map_or_else(|| braze_id_of(id), str::to_owned)
}

/// No identifier leads to the profile.
fn is_nobody(profile: &Profile) -> bool {
    profile.external_id().is_none()
        && profile.aliases().is_empty()
        && profile.get(Field::Email).is_none()
        && profile.get(Field::Phone).is_none()
}

/// Odd, so that multiplication by it can be undone.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const UNSPREAD: u64 = inverse(SPREAD);

/// The inverse modulo 2^64: each round doubles the bits that are right.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut round = 0;
    while round < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x
}

fn check_of(number: u64) -> u32 {
    xxh3_64_with_seed(&number.to_le_bytes(), SPREAD) as u32
}

/// 24 hexadecimal digits like the vendor's, from which the number can be told again: nothing needs to be stored.
fn braze_id_of(id: Id) -> String {
    format!("{:08x}{:016x}", check_of(id.0), id.0.wrapping_mul(SPREAD))
}

fn id_of(braze_id: &str) -> Option<Id> {
    if braze_id.len() != 24 || !braze_id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let check = u32::from_str_radix(&braze_id[..8], 16).ok()?;
    let number = u64::from_str_radix(&braze_id[8..], 16).ok()?.wrapping_mul(UNSPREAD);
    (check == check_of(number)).then_some(Id(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_braze_id_leads_back() {
        for number in [0, 1, 2, 1_000_000, u64::MAX] {
            assert_eq!(id_of(&braze_id_of(Id(number))), Some(Id(number)));
        }
        assert_eq!(id_of("000000000000000000000001"), None);
        assert_eq!(id_of("é00000000000000000000000"), None);
    }
}
