//! The channels of a rehearsal: a rule of the script may be about a message, and a webhook is
//! answered from the fixtures. Everything else is taken.

use flowrun_core::template::{Caching, Method, Request};
use flowrun_core::{Millis, Send, SendOutcome};
use flowrun_outbound::Fixtures;

use crate::outside::Channel;
use crate::script::Script;

pub(super) struct Post {
    pub script: Script,
    pub fixtures: Fixtures,
}

impl Channel for Post {
    fn send(&mut self, now: Millis, message: &Send) -> SendOutcome {
        let told = self.script.message(now, message);
        told.or_else(|| self.called(message)).unwrap_or(SendOutcome::Sent)
    }
}

impl Post {
    /// What the service behind a webhook says, if a fixture knows it.
    fn called(&self, send: &Send) -> Option<SendOutcome> {
        let fields = &send.message.fields;
        let url = fields.get("url")?.clone();
        let is_get = fields.get("method").is_some_and(|method| method.eq_ignore_ascii_case("get"));
        let answer = self.fixtures.answer(&Request {
            method: if is_get { Method::Get } else { Method::Post },
            url,
            headers: Vec::new(),
            body: None,
            content_type: None,
            basic_auth: None,
            auth_credentials: None,
            caching: Caching::Usual,
            retry: false,
        })?;
        let cause = format!("the service answered {}", answer.status());
        Some(match answer.status() {
            200..300 => SendOutcome::Sent,
            598 => SendOutcome::Unknown("the service did not answer".to_owned()),
            408 | 429 | 500.. => SendOutcome::Retry { after: None, cause },
            _ => SendOutcome::Refused(cause),
        })
    }
}
