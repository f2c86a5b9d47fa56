//! What a reply says of each object.
//!
//! | status | is |
//! |---|---|
//! | 200, 201, 202 | taken; per object, as the body says |
//! | 400, 409, 422, other 4xx | nothing taken; the objects named are refused, the others go again at once; if none is named, halves find it |
//! | 413, 431 | halves |
//! | 501 | refused |
//! | 408, 425, 503 | again |
//! | 429 | again, after a pause |
//! | 500, 502, 504, other 5xx | unknown: it may have been taken before the failure |
//! | 401, 402, 403, 404, 405, 407, 410, 415, 421, 426, 451, 3xx | no fault of the objects: all pauses |
//!
//! A body is believed only if everything it says fits together and fits the request: a
//! reply that counts wrongly may be the reply to something else. What is in doubt is
//! `Unknown`, and never `Refused`, since a refusal is final.

use std::collections::BTreeMap;

use flowrun_core::Outcome;
use flowrun_outbound::peer::{Fault, Heard};

use super::quote::Quote;
use super::wire::ARRAYS;

mod body;

use body::{Body, Complaint};

/// What to do after a reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// This became of all objects.
    All(Outcome),
    /// This became of each, by array and place.
    Each([Vec<Outcome>; 3]),
    /// Nothing was taken. These, by array and place, were refused; the others may go again.
    Named(Vec<(usize, usize, String)>),
    /// Nothing was taken, and which object is to blame wasn't said.
    Isolate(String),
    /// Too many requests; perhaps for how long is said in the headers.
    Limited(String),
    /// No request will be taken.
    TurnedDown(String),
}

/// Judges a reply to a request with so many objects of each array; what was taken without
/// further ado meets `success`.
pub(super) fn judge(heard: &Heard, sent: [usize; 3], success: &Outcome, quote: &Quote) -> Verdict {
    let status = heard.status;
    match status {
        202 => taken(heard, sent, &Outcome::Accepted, quote),
        200 | 201 => taken(heard, sent, success, quote),
        429 => Verdict::Limited(said(heard, quote)),
        408 | 425 | 503 => Verdict::All(Outcome::Retry { after: None, cause: said(heard, quote) }),
        501 => Verdict::All(Outcome::Refused(said(heard, quote))),
        401 | 402 | 403 | 407 => Verdict::TurnedDown(format!(
            "{}; check the API key and that it has the right `users.track`",
            said(heard, quote)
        )),
        404 | 405 | 410 | 415 | 421 | 426 | 451 | 300..=399 => Verdict::TurnedDown(format!(
            "{}; check the address of the endpoint, to which /users/track is added",
            said(heard, quote)
        )),
        400..=499 => refused(heard, sent, quote),
        _ => Verdict::All(Outcome::Unknown(said(heard, quote))),
    }
}

/// The status with the server's words.
fn said(heard: &Heard, quote: &Quote) -> String {
    let words = match &heard.body {
        Err(fault) => format!("({fault})"),
        Ok(bytes) => {
            let body = serde_json::from_slice::<Body>(bytes).ok();
            let message = body.and_then(|body| body.words());
            message.map_or_else(|| quote.bytes(bytes), |message| quote.text(&message))
        }
    };
    match words.is_empty() {
        true => format!("the endpoint answers {}", heard.status),
        false => format!("the endpoint answers {}: {words}", heard.status),
    }
}

fn is_json(heard: &Heard) -> bool {
    heard.header("content-type").is_none_or(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || kind.ends_with("+json")
    })
}

/// The body of a reply that should have one, or why it is none.
fn read(heard: &Heard) -> Result<Body, String> {
    let bytes = heard.body.as_ref().map_err(Fault::to_string)?;
    if !is_json(heard) {
        return Err("its content type is not JSON".to_owned());
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match bytes.is_empty() {
            true => "its body is empty".to_owned(),
            false => format!("its body is not as documented at line {line} column {column}"),
        }
    })
}

/// A 2xx.
fn taken(heard: &Heard, sent: [usize; 3], success: &Outcome, quote: &Quote) -> Verdict {
    let body = match read(heard) {
        Ok(body) => body,
        Err(why) => {
            let why = format!("the endpoint answers {}, but {why}", heard.status);
            return Verdict::All(Outcome::Unknown(why));
        }
    };
    let complaints = body.complaints();
    if complaints.is_empty() && body.says_success() && body.processed() == sent.map(counted) {
        return Verdict::All(success.clone());
    }
    let reply = Taken { status: heard.status, sent, success, quote, body: &body };
    reply.each(&complaints)
}

/// The count that a reply gives of so many objects, all taken.
fn counted(sent: usize) -> Option<u64> {
    (sent > 0).then_some(sent as u64)
}

/// A 2xx with something to say.
struct Taken<'a> {
    status: u16,
    sent: [usize; 3],
    success: &'a Outcome,
    quote: &'a Quote,
    body: &'a Body,
}

impl Taken<'_> {
    fn unknown(&self, why: &str) -> Outcome {
        Outcome::Unknown(format!("the endpoint answers {}, but {why}", self.status))
    }

    fn each(&self, complaints: &[Complaint]) -> Verdict {
        let processed = self.body.processed();
        let foreign = (0..3).find(|&array| {
            processed[array].is_some_and(|count| count > self.sent[array] as u64)
                || complaints.iter().any(|one| one.array == Some(array) && self.sent[array] == 0)
        });
        if let Some(array) = foreign {
            let why = format!("speaks of {} that were not sent", ARRAYS[array]);
            return Verdict::All(self.unknown(&why));
        }
        if let ([one], 1) = (complaints, self.sent.iter().sum::<usize>()) {
            // There is just one object that it can be about.
            let array = self.sent.iter().position(|&count| count == 1).unwrap_or(0);
            let in_place = one.index.is_none_or(|index| index == 0);
            if !matches!(processed[array], Some(1)) && in_place && !one.misplaced {
                return Verdict::All(Outcome::Refused(self.quote.text(&one.text)));
            }
        }
        Verdict::Each([0, 1, 2].map(|array| self.array(array, complaints)))
    }

    fn array(&self, array: usize, complaints: &[Complaint]) -> Vec<Outcome> {
        let sent = self.sent[array];
        if sent == 0 {
            return Vec::new();
        }
        let own = complaints.iter().filter(|one| one.array == Some(array));
        let mut named: BTreeMap<usize, &str> = BTreeMap::new();
        let (mut loose, mut twice, mut outside) = (false, false, false);
        for one in own {
            match one.index {
                Some(index) if index < sent => {
                    twice |= named.insert(index, &one.text).is_some();
                }
                Some(_) => outside = true,
                None => loose = true,
            }
        }
        let anywhere = complaints.iter().any(|one| one.array.is_none());
        let left = (sent - named.len()) as u64;
        let all = |why: &str| vec![self.unknown(why); sent];
        if outside {
            return all(&format!("complains of {} that were not sent", ARRAYS[array]));
        }
        let rest = match self.body.processed()[array] {
            Some(count) if count == left && !loose => self.success.clone(),
            Some(count) if count >= left => return all("its counts contradict its errors"),
            Some(_) => self.unknown("doesn't say which objects it left out"),
            None if self.body.counts() => self.unknown("doesn't count all it was sent"),
            None if twice || loose || anywhere => {
                self.unknown("doesn't say clearly which objects it left out")
            }
            None if self.body.says_success() => self.success.clone(),
            None => self.unknown("doesn't say that it succeeded"),
        };
        let refusal = |text: &&str| Outcome::Refused(self.quote.text(text));
        let outcome = |place| named.get(&place).map_or_else(|| rest.clone(), refusal);
        (0..sent).map(outcome).collect()
    }
}

/// A 4xx about the objects: nothing was taken.
fn refused(heard: &Heard, sent: [usize; 3], quote: &Quote) -> Verdict {
    let said = said(heard, quote);
    let Ok(body) = read(heard) else { return Verdict::Isolate(said) };
    // Some servers say so with this status; no object is to blame.
    if body.is_about_the_key() {
        return Verdict::TurnedDown(format!("{said}; check the API key"));
    }
    if body.processed().iter().any(|count| count.is_some_and(|count| count > 0)) {
        return Verdict::All(Outcome::Unknown(format!("{said}, but counts what it processed")));
    }
    let mut named = BTreeMap::new();
    for one in body.complaints() {
        match (one.array, one.index) {
            (Some(array), Some(index)) if index < sent[array] => {
                named.entry((array, index)).or_insert_with(|| quote.text(&one.text));
            }
            // Who complains of what wasn't sent isn't believed about the rest either.
            (Some(_), Some(_)) => return Verdict::Isolate(said),
            _ => {}
        }
    }
    if matches!(heard.status, 413 | 431) || named.is_empty() {
        return Verdict::Isolate(said);
    }
    Verdict::Named(named.into_iter().map(|((array, at), text)| (array, at, text)).collect())
}
