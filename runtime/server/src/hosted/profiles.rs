//! The profiles of a [`Memory`] as an engine reads them, and as a backend that held updates are written to.

use std::sync::Arc;

use async_trait::async_trait;

use crate::engine::clock::Clock;
use crate::engine::core::batcher::{BatcherSettings, Limits, Part, Reply, Request};
use crate::engine::core::{Millis, World};
use crate::engine::profile_backends::{About, ProfileBackend};
use crate::engine::{self, Profiles};
use crate::memory::Memory;
use crate::track::{self, Directory, Profile, Profiles as _};
use crate::workspace::Busy;

/// Requests under way at once.
const IN_FLIGHT: usize = 8;

/// Objects of each kind in one request, where each request waits for the disk. A little below a thousand: lists of as many
/// profiles are then of a length that the allocator keeps at hand, rather than have the system clear new memory for each.
const ON_DISK: usize = 896;

/// Held updates written to a [`Memory`].
pub struct Held {
    memory: Arc<Memory>,
    clock: Arc<dyn Clock>,
    about: About,
}

impl Held {
    /// In memory with the limits of User Track, so that traces show the requests that a server elsewhere would get. Where
    /// profiles are on a disk, requests are as large as is worth a sync, and small enough that reading waits for none of
    /// them for long.
    pub fn new(memory: Arc<Memory>, clock: Arc<dyn Clock>) -> Held {
        let on_disk =
            Limits { attributes: ON_DISK, events: ON_DISK, purchases: ON_DISK, combined: None };
        let batches = BatcherSettings {
            limits: if memory.is_durable() { on_disk } else { Limits::USER_TRACK },
            in_flight: IN_FLIGHT,
            per_minute: None,
            ..BatcherSettings::default()
        };
        let about = About { name: "memory".into(), batches, remembers_keys: true };
        Held { memory, clock, about }
    }
}

/// Profiles to begin with. Further ids will come from strangers, so these can't foresee which ones collide.
pub fn directory(profiles: impl IntoIterator<Item = Profile>) -> Result<Directory, Busy> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|_| Busy::Failed)?;
    let mut kept = track::Memory::with_seed(u64::from_le_bytes(seed));
    for profile in profiles {
        kept.insert(profile);
    }
    Ok(Directory::new(kept))
}

#[async_trait]
impl ProfileBackend for Held {
    fn about(&self) -> &About {
        &self.about
    }

    async fn commit(&self, request: &Request) -> Reply {
        self.memory.write_held(self.clock.now(), &request.parts).await
    }
}

#[async_trait]
impl Profiles for Held {
    fn read(&self, look: &mut dyn FnMut(&dyn World)) {
        self.memory.lend(look);
    }

    fn acknowledge(&self, now: Millis, parts: &[Part], reply: &Reply) {
        self.memory.acknowledge(now, parts, reply);
    }

    async fn kept(&self) -> Result<(), engine::Busy> {
        Ok(self.memory.kept_now().await?)
    }
}
