//! The users a shard has seen: names side by side, a few bytes of state each.

mod kept;

use std::hash::BuildHasherDefault;

use flowrun_sdk::Millis;
use hashbrown::{HashMap, HashTable};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::names::Names;
use crate::pages::Pages;
use crate::{CanvasIx, UserIx};

pub(crate) use kept::Former;

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

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct User {
    name: u32,
    /// Of the name, in bytes; the highest bit says that the number was another user's before.
    length: u16,
    /// The Canvas that `entries` and `last_entered` are about: the first one entered.
    canvas: u16,
    entries: u32,
    last_entered: Millis,
    /// The user's writes in the order of their commits: first and last slot of a list.
    first_write: u32,
    last_write: u32,
}

/// The bit of a user's `length` that is none of the length.
const SECOND_HAND: u16 = 1 << 15;

impl User {
    fn length(&self) -> usize {
        usize::from(self.length & !SECOND_HAND)
    }
}

#[derive(Default)]
pub(crate) struct Users {
    names: Names,
    users: Pages<User>,
    by_name: HashTable<u32>,
    /// Entries into further Canvases than a user's first.
    further: HashMap<(u32, u16), (u32, Millis), FixedState>,
    /// Numbers of users who were forgotten.
    free: Vec<u32>,
    /// Bytes of names that are nobody's any more.
    holes: usize,
    /// The highest number of an entry of anybody who was forgotten. Who comes anew counts from
    /// here on: so a write key is never used for a second time, without a memory of who it was.
    floor: u32,
}

/// From so many bytes on it is worth moving names together.
const WORTH_MOVING: usize = 64 * 1024;

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
        let length: u16 = name.len().try_into().expect("inputs bound the length of names");
        let mut new = User {
            name: self.names.push(name),
            length,
            canvas: u16::MAX,
            entries: 0,
            last_entered: Millis(0),
            first_write: NONE,
            last_write: NONE,
        };
        if self.by_name.len() == self.by_name.capacity() {
            self.grow();
        }
        let user = match self.free.pop() {
            Some(user) => {
                new.length |= SECOND_HAND;
                self.users[user as usize] = new;
                user
            }
            None => {
                self.users.push(new);
                self.users.len() as u32 - 1
            }
        };
        let Users { names, users, by_name, .. } = self;
        by_name.insert_unique(hash(name), user, |&other| {
            let other = &users[other as usize];
            hash(names.at(other.name, other.length()))
        });
        UserIx(user)
    }

    /// Makes room in the table for twice as many. By itself it would go through the users as it
    /// has them, at random, and wait for each; in the order of their numbers they lie side by side.
    fn grow(&mut self) {
        let mut table = HashTable::with_capacity(2 * self.by_name.len());
        for (number, user) in (0..).zip(self.users.iter()).filter(|(_, user)| user.length() > 0) {
            let hash = hash(self.names.at(user.name, user.length()));
            table.insert_unique(hash, number, |_| unreachable!("there is room for all"));
        }
        self.by_name = table;
    }

    /// Keeps nothing of a user.
    pub fn forget(&mut self, user: UserIx, canvases: usize) {
        let hash = hash(self.name(user));
        let found = self.by_name.find_entry(hash, |&other| other == user.0);
        found.expect("who is known has a name").remove();
        let state = &mut self.users[user.index()];
        assert_eq!(state.first_write, NONE, "nothing of a forgotten user is to be written");
        self.floor = self.floor.max(state.entries);
        let (from, length) = (state.name, state.length());
        *state = User { name: 0, length: 0, canvas: u16::MAX, entries: 0, ..*state };
        state.last_entered = Millis(0);
        for canvas in 0..canvases {
            let entries = self.further.remove(&(user.0, canvas as u16));
            self.floor = self.floor.max(entries.map_or(0, |(entries, _)| entries));
        }
        self.names.blank(from, length);
        self.holes += length;
        self.free.push(user.0);
        if self.holes > WORTH_MOVING && self.holes > self.names.bytes() / 2 {
            self.move_together();
        }
    }

    /// Puts the names side by side, without the holes.
    fn move_together(&mut self) {
        let mut names = Names::default();
        for user in self.users.iter_mut() {
            user.name = names.push(self.names.at(user.name, user.length()));
        }
        self.names = names;
        self.holes = 0;
    }

    pub fn name(&self, user: UserIx) -> &str {
        let user = &self.users[user.index()];
        self.names.at(user.name, user.length())
    }

    /// The number by which a host may know the user. One that was another's before says
    /// nothing: the host may still take it for theirs.
    pub fn number(&self, user: UserIx) -> Option<UserIx> {
        (self.users[user.index()].length & SECOND_HAND == 0).then_some(user)
    }

    /// Whether the number is nobody's.
    pub fn is_free(&self, user: UserIx) -> bool {
        self.users[user.index()].length() == 0
    }

    pub fn len(&self) -> usize {
        self.users.len() - self.free.len()
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

    /// Counts an entry and gives its number: from 1, or from behind all that were forgotten.
    pub fn enter(&mut self, user: UserIx, canvas: CanvasIx, now: Millis) -> u32 {
        let state = &mut self.users[user.index()];
        if state.canvas == u16::MAX {
            (state.canvas, state.entries) = (canvas.0, self.floor);
        }
        if state.canvas == canvas.0 {
            state.entries += 1;
            state.last_entered = now;
            return state.entries;
        }
        let further = self.further.entry((user.0, canvas.0)).or_insert((self.floor, now));
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

fn hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_however_many_come_and_whoever_goes() {
        let mut users = Users::default();
        let mut known = std::collections::BTreeMap::new();
        for number in 0..3_000_u32 {
            let name = format!("{number:x}");
            known.insert(name.clone(), users.intern(&name));
            if number % 3 == 2 {
                let gone = format!("{:x}", number / 2);
                let user = known.remove(&gone).filter(|user| users.name(*user) == gone);
                user.into_iter().for_each(|user| users.forget(user, 1));
            }
        }
        assert!(known.iter().all(|(name, user)| users.find(name) == Some(*user)));
        assert!((0..3_000).all(|number| {
            let name = format!("{number:x}");
            users.find(&name).is_some() == known.contains_key(&name)
        }));
        assert_eq!(users.len(), known.len());
    }
}
