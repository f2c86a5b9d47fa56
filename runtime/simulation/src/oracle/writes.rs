//! Writes: what was held, asked for, really applied, and said of it. I1 to I9, I15, I16.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use flowrun_core::batcher::{Limits, Reply, Request};
use flowrun_core::trace::Counts;
use flowrun_core::track::{Array, Object};
use flowrun_core::{Millis, Outcome, WriteKey};

use super::{Ledger, Mark};

#[derive(Default)]
pub(super) struct Writes {
    by_key: BTreeMap<String, Write>,
    /// By user: their writes in the order of their commits.
    order: HashMap<String, Vec<String>>,
    /// By request: the replies on their way, in the order of arriving.
    expected: HashMap<u64, VecDeque<Expected>>,
    /// By user: the request that has a write of theirs, until its first reply.
    under_way: HashMap<String, (u64, Millis)>,
    applications: u64,
}

struct Expected {
    /// By key and object: what is said.
    outcomes: Vec<(String, u32, Outcome)>,
}

#[derive(Default)]
struct Write {
    user: String,
    objects: Counts,
    /// By object: when it was first applied, its place among all, and how often in all.
    applied: BTreeMap<u32, (Millis, u64, u32)>,
    /// By object: what the machine was finally told.
    told: BTreeMap<u32, Told>,
    /// Of these the machine may have lost the answer in a crash.
    doubtful: BTreeSet<u32>,
    /// Not before this, since the machine was told to wait or has failed.
    not_before: Option<Millis>,
    failures: u32,
    /// The same, with those that the machine may have forgotten in a crash.
    all_failures: u32,
    outcome: Option<&'static str>,
    late_outcome: bool,
    timed_out_with_effect: bool,
    /// Its user was deleted before it had an outcome.
    gone: bool,
    /// It is made again from a dead letter.
    replaying: bool,
    /// It was made again though nobody knew of all that was refused whether it was in: only a
    /// backend that still remembers the key keeps it from being applied twice.
    in_doubt: bool,
}

impl Write {
    /// Whether an outcome is still to come.
    fn is_open(&self) -> bool {
        let late = self.outcome == Some("timeout") && !self.late_outcome;
        (self.outcome.is_none() || late) && !self.gone
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    In,
    Never,
}

const ARRAYS: [Array; 3] = [Array::Attributes, Array::Events, Array::Purchases];

impl Ledger {
    pub(super) fn held(&mut self, who: &(String, String, u32), key: &str, objects: Counts) {
        let before = self.writes.by_key.get(key).is_some_and(|write| write.objects.total() > 0);
        if before {
            self.broken("I4", Some(&who.1), format!("`{key}` is held for the second time"));
        }
        let order = self.writes.order.entry(who.1.clone()).or_default();
        order.push(key.to_owned());
        let unfinished = order.iter().rev().skip(1).take(4);
        let unfinished = unfinished.filter(|other| {
            let write = self.writes.by_key.get(*other);
            write.is_some_and(|write| write.outcome.is_none() || write.outcome == Some("timeout"))
        });
        if unfinished.count() > 0 {
            self.marks.hit(Mark::TwoHoldOneUser);
        }
        let write = self.writes.by_key.entry(key.to_owned()).or_default();
        (write.user, write.objects) = (who.1.clone(), objects);
    }

    /// A request has left: I7, I8, I15, I16.
    pub(crate) fn requested(&mut self, now: Millis, request: &Request, limits: Limits) {
        let Counts { attributes, events, purchases } = request.objects;
        let total = limits.combined.unwrap_or(usize::MAX);
        let objects: [usize; 3] = std::array::from_fn(|array| {
            request.parts.iter().map(|part| part.texts(array).count()).sum()
        });
        if objects != [attributes, events, purchases] {
            self.broken("I7", None, format!("request {} miscounts its objects", request.number));
        }
        let fits = objects[0] <= limits.attributes
            && objects[1] <= limits.events
            && objects[2] <= limits.purchases
            && objects.iter().sum::<usize>() <= total;
        if !fits {
            self.broken("I7", None, format!("request {} has {objects:?} objects", request.number));
        }
        for part in request.parts.iter() {
            let (key, user) = (part.write.key.to_string(), &*part.write.key.user);
            let under_way = self.writes.under_way.insert(user.to_owned(), (request.number, now));
            if let Some((other, _)) = under_way.filter(|(other, _)| *other != request.number) {
                self.broken(
                    "I7",
                    Some(user),
                    format!("request {other} has a write of theirs, too"),
                );
            }
            let Some(write) = self.writes.by_key.get_mut(&key) else {
                self.broken("I8", Some(user), format!("`{key}` was sent and is held by no record"));
                continue;
            };
            if write.gone {
                let what = format!("`{key}` was sent after its user was deleted");
                self.broken("I21", Some(user), what);
                continue;
            }
            let early = write.not_before.take().is_some_and(|moment| self.shown < moment);
            let early = early && self.expectations.right_clock;
            let known =
                |object: &u32| write.told.contains_key(object) && !write.doubtful.contains(object);
            let again: Vec<u32> = part.objects().filter(known).collect();
            if early {
                self.broken("I15", Some(user), format!("`{key}` was sent again too early"));
            }
            if !again.is_empty() {
                let what = format!("objects {again:?} of `{key}` were sent after their outcome");
                self.broken("I16", Some(user), what);
            }
        }
    }

    /// What kind of day the request is having, for the marks.
    pub(crate) fn fated(&mut self, request: &Request, rate_limited: bool, limits: Limits) {
        let Counts { attributes, events, purchases } = request.objects;
        let full = attributes == limits.attributes
            || events == limits.events
            || purchases == limits.purchases
            || limits.combined == Some(request.objects.total());
        self.marks.hit(if full { Mark::ClosedBySize } else { Mark::ClosedByLinger });
        if full && rate_limited {
            self.marks.hit(Mark::RateLimitFullBatch);
        }
    }

    /// When an object was first applied, if it was.
    pub(crate) fn applied_at(&self, key: &WriteKey, object: u32) -> Option<Millis> {
        let write = self.writes.by_key.get(&key.to_string())?;
        write.applied.get(&object).map(|(at, _, _)| *at)
    }

    /// The backend really applies an object: I5, I6.
    pub(crate) fn apply(
        &mut self,
        now: Millis,
        key: &WriteKey,
        object: u32,
        array: usize,
        text: &str,
    ) {
        self.writes.applications += 1;
        let (place, name) = (self.writes.applications, key.to_string());
        let write = self.writes.by_key.entry(name.clone()).or_default();
        let applied = write.applied.entry(object).or_insert((now, place, 0));
        applied.2 += 1;
        let times = applied.2;
        if times > 1 {
            self.marks.hit(Mark::KeyForgotten);
            if self.expectations.once {
                let what = format!("object {object} of `{name}` was applied {times} times");
                self.broken("I5", Some(&key.user), what);
            }
        }
        self.in_order(key, &name);
        let json = serde_json::from_str(text).ok();
        if let Some(object) = json.and_then(|json| Object::parse(ARRAYS[array], &json).ok()) {
            self.truth.note(now, &key.user, &object);
        }
    }

    /// I6: every write that was committed before this one has its outcome.
    fn in_order(&mut self, key: &WriteKey, name: &str) {
        let Some(order) = self.writes.order.get(&*key.user) else { return };
        let before = order.iter().take_while(|other| *other != name);
        let open = before.filter(|other| {
            let write = self.writes.by_key.get(*other);
            write.is_some_and(|write| write.is_open() && write.told.len() < write.objects.total())
        });
        if let Some(open) = open.last().cloned() {
            let what = format!("`{name}` was written before `{open}`, which was committed first");
            self.broken("I6", Some(&key.user), what);
        }
    }

    /// A reply is on its way.
    pub(crate) fn answered(&mut self, request: &Request, reply: &Reply) {
        let mut outcomes = Vec::new();
        reply.each(&request.parts, |part, object, _, outcome| {
            outcomes.push((request.parts[part].write.key.to_string(), object, outcome));
        });
        let applied = outcomes.iter().any(|(_, _, outcome)| *outcome == Outcome::Applied);
        let refused = outcomes.iter().any(|(_, _, outcome)| matches!(outcome, Outcome::Refused(_)));
        if applied && refused {
            self.marks.hit(Mark::PartialFailure);
        }
        if reply.status == Some(401) {
            self.marks.hit(Mark::Unauthorized);
        }
        let expected = self.writes.expected.entry(request.number).or_default();
        expected.push_back(Expected { outcomes });
    }

    /// The machine has taken a reply: from now on it knows.
    pub(super) fn reply_taken(&mut self, request: u64) {
        let Some(mut expected) = self.writes.expected.remove(&request) else {
            return self.broken(
                "I7",
                None,
                format!("a reply to request {request}, which has none"),
            );
        };
        let Some(Expected { outcomes, .. }) = expected.pop_front() else { return };
        self.writes.under_way.retain(|_, (number, _)| *number != request);
        let policy = self.expectations.patience;
        // The worst that is said of a write's objects decides when it comes again.
        let mut again: BTreeMap<String, Option<Millis>> = BTreeMap::new();
        for (key, object, outcome) in outcomes {
            let Some(write) = self.writes.by_key.get_mut(&key) else { continue };
            let after = match outcome {
                Outcome::Applied | Outcome::Accepted => {
                    write.told.insert(object, Told::In);
                    write.doubtful.remove(&object);
                    continue;
                }
                Outcome::Refused(_) => {
                    write.told.insert(object, Told::Never);
                    write.doubtful.remove(&object);
                    continue;
                }
                Outcome::Retry { after, .. } => after,
                Outcome::Unknown(_) => {
                    write.timed_out_with_effect |= write.applied.contains_key(&object);
                    None
                }
            };
            let wait = again.entry(key).or_insert(after);
            *wait = match (*wait, after) {
                (Some(one), Some(other)) => Some(one.max(other)),
                _ => None,
            };
        }
        for (key, after) in again {
            let write = self.writes.by_key.get_mut(&key).expect("it was found above");
            let wait = match after {
                // Worked out here, not asked of the policy: it is what is judged.
                Some(after) => Millis(after.0.clamp(1, policy.longest_told.0)),
                None => {
                    write.failures += 1;
                    write.all_failures += 1;
                    // At least three quarters of the doubled wait: the rest is jitter.
                    Millis(policy.first.0.saturating_mul(1 << (write.failures - 1).min(30)))
                        .min(policy.longest)
                }
            };
            let least = if after.is_some() { wait } else { Millis(wait.0 * 3 / 4) };
            write.not_before = Some(self.shown + least);
            let (failures, user) = (write.failures, write.user.clone());
            if failures > policy.attempts {
                self.broken("I15", Some(&user), format!("`{key}` has failed {failures} times"));
            }
        }
    }

    /// A user is said to be released; false if they were already.
    pub(super) fn write_released(&mut self, user: &str, key: &str, outcome: &str) -> bool {
        let Some(write) = self.writes.by_key.get_mut(key) else {
            self.broken("I1", Some(user), format!("`{key}` was released and never held"));
            return false;
        };
        let outcome =
            ["applied", "accepted", "refused", "timeout"].into_iter().find(|one| *one == outcome);
        if write.gone {
            self.broken("I21", Some(user), format!("`{key}` was settled for who was deleted"));
            return false;
        }
        let total = write.objects.total();
        let replayed = std::mem::take(&mut write.replaying);
        let told_in = write.told.values().filter(|told| **told == Told::In).count();
        let never = write.told.values().any(|told| *told == Told::Never);
        let (applied, failures) = (write.applied.len(), write.all_failures);
        let with_effect = write.timed_out_with_effect;
        let first = write.outcome.is_none();
        let late = write.outcome == Some("timeout") && outcome != Some("timeout");
        if late {
            write.late_outcome = true;
        } else {
            write.outcome = outcome;
        }
        let attempts = self.expectations.patience.attempts;
        if !first && !late {
            self.broken("I4", Some(user), format!("`{key}` has a second outcome"));
        }
        if late {
            self.marks.hit(Mark::ReplyAfterGiveUp);
        }
        match outcome {
            Some("applied" | "accepted") => {
                if applied < total {
                    let what = format!("`{key}` was released with {applied} of {total} objects in");
                    self.broken("I3", Some(user), what);
                }
                if told_in < total {
                    let what =
                        format!("`{key}` was released and {told_in} of {total} were answered");
                    self.broken("I1", Some(user), what);
                }
                if with_effect {
                    self.marks.hit(Mark::TimeoutThenSuccess);
                }
                if replayed {
                    self.marks.hit(Mark::WriteReplayed);
                }
            }
            Some("refused") => {
                self.marks.hit(Mark::RefusedWrite);
                if !never && failures < attempts {
                    self.broken(
                        "I16",
                        Some(user),
                        format!("`{key}` was given up without a reason"),
                    );
                }
            }
            Some(_) => {}
            None => self.broken("I4", Some(user), format!("`{key}` has an unknown outcome")),
        }
        first
    }

    /// A dead letter is made again: what was refused may be asked for again, and nothing else.
    pub(super) fn replayed(&mut self, user: &str, key: &str) {
        let Some(write) = self.writes.by_key.get_mut(key) else {
            return self.message_replayed(user, key);
        };
        let refused = write.outcome == Some("refused")
            || (write.outcome == Some("timeout") && write.late_outcome);
        let is_sound = refused && !write.replaying && !write.gone;
        write.in_doubt |= write.told.len() < write.objects.total() || !write.doubtful.is_empty();
        write.told.retain(|_, told| *told == Told::In);
        (write.outcome, write.late_outcome, write.replaying) = (None, false, true);
        (write.failures, write.not_before) = (0, None);
        // From now on it comes after whatever the user has asked for meanwhile.
        let order = self.writes.order.entry(user.to_owned()).or_default();
        order.retain(|other| other != key);
        order.push(key.to_owned());
        if !is_sound {
            self.broken("I16", Some(user), format!("`{key}` is replayed, and was not refused"));
        }
    }

    /// None of a user's writes is to be sent from now on; whether any was open.
    pub(super) fn forget_writes(&mut self, user: &str) -> bool {
        let mut held = false;
        for key in self.writes.order.get(user).into_iter().flatten() {
            let write = self.writes.by_key.get_mut(key).expect("what is in order is known");
            held |= write.outcome.is_none();
            write.gone |= write.is_open();
        }
        self.writes.under_way.remove(user);
        held
    }

    /// I9: nothing was forgotten.
    pub(super) fn finish_writes(&mut self) {
        let open = self.writes.by_key.iter().filter(|(_, write)| write.is_open());
        let open: Vec<(String, String)> =
            open.map(|(key, write)| (key.clone(), write.user.clone())).collect();
        for (key, user) in open {
            self.broken("I9", Some(&user), format!("`{key}` never got an outcome"));
        }
    }
}

impl Writes {
    pub(super) fn anybody_held(&self) -> bool {
        self.by_key.values().any(|write| write.outcome.is_none() && !write.gone)
    }

    pub(super) fn well_written(&self) -> impl Iterator<Item = &str> {
        let committed = |key: &String| {
            let write = self.by_key.get(key).filter(|write| !write.in_doubt);
            matches!(write.and_then(|write| write.outcome), Some("applied" | "accepted"))
        };
        let users = self.order.iter();
        users.filter(move |(_, keys)| keys.iter().all(committed)).map(|(user, _)| user.as_str())
    }

    /// What was on its way is gone, and what the machine had been told may be forgotten:
    /// a crash between a reply and its commit.
    pub(super) fn disconnected(&mut self) {
        self.expected.clear();
        self.under_way.clear();
        for write in self
            .by_key
            .values_mut()
            .filter(|write| write.outcome.is_none() || write.outcome == Some("timeout"))
        {
            write.doubtful = write.told.keys().copied().collect();
            write.not_before = None;
            write.failures = 0;
        }
    }
}
