//! The backend `http`: writes to any endpoint that speaks Braze's `POST /users/track`.
//!
//! A request of the batcher becomes one request here, as a rule. The reply is taken apart
//! into one outcome per object ([`reply`]); an endpoint that refuses a request as a whole
//! without naming an object gets it in halves until the object that is to blame stands
//! alone ([`commit`]). What a reply leaves in doubt is `Unknown`: it comes again under the
//! same key. What can't be the objects' fault (a key turned down, a wrong address) is tried
//! again after a pause, and the host is told ([`Notice`]).
//!
//! # Commit level
//!
//! With `accepted`, the default, an update counts as committed once the endpoint has taken
//! it over: Braze will write it, and a reader of Braze may see the former value for a
//! moment. With `applied` the endpoint is also asked for the profiles afterwards
//! (`/users/export/ids`), and the hold ends when they show the values written. Only values
//! that are simply set can be looked for: increments, changes to arrays, events and purchases
//! stay `accepted`. A set that doesn't show in any of four looks within ten seconds is
//! `Unknown` and is written again. An endpoint that says of itself that it applies before
//! it answers (flowrun's own) is believed.
//!
//! # Write keys
//!
//! Braze has no idempotency key: what comes twice counts twice. flowrun's own endpoint
//! remembers write keys. It says so in `GET /health`, which is asked once, before the first
//! commit:
//!
//! ```json
//! {"status":"ok","write_keys":true,"commit":"applied"}
//! ```
//!
//! An endpoint that answers anything else has no such memory. One that has gets a header
//! with one entry per object, in the order attributes, events, purchases, as they stand in
//! the body:
//!
//! ```text
//! X-Flowrun-Keys: 00f1…32 hex digits….0,00f1….1,9ac2….0
//! ```
//!
//! An entry is the digest of the write key ([`WriteKey::digest`](flowrun_core::WriteKey::digest),
//! 32 lower-case hex digits), a dot, and the object's number within its write. An object
//! that was settled under its entry before is not applied again, and counts as processed. A
//! full request of 225 objects has 8 KB of them; a proxy that takes no such header answers
//! 400 or 431, and then the request goes in halves.

mod attempt;
mod breaker;
mod commit;
mod notice;
mod probe;
mod quote;
mod readback;
mod reply;
mod settings;
mod wait;
mod wire;

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use flowrun_core::batcher::{BatcherSettings, Reply, Request};
use flowrun_outbound::Peer;
use flowrun_outbound::peer;

use crate::{About, ProfileBackend};
use breaker::Breaker;
use quote::Quote;

pub use notice::Notice;
pub use probe::Endpoint;
pub use settings::{Error, HttpSettings, ReadBack, WriteKeys};
pub use wire::KEYS;

/// Writes to an endpoint that speaks `POST /users/track`.
///
/// Asynchronous throughout, and at home in any tokio runtime that has its timers and
/// sockets switched on.
pub struct Http {
    settings: HttpSettings,
    peer: Peer,
    quote: Quote,
    /// What is true as long as the endpoint isn't known to remember keys, and afterwards.
    about: [About; 2],
    endpoint: OnceLock<Endpoint>,
    /// How often the probe got no clear answer; held while one is under way.
    probes: tokio::sync::Mutex<u32>,
    breaker: Mutex<Breaker>,
    /// Rate limits in a row that didn't say for how long.
    limited: AtomicU32,
    /// Whether the endpoint turned out not to show profiles.
    blind: AtomicBool,
    notify: Box<dyn Fn(&Notice) + Send + Sync>,
}

impl Http {
    /// A backend; nothing is sent before the first commit, or [`Http::probe`].
    ///
    /// `notify` is told what an operator should know. It is called from inside a commit, so
    /// it should log and return.
    ///
    /// # Errors
    /// If the settings can't be meant; no text shows the API key.
    pub fn new(
        settings: HttpSettings,
        notify: impl Fn(&Notice) + Send + Sync + 'static,
    ) -> Result<Http, Error> {
        settings.check()?;
        let peer = Peer::new(&peer::Settings {
            url: settings.url.clone(),
            bearer: settings.key.clone(),
            deadline: settings.deadline,
            connect: settings.connect,
            idle: settings.in_flight,
            authorities: settings.authorities.clone(),
        })?;
        let batches = BatcherSettings {
            limits: settings.limits,
            linger: settings.linger,
            in_flight: settings.in_flight,
            per_minute: settings.per_minute,
        };
        let about = |remembers_keys| About { name: "http".into(), batches, remembers_keys };
        Ok(Http {
            peer,
            quote: Quote::without(settings.key.clone()),
            about: [about(false), about(true)],
            endpoint: OnceLock::new(),
            probes: tokio::sync::Mutex::new(0),
            breaker: Mutex::new(Breaker::new(settings.pauses)),
            limited: AtomicU32::new(0),
            blind: AtomicBool::new(false),
            notify: Box::new(notify),
            settings,
        })
    }

    /// Where updates are written, for people.
    #[must_use]
    pub fn address(&self) -> String {
        self.peer.address()
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn honours_keys(&self) -> bool {
        match self.settings.write_keys {
            WriteKeys::Probe => self.endpoint.get().is_some_and(|endpoint| endpoint.write_keys),
            WriteKeys::Honoured => true,
            WriteKeys::Ignored => false,
        }
    }
}

#[async_trait]
impl ProfileBackend for Http {
    /// Says that keys are remembered once the endpoint has said so.
    fn about(&self) -> &About {
        &self.about[usize::from(self.honours_keys())]
    }

    async fn commit(&self, request: &Request) -> Reply {
        self.write(request).await
    }
}
