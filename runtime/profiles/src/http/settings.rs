//! What configuration says of the endpoint.

use std::time::Duration;

use flowrun_core::batcher::Limits;
use flowrun_core::{CommitLevel, Millis};
use flowrun_outbound::{Secret, peer};

/// The endpoint, its limits, and how patient to be with it.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// `https://rest.iad-01.braze.com`, or wherever. Paths are added to it. The operator's
    /// own word: the rules for what templates may fetch don't apply to it.
    pub url: String,
    /// Goes into `Authorization: Bearer …` and is shown nowhere.
    pub key: Option<Secret>,
    /// Objects in a request: 75 of each array, or, with newer contracts, 75 combined.
    pub limits: Limits,
    /// Requests a minute; `None`: as many as the endpoint takes.
    pub per_minute: Option<u32>,
    /// Requests under way at once.
    pub in_flight: usize,
    /// The longest that an update waits for company in its request.
    pub linger: Millis,
    /// For one request, from the first byte to the last. A commit that has to isolate
    /// refused objects takes several, and begins none after twice this time.
    pub deadline: Duration,
    /// For making a connection.
    pub connect: Duration,
    /// When an update counts as committed.
    pub level: CommitLevel,
    pub write_keys: WriteKeys,
    /// The largest body that is sent, in bytes.
    pub largest_body: usize,
    /// The first and the longest pause after the endpoint turned everything down or couldn't
    /// be reached several times; each is twice the one before.
    pub pauses: (Millis, Millis),
    pub read_back: ReadBack,
    /// Certificates of the authorities that are believed, as PEM; those that browsers trust if there are none.
    pub authorities: Option<String>,
}

/// Whether the endpoint applies each object once per key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteKeys {
    /// Its `GET /health` says.
    Probe,
    Honoured,
    Ignored,
}

/// How written values are looked for, where the commit level asks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadBack {
    /// The wait before the first look; each is four times the one before.
    pub first: Millis,
    pub looks: u32,
}

impl HttpSettings {
    /// Braze's limits as its documents give them, at an address.
    #[must_use]
    pub fn at(url: impl Into<String>) -> HttpSettings {
        HttpSettings {
            url: url.into(),
            key: None,
            limits: Limits::USER_TRACK,
            per_minute: Some(50_000),
            in_flight: 8,
            linger: Millis(50),
            deadline: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            level: CommitLevel::Accepted,
            write_keys: WriteKeys::Probe,
            largest_body: 4 << 20,
            pauses: (Millis::from_secs(5), Millis::from_secs(300)),
            read_back: ReadBack { first: Millis(100), looks: 4 },
            authorities: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let Limits { attributes, events, purchases, combined } = self.limits;
        let least = attributes.min(events).min(purchases).min(combined.unwrap_or(usize::MAX));
        let zeros = [
            ("the limits of objects in a request", least == 0),
            ("`requests_per_minute`", self.per_minute == Some(0)),
            ("the number of requests under way", self.in_flight == 0),
            ("the deadline", self.deadline.is_zero()),
            ("the deadline for connecting", self.connect.is_zero()),
            ("the pause", self.pauses.0.0 <= 0),
        ];
        match zeros.into_iter().find(|(_, zero)| *zero) {
            Some((what, _)) => Err(Error::Zero { what }),
            None => Ok(()),
        }
    }
}

/// Why there can be no such backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Peer(#[from] peer::Error),
    #[error("{what} can't be 0: leave it out for the usual value, or write a larger one")]
    Zero { what: &'static str },
}
