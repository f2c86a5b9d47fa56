//! The door: every request goes through it, in the same order.
//!
//! Rules first (URL, headers, credentials), so that a broken rule is said even if an answer
//! is at hand; then the cache, then the host's health, then the network under one deadline.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flowrun_core::Millis;
use flowrun_core::template::{Answer, Request};
use tokio::time::timeout;
use tokio_rustls::rustls::RootCertStore;

use crate::cache::Cache;
use crate::call::call;
use crate::connect::Connector;
use crate::egress::Egress;
use crate::error::Error;
use crate::exchange::{Reply, exchange};
use crate::health::{Health, Sign};
use crate::missed::{Failed, Missed};
use crate::resolve::{Resolve, System};
use crate::target::Target;

/// From the look-up of the name to the last byte of the body: Braze's limit.
const DEADLINE: Duration = Duration::from_secs(2);

/// The one way to the network. May be shared: calls don't wait for each other.
pub struct Door {
    egress: Egress,
    connector: Connector,
    cache: Mutex<Cache>,
    health: Mutex<Health>,
}

impl Door {
    /// A door that asks the operating system for addresses and trusts the authorities that
    /// browsers trust.
    #[must_use]
    pub fn new(egress: Egress) -> Door {
        Door::with_resolver(egress, Arc::new(System))
    }

    /// A door with a resolver of its own. What it finds is judged all the same.
    #[must_use]
    pub fn with_resolver(egress: Egress, resolver: Arc<dyn Resolve>) -> Door {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Door::with_roots(egress, resolver, roots)
    }

    pub(crate) fn with_roots(
        egress: Egress,
        resolver: Arc<dyn Resolve>,
        roots: RootCertStore,
    ) -> Door {
        let connector = Connector::new(resolver, roots);
        Door { egress, connector, cache: Mutex::default(), health: Mutex::default() }
    }

    /// The answer, [`Answer::none`] if none came, or which rule the request breaks.
    ///
    /// `now` is the time of the journey, by which answers are kept and hosts are halted;
    /// the deadline of the call is real in any case.
    pub async fn answer(&self, now: Millis, request: &Request) -> Result<Answer, Error> {
        let target = Target::of(&request.url, &self.egress)?;
        let call = call(request, &target, &self.egress)?;
        if let Some(kept) = lock(&self.cache).get(now, request) {
            return Ok(kept.clone());
        }
        let host = target.authority();
        if !lock(&self.health).lets(now, &host) {
            return Ok(Answer::none());
        }
        let fetched = timeout(DEADLINE, self.fetch(&target, call)).await;
        let (sign, answer) = match fetched.unwrap_or(Err(Missed::Late.into())) {
            Ok(reply) => (Sign::of(reply.status), Answer::new(reply.status, reply.text)),
            Err(Failed::Missed(Missed::TooLarge)) => (Sign::Good, Answer::none()),
            Err(Failed::Missed(_)) => (Sign::Bad, Answer::none()),
            Err(Failed::Refused(error)) => return Err(error),
        };
        lock(&self.health).note(now, &host, sign);
        lock(&self.cache).put(now, request, &answer);
        Ok(answer)
    }

    async fn fetch(&self, target: &Target, call: hyper::Request<String>) -> Result<Reply, Failed> {
        let line = self.connector.connect(target, &self.egress.allow_cidrs).await?;
        Ok(exchange(line, call).await?)
    }
}

/// Neither store is left half changed by a panic: both are changed in one go.
fn lock<T>(store: &Mutex<T>) -> MutexGuard<'_, T> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "door_tests/mod.rs"]
pub(crate) mod tests;
