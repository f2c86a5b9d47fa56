//! What things are called: numbers inside a shard, keys towards the world.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Version;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A Canvas version that the shard has loaded, by order of loading.
    CanvasIx(u16)
}
index! {
    /// A user of the shard.
    UserIx(u32)
}
index! {
    /// A slot for one passage of one user through one Canvas. Slots are used again.
    JourneyIx(u32)
}

/// A dead letter of a shard: its number is never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LetterId(pub u64);

/// A shard's number.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ShardId(pub u16);

impl ShardId {
    /// The shard that a user belongs to, of so many. Never changes for a given count.
    pub fn of(user: &str, shards: u16) -> ShardId {
        let hash = xxhash_rust::xxh3::xxh3_64(user.as_bytes());
        ShardId(((u128::from(hash) * u128::from(shards.max(1))) >> 64) as u16)
    }
}

/// An item of an outbox: its slot, and which use of the slot, so that a late reply can't
/// be taken for an answer to a newer item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ItemId {
    pub slot: u32,
    pub use_no: u32,
}

/// The name of one visit of one user to one step: the same on every attempt and after
/// every crash. A backend that remembers it applies a write once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct WriteKey {
    pub canvas: Arc<str>,
    pub version: Version,
    pub user: Arc<str>,
    pub entry: u32,
    pub step: Arc<str>,
}

impl WriteKey {
    /// The key as 128 bits, for memories of settled keys.
    pub fn digest(&self) -> u128 {
        let mut bytes = Vec::with_capacity(128);
        for part in [&self.canvas, &self.user, &self.step] {
            bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes.extend_from_slice(&self.version.0.to_le_bytes());
        bytes.extend_from_slice(&self.entry.to_le_bytes());
        xxhash_rust::xxh3::xxh3_128(&bytes)
    }
}

impl fmt::Display for WriteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WriteKey { canvas, version, user, entry, step } = self;
        write!(f, "{canvas}/{version}/{user}/{entry}/{step}")
    }
}
