//! What the endpoint says of itself, asked once.

use flowrun_core::{CommitLevel, Millis};
use flowrun_outbound::peer::{Fault, Heard, Lost};
use serde::Deserialize;

use super::attempt::Stop;
use super::{Http, Notice, WriteKeys};

/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 << 10;
/// After so many answers that say nothing clear, the endpoint counts as a plain one.
const TRIES: u32 = 3;

/// What an endpoint can do beyond Braze's. Nothing, unless it says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Endpoint {
    /// It applies each object once per key and number.
    pub write_keys: bool,
    /// It has applied what it answers 201 to.
    pub applies: bool,
}

/// The answer of flowrun's own endpoint. Others may say more or less.
#[derive(Deserialize)]
struct Health {
    #[serde(default)]
    write_keys: bool,
    commit: Option<String>,
}

impl Endpoint {
    fn of(heard: &Heard) -> Endpoint {
        let body = heard.body.as_deref().unwrap_or_default();
        let health = serde_json::from_slice::<Health>(body).ok().filter(|_| heard.status == 200);
        health.map_or(Endpoint::default(), |health| Endpoint {
            write_keys: health.write_keys,
            applies: health.commit.as_deref() == Some("applied"),
        })
    }
}

impl Http {
    /// Asks the endpoint what it can do, if that isn't known yet; a host may do so at its
    /// start, and the first commit does in any case.
    ///
    /// # Errors
    /// If nobody answered, in words.
    pub async fn probe(&self) -> Result<Endpoint, String> {
        self.endpoint().await.map_err(|stop| stop.cause)
    }

    /// What the endpoint can do, or why nothing can be sent now.
    pub(super) async fn endpoint(&self) -> Result<Endpoint, Stop> {
        let asked = self.settings.write_keys == WriteKeys::Probe
            || self.settings.level == CommitLevel::Applied;
        if !asked {
            return Ok(Endpoint::default());
        }
        if let Some(known) = self.endpoint.get() {
            return Ok(*known);
        }
        let mut tries = self.probes.lock().await;
        if let Some(known) = self.endpoint.get() {
            return Ok(*known);
        }
        // Those who waited for the one before needn't find out again that nobody is there.
        self.enter()?;
        let heard = self.peer.get("/health", LARGEST).await;
        let unclear = match &heard {
            Err(Lost::Unsent(fault)) => return Err(self.unreachable(*fault)),
            Err(Lost::Sent(fault)) => Some(fault.to_string()),
            Ok(heard) => unclear(heard),
        };
        // What they make of updates shows when there is one.
        self.answered();
        *tries += 1;
        match (unclear, heard) {
            (None, Ok(heard)) => Ok(self.know(Endpoint::of(&heard))),
            (Some(why), _) if *tries < TRIES => {
                let cause = format!("GET /health: {why}; not sent before that is clear");
                Err(Stop { after: Some(PATIENCE), cause })
            }
            _ => Ok(self.know(Endpoint::default())),
        }
    }

    fn know(&self, endpoint: Endpoint) -> Endpoint {
        if self.endpoint.set(endpoint).is_ok() {
            (self.notify)(&Notice::Probed(endpoint));
        }
        endpoint
    }
}

/// The wait before the next probe.
const PATIENCE: Millis = Millis(1_000);

/// Why an answer says nothing of what the endpoint can do. One that is busy, or just coming
/// up, might say later that it remembers keys; what was sent without them until then might
/// be applied twice.
fn unclear(heard: &Heard) -> Option<String> {
    match (heard.status, &heard.body) {
        (408 | 425 | 429 | 500 | 502..=599, _) => Some(format!("status {}", heard.status)),
        (200, Err(fault @ (Fault::Late | Fault::Broken))) => Some(fault.to_string()),
        _ => None,
    }
}
