//! Where answers to Connected Content come from: fixtures first, then, if hosts are opened, the
//! network.

use async_trait::async_trait;
use flowrun_core::Millis;
use flowrun_core::template::{Answer, Method, Request};
use flowrun_outbound::{Door, Egress, Fixtures};

use crate::often::Often;

/// Answers what templates ask for.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The answer, or why the request can't even be made: then the visit fails with that. Ends
    /// in bounded time.
    async fn answer(&self, now: Millis, request: &Request) -> Result<Answer, String>;
}

/// Has no answers: every request is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAnswers;

#[async_trait]
impl Fetch for NoAnswers {
    async fn answer(&self, _: Millis, request: &Request) -> Result<Answer, String> {
        Err(missing(request))
    }
}

/// Answers from fixtures, and from the network where hosts are opened.
pub struct Answers {
    fixtures: Fixtures,
    door: Option<Door>,
    refusals: Often,
}

impl Answers {
    /// Without an allowed host there is no door at all.
    #[must_use]
    pub fn new(fixtures: Fixtures, egress: Egress) -> Answers {
        let opened = !egress.allow_hosts.is_empty();
        let door = opened.then(|| Door::new(egress));
        Answers { fixtures, door, refusals: Often::default() }
    }
}

#[async_trait]
impl Fetch for Answers {
    async fn answer(&self, now: Millis, request: &Request) -> Result<Answer, String> {
        match (self.fixtures.answer(request), &self.door) {
            (Some(answer), _) => Ok(answer),
            (None, Some(door)) => {
                door.answer(now, request).await.map_err(|error| self.refused(error.rule(), error))
            }
            (None, None) => Err(self.refused("host", missing(request))),
        }
    }
}

impl Answers {
    /// Tells the operator; without the address, which may be made of what is known of a person.
    fn refused(&self, rule: &str, error: impl ToString) -> String {
        if let Some(times) = self.refusals.counts() {
            tracing::warn!(rule, times, "egress: Connected Content was refused");
        }
        error.to_string()
    }
}

fn missing(request: &Request) -> String {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    format!(
        "nothing may be fetched, and no fixture answers {method} {}: name the host in [egress] allow_hosts of flowrun.toml",
        request.url
    )
}
