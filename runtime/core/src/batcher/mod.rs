//! Packing held updates into requests that a backend takes.
//!
//! A request has three bins (attributes, events, purchases), each with a limit, and
//! perhaps one limit over all. It is closed when the next write no longer fits, when it
//! has been open for the linger time, and at once when nothing else is under way: a lone
//! user needn't wait for company. A write goes as a whole into one request if it fits in
//! an empty one; a larger one goes in parts, each after the former's reply.
//!
//! The batcher is not logged. After a crash requests may be composed differently; keys
//! make that harmless. Writes of one user never meet here: the shard hands out one at a
//! time.

mod bins;
mod reply;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use flowrun_sdk::Millis;

use crate::effect::Write;
use crate::planted::{Bug, is_planted};
use crate::trace::Counts;
use crate::{ItemId, ShardId};

pub use bins::{Limits, Part};
pub use reply::{Answers, Reply, Settlement};

/// How requests are formed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatcherSettings {
    pub limits: Limits,
    /// The longest that a write waits for company.
    pub linger: Millis,
    /// Requests under way at once.
    pub in_flight: usize,
    /// Requests a minute; `None`: as many as the backend can take.
    pub per_minute: Option<u32>,
}

impl Default for BatcherSettings {
    fn default() -> BatcherSettings {
        let (limits, linger) = (Limits::USER_TRACK, Millis(50));
        BatcherSettings { limits, linger, in_flight: 8, per_minute: Some(50_000) }
    }
}

/// So many requests' room is kept, and of none that is larger.
const SPARE: usize = 32;
const LARGEST_SPARE: usize = 4_096;

/// A request to a backend: parts of writes, in order.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// From 1, in the order of closing.
    pub number: u64,
    pub parts: Arc<Vec<Part>>,
    pub objects: Counts,
}

impl Request {
    /// The highest attempt among its writes.
    pub fn attempt(&self) -> u32 {
        self.parts.iter().map(|part| part.write.attempt).max().unwrap_or(1)
    }
}

/// Held updates of many shards and Canvases in, requests within the backend's limits out.
pub struct Batcher {
    settings: BatcherSettings,
    open: Vec<Part>,
    filled: Counts,
    opened: Millis,
    closed: VecDeque<Vec<Part>>,
    under_way: BTreeMap<u64, Arc<Vec<Part>>>,
    /// Room of former requests, to be used again: as much as new room costs more to make than
    /// to fill.
    spare: Vec<Vec<Part>>,
    /// Writes that wait here or are under way.
    writes: usize,
    last: u64,
    /// When the rate allows the next request (a GCRA's theoretical arrival time).
    allowance: Millis,
    /// Remainder of the rate's interval, in 1/60,000ths, so that no fraction gets lost.
    fraction: i64,
}

impl Batcher {
    pub fn new(settings: BatcherSettings) -> Batcher {
        Batcher {
            settings,
            open: Vec::new(),
            filled: Counts::default(),
            opened: Millis(0),
            closed: VecDeque::new(),
            under_way: BTreeMap::new(),
            spare: Vec::new(),
            writes: 0,
            last: 0,
            allowance: Millis(i64::MIN),
            fraction: 0,
        }
    }

    /// Numbers requests after this one: for a batcher that goes on where one has died.
    #[must_use]
    pub fn numbered_from(self, last: u64) -> Batcher {
        Batcher { last, ..self }
    }

    /// Takes a write, into the open request if it fits.
    pub fn push(&mut self, now: Millis, write: Write) {
        self.writes += 1;
        self.add(now, Part::first(write));
    }

    fn add(&mut self, now: Millis, mut part: Part) {
        let limits = self.settings.limits;
        let whole = part.remaining();
        if !limits.fits(self.filled, whole) && !self.open.is_empty() {
            self.close();
        }
        if self.open.is_empty() {
            self.opened = now;
        }
        let taken = part.take(limits.room(self.filled));
        debug_assert!(taken.total() > 0, "every limit is at least one object");
        self.filled = bins::sum(self.filled, taken);
        self.open.push(part);
        if limits.is_full(self.filled) {
            self.close();
        }
    }

    fn close(&mut self) {
        debug_assert!(self.settings.limits.fits(Counts::default(), self.filled), "I7");
        let room = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(self.open.len()));
        self.closed.push_back(std::mem::replace(&mut self.open, room));
        self.filled = Counts::default();
    }

    /// The requests that are to be made now. Call it when all writes of this moment were
    /// pushed: what is open is then closed if nothing is under way.
    #[must_use]
    pub fn poll(&mut self, now: Millis) -> Vec<Request> {
        if !self.open.is_empty() {
            let idle = self.under_way.is_empty() && self.closed.is_empty();
            if idle || now >= self.opened + self.settings.linger {
                self.close();
            }
        }
        self.poll_full(now)
    }

    /// The requests that are full and may be made now, while more writes are to come.
    #[must_use]
    pub fn poll_full(&mut self, now: Millis) -> Vec<Request> {
        let mut requests = Vec::new();
        while self.under_way.len() < self.settings.in_flight && now >= self.allowance {
            let Some(parts) = self.closed.pop_front() else { break };
            self.spend(now);
            self.last += 1;
            let parts = Arc::new(parts);
            let objects =
                parts.iter().fold(Counts::default(), |sum, part| bins::sum(sum, part.counts()));
            self.under_way.insert(self.last, parts.clone());
            requests.push(Request { number: self.last, parts, objects });
        }
        requests
    }

    fn spend(&mut self, now: Millis) {
        let Some(per_minute) = self.settings.per_minute else { return };
        // One request per 60,000 / rate ms, and at most one minute's share of a second
        // saved up from quieter times.
        let per_minute = i64::from(per_minute.max(1));
        let burst = Millis(1000);
        let from = self.allowance.max(now - burst);
        let interval = 60_000 + self.fraction;
        self.fraction = interval % per_minute;
        self.allowance = from + Millis(interval / per_minute);
    }

    /// The next moment at which [`Self::poll`] has something to do without further input.
    pub fn next_wake(&self) -> Option<Millis> {
        let free = self.under_way.len() < self.settings.in_flight;
        if free && !self.closed.is_empty() {
            return Some(self.allowance);
        }
        (!self.open.is_empty()).then(|| self.opened + self.settings.linger)
    }

    /// Takes a reply: an outcome per write whose objects all have been tried.
    #[must_use]
    pub fn reply(&mut self, now: Millis, request: u64, reply: &Reply) -> Vec<Settlement> {
        let other = self.under_way.last_key_value().map(|(request, _)| *request);
        let request = match other {
            Some(other) if is_planted(Bug::AnswersMixedUp) => other,
            _ => request,
        };
        let Some(parts) = self.under_way.remove(&request) else { return Vec::new() };
        if let Some(pause) = reply.pause {
            self.allowance = self.allowance.max(now + pause);
        }
        // Nobody else has them any more, as a rule: then nothing is copied.
        let mut parts = Arc::try_unwrap(parts).unwrap_or_else(|shared| (*shared).clone());
        let (settlements, rest) = reply::settle(&mut parts, reply);
        if self.spare.len() < SPARE && parts.capacity() <= LARGEST_SPARE {
            self.spare.push(parts);
        }
        rest.into_iter().for_each(|part| self.add(now, part));
        self.writes -= settlements.len();
        settlements
    }

    /// Drops writes of a shard that have not left, whatever is left of them; of those under
    /// way, what comes back is nobody's.
    pub fn withdraw(&mut self, shard: ShardId, writes: &[ItemId]) {
        let writes: BTreeSet<ItemId> = writes.iter().copied().collect();
        let is_gone = |part: &Part| part.write.shard == shard && writes.contains(&part.write.id);
        let mut gone = 0;
        let mut keep = |parts: &mut Vec<Part>| {
            let before = parts.len();
            parts.retain(|part| !is_gone(part));
            gone += before - parts.len();
        };
        keep(&mut self.open);
        self.closed.iter_mut().for_each(&mut keep);
        self.closed.retain(|parts| !parts.is_empty());
        self.filled =
            self.open.iter().fold(Counts::default(), |sum, part| bins::sum(sum, part.counts()));
        for parts in self.under_way.values_mut() {
            if parts.iter().any(|part| is_gone(part) && !part.is_withdrawn()) {
                let parts = Arc::make_mut(parts).iter_mut();
                parts.filter(|part| is_gone(part) && !part.is_withdrawn()).for_each(|part| {
                    part.withdraw();
                    gone += 1;
                });
            }
        }
        self.writes -= gone;
    }

    /// The parts of a request that is under way; none of one that isn't.
    pub fn parts_of(&self, request: u64) -> &[Part] {
        self.under_way.get(&request).map_or(&[], |parts| parts.as_slice())
    }

    /// Writes that wait here or are under way.
    pub fn writes(&self) -> usize {
        self.writes
    }
}
