//! One user's way, as expectations look at it.

use crate::core::template::Root;
use crate::core::trace::{Line, What};
use crate::core::{Canvas, Slot};
use crate::moment;
use crate::simulation::{Rehearsal, State, Whereabouts};

use super::super::play::Played;

/// The most values that are named with a condition.
const NAMED: usize = 6;

pub struct Journey<'p> {
    pub rehearsal: &'p Rehearsal,
    pub user: &'p str,
    /// The user's lines in the entry that is looked at.
    pub lines: Vec<&'p Line>,
    pub whereabouts: Option<Whereabouts>,
    entries: u64,
}

impl<'p> Journey<'p> {
    pub fn of(played: &'p Played, user: &'p str, entry: Option<u32>) -> Journey<'p> {
        let rehearsal = &played.rehearsal;
        let mut all = rehearsal.all_whereabouts(user);
        let entries = all.len() as u64;
        let wanted = entry.or(all.last().map(|last| last.entry));
        let at = all.iter().position(|here| Some(here.entry) == wanted);
        let lines = rehearsal.timeline(user);
        let lines = lines.into_iter().filter(|line| line.entry == wanted).collect();
        Journey { rehearsal, user, lines, whereabouts: at.map(|at| all.remove(at)), entries }
    }

    pub fn entries(&self) -> u64 {
        self.entries
    }

    pub fn path(&self) -> Vec<&'p str> {
        let arrived = self.lines.iter().filter(|line| matches!(line.what, What::Arrived));
        arrived.filter_map(|line| line.step.as_deref()).collect()
    }

    /// Where the user is, as the end of a sentence.
    pub fn rests(&self) -> String {
        let Some(Whereabouts { step, state, .. }) = &self.whereabouts else {
            return "never entered".to_owned();
        };
        match state {
            State::Ended { reason, .. } => format!("exited with `{reason}` at `{step}`"),
            State::Waiting { until: Some(until), .. } => {
                format!("waits at `{step}` until {}", moment::long(*until))
            }
            State::Waiting { for_what, .. } => format!("waits at `{step}` for {for_what}"),
            State::Held { attempt } => {
                let word = if *attempt == 1 { "attempt" } else { "attempts" };
                format!("is held at `{step}` after {attempt} {word}")
            }
            State::Sending => format!("is at `{step}`, and the channel hasn't taken the message"),
        }
    }

    /// Why a user who never entered did not.
    pub fn why_not_in(&self) -> Option<String> {
        if self.entries > 0 {
            return None;
        }
        let head = &self.rehearsal.canvas().head;
        let tally = self.rehearsal.tally();
        let why = if tally.outside_audience > 0 {
            "somebody was turned away by the audience"
        } else if tally.other_events > 0 {
            "an event came, and the condition on it (`where`) did not hold"
        } else if tally.not_again > 0 {
            "somebody had entered before (`reentry`)"
        } else if head.entry.event.is_some() && !head.entry.api {
            "users enter this Canvas by an event only: give the test `events`"
        } else {
            return None;
        };
        Some(why.to_owned())
    }

    /// Why the user came to the step of this number in their path.
    pub fn why(&self, number: usize) -> Option<String> {
        let mut moves = self.lines.iter().filter_map(|line| match &line.what {
            What::Advanced { via, to: Some(to), reason } => Some((line, via, to, reason)),
            _ => None,
        });
        let (line, via, to, reason) = moves.nth(number.checked_sub(1)?)?;
        let step = line.step.as_deref()?;
        let canvas = self.rehearsal.canvas();
        let because = match reason {
            Some(reason) => format!(": {reason}"),
            None => because(via, step, canvas),
        };
        let read = self.read_at(step, canvas);
        Some(format!("`{step}` led to `{to}` by `{via}`{because}{read}"))
    }

    /// What the conditions of a step read of the user.
    fn read_at(&self, step: &str, canvas: &Canvas) -> String {
        let Some(node) = canvas.graph().node_weights().find(|node| *node.id == *step) else {
            return String::new();
        };
        let profile = self.rehearsal.profile(self.user);
        let mut said: Vec<String> = Vec::new();
        for slot in &node.slots {
            let Slot::Condition(condition) = slot else { continue };
            for read in &condition.uses().reads {
                let name = &read.name;
                let value = match read.root {
                    Root::Custom => profile.and_then(|profile| profile.attribute(name)),
                    Root::Profile => {
                        let field = crate::template::track_field(name);
                        profile.and_then(|profile| profile.field(field))
                    }
                    _ => continue,
                };
                let value = value.map_or("nothing".to_owned(), |value| value.to_json().to_string());
                let one = format!("`{name}` is {value}");
                if !said.contains(&one) && said.len() < NAMED {
                    said.push(one);
                }
            }
        }
        match said.is_empty() {
            true => String::new(),
            false => format!(" (in the end {})", said.join(", ")),
        }
    }
}

fn because(via: &str, step: &str, canvas: &Canvas) -> String {
    let kind = canvas.graph().node_weights().find(|node| *node.id == *step);
    let kind = kind.map_or("", |node| &node.kind);
    let said = match (via, kind) {
        ("then", "decision_split") => ": the condition holds",
        ("else", "decision_split") => ": the condition does not hold",
        ("else", _) => ": no other path is for them",
        ("on_failure", _) => ", because the step failed",
        ("on_timeout", _) => ", because it took too long",
        (_, "experiment_paths") => ", drawn by chance",
        (_, "audience_paths") => ": the first path whose condition holds",
        _ => "",
    };
    said.to_owned()
}
