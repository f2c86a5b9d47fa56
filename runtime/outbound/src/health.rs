//! Hosts that can't cope are left alone for a while.
//!
//! A host is unhealthy when, within a minute, 20 of its answers or more were 408, 429, 502,
//! 503, 504 or 529, or did not come at all, and these are at least half of them. Calls to
//! it are then halted for one minute, and answered with a simulated 598. (Braze gives no
//! number; these let a small service recover without cutting off one that fails now and
//! then.) Pure: the time is an argument.

use std::collections::{BTreeMap, VecDeque};

use flowrun_core::Millis;

/// From how many bad answers within the window on a host is unhealthy.
pub(crate) const ENOUGH: u32 = 20;
const WINDOW: Millis = Millis::from_secs(60);
const HALT: Millis = Millis::from_secs(60);
const SECOND: i64 = 1000;
/// How many hosts are watched; with `*.example.com` a template can make up any number.
const MOST_HOSTS: usize = 1_024;

/// How a call went, as far as the host's health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Good,
    Bad,
}

impl Sign {
    /// What a status says.
    pub fn of(status: u16) -> Sign {
        match status {
            408 | 429 | 502 | 503 | 504 | 529 => Sign::Bad,
            _ => Sign::Good,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Health {
    hosts: BTreeMap<String, Host>,
}

#[derive(Debug, Default)]
struct Host {
    halted_until: Option<Millis>,
    /// A count for each second in which something came; at most as many as the window has.
    seconds: VecDeque<Second>,
}

#[derive(Debug)]
struct Second {
    at: i64,
    good: u32,
    bad: u32,
}

impl Health {
    /// Whether the host may be called.
    pub fn lets(&self, now: Millis, host: &str) -> bool {
        let until = self.hosts.get(host).and_then(|host| host.halted_until);
        until.is_none_or(|until| now >= until)
    }

    /// Takes note of how a call went.
    pub fn note(&mut self, now: Millis, host: &str, sign: Sign) {
        if !self.hosts.contains_key(host) {
            self.make_room();
            self.hosts.insert(host.to_owned(), Host::default());
        }
        if let Some(host) = self.hosts.get_mut(host) {
            host.note(now, sign);
        }
    }

    /// The host that was heard of longest ago is forgotten.
    fn make_room(&mut self) {
        if self.hosts.len() < MOST_HOSTS {
            return;
        }
        let last = |host: &Host| (host.halted_until, host.seconds.back().map(|second| second.at));
        let oldest = self.hosts.iter().min_by_key(|(_, host)| last(host));
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.hosts.remove(&name);
        }
    }
}

impl Host {
    fn note(&mut self, now: Millis, sign: Sign) {
        if self.halted_until.is_some_and(|until| now < until) {
            // A call that was under way when the halt began.
            return;
        }
        self.halted_until = None;
        let at = now.0.div_euclid(SECOND);
        while self.seconds.front().is_some_and(|first| first.at <= at - WINDOW.0 / SECOND) {
            self.seconds.pop_front();
        }
        // A clock that goes back adds to what it has shown last.
        if self.seconds.back().is_none_or(|last| last.at < at) {
            self.seconds.push_back(Second { at, good: 0, bad: 0 });
        }
        if let Some(second) = self.seconds.back_mut() {
            let count = if sign == Sign::Good { &mut second.good } else { &mut second.bad };
            *count = count.saturating_add(1);
        }
        let sum =
            |part: fn(&Second) -> u32| self.seconds.iter().map(|s| u64::from(part(s))).sum::<u64>();
        let (good, bad) = (sum(|second| second.good), sum(|second| second.bad));
        if bad >= u64::from(ENOUGH) && bad >= good {
            self.halted_until = Some(now + HALT);
            self.seconds.clear();
        }
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
