//! A backend that does what a script says, and remembers everything.
//!
//! Rules are tried in order; the first that fits a write decides. What no rule fits is written.
//! The backend has a truth of its own: the profiles as it has written them, which may be ahead
//! of what flowrun knows (an answer that was lost), and must never be behind it.

mod reply;
mod rule;

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use flowrun_core::batcher::{Part, Request};
use flowrun_core::track::Profile;
use flowrun_core::{Millis, Send, SendOutcome};
use flowrun_profiles::{About, Memory};
use serde_json::Value as Json;

use crate::backend::{Backend, Replies};

pub use rule::{Response, Rule};

/// A script and what came of it: a handle, of which the run has another.
#[derive(Clone)]
pub struct Script {
    about: Rc<About>,
    state: Rc<RefCell<State>>,
}

struct State {
    rules: Vec<Played>,
    truth: Memory,
    latency: Millis,
    requests: Vec<Sent>,
}

/// A rule, and how often it was used.
#[derive(Clone)]
struct Played {
    rule: Rule,
    used: u32,
}

impl Played {
    fn is_left(&self) -> bool {
        self.rule.times.is_none_or(|times| self.used < times)
    }
}

/// A request as the backend got it.
#[derive(Clone, PartialEq, Debug)]
pub struct Sent {
    pub at: Millis,
    pub number: u64,
    /// What it was answered with; none if there was no answer.
    pub status: Option<u16>,
    parts: Arc<Vec<Part>>,
}

/// The objects of one user in a request.
#[derive(Clone, PartialEq, Debug)]
pub struct SentPart {
    pub user: String,
    pub step: String,
    pub attempt: u32,
    pub attributes: Vec<Json>,
    pub events: Vec<Json>,
    pub purchases: Vec<Json>,
}

impl Sent {
    /// The request's users, each with their objects.
    pub fn parts(&self) -> impl Iterator<Item = SentPart> + '_ {
        self.parts.iter().map(|part| {
            let objects = |array: usize| {
                let texts = part.texts(array);
                texts.map(|(_, text)| serde_json::from_str(text).unwrap_or(Json::Null)).collect()
            };
            let key = &part.write.key;
            SentPart {
                user: key.user.to_string(),
                step: key.step.to_string(),
                attempt: part.write.attempt,
                attributes: objects(0),
                events: objects(1),
                purchases: objects(2),
            }
        })
    }

    /// The attempt at this step's write for this user, if it is in the request.
    pub fn attempt(&self, user: &str, step: &str) -> Option<u32> {
        let mut parts = self.parts.iter();
        let part =
            parts.find(|part| &*part.write.key.user == user && &*part.write.key.step == step)?;
        Some(part.write.attempt)
    }
}

impl Default for Script {
    /// The memory backend's limits and name: without a rule, a run is what it is without a script.
    fn default() -> Script {
        let truth = Memory::default();
        let about = Rc::new(truth.about().clone());
        let state = State { rules: Vec::new(), truth, latency: Millis(40), requests: Vec::new() };
        Script { about, state: Rc::new(RefCell::new(state)) }
    }
}

impl Script {
    /// Adds a rule behind those that are there.
    pub fn rule(&self, rule: Rule) {
        self.state.borrow_mut().rules.push(Played { rule, used: 0 });
    }

    /// Puts a profile into the backend's truth.
    pub fn know(&self, profile: Profile) {
        self.state.borrow_mut().truth.put(profile);
    }

    /// A user as the backend has them.
    pub fn truth(&self, user: &str) -> Option<Profile> {
        self.state.borrow().truth.get(user).cloned()
    }

    /// All requests so far.
    pub fn requests(&self) -> Ref<'_, [Sent]> {
        Ref::map(self.state.borrow(), |state| state.requests.as_slice())
    }

    /// What a channel makes of a message, if a rule is about it.
    pub fn message(&self, now: Millis, send: &Send) -> Option<SendOutcome> {
        let mut state = self.state.borrow_mut();
        let (step, user) = (&send.key.step, &send.key.user);
        let fits = |played: &&mut Played| {
            played.is_left() && played.rule.fits(now, step, user, send.attempt)
        };
        let played = state.rules.iter_mut().find(fits)?;
        played.used += 1;
        Some(reply::of_message(&played.rule.response))
    }
}

impl Backend for Script {
    fn about(&self) -> &About {
        &self.about
    }

    fn send(&mut self, now: Millis, requests: &[Request], replies: &mut Replies) {
        let mut state = self.state.borrow_mut();
        for request in requests {
            let scene = state.reply(now, request);
            let (number, parts) = (request.number, request.parts.clone());
            state.requests.push(Sent { at: now, number, status: scene.reply.status, parts });
            for copy in 0..=scene.copies {
                // Copies come one after another, not at once.
                let later = Millis(scene.after.0.max(1).saturating_mul(i64::from(copy)));
                replies.send(now + scene.after + later, number, scene.reply.clone());
            }
        }
    }
}
