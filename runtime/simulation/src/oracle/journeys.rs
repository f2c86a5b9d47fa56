//! The journeys as the lines tell them: I1, I4, I11, I12, I14.

use std::collections::{BTreeMap, HashMap};

use flowrun_core::sdk::Door;
use flowrun_core::trace::{Line, What};
use flowrun_core::{Canvas, Millis, NodeIx, WriteKey};

use super::{Ledger, Mark, version_of};
use crate::totals::Totals;

#[derive(Default)]
pub(super) struct Journeys {
    /// By Canvas, user and entry: who is on their way.
    active: HashMap<(String, String, u32), Journey>,
    /// By Canvas and user: entries so far.
    entries: HashMap<(String, String), u32>,
    pub entered: u64,
    pub exited: u64,
    /// The branch that a user took at a step that goes by chance.
    branches: BTreeMap<(String, String, String), String>,
}

struct Journey {
    version: String,
    /// Where they are, once they have arrived.
    at: Option<String>,
    /// Where they have to arrive next.
    next: Option<String>,
    rest: Rest,
}

#[derive(Clone, PartialEq, Debug)]
enum Rest {
    /// About to be decided.
    Ready,
    Waiting(Option<Millis>),
    Held(String),
    /// Their update has ended, and they go on.
    Released,
}

impl Ledger {
    /// Takes note of a line, and says what is wrong with it.
    pub(crate) fn line(&mut self, line: &Line) {
        if line.at < self.shown && self.expectations.calm_machine {
            self.broken("I14", line.user.as_deref(), "a line is older than the one before it");
        }
        self.shown = self.shown.max(line.at);
        match &line.what {
            What::Request { .. } => return,
            What::Reply { request, .. } => return self.reply_taken(*request),
            What::Deleted => return self.deleted(line.user.as_deref().unwrap_or_default()),
            _ => {}
        }
        let (Some(canvas), Some(user), Some(entry)) = (&line.canvas, &line.user, line.entry) else {
            return self.broken("I12", None, format!("a line of nobody: {}", line.what.kind()));
        };
        let who = (canvas.to_string(), user.to_string(), entry);
        self.seen(user);
        match &line.what {
            What::Entered { version } => return self.entered(who, version),
            What::DeadLetter { reason, .. } => {
                if reason.starts_with("gave up after") {
                    self.marks.hit(Mark::GaveUp);
                }
                if reason.contains("panicked") && self.writes.anybody_held() {
                    self.marks.hit(Mark::PanicWhileHeld);
                }
                if reason.contains(" has no door ") || reason.contains(" decisions for ") {
                    self.marks.hit(Mark::StepNonsense);
                }
                return;
            }
            What::Replayed { key } => return self.replayed(user, key),
            What::Sent { message, .. } if self.is_replayed(message) => {
                self.marks.hit(Mark::MessageReplayed);
                self.said_to_be_sent(user, message);
                return self.replay_sent(message);
            }
            // A write that outlives its journey is released after its user has gone.
            What::Released { key, outcome } => return self.released(&who, key, outcome),
            _ => {}
        }
        let Some(mut journey) = self.journeys.active.remove(&who) else {
            let what = format!("`{}` of somebody who is not here", line.what.kind());
            return self.broken("I12", Some(&who.1), what);
        };
        if self.moved(&who, &mut journey, line) {
            self.journeys.active.insert(who, journey);
        }
    }

    fn entered(&mut self, who: (String, String, u32), version: &str) {
        self.journeys.entered += 1;
        self.while_running(&who.0, &who.1, "somebody entered");
        let place = (who.0.clone(), who.1.clone());
        let before = self.journeys.entries.insert(place.clone(), who.2);
        let used = self.operations.used.get(&place).copied().unwrap_or(0);
        let is_next = match before {
            Some(before) => who.2 == before + 1,
            // Whoever comes anew doesn't use a number again that somebody deleted had.
            None if self.operations.anybody_deleted => who.2 > used,
            None => who.2 == 1,
        };
        if !is_next {
            let what = format!("entry {} comes after {before:?} and {used}", who.2);
            self.broken("I11", Some(&who.1), what);
        }
        let version = version_of(&who.0, version);
        let next = self.canvases.get(&version).map(|canvas| id(canvas, canvas.start()));
        if next.is_none() {
            self.broken("I12", Some(&who.1), "entered a Canvas that nobody knows");
        }
        let journey = Journey { version, at: None, next, rest: Rest::Ready };
        if self.journeys.active.insert(who.clone(), journey).is_some() {
            self.broken("I11", Some(&who.1), "entered while the same entry is under way");
        }
    }

    /// One line of a journey; false if it was the last.
    fn moved(&mut self, who: &(String, String, u32), journey: &mut Journey, line: &Line) -> bool {
        let step = line.step.as_deref().unwrap_or_default();
        if let What::Arrived = line.what {
            if journey.next.as_deref() != Some(step) || journey.rest != Rest::Ready {
                let what = format!("arrived at `{step}`, and was to go to {:?}", journey.next);
                self.broken("I12", Some(&who.1), what);
            }
            (journey.at, journey.next) = (Some(step.to_owned()), None);
            return true;
        }
        if journey.at.as_deref() != Some(step) {
            let what = format!("`{}` at `{step}`, and is at {:?}", line.what.kind(), journey.at);
            self.broken("I12", Some(&who.1), what);
        }
        match &line.what {
            What::Waiting { until, for_what } => {
                if until.is_some_and(|until| until < line.at) && *for_what == "time" {
                    self.broken("I14", Some(&who.1), format!("waits at `{step}` for the past"));
                }
                // Who is parked is where they were, and goes on from there.
                let parked = *for_what == "resume";
                journey.rest = if parked { Rest::Ready } else { Rest::Waiting(*until) };
            }
            What::Held { key, objects } => {
                self.while_running(&who.0, &who.1, "somebody was held");
                self.held(who, key, *objects);
                journey.rest = Rest::Held(key.clone());
            }
            What::Advanced { via, to, .. } => {
                self.advanced(who, journey, line.at, via, to.as_deref());
            }
            What::Sent { message, .. } => self.said_to_be_sent(&who.1, message),
            What::Exited { reason } => {
                if journey.rest != Rest::Ready && reason != "deleted" {
                    let what = format!("left at `{step}` while {:?}", journey.rest);
                    self.broken("I1", Some(&who.1), what);
                }
                self.journeys.exited += 1;
                return false;
            }
            _ => {}
        }
        true
    }

    fn advanced(
        &mut self,
        who: &(String, String, u32),
        journey: &mut Journey,
        at: Millis,
        via: &str,
        to: Option<&str>,
    ) {
        let step = journey.at.clone().unwrap_or_default();
        match &journey.rest {
            Rest::Waiting(Some(until)) if at < *until => {
                self.broken("I14", Some(&who.1), format!("left `{step}` before its time"));
            }
            Rest::Waiting(Some(until))
                if self.expectations.calm_machine && at > self.may_end(&who.0, *until) =>
            {
                let what = format!("left `{step}` {} ms late", (at - *until).0);
                self.broken("I14", Some(&who.1), what);
            }
            Rest::Held(key) => {
                let what = format!("left `{step}` while `{key}` has no outcome");
                self.broken("I1", Some(&who.1), what);
            }
            _ => {}
        }
        if matches!(journey.rest, Rest::Waiting(Some(_))) {
            self.while_running(&who.0, &who.1, "a wait ended");
        }
        journey.rest = Rest::Ready;
        if via == "on_failure" {
            self.marks.hit(Mark::StepFailed);
        }
        let Some(canvas) = self.canvases.get(&journey.version) else { return };
        let Some(node) = node(canvas, &step) else { return };
        let door = canvas.node(node).doors.iter().position(|door| **door == *via);
        let way = door.map(|door| canvas.way(node, Door(door as u16)).map(|to| id(canvas, to)));
        let by_chance = &*canvas.node(node).kind == "experiment_paths";
        if way.as_ref().map(Option::as_deref) != Some(to) {
            let what = format!("left `{step}` by `{via}` to {to:?}, where no way leads");
            self.broken("I12", Some(&who.1), what);
        }
        if by_chance {
            let place = (journey.version.clone(), step.clone(), who.1.clone());
            let before = self.journeys.branches.insert(place, via.to_owned());
            if before.as_deref().is_some_and(|before| before != via) {
                self.broken("I13", Some(&who.1), format!("took another branch at `{step}`"));
            }
        }
        journey.next = to.map(str::to_owned);
    }

    fn released(&mut self, who: &(String, String, u32), key: &str, outcome: &str) {
        let first = self.write_released(&who.1, key, outcome);
        let Some(journey) = self.journeys.active.get_mut(who).filter(|_| first) else { return };
        if journey.rest == Rest::Held(key.to_owned()) {
            journey.rest = Rest::Released;
        }
    }

    /// Whether the lines have told that somebody is at this step.
    pub(super) fn is_at(&self, key: &WriteKey) -> bool {
        let who = (key.canvas.to_string(), key.user.to_string(), key.entry);
        let journey = self.journeys.active.get(&who);
        journey.is_some_and(|journey| journey.at.as_deref() == Some(&key.step))
    }

    /// What was a user's is nobody's: who comes under the same id is somebody new.
    pub(super) fn forget_journeys(&mut self, user: &str) {
        let mut own: Vec<_> =
            self.journeys.active.keys().filter(|(_, other, _)| other == user).cloned().collect();
        own.sort();
        for who in own {
            self.journeys.active.remove(&who);
            let what = format!("is still on their way as entry {} of {}", who.2, who.0);
            self.broken("I21", Some(user), what);
        }
        let entries = std::mem::take(&mut self.journeys.entries);
        for (place, entry) in entries {
            if place.1 == user {
                self.operations.used.insert(place, entry);
            } else {
                self.journeys.entries.insert(place, entry);
            }
        }
    }

    /// Compares the books with what the run itself counts: I11.
    pub(crate) fn compare(&mut self, totals: &Totals) {
        let active = self.journeys.active.len() as u64;
        let here = totals.waiting + totals.held + totals.sending;
        if (active, self.journeys.entered) != (here, totals.entered) {
            let what = format!(
                "by the lines {} entered and {active} are here; the run counts {} and {here}",
                self.journeys.entered, totals.entered,
            );
            self.broken("I11", None, what);
        }
    }

    /// I22: with all faults gone, nobody is stuck.
    pub(super) fn finish_journeys(&mut self) {
        let stuck = self
            .journeys
            .active
            .iter()
            .filter(|(_, journey)| !matches!(journey.rest, Rest::Waiting(Some(_))));
        let mut stuck: Vec<_> = stuck
            .map(|((_, user, _), journey)| (user.clone(), format!("{:?}", journey.rest)))
            .collect();
        stuck.sort();
        for (user, rest) in stuck {
            self.broken("I22", Some(&user), format!("is stuck, {rest}"));
        }
    }
}

fn id(canvas: &Canvas, node: NodeIx) -> String {
    canvas.node(node).id.to_string()
}

fn node(canvas: &Canvas, step: &str) -> Option<NodeIx> {
    let place = canvas.graph().node_weights().position(|node| *node.id == *step)?;
    Some(NodeIx(place as u16))
}
