//! Addresses that present keys which are none: how often one may guess.
//!
//! An address that has presented too many wrong keys within a minute is not told any more whether one is right; keys that
//! have opened the API from there before still do, so that a guesser behind somebody's proxy doesn't lock its clients out.
//! What is remembered is bounded, however many addresses come: those too many share one count.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

const MINUTE_MS: i64 = 60_000;
/// Addresses that are counted one by one within a minute.
const ADDRESSES: usize = 16_384;
/// Pairs of an address and a key that are remembered as good.
const FRIENDS: usize = 16_384;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From(pub IpAddr);

#[derive(Debug)]
pub(crate) struct Strangers {
    most: u32,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    minute: i64,
    failures: BTreeMap<IpAddr, u32>,
    friends: BTreeSet<(IpAddr, usize)>,
}

/// What a wrong key has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guess {
    Counted,
    /// The first beyond the limit in this minute.
    OneTooMany,
    TooMany,
}

impl Strangers {
    pub fn new(most: u32) -> Strangers {
        Strangers { most, seen: Mutex::default() }
    }

    /// Whether the key of this number opens anything from there now.
    pub fn lets(&self, from: From, key: usize, now_ms: i64) -> bool {
        let from = one(from);
        let mut seen = self.seen(now_ms);
        if seen.friends.contains(&(from, key)) {
            return true;
        }
        if seen.failures(from) >= self.most {
            return false;
        }
        if seen.friends.len() >= FRIENDS {
            // They are taken in again with their next request.
            seen.friends.clear();
        }
        seen.friends.insert((from, key))
    }

    /// Counts a wrong key.
    pub fn failed(&self, from: From, now_ms: i64) -> Guess {
        let mut seen = self.seen(now_ms);
        let place = seen.place(one(from));
        let count = seen.failures.entry(place).or_default();
        *count = count.saturating_add(1);
        match *count {
            count if count <= self.most => Guess::Counted,
            count if count == self.most + 1 => Guess::OneTooMany,
            _ => Guess::TooMany,
        }
    }

    fn seen(&self, now_ms: i64) -> MutexGuard<'_, Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now_ms.div_euclid(MINUTE_MS);
        if seen.minute != minute {
            seen.minute = minute;
            seen.failures.clear();
        }
        seen
    }
}

impl Seen {
    fn failures(&self, from: IpAddr) -> u32 {
        self.failures.get(&self.place(from)).copied().unwrap_or(0)
    }

    /// Where an address is counted: with all others, if there are too many.
    fn place(&self, from: IpAddr) -> IpAddr {
        let counted = self.failures.len() < ADDRESSES || self.failures.contains_key(&from);
        if counted { from } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) }
    }
}

/// Seconds until the count begins anew.
pub(crate) fn seconds_left(now_ms: i64) -> u32 {
    let left = MINUTE_MS - now_ms.rem_euclid(MINUTE_MS);
    u32::try_from(left.div_euclid(1_000) + 1).unwrap_or(60)
}

/// Whoever has one address of version 6 has 2^64 of them.
fn one(From(address): From) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(number: u32) -> From {
        From(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_guesser_is_stopped_and_nobody_who_was_known() {
        let strangers = Strangers::new(2);
        assert!(strangers.lets(from(1), 0, 0));
        let guesses = [(); 4].map(|()| strangers.failed(from(1), 0));
        assert_eq!(guesses, [Guess::Counted, Guess::Counted, Guess::OneTooMany, Guess::TooMany]);
        assert!(strangers.lets(from(1), 0, 0), "known from there");
        assert!(!strangers.lets(from(1), 1, 0), "not even a right one");
        assert!(strangers.lets(from(2), 1, 0), "from elsewhere");
        assert!(strangers.lets(from(1), 1, MINUTE_MS), "a minute later");
    }

    #[test]
    fn a_million_addresses_take_no_more_memory_than_some() {
        let strangers = Strangers::new(5);
        for number in 0..1_000_000 {
            strangers.failed(from(number), 0);
            strangers.lets(from(number), 0, 0);
        }
        let seen = strangers.seen(0);
        assert!(seen.failures.len() <= ADDRESSES + 1 && seen.friends.len() <= FRIENDS);
        drop(seen);
        assert_eq!(strangers.failed(from(2_000_000), 0), Guess::TooMany, "they share a count");
        let six = |text: &str| From(text.parse().unwrap());
        assert_eq!(one(six("2001:db8::1")), one(six("2001:db8::ffff:1")));
        assert_eq!(one(six("::ffff:1.2.3.4")), one(six("1.2.3.4")));
    }
}
