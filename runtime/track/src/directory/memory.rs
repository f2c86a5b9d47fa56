//! Profiles in memory, with their look-ups.
//!
//! External ids are looked up on every object, so they get a hash table that holds numbers only (the text is the
//! profile's); its seed can be set where ids come from strangers. All other keys, which several profiles may share, stand
//! in ordered sets. Nothing ever iterates over the hash table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Id, Key, Profiles, merge};
use crate::field::Field;
use crate::profile::{Alias, Profile};
use crate::value::{Text, Value};
use crate::values::contact::email_key;

#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// A profile's id is its place; places of removed profiles stay empty.
    slots: Vec<Option<Profile>>,
    kept: usize,
    seed: u64,
    external: HashTable<u64>,
    braze: BTreeMap<Text, Id>,
    aliases: BTreeMap<Alias, Id>,
    emails: BTreeSet<(Text, Id)>,
    phones: BTreeSet<(Text, Id)>,
    tokens: BTreeSet<((Text, Text), Id)>,
}

/// The keys under which a profile is found.
#[derive(PartialEq)]
struct Keys {
    external_id: Option<Text>,
    braze_id: Option<Text>,
    aliases: Vec<Alias>,
    email: Option<Text>,
    phone: Option<Text>,
    tokens: Vec<(Text, Text)>,
}

impl Keys {
    fn of(profile: &Profile) -> Keys {
        let text = |field| profile.get(field).and_then(Value::as_str);
        Keys {
            external_id: profile.external_id.clone(),
            braze_id: profile.braze_id().map(Text::new),
            aliases: profile.aliases().to_vec(),
            email: text(Field::Email).map(email_key),
            phone: text(Field::Phone).map(Text::new),
            tokens: merge::tokens(profile),
        }
    }
}

impl Memory {
    /// A seed that strangers don't know keeps them from choosing ids that collide.
    pub fn with_seed(seed: u64) -> Memory {
        Memory { seed, ..Memory::default() }
    }

    pub fn len(&self) -> usize {
        self.kept
    }

    pub fn is_empty(&self) -> bool {
        self.kept == 0
    }

    pub fn profile(&self, id: Id) -> Option<&Profile> {
        self.slots.get(usize::try_from(id.0).ok()?)?.as_ref()
    }

    pub fn by_external_id(&self, external_id: &str) -> Option<&Profile> {
        self.profile(self.external(external_id)?)
    }

    /// In order of id.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Profile)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(at, slot)| Some((Id(at as u64), slot.as_ref()?)))
    }

    fn external(&self, external_id: &str) -> Option<Id> {
        let hash = xxh3_64_with_seed(external_id.as_bytes(), self.seed);
        let same = |at: &u64| {
            self.slots[*at as usize].as_ref().and_then(Profile::external_id) == Some(external_id)
        };
        self.external.find(hash, same).map(|at| Id(*at))
    }

    fn index(&mut self, id: Id, keys: Keys) {
        if let Some(external_id) = keys.external_id {
            let (seed, slots) = (self.seed, &self.slots);
            let hash = xxh3_64_with_seed(external_id.as_bytes(), seed);
            self.external.insert_unique(hash, id.0, |at| {
                let profile = slots[*at as usize].as_ref();
                let text = profile.and_then(Profile::external_id).unwrap_or_default();
                xxh3_64_with_seed(text.as_bytes(), seed)
            });
        }
        self.braze.extend(keys.braze_id.map(|key| (key, id)));
        self.aliases.extend(keys.aliases.into_iter().map(|key| (key, id)));
        self.emails.extend(keys.email.map(|key| (key, id)));
        self.phones.extend(keys.phone.map(|key| (key, id)));
        self.tokens.extend(keys.tokens.into_iter().map(|key| (key, id)));
    }

    fn unindex(&mut self, id: Id, keys: Keys) {
        if let Some(external_id) = keys.external_id {
            let hash = xxh3_64_with_seed(external_id.as_bytes(), self.seed);
            if let Ok(entry) = self.external.find_entry(hash, |at| *at == id.0) {
                entry.remove();
            }
        }
        if let Some(key) = keys.braze_id {
            self.braze.remove(&key);
        }
        for key in keys.aliases {
            self.aliases.remove(&key);
        }
        if let Some(key) = keys.email {
            self.emails.remove(&(key, id));
        }
        if let Some(key) = keys.phone {
            self.phones.remove(&(key, id));
        }
        for key in keys.tokens {
            self.tokens.remove(&(key, id));
        }
    }
}

impl Profiles for Memory {
    fn get(&self, id: Id) -> Option<Cow<'_, Profile>> {
        self.profile(id).map(Cow::Borrowed)
    }

    fn find(&self, key: Key<'_>) -> Vec<Id> {
        match key {
            Key::Email(email) => all(&self.emails, email_key(email)),
            Key::Phone(phone) => all(&self.phones, Text::new(phone)),
            Key::PushToken { app_id, token } => {
                all(&self.tokens, (Text::new(app_id), Text::new(token)))
            }
            one => self.first(one).into_iter().collect(),
        }
    }

    fn first(&self, key: Key<'_>) -> Option<Id> {
        match key {
            Key::ExternalId(id) => self.external(id),
            Key::BrazeId(id) => self.braze.get(id).copied(),
            Key::Alias(alias) => self.aliases.get(alias).copied(),
            shared => self.find(shared).first().copied(),
        }
    }

    fn insert(&mut self, profile: Profile) -> Id {
        let id = Id(self.slots.len() as u64);
        let keys = Keys::of(&profile);
        self.slots.push(Some(profile));
        self.kept += 1;
        self.index(id, keys);
        id
    }

    fn update(&mut self, id: Id, change: &mut dyn FnMut(&mut Profile)) {
        let slot = usize::try_from(id.0).ok().and_then(|at| self.slots.get_mut(at));
        let Some(Some(profile)) = slot else { return };
        let before = Keys::of(profile);
        change(profile);
        let after = Keys::of(profile);
        if before != after {
            self.unindex(id, before);
            self.index(id, after);
        }
    }

    fn touch(&mut self, id: Id, change: &mut dyn FnMut(&mut Profile)) {
        let slot = usize::try_from(id.0).ok().and_then(|at| self.slots.get_mut(at));
        if let Some(Some(profile)) = slot {
            change(profile);
        }
    }

    fn remove(&mut self, id: Id) -> Option<Profile> {
        let profile = self.slots.get_mut(usize::try_from(id.0).ok()?)?.take()?;
        self.kept -= 1;
        self.unindex(id, Keys::of(&profile));
        Some(profile)
    }
}

fn all<K: Ord + Clone>(set: &BTreeSet<(K, Id)>, key: K) -> Vec<Id> {
    let range = (Bound::Included((key.clone(), Id(0))), Bound::Included((key, Id(u64::MAX))));
    set.range(range).map(|(_, id)| *id).collect()
}
