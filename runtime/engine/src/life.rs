//! Write keys of one life: for an engine whose log doesn't outlive the process.
//!
//! It counts entries from 1 again with every start, so that keys of two starts would be the same,
//! and a backend that remembers them would take what is new for what it knows. So each start has a
//! mark of its own in its keys.

use std::sync::Arc;

use async_trait::async_trait;
use flowrun_core::batcher::{Reply, Request};
use flowrun_profiles::{About, ProfileBackend};

/// A backend that sees the keys of this life.
pub struct OfThisLife {
    backend: Arc<dyn ProfileBackend>,
    life: Box<str>,
}

impl OfThisLife {
    /// `life` is a text that no other start has.
    pub fn new(backend: Arc<dyn ProfileBackend>, life: impl Into<Box<str>>) -> OfThisLife {
        OfThisLife { backend, life: life.into() }
    }
}

#[async_trait]
impl ProfileBackend for OfThisLife {
    fn about(&self) -> &About {
        self.backend.about()
    }

    async fn commit(&self, request: &Request) -> Reply {
        let mut parts = request.parts.to_vec();
        for part in &mut parts {
            let key = &mut part.write.key;
            key.canvas = format!("{} of {}", key.canvas, self.life).into();
        }
        let request = Request { parts: Arc::new(parts), ..request.clone() };
        self.backend.commit(&request).await
    }
}
