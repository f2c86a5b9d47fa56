//! The books against what there is in the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::books::{Ask, Asked, Books};
use crate::endpoint::marks;
use crate::setup::{Kind, Setup};

/// Fewer acknowledged requests for each kill show nothing.
const LEAST: usize = 5;

/// A user's profile as it was exported.
#[derive(Default)]
struct Held {
    /// Requests that tracked, requests that let them in, and journeys, each by its mark.
    tracked: BTreeSet<u64>,
    triggered: BTreeSet<u64>,
    written: BTreeSet<u64>,
    counts: Vec<(&'static str, i64)>,
    visits: i64,
    signed_up: i64,
}

impl Held {
    fn of(profile: &Json) -> Held {
        let attributes = &profile["custom_attributes"];
        let count = |list: &str, name: &str| {
            let entries = profile[list].as_array().into_iter().flatten();
            let mut named = entries.filter(|entry| entry["name"] == name);
            named.next().and_then(|entry| entry["count"].as_i64()).unwrap_or(0)
        };
        let number = |name: &str| attributes[name].as_i64().unwrap_or(0);
        Held {
            tracked: marks(attributes, 'r'),
            triggered: marks(attributes, 't'),
            written: marks(attributes, 'j'),
            counts: vec![
                ("a", number("a")),
                ("b", number("b")),
                ("the event", count("custom_events", "seen")),
                ("the purchase", count("purchases", "thing")),
            ],
            visits: number("visits"),
            signed_up: count("custom_events", "signed_up"),
        }
    }
}

fn all(profiles: &[Json]) -> BTreeMap<String, Held> {
    let named = |profile: &Json| {
        (profile["external_id"].as_str().unwrap_or_default().to_owned(), Held::of(profile))
    };
    profiles.iter().map(named).collect()
}

/// `here`: the profiles of the server; `there`: those of the one behind it.
pub fn check(setup: &Setup, here: &[Json], there: Option<&[Json]>) {
    let here = all(here);
    let mut faults = Vec::new();
    let mut say = |fault: String| faults.push(fault);
    let mut books = setup.books();
    let truth = setup.endpoint.truth();
    // What the backend has of each journey's write, and how often it counted.
    let written: BTreeSet<(String, u64)> = match (setup.kind, there) {
        (Kind::Keys | Kind::Keyless, _) => truth.marks.keys().cloned().collect(),
        (_, there) => {
            let held = there.map(all);
            pairs(held.as_ref().unwrap_or(&here))
        }
    };
    let visits: BTreeMap<String, i64> = match (setup.kind, there) {
        (Kind::Keys | Kind::Keyless, _) => truth.visits.clone(),
        (_, Some(there)) => {
            all(there).into_iter().map(|(user, held)| (user, held.visits)).collect()
        }
        (_, None) => here.iter().map(|(user, held)| (user.clone(), held.visits)).collect(),
    };
    let nobody = Held::default();
    for (number, asked) in &books.asked {
        let held = here.get(&asked.user).unwrap_or(&nobody);
        let journey = (asked.user.clone(), *number);
        lost(*number, asked, held, written.contains(&journey)).into_iter().for_each(&mut say);
        if asked.ask == Ask::Track {
            continue;
        }
        let came = |step: &str| books.messages.contains_key(&(step.to_owned(), *number));
        let steps: &[&str] = if asked.ask == Ask::Enter { &["hello", "tell"] } else { &["tell"] };
        let is_in = written.contains(&journey);
        for step in steps.iter().filter(|step| came(step) != is_in) {
            say(format!("{journey:?}: written {is_in}, but `{step}` came {}", came(step)));
        }
        if held.written.contains(number) != is_in {
            say(format!("{journey:?}: written {is_in}, but not so in what steps read"));
        }
    }
    for (user, held) in &here {
        // Each request is in as a whole, or not at all.
        for (what, count) in &held.counts {
            let whole = held.tracked.len() as i64;
            if *count != whole {
                say(format!("{user}: {what} was counted {count} times, by {whole} requests"));
            }
        }
        let journeys = held.written.len() as i64;
        if held.visits != journeys {
            say(format!("{user}: what steps read has {} visits of {journeys}", held.visits));
        }
        let counted = visits.get(user).copied().unwrap_or(0);
        if setup.kind != Kind::Keyless && counted != journeys {
            say(format!("{user}: {counted} visits were written for {journeys} journeys"));
        }
        let acknowledged = books
            .asked
            .values()
            .filter(|asked| asked.user == *user && asked.ask == Ask::Event && asked.acknowledged);
        if held.signed_up < acknowledged.count() as i64 {
            say(format!("{user}: acknowledged events are lost"));
        }
    }
    let kills = here.len() / 6;
    if books.acknowledged() < LEAST * kills {
        say(format!("too little was acknowledged to show anything: {}", books.acknowledged()));
    }
    books.faults.append(&mut faults);
}

fn pairs(held: &BTreeMap<String, Held>) -> BTreeSet<(String, u64)> {
    let of_user = |(user, held): (&String, &Held)| {
        held.written.iter().map(|number| (user.clone(), *number)).collect::<Vec<_>>()
    };
    held.iter().flat_map(of_user).collect()
}

/// What was acknowledged and isn't there.
fn lost(number: u64, asked: &Asked, held: &Held, written: bool) -> Vec<String> {
    let there = match asked.ask {
        Ask::Track => vec![("what was tracked", held.tracked.contains(&number))],
        Ask::Enter => {
            vec![("the attributes", held.triggered.contains(&number)), ("the journey", written)]
        }
        Ask::Event => vec![("the journey", written)],
    };
    let lost = there.into_iter().filter(|(_, there)| asked.acknowledged && !there);
    lost.map(|(what, _)| format!("{}: {what} of {number} was acknowledged, and lost", asked.user))
        .collect()
}

pub fn figures(setup: &Setup) -> Vec<(&'static str, u64)> {
    let Books { asked, messages, .. } = &*setup.books();
    let acknowledged = asked.values().filter(|asked| asked.acknowledged).count() as u64;
    let copies = messages.values().map(|copies| u64::from(copies.count) - 1).sum();
    let mut figures = vec![
        ("requests acknowledged", acknowledged),
        ("in doubt", asked.len() as u64 - acknowledged),
        ("messages", messages.len() as u64),
        ("further copies of them", copies),
    ];
    let truth = setup.endpoint.truth();
    let double: u64 = truth.marks.values().map(|times| u64::from(*times) - 1).sum();
    match setup.kind {
        Kind::Keys => figures.extend([
            ("writes", truth.marks.len() as u64),
            ("sent again under known keys", truth.again),
            ("duplicates", double),
        ]),
        Kind::Keyless => {
            figures.extend([("writes", truth.marks.len() as u64), ("duplicates (no keys)", double)])
        }
        Kind::Own | Kind::Twin => {}
    }
    figures
}
