//! Names of custom attributes, events and products, shared between the profiles that have them.
//!
//! A million profiles carry the same few names. Rendered objects are parsed one user at a time, so sharing can't come
//! from the parse alone: a small cache per thread hands out the name that was made before. The cache is bounded (one name
//! per slot, a newcomer displaces), and it is invisible: with or without it names compare and print the same.

use std::cell::RefCell;
use std::sync::Arc;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

/// A shared name: 16 bytes, cheap to clone, compares and orders as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Name(Arc<str>);

const SLOTS: usize = 1024;

thread_local! {
    static SHARED: RefCell<Vec<Option<Name>>> = RefCell::new(vec![None; SLOTS]);
}

impl Name {
    pub fn new(name: &str) -> Name {
        // Names beyond the documented length are refused elsewhere; don't let them fill the cache.
        if name.len() > 1024 {
            return Name(name.into());
        }
        let slot = xxh3_64(name.as_bytes()) as usize % SLOTS;
        SHARED.with_borrow_mut(|shared| match &shared[slot] {
            Some(known) if &*known.0 == name => known.clone(),
            _ => {
                let fresh = Name(name.into());
                shared[slot] = Some(fresh.clone());
                fresh
            }
        })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Name {
        Name::new(name)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_shared() {
        assert!(Arc::ptr_eq(&Name::new("vip_member").0, &Name::new("vip_member").0));
        assert_eq!(Name::new(&"x".repeat(5000)).len(), 5000);
    }
}
