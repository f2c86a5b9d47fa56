//! What an operator can set, with defaults that hold the promises of the founding documents.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::keys::Keys;
use crate::rates::Rates;

/// How the API is served. `Options::new(keys)` is what a person gets who configures nothing.
#[derive(Clone)]
pub struct Options {
    pub keys: Keys,
    pub limits: Limits,
    pub rates: Rates,
    pub dialect: Dialect,
    pub clock: Clock,
}

impl Options {
    pub fn new(keys: Keys) -> Options {
        Options {
            keys,
            limits: Limits::default(),
            rates: Rates::default(),
            dialect: Dialect::default(),
            clock: Clock::system(),
        }
    }
}

/// What one client, and all together, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body: 4 MB as the vendor's. More is 413.
    pub body_bytes: usize,
    /// Bytes of all bodies that are being read. A body beyond is 503.
    pub reading_bytes: usize,
    /// Values (scalars, arrays, objects) in a body. Small values take far more memory than text; more is 400.
    pub values: usize,
    /// Arrays and objects within each other. More is 400.
    pub depth: usize,
    /// Bytes of a request's head. More is 431.
    pub head_bytes: usize,
    /// Open connections. One more, and the one idle for longest is closed in its favour.
    pub connections: usize,
    /// Wrong keys that one address may present within a minute. Beyond, its requests are 429.
    pub wrong_keys: u32,
    /// For the whole head of a request, and between two requests of a connection.
    pub head_deadline: Duration,
    /// For the whole body. Slower is 408.
    pub body_deadline: Duration,
    /// For requests that are under way when the server is told to stop.
    pub drain_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 4 * 1024 * 1024,
            reading_bytes: 64 * 1024 * 1024,
            values: 200_000,
            depth: 64,
            head_bytes: 32 * 1024,
            connections: 768,
            wrong_keys: 60,
            head_deadline: Duration::from_secs(15),
            body_deadline: Duration::from_secs(30),
            drain_deadline: Duration::from_secs(10),
        }
    }
}

/// How an answer tells of rate limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `X-RateLimit-Limit`, `-Remaining`, and `-Reset` in UTC epoch seconds, on every answer.
    #[default]
    Epoch,
    /// As newer contracts have it: `-Reset` is seconds left; on 429 the three are absent, and `X-Ratelimit-Retry-After`
    /// has whole seconds.
    SecondsLeft,
}

/// Where the time comes from: milliseconds since 1970.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    pub fn system() -> Clock {
        Clock::new(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
        })
    }

    pub fn new(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now_ms))
    }

    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }
}
