//! A commit: requests to the endpoint until every object has an outcome.
//!
//! The batcher counts one request. Those that isolating adds are not in its rate; what the
//! endpoint says of its own stops them.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use flowrun_core::batcher::{Answers, Reply, Request};
use flowrun_core::{CommitLevel, Millis, Outcome};
use flowrun_outbound::peer::{Fault, Heard, Lost};
use tokio::time::Instant;

use super::attempt::{Attempt, Stop};
use super::breaker::{Pause, doubled};
use super::notice::seconds;
use super::reply::{Verdict, judge};
use super::wire::{Item, KEYS, body, counts, keys};
use super::{Http, Notice, wait};

/// The largest reply that is read, in bytes. With every object refused at length it is a
/// tenth of that.
const LARGEST: usize = 1 << 20;

/// Waits after rate limits that don't say how long: the first, and the longest.
const LIMITED: (Millis, Millis) = (Millis(1_000), Millis(60_000));

impl Http {
    pub(super) async fn write(&self, request: &Request) -> Reply {
        let started = Instant::now();
        let endpoint = match self.endpoint().await.and_then(|known| self.enter().map(|()| known)) {
            Ok(endpoint) => endpoint,
            Err(stop) => {
                let answers = Answers::All(stop.outcome());
                return Reply { status: None, answers, pause: stop.after };
            }
        };
        let success = if endpoint.applies { Outcome::Applied } else { Outcome::Accepted };
        let mut attempt = Attempt::new(request);
        while let Some(sent) = attempt.next() {
            if started.elapsed() > self.settings.deadline * 2 {
                let cause = "not sent: isolating refused objects took too long".to_owned();
                attempt.settle_all(&sent, &Outcome::Retry { after: None, cause: cause.clone() });
                attempt.stop(&Stop { after: None, cause });
                break;
            }
            let stop = self.send(request, &mut attempt, sent, &success).await;
            if let Some(stop) = stop {
                attempt.stop(&stop);
            }
        }
        if self.settings.level == CommitLevel::Applied && !endpoint.applies {
            self.read_back(&mut attempt, request, started + self.settings.deadline * 2).await;
        }
        attempt.reply()
    }

    /// Sends some objects, and says why no more should be sent, if so.
    async fn send<'a>(
        &self,
        request: &'a Request,
        attempt: &mut Attempt<'a>,
        sent: Vec<Item<'a>>,
        success: &Outcome,
    ) -> Option<Stop> {
        let body = body(&request.parts, &sent);
        if body.len() > self.settings.largest_body {
            let most = self.settings.largest_body;
            attempt.halve(
                sent,
                &format!("the object is too large: a request has at most {most} bytes"),
            );
            return None;
        }
        let headers = match self.honours_keys() {
            true => vec![(KEYS, keys(&request.parts, &sent))],
            false => Vec::new(),
        };
        let heard = match self.peer.post("/users/track", body, headers, LARGEST).await {
            Ok(heard) => heard,
            Err(Lost::Unsent(fault)) => {
                let stop = self.unreachable(fault);
                attempt.pause = attempt.pause.max(stop.after);
                // The attempt itself is a failure like any other.
                attempt
                    .settle_all(&sent, &Outcome::Retry { after: None, cause: stop.cause.clone() });
                return Some(stop);
            }
            Err(Lost::Sent(fault)) => {
                let cause = self.late(fault);
                attempt.settle_all(&sent, &Outcome::Unknown(cause.clone()));
                return Some(Stop { after: None, cause: format!("not sent: {cause}") });
            }
        };
        attempt.status = Some(heard.status);
        let spent = wait::spent(|name| heard.header(name), SystemTime::now());
        attempt.pause = attempt.pause.max(spent);
        let verdict = judge(&heard, counts(&sent), success, &self.quote);
        let (verdict, pause) = self.heed(&heard, verdict);
        attempt.pause = attempt.pause.max(pause);
        let stop = stop(&verdict, attempt.pause);
        attempt.take(sent, verdict);
        stop
    }

    /// Draws conclusions for requests to come, and says how long there should be none.
    fn heed(&self, heard: &Heard, verdict: Verdict) -> (Verdict, Option<Millis>) {
        if let Verdict::TurnedDown(why) = verdict {
            let pause = self.breaker().turned_down(Instant::now());
            if let Pause::New(pause) = pause {
                let status = heard.status;
                (self.notify)(&Notice::TurnedDown { status, why: why.clone(), pause });
            }
            return (Verdict::TurnedDown(why), Some(pause.length()));
        }
        self.answered();
        let (header, now) = (|name: &str| heard.header(name), SystemTime::now());
        if let Verdict::Limited(_) = verdict {
            let again = || doubled(LIMITED, self.limited.fetch_add(1, Ordering::Relaxed));
            return (verdict, Some(wait::limited(header, now).unwrap_or_else(again)));
        }
        self.limited.store(0, Ordering::Relaxed);
        let busy = matches!(heard.status, 408 | 425 | 500..=599);
        let told = wait::busy(header, now).filter(|_| busy);
        match verdict {
            Verdict::All(Outcome::Retry { cause, .. }) => {
                (Verdict::All(Outcome::Retry { after: told, cause }), told)
            }
            other => (other, told),
        }
    }

    /// Somebody is there, and turns not everything down.
    pub(super) fn answered(&self) {
        let recovered = self.breaker().answered();
        if recovered {
            (self.notify)(&Notice::Recovered);
        }
    }

    /// Whether a request may be made now.
    pub(super) fn enter(&self) -> Result<(), Stop> {
        self.breaker().enter(Instant::now()).map_err(|left| Stop {
            after: Some(left),
            cause: format!("not sent: the endpoint is left alone for {}", seconds(left)),
        })
    }

    /// No connection was made, so nothing was sent.
    pub(super) fn unreachable(&self, fault: Fault) -> Stop {
        let cause = format!("{fault} to {}", self.peer.address());
        let pause = self.breaker().unreachable(Instant::now());
        if let Some(Pause::New(pause)) = pause {
            (self.notify)(&Notice::Unreachable { why: cause.clone(), pause });
        }
        Stop { after: pause.map(Pause::length), cause }
    }

    fn late(&self, fault: Fault) -> String {
        match fault {
            Fault::Late => format!("{fault} ({} ms)", self.settings.deadline.as_millis()),
            fault => fault.to_string(),
        }
    }
}

/// Whether a verdict is about more than the objects it was given for.
fn stop(verdict: &Verdict, pause: Option<Millis>) -> Option<Stop> {
    let cause = match verdict {
        Verdict::Limited(cause) | Verdict::TurnedDown(cause) => cause,
        Verdict::All(Outcome::Retry { cause, .. } | Outcome::Unknown(cause)) => cause,
        // Nothing is wrong, but the rate is used up.
        _ => {
            let cause = "not sent: the endpoint's rate limit is used up".to_owned();
            return pause.map(|_| Stop { after: pause, cause });
        }
    };
    Some(Stop { after: pause, cause: format!("not sent: {cause}") })
}
