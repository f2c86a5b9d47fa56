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

use super::places::Places;
use super::{Id, Key, Profiles, merge};
use crate::field::Field;
use crate::profile::{Alias, Profile};
use crate::value::{Text, Value};
use crate::values::contact::email_key;

#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Those of removed profiles stay empty.
    places: Places<Profile>,
    /// The number that the next new profile gets.
    next: u64,
    seed: u64,
    external: HashTable<u64>,
    braze: BTreeMap<Text, Id>,
    aliases: BTreeMap<Alias, Id>,
    emails: BTreeSet<(Text, Id)>,
    phones: BTreeSet<(Text, Id)>,
    tokens: BTreeSet<((Text, Text), Id)>,
    /// Profiles that were changed since the last time they were asked for, where somebody does.
    changed: Option<BTreeSet<Id>>,
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
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn profile(&self, id: Id) -> Option<&Profile> {
        self.places.get(id)
    }

    pub fn by_external_id(&self, external_id: &str) -> Option<&Profile> {
        self.profile(self.external(external_id)?)
    }

    /// In order of id.
    pub fn iter(&self) -> impl Iterator<Item = (Id, &Profile)> {
        self.places.iter()
    }

    /// The number that the next new profile gets.
    pub fn next(&self) -> Id {
        Id(self.next)
    }

    /// Lets no new profile have a number below this one: those have been used.
    pub fn skip_to(&mut self, next: Id) {
        self.next = self.next.max(next.0);
    }

    /// Puts a profile back under the number that it had. False if the number is taken.
    pub fn put_back(&mut self, id: Id, profile: Profile) -> bool {
        self.skip_to(Id(id.0.saturating_add(1)));
        if self.places.get(id).is_some() {
            return false;
        }
        let keys = Keys::of(&profile);
        self.places.put(id, profile);
        self.index(id, keys);
        true
    }

    /// From now on takes note of which profiles are changed.
    pub fn note_changes(&mut self) {
        self.changed.get_or_insert_default();
    }

    /// The profiles that were changed since the last call, those that are gone among them.
    pub fn take_changed(&mut self) -> BTreeSet<Id> {
        self.changed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, id: Id) {
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
    }

    fn external(&self, external_id: &str) -> Option<Id> {
        let hash = xxh3_64_with_seed(external_id.as_bytes(), self.seed);
        let same =
            |at: &u64| self.places.get(Id(*at)).and_then(Profile::external_id) == Some(external_id);
        self.external.find(hash, same).map(|at| Id(*at))
    }

    fn index(&mut self, id: Id, keys: Keys) {
        if let Some(external_id) = keys.external_id {
            let (seed, places) = (self.seed, &self.places);
            let hash = xxh3_64_with_seed(external_id.as_bytes(), seed);
            self.external.insert_unique(hash, id.0, |at| {
                let text = places.get(Id(*at)).and_then(Profile::external_id).unwrap_or_default();
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
        let id = Id(self.next);
        self.next += 1;
        let keys = Keys::of(&profile);
        self.places.put(id, profile);
        self.index(id, keys);
        self.note(id);
        id
    }

    fn update(&mut self, id: Id, change: &mut dyn FnMut(&mut Profile)) {
        let Some(profile) = self.places.get_mut(id) else { return };
        let before = Keys::of(profile);
        change(profile);
        let after = Keys::of(profile);
        if before != after {
            self.unindex(id, before);
            self.index(id, after);
        }
        self.note(id);
    }

    fn touch(&mut self, id: Id, change: &mut dyn FnMut(&mut Profile)) {
        if let Some(profile) = self.places.get_mut(id) {
            change(profile);
            self.note(id);
        }
    }

    fn remove(&mut self, id: Id) -> Option<Profile> {
        let profile = self.places.take(id)?;
        self.unindex(id, Keys::of(&profile));
        self.note(id);
        Some(profile)
    }
}

fn all<K: Ord + Clone>(set: &BTreeSet<(K, Id)>, key: K) -> Vec<Id> {
    let range = (Bound::Included((key.clone(), Id(0))), Bound::Included((key, Id(u64::MAX))));
    set.range(range).map(|(_, id)| *id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_come_back_under_their_numbers_and_none_is_used_twice() {
        let mut memory = Memory::default();
        memory.note_changes();
        let ids = ["a", "b", "c"].map(|id| memory.insert(Profile::new(id)));
        assert_eq!(memory.take_changed(), BTreeSet::from(ids));
        memory.update(ids[0], &mut |profile| profile.set_external_id("d"));
        memory.touch(ids[1], &mut |profile| profile.set_field(Field::Email, None));
        memory.remove(ids[2]);
        assert_eq!(memory.take_changed(), BTreeSet::from(ids));
        assert_eq!(memory.take_changed(), BTreeSet::new());

        let mut back = Memory::default();
        for (id, profile) in memory.iter().collect::<Vec<_>>().into_iter().rev() {
            assert!(back.put_back(id, profile.clone()));
            assert!(!back.put_back(id, profile.clone()), "the number is taken");
        }
        back.skip_to(memory.next());
        assert_eq!(back.len(), 2);
        assert_eq!(back.first(Key::ExternalId("d")), Some(ids[0]));
        assert_eq!(back.first(Key::ExternalId("c")), None);
        assert_eq!(back.insert(Profile::new("e")), Id(3), "c's number isn't used again");
    }
}
