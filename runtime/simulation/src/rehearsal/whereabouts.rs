//! Where a user is, read from their lines.

use std::collections::BTreeMap;

use flowrun_core::Millis;
use flowrun_core::trace::{Line, What};

use crate::script::Sent;

/// Where a user is in one of their entries.
#[derive(Clone, PartialEq, Debug)]
pub struct Whereabouts {
    /// Which of the user's entries, from 1.
    pub entry: u32,
    /// The step at which they are, or were last.
    pub step: String,
    /// Since when they are there.
    pub since: Millis,
    pub state: State,
}

/// What somebody rests in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// Waits for a time (`time`), or for something else; until then at the latest.
    Waiting { until: Option<Millis>, for_what: &'static str },
    /// Held at a User Update; so many attempts were made.
    Held { attempt: u32 },
    /// At a step that waits for a channel.
    Sending,
    /// The journey has ended with this reason.
    Ended { reason: String, at: Millis },
}

pub(super) fn of<'l>(
    lines: impl Iterator<Item = &'l Line>,
    requests: &[Sent],
    user: &str,
) -> Vec<Whereabouts> {
    let mut entries: BTreeMap<u32, Whereabouts> = BTreeMap::new();
    for line in lines {
        let entry = line.entry.unwrap_or(1);
        let here = entries.entry(entry).or_insert_with(|| Whereabouts {
            entry,
            step: String::new(),
            since: line.at,
            state: State::Sending,
        });
        match &line.what {
            What::Arrived => {
                here.step = line.step.as_deref().unwrap_or_default().to_owned();
                (here.since, here.state) = (line.at, State::Sending);
            }
            What::Waiting { until, for_what } => {
                here.state = State::Waiting { until: *until, for_what };
            }
            What::Held { .. } => here.state = State::Held { attempt: 0 },
            What::Exited { reason } => {
                here.state = State::Ended { reason: reason.clone(), at: line.at };
            }
            _ => {}
        }
    }
    for here in entries.values_mut() {
        if let State::Held { attempt } = &mut here.state {
            let attempts = requests.iter().filter(|request| request.at >= here.since);
            let attempts = attempts.filter_map(|request| request.attempt(user, &here.step));
            *attempt = attempts.max().unwrap_or(0);
        }
    }
    entries.into_values().collect()
}

/// A message that a user got.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Letter<'r> {
    pub at: Millis,
    pub step: &'r str,
    pub channel: &'r str,
    pub subject: Option<&'r str>,
    pub body: &'r str,
}

impl<'r> Letter<'r> {
    /// A line about a message as what it says.
    pub fn of(line: &'r Line) -> Option<Letter<'r>> {
        let What::Sent { channel, subject, body, .. } = &line.what else { return None };
        let step = line.step.as_deref().unwrap_or_default();
        Some(Letter { at: line.at, step, channel, subject: subject.as_deref(), body })
    }
}
