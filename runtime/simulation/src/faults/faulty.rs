//! A profile backend with everything that backends do, and with a record of what it really did.

use std::cell::RefCell;
use std::rc::Rc;

use flowrun_core::batcher::{Answers, Part, Reply, Request};
use flowrun_core::{Millis, Outcome};
use flowrun_profiles::About;

use super::{Dice, Keys, Plan, Weather};
use crate::backend::{Backend, Replies};
use crate::oracle::{Ledger, Mark};

/// A backend that a plan has in hand.
pub struct Faulty {
    about: About,
    seed: u64,
    plan: Plan,
    start: Millis,
    end: Millis,
    ledger: Rc<RefCell<Ledger>>,
    /// Until when every key is turned down.
    locked_until: Millis,
}

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Fine,
    Timeout,
    TimeoutWithEffect,
    Late,
    Garbled,
    RateLimited,
    ServerError,
    Partial,
    Queued,
    Unauthorized,
}

impl Faulty {
    /// Faults from `start` on and before `end`.
    pub fn new(
        seed: u64,
        plan: &Plan,
        about: About,
        (start, end): (Millis, Millis),
        ledger: Rc<RefCell<Ledger>>,
    ) -> Faulty {
        let about = About { remembers_keys: plan.keys == Keys::Honoured, ..about };
        let (plan, locked_until) = (plan.clone(), start);
        Faulty { about, seed, plan, start, end, ledger, locked_until }
    }

    fn weather(&self, now: Millis) -> Weather {
        if now >= self.end {
            let latency = self.plan.backend.latency;
            return Weather { latency, ..Weather::default() };
        }
        self.plan.backend.clone()
    }

    fn browned_out(&self, now: Millis, dice: &mut Dice) -> bool {
        let Some(brownouts) = self.plan.brownouts.filter(|_| now < self.end) else { return false };
        let into = (now - self.start).0.rem_euclid(brownouts.every.0.0.max(1));
        into >= brownouts.every.0.0 - brownouts.lasts.0.0 && dice.percent(brownouts.share)
    }

    fn fate(&self, now: Millis, weather: &Weather, dice: &mut Dice) -> Fate {
        if now < self.locked_until {
            return Fate::Unauthorized;
        }
        if self.browned_out(now, dice) {
            return Fate::ServerError;
        }
        let mut left = dice.below(1_000_000) as f64 / 10_000.0;
        for (share, fate) in [
            (weather.timeout, Fate::Timeout),
            (weather.timeout_with_effect, Fate::TimeoutWithEffect),
            (weather.late_reply, Fate::Late),
            (weather.garbled, Fate::Garbled),
            (weather.rate_limited, Fate::RateLimited),
            (weather.server_error, Fate::ServerError),
            (weather.partial, Fate::Partial),
            (weather.queued, Fate::Queued),
            (weather.unauthorized, Fate::Unauthorized),
        ] {
            if left < share {
                return fate;
            }
            left -= share;
        }
        Fate::Fine
    }

    /// Lets an object have its effect, unless the backend never takes it.
    fn apply(&self, now: Millis, part: &Part, object: u32, array: usize, text: &str) -> Outcome {
        let key = part.write.key.digest();
        let names = [4, key as u64, (key >> 64) as u64, u64::from(object)];
        if Dice::new(self.seed, &names).percent(self.weather(now).refused_objects) {
            return Outcome::Refused("the backend never takes this object".into());
        }
        let mut ledger = self.ledger.borrow_mut();
        let known = ledger.applied_at(&part.write.key, object);
        let again = match (known, self.plan.keys) {
            (None, _) | (_, Keys::Ignored) => true,
            (Some(_), Keys::Honoured) => false,
            (Some(first), Keys::Forgotten(window)) => now > first + window.0,
        };
        if again {
            ledger.apply(now, &part.write.key, object, array, text);
        }
        Outcome::Applied
    }

    /// The outcome of each object, in the order of the request.
    fn each(
        &self,
        request: &Request,
        mut outcome: impl FnMut(&Part, u32, usize, &str) -> Outcome,
    ) -> Answers {
        let mut arrays = [Vec::new(), Vec::new(), Vec::new()];
        for (array, outcomes) in arrays.iter_mut().enumerate() {
            for part in request.parts.iter() {
                for (object, text) in part.texts(array) {
                    outcomes.push(outcome(part, object, array, text));
                }
            }
        }
        let [attributes, events, purchases] = arrays;
        Answers::Each { attributes, events, purchases }
    }

    fn applied(&self, now: Millis, request: &Request) -> Answers {
        self.each(request, |part, object, array, text| self.apply(now, part, object, array, text))
    }

    /// Each object fares on its own; and of those at the end nothing may be said at all.
    fn partly(&self, now: Millis, request: &Request, dice: &mut Dice) -> Answers {
        let mut answers = self.each(request, |part, object, array, text| match dice.below(6) {
            0 => Outcome::Retry { after: None, cause: "try this one again".into() },
            1 => Outcome::Unknown("the answer about this one makes no sense".into()),
            2 => match self.apply(now, part, object, array, text) {
                Outcome::Applied => Outcome::Unknown("the answer got lost".into()),
                outcome => outcome,
            },
            3 if self.ledger.borrow().applied_at(&part.write.key, object).is_none() => {
                Outcome::Refused("not this time, and never again".into())
            }
            _ => self.apply(now, part, object, array, text),
        });
        if let Answers::Each { attributes, events, purchases } = &mut answers
            && dice.percent(30.0)
        {
            for outcomes in [attributes, events, purchases] {
                outcomes.truncate(dice.below(outcomes.len() as u64 + 1) as usize);
            }
        }
        answers
    }

    fn rate_limited(&self, dice: &mut Dice) -> Reply {
        let seconds = [None, Some(-5), Some(0), Some(1), Some(30), Some(300), Some(1_000_000)];
        let after = dice.pick(&seconds).map(Millis::from_secs);
        let cause = "429 too many requests".to_owned();
        let mut reply = Reply::new(Some(429), Answers::All(Outcome::Retry { after, cause }));
        reply.pause = after.filter(|_| dice.percent(50.0)).map(|after| {
            // What a client makes of it: within reason.
            Millis(after.0.clamp(1_000, 300_000))
        });
        reply
    }

    fn reply(&mut self, now: Millis, request: &Request, fate: Fate, dice: &mut Dice) -> Reply {
        let unknown = |status, cause: &str| {
            Reply::new(status, Answers::All(Outcome::Unknown(cause.to_owned())))
        };
        match fate {
            Fate::Timeout => unknown(None, "no reply within the deadline"),
            Fate::TimeoutWithEffect => {
                let _ = self.applied(now, request);
                unknown(None, "no reply within the deadline")
            }
            Fate::Garbled => {
                let _ = self.applied(now, request);
                unknown(Some(200), "the reply is no JSON")
            }
            Fate::RateLimited => self.rate_limited(dice),
            Fate::ServerError => {
                let status = *dice.pick(&[500, 502, 503, 504]);
                let cause = format!("{status} from the server");
                let retry = Outcome::Retry { after: None, cause };
                Reply::new(Some(status), Answers::All(retry))
            }
            Fate::Partial => Reply::new(Some(201), self.partly(now, request, dice)),
            Fate::Queued => {
                let answers = match self.applied(now, request) {
                    Answers::Each { attributes, events, purchases } => {
                        let queued = |outcomes: Vec<Outcome>| {
                            let accepted = |outcome| match outcome {
                                Outcome::Applied => Outcome::Accepted,
                                outcome => outcome,
                            };
                            outcomes.into_iter().map(accepted).collect()
                        };
                        let (attributes, events) = (queued(attributes), queued(events));
                        Answers::Each { attributes, events, purchases: queued(purchases) }
                    }
                    all => all,
                };
                Reply::new(Some(202), answers)
            }
            Fate::Unauthorized => {
                if now >= self.locked_until {
                    self.locked_until = now + Millis(dice.between(60_000, 3_600_000));
                }
                let (after, cause) = (Some(Millis(60_000)), "401 unauthorized".to_owned());
                let retry = Outcome::Retry { after, cause };
                let mut reply = Reply::new(Some(401), Answers::All(retry));
                reply.pause = after;
                reply
            }
            Fate::Fine | Fate::Late => Reply::new(Some(201), self.applied(now, request)),
        }
    }
}

impl Backend for Faulty {
    fn about(&self) -> &About {
        &self.about
    }

    fn send(&mut self, now: Millis, requests: &[Request], replies: &mut Replies) {
        for request in requests {
            let limits = self.about.batches.limits;
            self.ledger.borrow_mut().requested(now, request, limits);
            let weather = self.weather(now);
            let mut dice = Dice::new(self.seed, &[5, request.number]);
            let fate = self.fate(now, &weather, &mut dice);
            let reply = self.reply(now, request, fate, &mut dice);
            let (least, most) = (weather.latency.0.0, weather.latency.1.0);
            let latency = match dice.percent(weather.slow) {
                true => Millis(dice.between(most.0, weather.deadline.0.0.max(most.0))),
                false => Millis(dice.between(least.0, most.0)),
            };
            let deadline = now + weather.deadline.0;
            let at = match fate {
                Fate::Timeout | Fate::TimeoutWithEffect => deadline,
                _ => now + latency,
            };
            let mut ledger = self.ledger.borrow_mut();
            ledger.fated(request, fate == Fate::RateLimited, limits);
            let mut arrives = |at, reply: Reply| {
                ledger.answered(request, &reply);
                replies.send(at, request.number, reply);
            };
            if fate == Fate::Late {
                let unknown = Outcome::Unknown("no reply within the deadline".into());
                arrives(deadline, Reply::new(None, Answers::All(unknown)));
                arrives(deadline + latency, reply);
                ledger.marks.hit(Mark::LateReply);
                continue;
            }
            arrives(at, reply.clone());
            if dice.percent(weather.duplicate_reply) {
                arrives(at + latency, reply.clone());
                replies.send(at, request.number + 1_000_000, reply);
                ledger.marks.hit(Mark::DuplicateReply);
            }
            match fate {
                Fate::Timeout => ledger.marks.hit(Mark::TimeoutWithoutEffect),
                Fate::TimeoutWithEffect => ledger.marks.hit(Mark::TimeoutWithEffect),
                _ => {}
            }
        }
    }

    fn disconnected(&mut self, _: Millis) {
        self.ledger.borrow_mut().disconnected();
    }
}
