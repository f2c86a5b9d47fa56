//! Profile backends: where held updates are written.
//!
//! A backend takes a request of many users' objects and answers *per object*. It names
//! its own limits; the batcher keeps to them. The memory backend is at the same time the
//! local store that steps read: what it has applied is what the next step sees.
#![forbid(unsafe_code)]

pub mod embedded;
pub mod http;
mod memory;
pub mod rows;
mod users;

use async_trait::async_trait;
use flowrun_core::batcher::{BatcherSettings, Reply, Request};

pub use embedded::{Embedded, EmbeddedSettings};
pub use http::{Http, HttpSettings};
pub use memory::{Known, Memory};
pub use rows::{Rows, RowsSettings};
pub use users::NotKept;

/// What is true of a backend as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// As traces name it.
    pub name: String,
    pub batches: BatcherSettings,
    /// Whether a write that comes again under its key changes nothing again.
    pub remembers_keys: bool,
}

/// Something that writes profiles, on this machine or far away.
///
/// A call ends: a backend has its own deadlines, and of what it doesn't know it says
/// [`Outcome::Unknown`](flowrun_core::Outcome::Unknown). No reply of a server is an error here;
/// whatever came back is an outcome per object.
#[async_trait]
pub trait ProfileBackend: Send + Sync {
    fn about(&self) -> &About;

    /// Writes a request's objects and says of each what became of it. Requests of one host
    /// may be under way side by side, up to the number that [`About::batches`] names.
    async fn commit(&self, request: &Request) -> Reply;
}
