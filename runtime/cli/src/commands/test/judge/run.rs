//! What is expected of a test as a whole.

use flowrun_canvas::test_file::{Counted, What};

use super::super::play::Played;
use super::Miss;
use crate::core::trace;

pub fn judge(what: &What, played: &Played) -> Option<Miss> {
    let rehearsal = &played.rehearsal;
    match what {
        What::Requests(count) => {
            let got = rehearsal.requests().len() as u64;
            other(*count, got, "requests to the backend")
        }
        What::Objects { array, count } => {
            let requests = rehearsal.requests();
            let parts = requests.iter().flat_map(|request| request.parts().collect::<Vec<_>>());
            let got: usize = parts
                .map(|part| {
                    let counts = [part.attributes.len(), part.events.len(), part.purchases.len()];
                    match array {
                        Some("attributes") => counts[0],
                        Some("events") => counts[1],
                        Some(_) => counts[2],
                        None => counts.iter().sum(),
                    }
                })
                .sum();
            other(*count, got as u64, array.map_or("objects sent", |array| array))
        }
        What::DeadLetters(count) => dead_letters(*count, played, None),
        What::Count { of, count } => counted(of, *count, played),
        _ => None,
    }
}

pub fn dead_letters(expected: u64, played: &Played, user: Option<&str>) -> Option<Miss> {
    let letters = played.rehearsal.dead_letters();
    let mut of_user = letters.filter(|letter| user.is_none_or(|user| *letter.key.user == *user));
    let first = of_user.next();
    let got = first.as_ref().map_or(0, |_| 1 + of_user.count() as u64);
    let reason = first.map(|letter| {
        let (user, step) = (&letter.key.user, &letter.key.step);
        format!("the first is of {user} at `{step}`: {}", letter.reason)
    });
    Some(other(expected, got, "dead letters")?.hint(reason))
}

fn counted(of: &Counted, expected: u64, played: &Played) -> Option<Miss> {
    let tally = played.rehearsal.tally();
    let resting = |count: fn(&crate::core::StepTally) -> u64| tally.steps.iter().map(count).sum();
    let trace = played.rehearsal.trace();
    match of {
        Counted::Entered => other(expected, tally.entered, "entered"),
        Counted::Completed => other(expected, tally.completed, "completed"),
        Counted::Exited => other(expected, tally.exited, "exited"),
        Counted::Failed => other(expected, tally.failed, "failed"),
        Counted::Waiting => other(expected, resting(|step| step.waiting), "wait"),
        Counted::Held => other(expected, resting(|step| step.held), "are held"),
        Counted::Messages => other(expected, tally.messages, "messages sent"),
        Counted::Arrived(step) => {
            let is_one = |line: &&trace::Line| {
                matches!(line.what, trace::What::Arrived) && line.step.as_deref() == Some(step)
            };
            let got = trace.iter().filter(is_one).count();
            other(expected, got as u64, &format!("came to `{step}`"))
        }
        Counted::Exit(wanted) => {
            let is_one = |line: &&trace::Line| match &line.what {
                trace::What::Exited { reason } => reason == wanted,
                _ => false,
            };
            let got = trace.iter().filter(is_one).count();
            other(expected, got as u64, &format!("exited with `{wanted}`"))
        }
    }
}

fn other(expected: u64, got: u64, what: &str) -> Option<Miss> {
    (expected != got)
        .then(|| Miss::new(format!("{what}: {got}, not {expected}"), format!("got {got}")))
}
