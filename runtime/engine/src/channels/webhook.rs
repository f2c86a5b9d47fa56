//! Messages as calls: to the address that a message names, or all of them to one address.
//!
//! | answer | is |
//! |---|---|
//! | 2xx | sent |
//! | 401, 402, 403, 407, 408, 425, 429, 503 | again: not taken, and not the message's fault |
//! | other 4xx, 3xx, 501 | refused |
//! | other 5xx, none after it was sent | unknown: it may have had its effect |
//! | no connection | again |
//! | a broken rule of egress | refused, and the operator is told |
//!
//! Every attempt at one message has the same `Idempotency-Key`. What the other side writes in its
//! answer is not read: it may quote anybody.

use std::sync::Arc;

use flowrun_core::{Millis, Send as Message, SendOutcome};
use flowrun_outbound::hook::{Answered, Hook, Hooks, Lost};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::{Channel, ndjson};
use crate::often::Often;

/// Calls under way at once.
const SIDE_BY_SIDE: usize = 32;
/// Look-ups of names that may hang at once.
const LOOKUPS: usize = 8;

const KEY: &str = "idempotency-key";

/// A channel that calls addresses.
pub struct Webhook {
    hooks: Arc<Hooks>,
    /// Where all messages go; none: each names its own address.
    url: Option<String>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    refusals: Often,
}

impl Webhook {
    /// Messages are called where they say, by their fields `url`, `method` and `header.…`.
    pub fn of_messages(hooks: Hooks) -> std::io::Result<Webhook> {
        Webhook::new(hooks, None)
    }

    /// Every message is posted to this address, as the JSON of a line in a file.
    pub fn to(url: String, hooks: Hooks) -> std::io::Result<Webhook> {
        Webhook::new(hooks, Some(url))
    }

    fn new(hooks: Hooks, url: Option<String>) -> std::io::Result<Webhook> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(LOOKUPS).build()?;
        let (hooks, runtime) = (Arc::new(hooks), Some(runtime));
        Ok(Webhook { hooks, url, runtime, refusals: Often::default() })
    }

    /// The call that a message is, or why it is none.
    fn hook(&self, now: Millis, message: &Message) -> Result<Hook, String> {
        let content = &message.message;
        let key = (KEY.to_owned(), format!("{:032x}", message.key.digest()));
        if let Some(url) = &self.url {
            let json = ("content-type".to_owned(), "application/json".to_owned());
            let (method, url) = ("POST".to_owned(), url.clone());
            return Ok(Hook { method, url, headers: vec![json, key], body: ndjson(now, message) });
        }
        let field = |name: &str| content.fields.get(name).cloned();
        let url = field("url").ok_or(
            "the message names no address: only the step `webhook` does; give [channel.webhook] a \
             `url`, or send the message by another channel",
        )?;
        let own = content.fields.iter();
        let mut headers: Vec<(String, String)> = own
            .filter_map(|(name, value)| Some((name.strip_prefix("header.")?.into(), value.clone())))
            .collect();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(KEY)) {
            headers.push(key);
        }
        let method = field("method").unwrap_or_else(|| "POST".to_owned());
        Ok(Hook { method, url, headers, body: content.body.to_string() })
    }

    fn outcome(&self, called: Result<Answered, Lost>, message: &Message) -> SendOutcome {
        match called {
            Ok(answered) => judged(&answered),
            Err(Lost::Unsent(fault)) => {
                SendOutcome::Retry { after: None, cause: fault.to_string() }
            }
            Err(Lost::Sent(fault)) => SendOutcome::Unknown(fault.to_string()),
            Err(Lost::Refused(error)) => {
                if let Some(times) = self.refusals.counts() {
                    let (canvas, step) = (&*message.key.canvas, &*message.key.step);
                    let rule = error.rule();
                    tracing::warn!(canvas, step, rule, times, "egress: a call was refused");
                }
                SendOutcome::Refused(error.to_string())
            }
        }
    }
}

impl Channel for Webhook {
    fn send(&self, now: Millis, messages: &[Message]) -> Vec<SendOutcome> {
        let runtime = self.runtime.as_ref().expect("there is a runtime until the drop");
        let mut outcomes: Vec<Option<SendOutcome>> = vec![None; messages.len()];
        let calls = async {
            let mut calls = JoinSet::new();
            for (at, message) in messages.iter().enumerate() {
                if calls.len() >= SIDE_BY_SIDE {
                    self.take(calls.join_next().await, messages, &mut outcomes);
                }
                match self.hook(now, message) {
                    Ok(hook) => {
                        let hooks = self.hooks.clone();
                        calls.spawn(async move { (at, hooks.call(&hook).await) });
                    }
                    Err(why) => outcomes[at] = Some(SendOutcome::Refused(why)),
                }
            }
            while let Some(called) = calls.join_next().await {
                self.take(Some(called), messages, &mut outcomes);
            }
        };
        runtime.block_on(calls);
        let broken = || SendOutcome::Unknown("the call broke off".to_owned());
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(broken)).collect()
    }
}

type Called = Result<(usize, Result<Answered, Lost>), tokio::task::JoinError>;

impl Webhook {
    fn take(
        &self,
        called: Option<Called>,
        messages: &[Message],
        outcomes: &mut [Option<SendOutcome>],
    ) {
        if let Some(Ok((at, called))) = called {
            outcomes[at] = Some(self.outcome(called, &messages[at]));
        }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        // Waiting for a look-up that hangs would hang the program at its end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn judged(answered: &Answered) -> SendOutcome {
    let status = answered.status;
    let cause = format!("answered {status}");
    match status {
        200..=299 => SendOutcome::Sent,
        401 | 402 | 403 | 407 | 408 | 425 | 429 | 503 => {
            let wait = answered.retry_after.map(|wait| wait.as_secs().clamp(1, LONGEST_WAIT));
            let after = wait.map(|seconds| Millis(seconds as i64 * 1000));
            SendOutcome::Retry { after, cause }
        }
        300..=499 | 501 => SendOutcome::Refused(cause),
        _ => SendOutcome::Unknown(cause),
    }
}

/// Whatever the other side asks for, in seconds.
const LONGEST_WAIT: u64 = 300;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_answer_is_judged_by_its_status() {
        let again = |after: Option<i64>| (after.map(Millis), "again");
        for (status, wait, expected) in [
            (200, None, (None, "sent")),
            (204, None, (None, "sent")),
            (301, None, (None, "refused")),
            (400, None, (None, "refused")),
            (401, None, again(None)),
            (404, None, (None, "refused")),
            (429, Some(7), again(Some(7_000))),
            (429, Some(0), again(Some(1_000))),
            (503, Some(1 << 40), again(Some(300_000))),
            (500, None, (None, "unknown")),
            (502, Some(9), (None, "unknown")),
            (501, None, (None, "refused")),
        ] {
            let retry_after = wait.map(Duration::from_secs);
            let said = match judged(&Answered { status, retry_after }) {
                SendOutcome::Sent => (None, "sent"),
                SendOutcome::Refused(_) => (None, "refused"),
                SendOutcome::Retry { after, .. } => (after, "again"),
                SendOutcome::Unknown(_) => (None, "unknown"),
            };
            assert_eq!(said, expected, "{status}");
        }
    }
}
