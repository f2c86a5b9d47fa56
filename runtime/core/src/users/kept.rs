//! Users as a snapshot has them: names as one text, what is known of each, and nothing of the
//! tables, which are made again. Neither writing nor reading makes a second copy of it.

use std::fmt;

use flowrun_sdk::Millis;
use hashbrown::HashTable;
use serde::de::Error as _;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{User, Users, hash};
use crate::names::Names;
use crate::pages::Pages;

/// As they are read: names are looked at where they lie in the snapshot.
#[derive(Deserialize)]
struct Kept<'a> {
    names: &'a str,
    users: Pages<User>,
    further: Vec<((u32, u16), (u32, Millis))>,
    free: Vec<u32>,
    floor: u32,
}

/// The same as format 1 had it.
#[derive(Deserialize)]
pub(crate) struct Former<'a> {
    #[serde(borrow)]
    names: &'a str,
    users: Pages<User>,
    further: Vec<((u32, u16), (u32, Millis))>,
}

/// As they are written: names lie in the order of numbers, whatever holes there are in memory.
#[derive(Serialize)]
struct Keeping<'a> {
    names: OneText<'a>,
    users: InOrder<'a>,
    further: Vec<((u32, u16), (u32, Millis))>,
    free: &'a [u32],
    floor: u32,
}

/// All names as one text, without a copy of them.
struct OneText<'a>(&'a Users);

impl fmt::Display for OneText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OneText(Users { names, users, .. }) = self;
        users.iter().try_for_each(|user| f.write_str(names.at(user.name, user.length())))
    }
}

impl Serialize for OneText<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

struct InOrder<'a>(&'a Users);

impl Serialize for InOrder<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let users = &self.0.users;
        let mut list = to.serialize_seq(Some(users.len()))?;
        let mut end = 0;
        for user in users.iter() {
            // Where a forgotten one's would lie doesn't matter.
            let name = if user.length() == 0 { 0 } else { end };
            list.serialize_element(&User { name, ..*user })?;
            end += user.length() as u32;
        }
        list.end()
    }
}

impl Serialize for Users {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut further: Vec<_> = self.further.iter().map(|(who, how)| (*who, *how)).collect();
        further.sort_unstable_by_key(|(who, _)| *who);
        let (names, users) = (OneText(self), InOrder(self));
        Keeping { names, users, further, free: &self.free, floor: self.floor }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Users, D::Error> {
        let users = Users::of_kept(Kept::deserialize(from)?);
        users.ok_or_else(|| D::Error::custom("names don't lie where they should"))
    }
}

impl Users {
    /// The users of a snapshot of format 1.
    pub fn of_former(Former { names, users, further }: Former<'_>) -> Option<Users> {
        Users::of_kept(Kept { names, users, further, free: Vec::new(), floor: 0 })
    }

    /// The users of a snapshot; `None` if their names don't lie where they should.
    fn of_kept(kept: Kept<'_>) -> Option<Users> {
        let Kept { names: text, mut users, further, free, floor } = kept;
        let nobody = |user: &u32| users.get(*user as usize).is_some_and(|one| one.length() == 0);
        if !free.iter().all(nobody) {
            return None;
        }
        // They lie side by side, so that no text stands for more than it is.
        if users.iter().map(User::length).sum::<usize>() > text.len() {
            return None;
        }
        let mut names = Names::default();
        for user in users.iter_mut() {
            let start = user.name as usize;
            user.name = names.push(text.get(start..start + user.length())?);
        }
        let name = |user: u32| {
            let user = &users[user as usize];
            hash(names.at(user.name, user.length()))
        };
        let mut by_name = HashTable::with_capacity(users.len());
        for user in (0..users.len() as u32).filter(|user| users[*user as usize].length() > 0) {
            by_name.insert_unique(name(user), user, |&other| name(other));
        }
        let further = further.into_iter().collect();
        Some(Users { names, users, by_name, further, free, floor, holes: 0 })
    }
}
