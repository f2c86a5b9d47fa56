//! The messages that a user got.

use flowrun_canvas::test_file::{Pattern, Placed};

use super::Miss;
use super::journey::Journey;
use crate::core::trace::{What, rfc3339};
use crate::simulation::Letter;

/// The longest piece of a text that is shown.
const SHOWN: usize = 80;

fn letters<'p>(journey: &Journey<'p>) -> Vec<Letter<'p>> {
    journey.lines.iter().filter_map(|line| Letter::of(line)).collect()
}

pub fn count(expected: u64, journey: &Journey<'_>) -> Option<Miss> {
    let got = letters(journey);
    if got.len() as u64 == expected {
        return None;
    }
    let word = if expected == 1 { "message" } else { "messages" };
    let message = format!("did not get {expected} {word}");
    Some(Miss::new(message, listed(&got)).hint(journey.why_not_in()))
}

pub fn in_order(patterns: &[Placed<Pattern>], journey: &Journey<'_>) -> Option<Miss> {
    let got = letters(journey);
    let mut next = 0;
    for Placed { value: pattern, span } in patterns {
        if let Some(count) = pattern.count {
            let found = got.iter().filter(|letter| difference(pattern, letter).is_none()).count();
            if found as u64 != count {
                let said = format!("{found} like this; {}", listed(&got));
                let message = format!("did not get {count} of these messages");
                return Some(Miss::new(message, said).span(span));
            }
            continue;
        }
        let fits = |letter: &Letter<'_>| difference(pattern, letter).is_none();
        match got[next..].iter().position(fits) {
            Some(at) => next += at + 1,
            None => return Some(missing(pattern, &got, next, journey).span(span)),
        }
    }
    None
}

/// Says what comes closest.
fn missing(pattern: &Pattern, got: &[Letter<'_>], from: usize, journey: &Journey<'_>) -> Miss {
    let message = "did not get this message";
    let early = got[..from].iter().find(|letter| difference(pattern, letter).is_none());
    if let Some(early) = early {
        let at = rfc3339(early.at);
        return Miss::new(message, format!("only before the one above it, at {at}"));
    }
    let near = got.iter().filter(|letter| pattern.step.as_deref() == Some(letter.step));
    let near = near.chain(got.iter().filter(|_| pattern.step.is_none()));
    match near.filter_map(|letter| difference(pattern, letter)).next() {
        Some(other) => Miss::new(message, other),
        None => Miss::new(message, listed(got)).hint(Some(format!("the user {}", journey.rests()))),
    }
}

/// In what a message is not like the pattern.
fn difference(pattern: &Pattern, letter: &Letter<'_>) -> Option<String> {
    let other = |what: &str, wanted: &Option<String>, got: &str| {
        let wanted = wanted.as_deref().filter(|wanted| wanted.trim() != got.trim())?;
        Some(format!("the {what} of `{}` is {}, not {}", letter.step, quoted(got), quoted(wanted)))
    };
    if pattern.step.as_deref().is_some_and(|step| step != letter.step) {
        return Some(format!("it is of `{}`", letter.step));
    }
    let subject = letter.subject.unwrap_or_default();
    other("channel", &pattern.channel, letter.channel)
        .or_else(|| other("subject", &pattern.subject, subject))
        .or_else(|| other("body", &pattern.body, letter.body))
        .or_else(|| {
            let piece = pattern.contains.as_deref()?;
            let found = subject.contains(piece) || letter.body.contains(piece);
            let text = format!("{subject} {}", letter.body);
            (!found).then(|| format!("`{}` says {}", letter.step, quoted(text.trim())))
        })
}

fn listed(letters: &[Letter<'_>]) -> String {
    match letters {
        [] => "no message at all".to_owned(),
        letters => {
            let steps: Vec<&str> = letters.iter().map(|letter| letter.step).collect();
            format!("got {}: {}", letters.len(), cut(&steps.join(", ")))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("“{}”", cut(text))
}

fn cut(text: &str) -> String {
    let text = crate::console::printable(text);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// No message of the step before the update is written, in this entry.
pub fn never_before(message: &str, update: &str, journey: &Journey<'_>) -> Option<Miss> {
    let mut written = false;
    for line in &journey.lines {
        let step = line.step.as_deref();
        match &line.what {
            What::Released { outcome, .. } if step == Some(update) => {
                written |= matches!(*outcome, "applied" | "accepted");
            }
            What::Sent { .. } if step == Some(message) && !written => {
                let got = format!("sent at {}", rfc3339(line.at));
                let said = format!("`{message}` was sent before `{update}` was written");
                return Some(Miss::new(said, got));
            }
            _ => {}
        }
    }
    None
}
