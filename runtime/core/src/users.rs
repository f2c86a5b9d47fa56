//! The users a shard has seen: names in one arena, a few bytes of state each.

use std::hash::BuildHasherDefault;

use flowrun_sdk::Millis;
use hashbrown::{HashMap, HashTable};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::{CanvasIx, UserIx};

/// Hashing with a fixed seed. Tables are never iterated, so order can't leak into decisions.
pub(crate) type FixedState = BuildHasherDefault<FixedHasher>;

/// Hashes what it is given at once: keys here are short.
#[derive(Default)]
pub(crate) struct FixedHasher(u64);

impl std::hash::Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// No slot of an outbox.
pub(crate) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Serialize, Deserialize)]
struct User {
    name: u32,
    length: u16,
    /// The Canvas that `entries` and `last_entered` are about: the first one entered.
    canvas: u16,
    entries: u32,
    last_entered: Millis,
    /// The user's writes in the order of their commits: first and last slot of a list.
    first_write: u32,
    last_write: u32,
}

#[derive(Default)]
pub(crate) struct Users {
    names: String,
    users: Vec<User>,
    by_name: HashTable<u32>,
    /// Entries into further Canvases than a user's first.
    further: HashMap<(u32, u16), (u32, Millis), FixedState>,
}

impl Users {
    pub fn find(&self, name: &str) -> Option<UserIx> {
        let found = self.by_name.find(hash(name), |&user| self.name(UserIx(user)) == name);
        found.map(|&user| UserIx(user))
    }

    /// The user of that name, made known if new.
    pub fn intern(&mut self, name: &str) -> UserIx {
        if let Some(user) = self.find(name) {
            return user;
        }
        let user = self.users.len() as u32;
        self.users.push(User {
            name: self.names.len().try_into().expect("a shard's names are below 4 GiB"),
            length: name.len().try_into().expect("inputs bound the length of names"),
            canvas: u16::MAX,
            entries: 0,
            last_entered: Millis(0),
            first_write: NONE,
            last_write: NONE,
        });
        self.names.push_str(name);
        let Users { names, users, by_name, .. } = self;
        by_name.insert_unique(hash(name), user, |&other| {
            let other = &users[other as usize];
            hash(&names[other.name as usize..][..other.length as usize])
        });
        UserIx(user)
    }

    pub fn name(&self, user: UserIx) -> &str {
        let user = &self.users[user.index()];
        &self.names[user.name as usize..][..user.length as usize]
    }

    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// How often the user has entered the Canvas, and when last. Versions of one Canvas
    /// count as one: `canvas` is the number of its name.
    pub fn entries(&self, user: UserIx, canvas: CanvasIx) -> (u32, Millis) {
        let state = &self.users[user.index()];
        if state.canvas == canvas.0 {
            return (state.entries, state.last_entered);
        }
        self.further.get(&(user.0, canvas.0)).copied().unwrap_or_default()
    }

    /// Counts an entry and gives its number, from 1.
    pub fn enter(&mut self, user: UserIx, canvas: CanvasIx, now: Millis) -> u32 {
        let state = &mut self.users[user.index()];
        if state.canvas == u16::MAX {
            state.canvas = canvas.0;
        }
        if state.canvas == canvas.0 {
            state.entries += 1;
            state.last_entered = now;
            return state.entries;
        }
        let further = self.further.entry((user.0, canvas.0)).or_default();
        *further = (further.0 + 1, now);
        further.0
    }

    pub fn first_write(&self, user: UserIx) -> u32 {
        self.users[user.index()].first_write
    }

    pub fn last_write(&self, user: UserIx) -> u32 {
        self.users[user.index()].last_write
    }

    pub fn set_writes(&mut self, user: UserIx, first: u32, last: u32) {
        let state = &mut self.users[user.index()];
        (state.first_write, state.last_write) = (first, last);
    }
}

/// Users as they are kept in a snapshot: the tables are made again from it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    names: String,
    users: Vec<User>,
    further: Vec<((u32, u16), (u32, Millis))>,
}

impl Users {
    pub fn keep(&self) -> Kept {
        let mut further: Vec<_> = self.further.iter().map(|(who, how)| (*who, *how)).collect();
        further.sort_unstable_by_key(|(who, _)| *who);
        Kept { names: self.names.clone(), users: self.users.clone(), further }
    }

    /// The users of a snapshot; `None` if their names don't lie where they should.
    pub fn from_kept(kept: Kept) -> Option<Users> {
        let Kept { names, users, further } = kept;
        let lies = |user: &User| {
            let start = user.name as usize;
            names.get(start..start + usize::from(user.length)).is_some()
        };
        if !users.iter().all(lies) {
            return None;
        }
        let name = |user: u32| {
            let user = &users[user as usize];
            hash(&names[user.name as usize..][..user.length as usize])
        };
        let mut by_name = HashTable::with_capacity(users.len());
        for user in 0..users.len() as u32 {
            by_name.insert_unique(name(user), user, |&other| name(other));
        }
        Some(Users { names, users, by_name, further: further.into_iter().collect() })
    }
}

fn hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}
