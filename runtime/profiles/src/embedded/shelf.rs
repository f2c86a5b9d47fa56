//! Where users lie: the fresh ones in memory and in the journal, the others in the table.
//!
//! Who reads looks among the fresh first and begins to read the file after that; what was
//! fresh is forgotten only when it is in the file. So nobody is missed in between.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use flowrun_log::file::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use flowrun_log::file::{Failure, Store};
use flowrun_track::Profile;

use super::{Error, row};
use crate::users::User;

/// Users by external id.
const USERS: TableDefinition<&str, &[u8]> = TableDefinition::new("users");

/// Changes since the last time that the fresh were put away, in order: id and row, id and
/// row, each after its length.
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

/// The length that stands for no row: the user was deleted.
const DELETED: u32 = u32::MAX;

/// How much of the journal lies in one value: with the database's own bytes it just fits a
/// run of pages.
const PIECE: usize = (64 << 10) - 256;

/// What a fresh user takes in memory beside the bytes of its row.
const OVERHEAD: usize = 256;

pub(super) struct Shelf {
    store: Store,
    fresh: RwLock<Fresh>,
    most_bytes: usize,
}

/// Users whose last change is in the journal only; `None`: they were deleted.
#[derive(Default)]
struct Fresh {
    users: BTreeMap<Box<str>, Option<User>>,
    bytes: usize,
    /// The journal's next key.
    next: u64,
}

/// A change to keep: a user as it is now, or that there is none.
pub(super) type Change = (Box<str>, Option<User>);

/// A change with its row's bytes.
type Encoded = (Change, Vec<u8>);

impl Shelf {
    pub(super) fn new(store: Store, most_bytes: usize) -> Result<Shelf, Error> {
        store.write(|change| {
            change.open_table(USERS)?;
            change.open_table(JOURNAL)?;
            Ok(())
        })?;
        let fresh = replay(&store, &store.read()?).map_err(|failure| store.unread(failure))?;
        Ok(Shelf { store, fresh: RwLock::new(fresh), most_bytes })
    }

    /// Users in the order of the ids.
    pub(super) fn users(&self, ids: &[&str]) -> Result<Vec<Option<User>>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        let mut elsewhere = Vec::new();
        let fresh = self.fresh();
        for (place, id) in ids.iter().enumerate() {
            let user = fresh.users.get(*id);
            if user.is_none() {
                elsewhere.push(place);
            }
            found.push(user.cloned().flatten());
        }
        drop(fresh);
        if elsewhere.is_empty() {
            return Ok(found);
        }
        // In the order of the table, so that neighbours are met on one page.
        elsewhere.sort_unstable_by_key(|&place| ids[place]);
        let read = || -> Result<(), Failure> {
            let table = self.store.read()?.open_table(USERS)?;
            for place in elsewhere {
                if let Some(bytes) = table.get(ids[place])? {
                    found[place] = Some(self.decode(ids[place], bytes.value())?);
                }
            }
            Ok(())
        };
        read().map_err(|failure| self.store.unread(failure))?;
        Ok(found)
    }

    pub(super) fn page(&self, after: Option<&str>, most: usize) -> Result<Vec<Profile>, Error> {
        let page = || -> Result<Vec<Profile>, Failure> {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let fresh = self.fresh();
            let mut fresh = fresh.users.range::<str, _>((from, Bound::Unbounded)).peekable();
            let table = self.store.read()?.open_table(USERS)?;
            let mut stored = table.range::<&str>((from, Bound::Unbounded))?;
            let mut next = stored.next().transpose()?;
            let mut profiles = Vec::new();
            while profiles.len() < most {
                // The lower id of the two; of the same id what is fresh.
                let of_fresh = fresh.peek().map(|(id, _)| &***id);
                let of_table = next.as_ref().map(|(id, _)| id.value());
                let is_fresh = match (of_fresh, of_table) {
                    (None, None) => break,
                    (Some(fresh), Some(stored)) => fresh <= stored,
                    (fresh, _) => fresh.is_some(),
                };
                if is_fresh {
                    let is_replaced = of_fresh == of_table;
                    let user = fresh.next().and_then(|(_, user)| user.as_ref());
                    profiles.extend(user.map(|user| user.profile.clone()));
                    if !is_replaced {
                        continue;
                    }
                } else if let Some((id, bytes)) = &next {
                    profiles.push(self.decode(id.value(), bytes.value())?.profile);
                }
                next = stored.next().transpose()?;
            }
            Ok(profiles)
        };
        page().map_err(|failure| self.store.unread(failure))
    }

    /// Makes changes durable, all or none; the last one about a user counts.
    pub(super) fn save(&self, changes: Vec<Change>) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let encode = |change: Change| {
            let bytes = change.1.as_ref().map(row::encode).unwrap_or_default();
            (change, bytes)
        };
        let changes: Vec<Encoded> = changes.into_iter().map(encode).collect();
        let bytes: usize = changes.iter().map(weight).sum();
        let (is_much, next) = {
            let fresh = self.fresh();
            (fresh.bytes + bytes > self.most_bytes, fresh.next)
        };
        if is_much {
            return self.put_away(changes);
        }
        let next = self.store.write(|change| journal(change, next, &changes))?;
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        fresh.next = next;
        // Counts changes rather than users, as the journal does.
        fresh.bytes += bytes;
        fresh.users.extend(changes.into_iter().map(|(change, _)| change));
        Ok(())
    }

    /// Puts the fresh users and these into the table, and begins with an empty journal.
    fn put_away(&self, changes: Vec<Encoded>) -> Result<(), Error> {
        let fresh = self.fresh();
        let mut rows: BTreeMap<&str, Option<Vec<u8>>> = BTreeMap::new();
        for (id, user) in &fresh.users {
            rows.insert(id, user.as_ref().map(row::encode));
        }
        for ((id, user), bytes) in &changes {
            rows.insert(id, user.is_some().then(|| bytes.clone()));
        }
        self.store.write(|change| {
            let mut users = change.open_table(USERS)?;
            for (id, bytes) in &rows {
                match bytes {
                    Some(bytes) => drop(users.insert(id, &bytes[..])?),
                    None => drop(users.remove(id)?),
                }
            }
            change.open_table(JOURNAL)?.retain(|_, _| false)?;
            Ok(())
        })?;
        drop(rows);
        drop(fresh);
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        *fresh = Fresh { next: fresh.next, ..Fresh::default() };
        Ok(())
    }

    pub(super) fn fault(&self) -> Option<Error> {
        self.store.is_lost()
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.store.bytes()
    }

    fn decode(&self, id: &str, bytes: &[u8]) -> Result<User, Failure> {
        row::decode(id, bytes).map_err(|fault| Failure::Refused(self.store.damaged(&fault)))
    }

    fn fresh(&self) -> RwLockReadGuard<'_, Fresh> {
        self.fresh.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(change: &Encoded) -> usize {
    let ((id, _), bytes) = change;
    id.len() + bytes.len() + OVERHEAD
}

/// Appends changes to the journal, and gives its next key.
fn journal(change: &WriteTransaction, mut next: u64, changes: &[Encoded]) -> Result<u64, Failure> {
    let mut journal = change.open_table(JOURNAL)?;
    let mut piece = Vec::with_capacity(PIECE);
    for ((id, user), bytes) in changes {
        if !piece.is_empty() && piece.len() + 8 + id.len() + bytes.len() > PIECE {
            journal.insert(next, &piece[..])?;
            next += 1;
            piece.clear();
        }
        piece.extend_from_slice(&(id.len() as u32).to_le_bytes());
        piece.extend_from_slice(id.as_bytes());
        let len = if user.is_some() { bytes.len() as u32 } else { DELETED };
        piece.extend_from_slice(&len.to_le_bytes());
        piece.extend_from_slice(bytes);
    }
    if !piece.is_empty() {
        journal.insert(next, &piece[..])?;
        next += 1;
    }
    Ok(next)
}

/// Reads the journal: those are fresh that it names.
fn replay(store: &Store, transaction: &ReadTransaction) -> Result<Fresh, Failure> {
    let mut fresh = Fresh::default();
    for entry in transaction.open_table(JOURNAL)?.iter()? {
        let (key, piece) = entry?;
        fresh.next = key.value() + 1;
        let mut rest = piece.value();
        while !rest.is_empty() {
            let (change, bytes) =
                taken(&mut rest).map_err(|fault| Failure::Refused(store.damaged(&fault)))?;
            fresh.bytes += bytes + OVERHEAD;
            fresh.users.insert(change.0, change.1);
        }
    }
    Ok(fresh)
}

/// Takes a change from a piece of the journal, with the bytes that it takes there.
fn taken(rest: &mut &[u8]) -> Result<(Change, usize), String> {
    let before = rest.len();
    let mut field = || -> Option<Option<&[u8]>> {
        let (len, more) = rest.split_at_checked(4)?;
        *rest = more;
        let len = u32::from_le_bytes(len.try_into().ok()?);
        if len == DELETED {
            return Some(None);
        }
        let (bytes, more) = rest.split_at_checked(len as usize)?;
        *rest = more;
        Some(Some(bytes))
    };
    let cut_off = || "a change in the journal is cut off".to_owned();
    let id = field().flatten().and_then(|id| std::str::from_utf8(id).ok()).ok_or_else(cut_off)?;
    let user = match field().ok_or_else(cut_off)? {
        Some(bytes) => Some(row::decode(id, bytes)?),
        None => None,
    };
    let bytes = before - rest.len();
    Ok(((id.into(), user), bytes))
}
