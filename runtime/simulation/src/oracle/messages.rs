//! Messages: what channels were handed, and what they really sent. I8, I10.

use std::collections::BTreeMap;

use flowrun_core::sdk::Delivery;
use flowrun_core::{Millis, Send};

use super::{Ledger, Mark};

#[derive(Default)]
pub(super) struct Messages {
    by_id: BTreeMap<String, Message>,
    /// Sent again from a dead letter, and not sent yet: whose they are.
    replayed: BTreeMap<String, String>,
}

#[derive(Default)]
struct Message {
    user: String,
    at_most_once: bool,
    handed_over: u32,
    went_out: u32,
    /// As it was handed over first.
    body: Option<std::sync::Arc<str>>,
}

impl Ledger {
    /// A channel has a message in hand.
    pub(crate) fn handed_over(&mut self, _now: Millis, send: &Send) {
        let id = send.key.to_string();
        self.while_running(&send.key.canvas, &send.key.user, "a message was sent");
        if !self.is_at(&send.key) && !self.messages.replayed.contains_key(&id) {
            self.broken("I8", Some(&send.key.user), format!("`{id}` was sent before its record"));
        }
        let message = self.messages.by_id.entry(id.clone()).or_default();
        message.user = send.key.user.to_string();
        message.at_most_once = send.message.delivery == Delivery::AtMostOnce;
        message.handed_over += 1;
        let other = message.body.get_or_insert_with(|| send.message.body.clone());
        let same = **other == *send.message.body;
        let repeated = message.handed_over > 1;
        if repeated {
            self.marks.hit(Mark::MessageRepeated);
        }
        if !same {
            let what = format!("`{id}` was sent again with another text");
            self.broken("I10", Some(&send.key.user), what);
        }
    }

    /// A message really went out.
    pub(crate) fn went_out(&mut self, send: &Send) {
        let id = send.key.to_string();
        let message = self.messages.by_id.entry(id.clone()).or_default();
        message.went_out += 1;
        if send.message.delivery == Delivery::AtMostOnce && message.went_out > 1 {
            let what = format!("`{id}` may go out once and went out {} times", message.went_out);
            self.broken("I10", Some(&send.key.user), what);
        }
    }

    pub(super) fn is_replayed(&self, id: &str) -> bool {
        self.messages.replayed.contains_key(id)
    }

    pub(super) fn message_replayed(&mut self, user: &str, id: &str) {
        if !self.messages.by_id.contains_key(id) {
            self.broken("I8", Some(user), format!("`{id}` is replayed, and never was there"));
        }
        self.messages.replayed.insert(id.to_owned(), user.to_owned());
    }

    pub(super) fn replay_sent(&mut self, id: &str) {
        self.messages.replayed.remove(id);
    }

    pub(super) fn forget_messages(&mut self, user: &str) {
        self.messages.replayed.retain(|_, other| other != user);
    }

    /// The trace says that a message was sent.
    pub(super) fn said_to_be_sent(&mut self, user: &str, id: &str) {
        if self.messages.by_id.get(id).is_none_or(|message| message.went_out == 0) {
            self.broken(
                "I10",
                Some(user),
                format!("`{id}` is said to be sent, and never went out"),
            );
        }
    }
}
