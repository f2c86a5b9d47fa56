//! Where a user went, and how they ended.

use flowrun_canvas::test_file::Placed;

use super::Miss;
use super::journey::Journey;
use crate::simulation::{State, Whereabouts};

pub fn path(expected: &[Placed<String>], journey: &Journey<'_>) -> Option<Miss> {
    let got = journey.path();
    let same = |(number, step): (usize, &Placed<String>)| got.get(number) == Some(&&*step.value);
    let alike = expected.iter().enumerate().take_while(|one| same(*one)).count();
    if alike == expected.len() && alike == got.len() {
        return None;
    }
    let shown = format!("went {}", in_words(&got));
    let miss = Miss::new("took another path", String::new());
    let why = journey.why(alike);
    Some(match (expected.get(alike), got.get(alike)) {
        (Some(wanted), Some(step)) => {
            let got = format!("`{step}` came here, not `{}`", wanted.value);
            Miss { got, ..miss }.span(&wanted.span).hint(why.or(Some(shown)))
        }
        (Some(wanted), None) => {
            let got = format!("never came to `{}`: {}", wanted.value, journey.rests());
            let hint = journey.why_not_in().unwrap_or(shown);
            Miss { got, ..miss }.span(&wanted.span).hint(Some(hint))
        }
        (None, Some(step)) => {
            let got = format!("went on to `{step}`");
            let last = expected.last().map(|last| last.span.clone());
            Miss { got, span: last, ..miss }.hint(why.or(Some(shown)))
        }
        (None, None) => return None,
    })
}

fn in_words(path: &[&str]) -> String {
    match path.is_empty() {
        true => "nowhere".to_owned(),
        false => path.join(" → "),
    }
}

pub fn exit(expected: Option<&str>, journey: &Journey<'_>) -> Option<Miss> {
    let got = match journey.whereabouts.as_ref().map(|here| &here.state) {
        Some(State::Ended { reason, .. }) => Some(reason.as_str()),
        _ => None,
    };
    if got == expected && journey.whereabouts.is_some() {
        return None;
    }
    let message = match expected {
        Some(reason) => format!("did not exit with `{reason}`"),
        None if journey.whereabouts.is_none() => "is not in the Canvas".to_owned(),
        None => "has ended".to_owned(),
    };
    let last = journey.path().len().saturating_sub(1);
    let hint = journey.why_not_in().or_else(|| journey.why(last));
    Some(Miss::new(message, journey.rests()).hint(hint))
}

pub fn at(expected: &str, journey: &Journey<'_>) -> Option<Miss> {
    let here = journey.whereabouts.as_ref();
    let is_there = here.is_some_and(|Whereabouts { step, state, .. }| {
        step == expected && !matches!(state, State::Ended { .. })
    });
    if is_there {
        return None;
    }
    let miss = Miss::new(format!("is not at `{expected}`"), journey.rests());
    Some(miss.hint(journey.why_not_in()))
}
