//! The profile store in memory, and the backend that writes to it.

use std::cell::RefCell;

use flowrun_core::batcher::{BatcherSettings, Limits, Part, Reply, Request};
use flowrun_core::{Millis, UserIx, World};
use flowrun_track::{Object, Profile};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::About;
use crate::users::{self, NotKept, Parsed, User};

/// Profiles by external id.
pub struct Memory {
    about: About,
    /// In the order of coming, and found by a table of places: users who came together are
    /// met together later, too, and then lie side by side.
    users: Vec<User>,
    by_id: HashTable<u32>,
    not_kept: NotKept,
}

fn hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

impl Default for Memory {
    /// With the limits of User Track, so that a run shows the requests that it would make.
    fn default() -> Memory {
        Memory::new(BatcherSettings {
            limits: Limits::USER_TRACK,
            in_flight: 256,
            per_minute: None,
            ..BatcherSettings::default()
        })
    }
}

impl Memory {
    pub fn new(batches: BatcherSettings) -> Memory {
        let about = About { name: "memory".into(), batches, remembers_keys: true };
        Memory { about, users: Vec::new(), by_id: HashTable::new(), not_kept: NotKept::default() }
    }

    /// Puts a profile in, in place of what was there.
    pub fn put(&mut self, profile: Profile) {
        let Some(id) = profile.external_id() else { return };
        match self.find(id) {
            Some(place) => self.users[place].profile = profile,
            None => {
                let (hash, place) = (hash(id), self.users.len() as u32);
                self.users.push(User::new(profile));
                let users = &self.users;
                self.by_id
                    .insert_unique(hash, place, |&place| self::hash(users[place as usize].id()));
            }
        }
    }

    pub fn get(&self, user: &str) -> Option<&Profile> {
        self.find(user).map(|place| &self.users[place].profile)
    }

    fn find(&self, id: &str) -> Option<usize> {
        let found = self.by_id.find(hash(id), |&place| self.users[place as usize].id() == id);
        found.map(|&place| place as usize)
    }

    pub fn len(&self) -> usize {
        self.users.len()
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub fn reserve(&mut self, users: usize) {
        self.users.reserve(users);
        let known = &self.users;
        self.by_id.reserve(users, |&place| hash(known[place as usize].id()));
    }

    /// Profiles in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.users.iter().map(|user| &user.profile)
    }

    /// Where the user of a write lies; they come into being if need be.
    fn place(&mut self, id: &str) -> usize {
        self.find(id).unwrap_or_else(|| {
            self.put(Profile::new(id));
            self.users.len() - 1
        })
    }

    /// Takes note of something that a user has done.
    pub fn note(&mut self, now: Millis, user: &str, object: &Object) {
        let place = self.place(user);
        let _ = object.apply(&mut self.users[place].profile, now.0);
    }

    /// What of all that was written is not in the profiles as it was written.
    pub fn not_kept(&self) -> &NotKept {
        &self.not_kept
    }

    /// Applies what another backend says it has written, each object once: from then on it
    /// is what steps read.
    pub fn acknowledge(&mut self, now: Millis, parts: &[Part], reply: &Reply) {
        let objects: Vec<Parsed> = users::parsed(parts).collect();
        for (part, object) in users::written(parts, reply) {
            let place = self.place(&parts[part].write.key.user);
            self.users[place].acknowledge(now, &parts[part], &objects[part], object);
        }
    }
}

impl Memory {
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Writes a request's objects and says of each what became of it.
    pub fn commit(&mut self, now: Millis, request: &Request) -> Reply {
        // All users are looked up before the first is touched: look-ups that don't wait for
        // each other cost a fraction.
        let places: Vec<usize> =
            request.parts.iter().map(|part| self.place(&part.write.key.user)).collect();
        users::commit(now, request, &places, &mut self.users, &mut self.not_kept)
    }
}

impl World for Memory {
    fn profile(&self, _: Option<UserIx>, id: &str) -> Option<&Profile> {
        self.get(id)
    }
}

/// What one shard sees of the store: each user is looked up once, and then known by the
/// shard's number.
#[derive(Default)]
pub struct Known {
    /// The place of each user in the store, by the shard's number; `UNKNOWN` before.
    places: RefCell<Vec<u32>>,
}

const UNKNOWN: u32 = u32::MAX;

impl Known {
    /// The store as a world for the shard that these places belong to.
    pub fn of<'a>(&'a self, store: &'a Memory) -> impl World + 'a {
        KnownWorld { known: self, store }
    }
}

struct KnownWorld<'a> {
    known: &'a Known,
    store: &'a Memory,
}

impl World for KnownWorld<'_> {
    fn profile(&self, number: Option<UserIx>, id: &str) -> Option<&Profile> {
        let Some(number) = number else { return self.store.get(id) };
        let mut places = self.known.places.borrow_mut();
        if places.len() <= number.index() {
            places.resize(number.index() + 1, UNKNOWN);
        }
        let place = &mut places[number.index()];
        if *place == UNKNOWN {
            // Places never change: the store only grows.
            *place = self.store.find(id)? as u32;
        }
        Some(&self.store.users[*place as usize].profile)
    }
}
