//! Reading what happens in a test: events and faults.

use std::sync::Arc;

use flowrun_core::Millis;

use super::act::{Event, Fault, Hit, Reply};
use super::read::{Reader, object};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::yaml::Node;

/// Kinds that neither write nor send. A plugin's may do both.
pub(super) fn acts(kind: &str) -> bool {
    !matches!(
        kind,
        "delay" | "decision_split" | "audience_paths" | "experiment_paths" | "context" | "exit"
    )
}

pub(super) const ACTS: &str = "step that writes or sends";

/// Any kind at all.
pub(super) fn any(_: &str) -> bool {
    true
}

impl Reader<'_> {
    pub(super) fn event(&mut self, node: &Node<'_>) -> Option<Event> {
        self.either(node, "at", "after");
        let at = match node.length_at("after") {
            Some(after) => Some(self.start + after),
            None => self.moment_at(node, "at"),
        };
        if let (Some(written), Some(_)) = (node.at("at"), at.filter(|at| *at < self.start)) {
            self.fault(codes::NO_MOMENT, &written.span, "this is before the test starts");
        }
        let (user, name) = (node.text_at("user")?, node.text_at("name")?);
        let properties = node.at("properties").map(|node| Arc::new(object(node)));
        let event = Event { user: user.value, name: name.value, properties, at };
        if let Err(why) = self.beside.event(&event) {
            self.fault(codes::NO_USER, &name.span, format!("this is no event: {why}"));
        }
        Some(event)
    }

    pub(super) fn reaction(&mut self, node: &Node<'_>) -> Option<Fault> {
        let (step, user) = (node.text_at("step"), node.text_at("user"));
        if let Some(step) = &step {
            self.check_step(step, acts, ACTS);
        }
        if let Some(user) = &user {
            self.check_user(user);
        }
        let small = |key| node.whole_at(key).and_then(|number| u32::try_from(number).ok());
        let (attempt, times) = (small("attempt"), small("times"));
        let from = self.moment_or_length_at(node, "from");
        let until = self.moment_or_length_at(node, "until");
        let reply = self.reply(node.at("reply")?)?;
        let [step, user] = [step, user].map(|text| text.map(|text| text.value));
        Some(Fault { step, user, attempt, times, from, until, reply })
    }

    fn reply(&mut self, node: &Node<'_>) -> Option<Reply> {
        self.either(node, "status", "timeout");
        self.either(node, "status", "refuse");
        self.either(node, "timeout", "refuse");
        let (delay, copies) = (node.length_at("delay"), node.whole_at("copies"));
        let written = |key| node.at(key).is_some();
        if let (Some(index), false) = (node.at("index"), written("refuse")) {
            self.fault(
                codes::TOGETHER,
                &index.span,
                "`index` is the number of an object to `refuse`",
            );
        }
        let hit = if let Some(status) = node.whole_at("status") {
            Hit::Status(u16::try_from(status).ok()?)
        } else if let Some(timeout) = node.text_at("timeout") {
            match timeout.value.as_str() {
                "with_effect" => Hit::TimeoutWithEffect,
                _ => Hit::TimeoutWithoutEffect,
            }
        } else if let Some(array) = node.text_at("refuse") {
            let array = match array.value.as_str() {
                "attributes" => "attributes",
                "events" => "events",
                _ => "purchases",
            };
            let index = node.whole_at("index").map(|index| index as usize);
            Hit::Refuse { array, index }
        } else if ["status", "timeout", "refuse"].into_iter().any(written) {
            return None;
        } else {
            if !written("delay") && !written("copies") {
                let message = "the reply says nothing";
                let fault = Diagnostic::error(codes::TOGETHER, node.span.clone(), message);
                let hint = "write a `status`, `timeout` or `refuse`; or `delay` or `copies`, and it is written";
                self.faults.push(fault.hint(hint));
            }
            Hit::Applied
        };
        Some(Reply {
            hit,
            reason: node.text_at("reason").map(|text| text.value),
            retry_after: node.length_at("retry_after"),
            delay: delay.filter(|delay| *delay > Millis(0)),
            copies: copies.unwrap_or(0).min(100) as u32,
        })
    }
}
