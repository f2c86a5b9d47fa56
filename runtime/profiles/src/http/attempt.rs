//! One commit on its way: what is still to be sent, and what became of the rest.
//!
//! Objects of one update keep their order: after one that needs another attempt, later ones
//! of the same update aren't sent in this attempt.

use flowrun_core::batcher::{Answers, Reply, Request};
use flowrun_core::{Millis, Outcome};
use flowrun_track::named_by;

use super::reply::Verdict;
use super::wire::{Item, counts, items};

/// Why nothing more is sent in this attempt.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// How long, if that isn't the updates' own failure.
    pub after: Option<Millis>,
    pub cause: String,
}

impl Stop {
    pub fn outcome(&self) -> Outcome {
        Outcome::Retry { after: self.after, cause: self.cause.clone() }
    }
}

pub(super) struct Attempt<'a> {
    /// What is still to be sent; the last first.
    left: Vec<Vec<Item<'a>>>,
    /// By array and place. `None`: not yet.
    outcomes: [Vec<Option<Outcome>>; 3],
    /// Parts with an object that needs another attempt.
    again: Vec<bool>,
    pub status: Option<u16>,
    pub pause: Option<Millis>,
}

impl<'a> Attempt<'a> {
    pub fn new(request: &'a Request) -> Attempt<'a> {
        let items = items(&request.parts);
        let outcomes = counts(&items).map(|count| vec![None; count]);
        let again = vec![false; request.parts.len()];
        let unknown =
            |item: &Item<'_>| named_by(&request.parts[item.part].write.key.user).0 != "external_id";
        let (strangers, left): (Vec<_>, Vec<_>) = items.into_iter().partition(unknown);
        let mut attempt = Attempt { left: vec![left], outcomes, again, status: None, pause: None };
        let cause = "the user has no external id, and is unknown elsewhere: identify them first";
        attempt.settle_all(&strangers, &Outcome::Refused(cause.to_owned()));
        attempt
    }

    /// The objects to send next.
    pub fn next(&mut self) -> Option<Vec<Item<'a>>> {
        loop {
            let next = self.left.pop()?;
            let (wait, go): (Vec<_>, Vec<_>) =
                next.into_iter().partition(|item| self.again[item.part]);
            let cause = "not sent: an earlier object of the same update wants another attempt";
            let outcome = Outcome::Retry { after: None, cause: cause.to_owned() };
            wait.iter().for_each(|item| self.settle(item, outcome.clone()));
            if !go.is_empty() {
                return Some(go);
            }
        }
    }

    pub fn settle(&mut self, item: &Item<'_>, outcome: Outcome) {
        self.again[item.part] |= !outcome.is_final();
        self.outcomes[item.array][item.place] = Some(outcome);
    }

    pub fn settle_all(&mut self, items: &[Item<'_>], outcome: &Outcome) {
        items.iter().for_each(|item| self.settle(item, outcome.clone()));
    }

    /// Takes what a reply said of the objects it is about.
    pub fn take(&mut self, sent: Vec<Item<'a>>, verdict: Verdict) {
        match verdict {
            Verdict::All(outcome) => self.settle_all(&sent, &outcome),
            Verdict::Each(outcomes) => {
                let mut next = outcomes.map(Vec::into_iter);
                for item in &sent {
                    // The verdict has an outcome for each; one without would come again.
                    if let Some(outcome) = next[item.array].next() {
                        self.settle(item, outcome);
                    }
                }
            }
            Verdict::Named(named) => self.named(sent, named),
            Verdict::Isolate(reason) => self.halve(sent, &reason),
            Verdict::Limited(cause) | Verdict::TurnedDown(cause) => {
                self.settle_all(&sent, &Outcome::Retry { after: self.pause, cause });
            }
        }
    }

    fn named(&mut self, sent: Vec<Item<'a>>, named: Vec<(usize, usize, String)>) {
        let mut seen = [0; 3];
        let mut rest = Vec::with_capacity(sent.len());
        for item in sent {
            let at = seen[item.array];
            seen[item.array] += 1;
            let reason =
                named.iter().find(|(array, place, _)| (*array, *place) == (item.array, at));
            match reason {
                Some((_, _, reason)) => self.settle(&item, Outcome::Refused(reason.clone())),
                None => rest.push(item),
            }
        }
        self.left.push(rest);
    }

    /// Splits what was refused as a whole, between two updates if there are two.
    pub fn halve(&mut self, mut sent: Vec<Item<'a>>, reason: &str) {
        if let [item] = sent.as_slice() {
            return self.settle(item, Outcome::Refused(reason.to_owned()));
        }
        let middle = sent.len() / 2;
        let between = |at: &usize| sent[at - 1].part != sent[*at].part;
        let seams = (1..sent.len()).filter(between);
        let seam = seams.min_by_key(|at| at.abs_diff(middle)).unwrap_or(middle);
        let second = sent.split_off(seam);
        self.left.extend([second, sent]);
    }

    /// Sends nothing more.
    pub fn stop(&mut self, stop: &Stop) {
        for items in std::mem::take(&mut self.left) {
            self.settle_all(&items, &stop.outcome());
        }
    }

    /// The outcomes of objects that were taken over, to be looked for.
    pub fn accepted(&self, item: &Item<'_>) -> bool {
        matches!(self.outcomes[item.array][item.place], Some(Outcome::Accepted))
    }

    pub fn reply(self) -> Reply {
        let mut all = self.outcomes.iter().flatten();
        let answers = match all.next() {
            Some(Some(first)) if all.all(|one| one.as_ref() == Some(first)) => {
                Answers::All(first.clone())
            }
            _ => {
                let doubt = || Outcome::Unknown("no answer about this object".to_owned());
                let [attributes, events, purchases] = self
                    .outcomes
                    .map(|array| array.into_iter().map(|one| one.unwrap_or_else(doubt)).collect());
                Answers::Each { attributes, events, purchases }
            }
        };
        Reply { status: self.status, answers, pause: self.pause }
    }
}
