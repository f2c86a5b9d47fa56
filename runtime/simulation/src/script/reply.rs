//! From the rules that fit a request to its reply, and to what is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_core::batcher::{Answers, Part, Reply, Request};
use flowrun_core::track::Array;
use flowrun_core::{Millis, Outcome, SendOutcome};

use super::State;
use super::rule::{Effect, Kind, Response};

/// How long an answer is waited for.
const DEADLINE: Millis = Millis::from_secs(30);

/// A reply, and when it comes.
pub(super) struct Scene {
    pub reply: Reply,
    pub after: Millis,
    pub copies: u32,
}

impl State {
    pub(super) fn reply(&mut self, now: Millis, request: &Request) -> Scene {
        let chosen = self.choose(now, &request.parts);
        match chosen.iter().flatten().find(|response| response.is_whole()).cloned() {
            Some(whole) => self.as_a_whole(now, request, &whole),
            None => self.one_by_one(now, request, &chosen),
        }
    }

    /// The response to each part. A response to the whole request is used once for all of it.
    fn choose(&mut self, now: Millis, parts: &[Part]) -> Vec<Option<Response>> {
        let mut rules = self.rules.clone();
        let mut whole: Option<usize> = None;
        let mut chosen = vec![None; parts.len()];
        for (part, chosen) in parts.iter().zip(&mut chosen) {
            let key = &part.write.key;
            let fitting = rules.iter_mut().enumerate().find(|(_, played)| {
                played.is_left() && played.rule.fits(now, &key.step, &key.user, part.write.attempt)
            });
            let Some((number, played)) = fitting else { continue };
            *chosen = Some(played.rule.response.clone());
            if played.rule.response.is_whole() {
                whole = Some(whole.map_or(number, |first| first.min(number)));
            } else {
                played.used += 1;
            }
        }
        let Some(number) = whole else {
            self.rules = rules;
            return chosen;
        };
        self.rules[number].used += 1;
        vec![Some(self.rules[number].rule.response.clone()); parts.len()]
    }

    fn as_a_whole(&mut self, now: Millis, request: &Request, response: &Response) -> Scene {
        let reason = response.reason();
        let after = response.retry_after;
        let (status, outcome, pause) = match response.kind {
            Kind::Timeout(effect) => {
                if effect == Effect::Took {
                    let _ = self.truth.commit(now, request);
                }
                let reply = Reply::new(None, Answers::All(Outcome::Unknown(reason)));
                let after = DEADLINE + response.delay;
                return Scene { reply, after, copies: response.copies };
            }
            // The key is turned down: it is of no use to ask again at once.
            Kind::Status(status @ (401 | 403)) => {
                let pause = after.unwrap_or(Millis::from_secs(60));
                (status, Outcome::Retry { after: None, cause: reason }, Some(pause))
            }
            Kind::Status(429) => (429, Outcome::Retry { after, cause: reason }, after),
            Kind::Status(501) => (501, Outcome::Refused(reason), None),
            Kind::Status(status) => (status, Outcome::Retry { after, cause: reason }, None),
            Kind::Object { .. } => unreachable!("it is about single objects"),
        };
        let reply = Reply { status: Some(status), answers: Answers::All(outcome), pause };
        Scene { reply, after: self.latency + response.delay, copies: response.copies }
    }

    fn one_by_one(&mut self, now: Millis, request: &Request, chosen: &[Option<Response>]) -> Scene {
        // What the rules say of an object, by part and number in the write.
        let mut said: BTreeMap<(usize, u32), Outcome> = BTreeMap::new();
        let mut taken = Vec::with_capacity(request.parts.len());
        let mut status = None;
        for (number, (part, response)) in request.parts.iter().zip(chosen).enumerate() {
            let mut part = part.clone();
            if let Some(response) = response {
                let refused = refused(&part, response);
                status = status.or(refused.status);
                for (object, outcome) in refused.outcomes {
                    if outcome != Outcome::Accepted {
                        part.write.done.insert(object as usize);
                    }
                    said.insert((number, object), outcome);
                }
            }
            taken.push(part);
        }
        let (delay, copies) = chosen.iter().flatten().fold((Millis(0), 0), |most, response| {
            (most.0.max(response.delay), most.1.max(response.copies))
        });
        let taken =
            Request { number: request.number, parts: Arc::new(taken), objects: request.objects };
        // Alone in its request, a write gets the status that it was given.
        let alike =
            request.parts.len() == 1 || said.values().all(|outcome| *outcome == Outcome::Accepted);
        let mut reply = self.truth.commit(now, &taken);
        if !said.is_empty() {
            reply.each(&taken.parts, |part, object, _, outcome| {
                said.entry((part, object)).or_insert(outcome);
            });
            reply.answers = in_order(&request.parts, &said);
        }
        if alike {
            reply.status = status.or(reply.status);
        }
        Scene { reply, after: self.latency + delay, copies }
    }
}

struct Refused {
    outcomes: Vec<(u32, Outcome)>,
    status: Option<u16>,
}

/// What the response says of single objects; of others the store says it.
fn refused(part: &Part, response: &Response) -> Refused {
    let refuse = |object| (object, Outcome::Refused(response.reason()));
    match response.kind {
        Kind::Status(202) => Refused {
            outcomes: part.objects().map(|object| (object, Outcome::Accepted)).collect(),
            status: Some(202),
        },
        Kind::Status(status @ 200..300) => Refused { outcomes: Vec::new(), status: Some(status) },
        Kind::Status(status) => {
            Refused { outcomes: part.objects().map(refuse).collect(), status: Some(status) }
        }
        Kind::Object { array, index } => {
            let array = match array {
                Array::Attributes => 0,
                Array::Events => 1,
                Array::Purchases => 2,
            };
            let texts = part.texts(array).enumerate();
            let hit = texts.filter(|(number, _)| index.is_none_or(|index| index == *number));
            Refused { outcomes: hit.map(|(_, (object, _))| refuse(object)).collect(), status: None }
        }
        Kind::Timeout(_) => Refused { outcomes: Vec::new(), status: None },
    }
}

/// Outcomes in the order in which a reply has them.
fn in_order(parts: &[Part], said: &BTreeMap<(usize, u32), Outcome>) -> Answers {
    let mut arrays = [Vec::new(), Vec::new(), Vec::new()];
    for (number, part) in parts.iter().enumerate() {
        for (array, outcomes) in arrays.iter_mut().enumerate() {
            outcomes.extend(part.texts(array).map(|(object, _)| {
                let unsaid = || Outcome::Unknown("nothing is said of this object".to_owned());
                said.get(&(number, object)).cloned().unwrap_or_else(unsaid)
            }));
        }
    }
    let [attributes, events, purchases] = arrays;
    Answers::Each { attributes, events, purchases }
}

/// The same for a message.
pub(super) fn of_message(response: &Response) -> SendOutcome {
    let cause = response.reason();
    let after = response.retry_after;
    match response.kind {
        Kind::Timeout(_) => SendOutcome::Unknown(cause),
        Kind::Object { .. } => SendOutcome::Refused(cause),
        Kind::Status(200..300) => SendOutcome::Sent,
        Kind::Status(408 | 429 | 500 | 502..) => SendOutcome::Retry { after, cause },
        Kind::Status(_) => SendOutcome::Refused(cause),
    }
}
