//! The profile store in a database file: for one machine.
//!
//! It does what the store in memory does, durably: a reply means that the objects are in,
//! with the keys that make a resend change nothing. Requests that come side by side are
//! committed together. A commit writes the changed users one after the other into a journal,
//! which costs as much as its bytes; only when the users changed since (the *fresh* ones,
//! held in memory) take more than their share of it are they put into the table, sorted, all
//! at once. Putting each change there at once would rewrite a page for every user.

mod row;
mod shelf;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

use async_trait::async_trait;
use flowrun_core::batcher::{Answers, BatcherSettings, Limits, Part, Reply, Request};
use flowrun_core::{Millis, Outcome, UserIx, World};
use flowrun_log::file::redb::StorageBackend;
use flowrun_log::file::{Care, Kind, Store};
use flowrun_track::{Object, Profile};
use tokio::sync::oneshot;

use crate::{About, ProfileBackend};
use shelf::Shelf;
use writer::{Job, Work};

/// Why a store failed. [`Error::is_fatal`] tells whether the process must end.
pub use flowrun_log::Error;

/// What the time is, for objects that don't say.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// How a store is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EmbeddedSettings {
    pub batches: BatcherSettings,
    /// How much memory the users may take whose changes are in the journal only.
    pub fresh_bytes: usize,
    /// How much memory pages of the file may take.
    pub cache_bytes: usize,
}

impl Default for EmbeddedSettings {
    /// Requests as large as one machine likes them: the more users a commit has, the less
    /// each costs.
    fn default() -> EmbeddedSettings {
        let each = 4_096;
        let limits =
            Limits { attributes: each, events: each, purchases: each, combined: Some(2 * each) };
        let batches = BatcherSettings { limits, linger: Millis(5), in_flight: 4, per_minute: None };
        EmbeddedSettings { batches, fresh_bytes: 64 << 20, cache_bytes: 256 << 20 }
    }
}

/// Profiles by external id, in a file. All calls may come side by side.
pub struct Embedded {
    about: About,
    shelf: Arc<Shelf>,
    /// Taken when the store is dropped, which ends the writer.
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

/// The file's name in its folder.
const FILE: &str = "profiles.redb";

/// What the file is written in. Raise it with every change to `shelf` or `row`.
const FORMAT: u64 = 1;

impl Embedded {
    /// Opens the store in a folder, or begins one.
    ///
    /// # Errors
    /// If the folder can't be written, another process has it open, or the file is of
    /// another format or damaged.
    pub fn open(
        folder: &Path,
        settings: EmbeddedSettings,
        clock: Clock,
    ) -> Result<Embedded, Error> {
        let kind = kind(format!("the profile store in {}", folder.display()), settings);
        Embedded::begin(Store::in_folder(&folder.into(), FILE, kind)?, settings, clock)
    }

    /// The same store in something else than a file: for tests that let it fail.
    pub fn with_backend(
        backend: impl StorageBackend + Clone,
        settings: EmbeddedSettings,
        clock: Clock,
    ) -> Result<Embedded, Error> {
        let kind = kind("the profile store".into(), settings);
        Embedded::begin(Store::with_backend(backend, kind)?, settings, clock)
    }

    fn begin(store: Store, settings: EmbeddedSettings, clock: Clock) -> Result<Embedded, Error> {
        let shelf = Arc::new(Shelf::new(store, settings.fresh_bytes)?);
        let (jobs, inbox) = channel();
        let of_writer = shelf.clone();
        let writer = Builder::new()
            .name("profiles".into())
            .spawn(move || writer::run(&of_writer, &inbox, &*clock))
            .map_err(|error| Error::Unopened {
                place: "the profile store".into(),
                cause: error.to_string(),
            })?;
        let about =
            About { name: "embedded".into(), batches: settings.batches, remembers_keys: true };
        Ok(Embedded { about, shelf, jobs: Some(jobs), writer: Some(writer) })
    }

    /// The profiles of many users at once, in the order of the ids; `None` of an unknown one.
    pub fn load(&self, users: &[&str]) -> Result<Vec<Option<Profile>>, Error> {
        let found = self.shelf.users(users)?;
        Ok(found.into_iter().map(|user| user.map(|user| user.profile)).collect())
    }

    /// The profiles of many users at once, for a shard that is to decide.
    pub fn world(&self, users: &[&str]) -> Result<Loaded, Error> {
        let profiles = users.iter().map(|id| Box::from(*id)).zip(self.load(users)?);
        Ok(Loaded(profiles.filter_map(|(id, profile)| Some((id, profile?))).collect()))
    }

    /// Up to so many profiles in order of id, from the first after `after`. Of a store that
    /// is being written to, each page shows it as it is then.
    pub fn page(&self, after: Option<&str>, most: usize) -> Result<Vec<Profile>, Error> {
        self.shelf.page(after, most)
    }

    /// Puts profiles in, in place of what was there; those without an external id are left
    /// out.
    pub async fn put(&self, profiles: Vec<Profile>) -> Result<(), Error> {
        self.submit(Work::Put(profiles)).await
    }

    /// Deletes users, and with them the memory of what was written to them.
    pub async fn delete(&self, users: Vec<String>) -> Result<(), Error> {
        self.submit(Work::Delete(users)).await
    }

    /// Takes note of things that users have done.
    pub async fn note(&self, objects: Vec<(String, Object)>) -> Result<(), Error> {
        self.submit(Work::Note(objects)).await
    }

    /// Applies what another backend says it has written, each object once: from then on it
    /// is what steps read.
    pub async fn acknowledge(&self, parts: Arc<Vec<Part>>, reply: Reply) -> Result<(), Error> {
        self.submit(Work::Acknowledge(parts, reply)).await
    }

    /// Why the process must end, if it must.
    pub fn fault(&self) -> Option<Error> {
        self.shelf.fault()
    }

    /// What the file takes.
    pub fn file_bytes(&self) -> u64 {
        self.shelf.file_bytes()
    }

    async fn submit(&self, work: Work) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Change(work, answer));
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// A writer that is gone has dropped the answer, which is noticed by who waits for it.
    fn send(&self, job: Job) {
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(job));
    }
}

fn kind(place: String, settings: EmbeddedSettings) -> Kind {
    let cache_bytes = settings.cache_bytes;
    Kind { place, format: FORMAT, care: Care::OpenAtOnce, cache_bytes }
}

fn stopped() -> Error {
    Error::Lost { place: "the profile store".into(), cause: "its writer has ended".into() }
}

impl Drop for Embedded {
    /// When this returns, the file is free for others.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl ProfileBackend for Embedded {
    fn about(&self) -> &About {
        &self.about
    }

    async fn commit(&self, request: &Request) -> Reply {
        let (answer, answered) = oneshot::channel();
        self.send(Job::Commit(request.clone(), answer));
        answered.await.unwrap_or_else(|_| failed(&stopped()))
    }
}

/// How long a full disk is left alone.
const WHILE_FULL: Millis = Millis(1_000);

/// What a store that failed says of all objects of a request.
fn failed(error: &Error) -> Reply {
    let cause = error.to_string();
    match error {
        Error::Full { .. } => Reply {
            status: None,
            answers: Answers::All(Outcome::Retry { after: Some(WHILE_FULL), cause }),
            pause: Some(WHILE_FULL),
        },
        _ => Reply::new(None, Answers::All(Outcome::Unknown(cause))),
    }
}

/// Profiles that were loaded, as a world for a shard.
#[derive(Clone, Default, Debug)]
pub struct Loaded(BTreeMap<Box<str>, Profile>);

impl World for Loaded {
    fn profile(&self, _: Option<UserIx>, id: &str) -> Option<&Profile> {
        self.0.get(id)
    }
}
