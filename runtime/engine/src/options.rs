//! What an engine is made of, and its bounds.

use std::sync::Arc;
use std::time::Duration;

use flowrun_core::{Canvas, LetterLimits, RetryPolicy, Settings, ShardId};
use flowrun_log::ShardLog;
use flowrun_profiles::ProfileBackend;

use crate::channels::Channels;
use crate::clock::Clock;
use crate::fetch::Fetch;
use crate::profiles::Profiles;
use crate::trace::Trace;

/// How an engine runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    pub seed: u64,
    /// Users are spread over so many shards. A log is read back with the same number.
    pub shards: u16,
    pub retry: RetryPolicy,
    /// From so many dead letters of one shard on, timers are held back and nobody enters.
    pub most_letters: LetterLimits,
    /// From so many writes in the batcher on, timers are held back and nobody enters.
    pub most_writes: usize,
    /// The same for messages that wait for their channel, and fetches that wait for an answer.
    pub most_outgoing: usize,
    /// Entries and events that may wait for their round; more are refused.
    pub most_waiting: usize,
    /// From so many changes on a snapshot takes the place of a shard's records; never, for a log
    /// that nobody reads back.
    pub snapshot_after: Option<usize>,
    /// How long a stop may take: what isn't finished then is broken off.
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 0,
            shards: 4,
            retry: RetryPolicy::default(),
            most_letters: LetterLimits::default(),
            most_writes: 32_768,
            most_outgoing: 65_536,
            most_waiting: 65_536,
            snapshot_after: Some(100_000),
            drain: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// What holds for one of the shards.
    pub fn settings(&self, id: ShardId) -> Settings {
        Settings { id, seed: self.seed, retry: self.retry, letters: self.most_letters }
    }

    pub(crate) fn shard_ids(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.shards.max(1)).map(ShardId)
    }

    pub(crate) fn shard_of(&self, user: &str) -> ShardId {
        ShardId::of(user, self.shards.max(1))
    }
}

/// What an engine works with.
pub struct Setup {
    /// Records call them by their place: a log is read back with the same ones in the same order.
    pub canvases: Vec<Arc<Canvas>>,
    pub log: Box<dyn ShardLog + Send>,
    /// What steps read.
    pub profiles: Arc<dyn Profiles>,
    pub writes: Writes,
    pub channels: Channels,
    pub fetch: Arc<dyn Fetch>,
    pub clock: Arc<dyn Clock>,
    /// Is told what happens.
    pub trace: Box<dyn Trace>,
}

/// Where updates are written.
#[derive(Clone)]
pub enum Writes {
    /// To the very profiles that steps read.
    Here(Arc<dyn ProfileBackend>),
    /// Elsewhere. What is acknowledged there is applied to the profiles that steps read, before
    /// the hold ends.
    Elsewhere(Arc<dyn ProfileBackend>),
}

impl Writes {
    pub(crate) fn backend(&self) -> &Arc<dyn ProfileBackend> {
        match self {
            Writes::Here(backend) | Writes::Elsewhere(backend) => backend,
        }
    }
}
