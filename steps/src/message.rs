//! `message`: hands a text to a channel for each user.
//!
//! What a channel is (a file, SMTP, a webhook, the console) stands in `flowrun.toml`, so
//! that one Canvas runs in test and in production; the step only names it. The text
//! stands in the Canvas or in a Liquid file beside it, never in both.
//!
//! A user goes on by `next` once the channel has taken the message. A text that aborts
//! (`{% abort_message('why') %}`) is not sent and the user goes on; that and render
//! errors are settled by the runtime before the step is asked.

use std::sync::Arc;

use flowrun_sdk::settings::{Text, TextFile};
use flowrun_sdk::{Decision, Declaration, Delivery, Fault, Step, Visit, WrittenMessage};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::rules;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = together)]
pub struct Settings {
    /// The channel, as `flowrun.toml` names it: `email`, `push`, …
    /// One that isn't configured there writes to the console.
    #[schemars(length(min = 1, max = 100), regex(pattern = "^[a-z0-9_-]+$"))]
    channel: String,
    /// The subject, for channels that have one.
    subject: Option<Text>,
    /// The text of the message.
    body: Option<Text>,
    /// The file with the text of the message, instead of `body`.
    body_file: Option<TextFile>,
    /// What happens when it is unknown whether the message went out: send it again
    /// (`at_least_once`) or don't (`at_most_once`).
    #[serde(default)]
    delivery: Delivery,
}

fn together(schema: &mut Schema) {
    rules::needs_one_of(schema, &["body", "body_file"]);
    rules::exclude(schema, "body", "body_file");
}

/// Sends a message.
pub struct Message {
    channel: Arc<str>,
    subject: Option<Text>,
    body: Text,
    delivery: Delivery,
    /// The whole message, if it is the same for everybody.
    same: Option<Arc<flowrun_sdk::Message>>,
}

impl Step for Message {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("message", "Send a message to the user by a channel.")
            .example(
                "An email whose text stands in a file",
                "message:\n  channel: email\n  subject: \"Thank you, {{${first_name} | default: 'friend'}}\"\n  body_file: thanks.liquid",
            )
            .example(
                "A push that nobody gets twice",
                "message: { channel: push, body: \"You are VIP now.\", delivery: at_most_once }",
            )
    }

    fn create(settings: Settings) -> Result<Message, Vec<Fault>> {
        let mut faults = Vec::new();
        if !is_channel(&settings.channel) {
            let hint = "lower case letters, digits, `_` and `-`, as in `email`";
            faults.push(Fault::error("/channel", "this can't be a channel's name").hint(hint));
        }
        let body = match (settings.body, settings.body_file) {
            (Some(body), None) => Some(body),
            (None, Some(TextFile(body))) => Some(body),
            (Some(_), Some(_)) => {
                let text = "the text stands here and in `body` too: take one of them out";
                faults.push(Fault::error("/body_file", text));
                None
            }
            (None, None) => {
                let hint = "add `body: \"…\"`, or `body_file:` with the path of a Liquid file";
                faults.push(Fault::error("", "a message needs a text").hint(hint));
                None
            }
        };
        match body {
            Some(body) if faults.is_empty() => {
                let Settings { subject, delivery, .. } = settings;
                let channel: Arc<str> = settings.channel.into();
                let same = same_for_all(&channel, subject.as_ref(), &body, delivery);
                Ok(Message { channel, subject, body, delivery, same })
            }
            _ => Err(faults),
        }
    }

    fn messages(&self) -> Vec<WrittenMessage> {
        let subject = self.subject.iter().map(|text| ("subject".to_owned(), text.source.clone()));
        let body = [("body".to_owned(), self.body.source.clone())];
        let (channel, texts) = (self.channel.to_string(), subject.chain(body).collect());
        vec![WrittenMessage { channel, texts }]
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        if let Some(same) = &self.same {
            return Decision::Send(same.clone());
        }
        let subject = self.subject.as_ref().map(|subject| visit.text(subject));
        Decision::Send(Arc::new(flowrun_sdk::Message {
            channel: self.channel.clone(),
            subject: subject.map(Arc::from),
            body: visit.text(&self.body).into(),
            delivery: self.delivery,
            ..Default::default()
        }))
    }
}

/// The message, if there is nothing to render in it.
fn same_for_all(
    channel: &Arc<str>,
    subject: Option<&Text>,
    body: &Text,
    delivery: Delivery,
) -> Option<Arc<flowrun_sdk::Message>> {
    let subject = match subject {
        None => None,
        Some(subject) => Some(subject.constant()?.into()),
    };
    let (channel, body) = (channel.clone(), body.constant()?.into());
    let fields = Default::default();
    Some(Arc::new(flowrun_sdk::Message { channel, subject, body, fields, delivery }))
}

fn is_channel(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    (1..=100).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User};
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn everyone_gets_their_own_text_by_the_named_channel() {
        let settings = json!({
            "channel": "email", "subject": "For {{${first_name}}}", "body": "The same for all.",
        });
        let message = Trial::of::<Message>(settings).unwrap();
        let users = [("u1", "For Ada"), ("u2", "For Grace")];
        let sent = message.decide(&users.map(|(id, text)| User::new(id).given("/subject", text)));
        for ((_, subject), decision) in users.into_iter().zip(sent) {
            let expected = flowrun_sdk::Message {
                channel: "email".into(),
                subject: Some(subject.into()),
                body: "The same for all.".into(),
                ..Default::default()
            };
            assert_eq!(decision, Decision::Send(Arc::new(expected)));
        }
    }

    #[test]
    fn the_text_may_stand_in_a_file_and_the_delivery_is_a_choice() {
        let settings =
            json!({ "channel": "push", "body_file": "{{x}}", "delivery": "at_most_once" });
        let message = Trial::of::<Message>(settings).unwrap();
        let Decision::Send(sent) = message.decide_one(&User::new("u1").given("/body_file", "Hi"))
        else {
            panic!("nothing was sent");
        };
        assert_eq!(
            (&*sent.body, sent.subject.as_deref(), sent.delivery),
            ("Hi", None, Delivery::AtMostOnce)
        );
    }

    #[test]
    fn a_message_that_could_not_be_sent_is_refused_at_load() {
        for (settings, at) in [
            (json!({ "channel": "email" }), vec![""]),
            (json!({ "channel": "email", "body": "a", "body_file": "b" }), vec!["/body_file"]),
            (json!({ "channel": "E-Mail", "body": "a" }), vec!["/channel"]),
            (json!({ "channel": "", "body": "a" }), vec!["/channel"]),
            (json!({ "channel": "two words" }), vec!["/channel", ""]),
            (json!({ "body": "a" }), vec![""]),
            (json!({ "channel": "email", "body": "a", "bdy": "b" }), vec![""]),
            (json!({ "channel": "email", "body": "a", "delivery": "twice" }), vec![""]),
        ] {
            check(settings, &at);
        }
    }

    fn check(settings: Json, at: &[&str]) {
        let faults = Trial::of::<Message>(settings.clone()).err().unwrap_or_default();
        let places: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
        assert_eq!(places, at, "{settings}");
    }
}
