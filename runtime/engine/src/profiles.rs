//! The profiles that steps read.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use flowrun_core::batcher::{Part, Reply, Request};
use flowrun_core::{Millis, World};
use flowrun_profiles::{About, Memory, ProfileBackend};

use std::sync::Arc;

use crate::clock::Clock;
use crate::error::Busy;

/// Profiles as decisions read them.
#[async_trait]
pub trait Profiles: Send + Sync + 'static {
    /// Lends the profiles to one call of a shard. They don't change meanwhile, so the call is
    /// short, and must not come back here.
    fn read(&self, look: &mut dyn FnMut(&dyn World));

    /// Applies what a backend elsewhere says it has written, each object once. After it, `read`
    /// shows the values.
    fn acknowledge(&self, now: Millis, parts: &[Part], reply: &Reply);

    /// Ends when what was acknowledged is as durable as these profiles are. With [`Busy::Unsaved`]
    /// there is no space for it yet; any other error ends the engine.
    async fn kept(&self) -> Result<(), Busy> {
        Ok(())
    }
}

/// A store in memory: what steps read, and a backend that writes to it.
pub struct Local {
    about: About,
    store: Mutex<Memory>,
    clock: Arc<dyn Clock>,
}

impl Local {
    #[must_use]
    pub fn new(store: Memory, clock: Arc<dyn Clock>) -> Local {
        Local { about: store.about().clone(), store: Mutex::new(store), clock }
    }

    /// Looks at the store.
    pub fn look<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.store())
    }

    fn store(&self) -> MutexGuard<'_, Memory> {
        // A panic in the middle of one object leaves all others whole.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Profiles for Local {
    fn read(&self, look: &mut dyn FnMut(&dyn World)) {
        look(&*self.store());
    }

    fn acknowledge(&self, now: Millis, parts: &[Part], reply: &Reply) {
        self.store().acknowledge(now, parts, reply);
    }
}

#[async_trait]
impl ProfileBackend for Local {
    fn about(&self) -> &About {
        &self.about
    }

    async fn commit(&self, request: &Request) -> Reply {
        self.store().commit(self.clock.now(), request)
    }
}
