//! Rate limits: fixed windows per group of endpoints, for all clients together, as the vendor counts per workspace.
//!
//! A group may have several windows (a burst and an hour); a request must fit all of them, and the tightest is told. Only
//! requests of somebody with a key are counted, so that strangers can't use up what others may take.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::options::Dialect;

/// So many requests within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub requests: u32,
    pub per: Duration,
}

impl Rate {
    pub const fn per_minute(requests: u32) -> Rate {
        Rate { requests, per: Duration::from_secs(60) }
    }

    pub const fn per_hour(requests: u32) -> Rate {
        Rate { requests, per: Duration::from_secs(3600) }
    }
}

/// Endpoints that share a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Track,
    TrackSync,
    /// Identify, merge, delete, new aliases.
    Users,
    Export,
    Triggers,
    /// Triggers without recipients; they count as triggers, too.
    Broadcasts,
    Other,
}

/// The limits of each group. An empty list is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    pub track: Vec<Rate>,
    pub track_sync: Vec<Rate>,
    pub users: Vec<Rate>,
    pub export: Vec<Rate>,
    pub triggers: Vec<Rate>,
    pub broadcasts: Vec<Rate>,
    pub other: Vec<Rate>,
}

impl Default for Rates {
    fn default() -> Rates {
        Rates {
            track: vec![Rate::per_minute(50_000)],
            track_sync: vec![Rate::per_minute(500)],
            users: vec![Rate::per_minute(20_000)],
            export: vec![Rate::per_minute(250)],
            triggers: vec![Rate::per_hour(250_000)],
            broadcasts: vec![Rate::per_minute(250)],
            other: vec![Rate::per_hour(250_000)],
        }
    }
}

/// What a group has left, after a request was counted or looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    limit: u32,
    remaining: u32,
    reset_ms: i64,
    now_ms: i64,
}

/// How many requests each group has had in its windows.
#[derive(Debug)]
pub(crate) struct Meter {
    groups: [Mutex<Vec<Window>>; 7],
}

#[derive(Debug)]
struct Window {
    rate: Rate,
    /// The number of the window since 1970.
    number: i64,
    used: u32,
}

impl Meter {
    pub(crate) fn new(rates: &Rates) -> Meter {
        let all = [
            &rates.track,
            &rates.track_sync,
            &rates.users,
            &rates.export,
            &rates.triggers,
            &rates.broadcasts,
            &rates.other,
        ];
        let window = |rate: &Rate| Window { rate: *rate, number: i64::MIN, used: 0 };
        Meter { groups: all.map(|rates| Mutex::new(rates.iter().map(window).collect())) }
    }

    /// Counts a request. `Err` when one window is full; the request then counts in none.
    pub(crate) fn take(&self, group: Group, now_ms: i64) -> Result<Option<Standing>, Standing> {
        let mut windows = self.windows(group, now_ms);
        if windows.iter().any(|window| window.used >= window.rate.requests) {
            return Err(standing(&windows, now_ms).expect("a window is full"));
        }
        windows.iter_mut().for_each(|window| window.used += 1);
        Ok(standing(&windows, now_ms))
    }

    /// What is left, without counting.
    pub(crate) fn look(&self, group: Group, now_ms: i64) -> Option<Standing> {
        standing(&self.windows(group, now_ms), now_ms)
    }

    fn windows(&self, group: Group, now_ms: i64) -> std::sync::MutexGuard<'_, Vec<Window>> {
        let windows = &self.groups[group as usize];
        let mut windows = windows.lock().unwrap_or_else(PoisonError::into_inner);
        for window in &mut *windows {
            // A clock that steps back into an earlier window starts it anew; nobody is kept out for longer than a window.
            let number = now_ms.div_euclid(window.ms());
            if number != window.number {
                (window.number, window.used) = (number, 0);
            }
        }
        windows
    }
}

impl Window {
    fn ms(&self) -> i64 {
        i64::try_from(self.rate.per.as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

/// Of the window with the least left; of several, the one that lasts longest.
fn standing(windows: &[Window], now_ms: i64) -> Option<Standing> {
    let all = windows.iter().map(|window| Standing {
        limit: window.rate.requests,
        remaining: window.rate.requests.saturating_sub(window.used),
        reset_ms: window.number.saturating_add(1).saturating_mul(window.ms()),
        now_ms,
    });
    all.min_by_key(|standing| (standing.remaining, std::cmp::Reverse(standing.reset_ms)))
}

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-ratelimit-retry-after");

impl Standing {
    /// Whole seconds until the window ends, at least one.
    pub(crate) fn seconds_left(&self) -> i64 {
        (self.reset_ms.saturating_sub(self.now_ms).saturating_add(999) / 1000).max(1)
    }

    pub(crate) fn tell(&self, headers: &mut HeaderMap, dialect: Dialect) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        let reset = match dialect {
            // Rounded up: who waits until then finds the window over.
            Dialect::Epoch => self.reset_ms.saturating_add(999).div_euclid(1000),
            Dialect::SecondsLeft => self.seconds_left(),
        };
        headers.insert(RESET, HeaderValue::from(reset));
    }

    /// The same for an answer of 429.
    pub(crate) fn tell_exceeded(&self, headers: &mut HeaderMap, dialect: Dialect) {
        let left = HeaderValue::from(self.seconds_left());
        match dialect {
            Dialect::Epoch => self.tell(headers, dialect),
            Dialect::SecondsLeft => drop(headers.insert(RETRY_AFTER, left.clone())),
        }
        headers.insert(axum::http::header::RETRY_AFTER, left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(rates: Vec<Rate>) -> Meter {
        Meter::new(&Rates { track: rates, ..Rates::default() })
    }

    fn told(standing: &Standing, dialect: Dialect) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        standing.tell(&mut headers, dialect);
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    #[test]
    fn a_window_lets_in_what_it_says_and_opens_again() {
        let meter = meter(vec![Rate::per_minute(2)]);
        let now = 90_000;
        let first = meter.take(Group::Track, now).unwrap().unwrap();
        assert_eq!((first.remaining, first.reset_ms), (1, 120_000));
        assert_eq!(meter.take(Group::Track, now).unwrap().unwrap().remaining, 0);
        let full = meter.take(Group::Track, now + 500).unwrap_err();
        assert_eq!((full.remaining, full.seconds_left()), (0, 30));
        assert_eq!(meter.look(Group::Track, now).unwrap().remaining, 0);
        assert_eq!(meter.take(Group::Track, 120_000).unwrap().unwrap().remaining, 1);
        // Another group is not touched, and a clock that goes back shuts nobody out.
        assert_eq!(meter.look(Group::Export, now).unwrap().remaining, 250);
        assert!(meter.take(Group::Track, 1_000).is_ok());
    }

    #[test]
    fn of_several_windows_the_tightest_counts() {
        let burst = Rate { requests: 2, per: Duration::from_secs(3) };
        let meter = meter(vec![Rate::per_hour(3), burst]);
        assert!(meter.take(Group::Track, 0).is_ok() && meter.take(Group::Track, 1).is_ok());
        assert_eq!(meter.take(Group::Track, 2).unwrap_err().seconds_left(), 3);
        assert!(meter.take(Group::Track, 3_000).is_ok());
        // The burst has room, the hour has not.
        assert_eq!(meter.take(Group::Track, 6_000).unwrap_err().seconds_left(), 3_594);
        assert_eq!(
            Meter::new(&Rates { other: vec![], ..Rates::default() }).take(Group::Other, 0),
            Ok(None)
        );
    }

    #[test]
    fn both_dialects_say_when_to_come_again() {
        let standing = Standing { limit: 9, remaining: 0, reset_ms: 120_000, now_ms: 90_001 };
        let value = |pairs: Vec<(String, String)>, name: &str| {
            pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
        };
        let reset = |dialect| value(told(&standing, dialect), "x-ratelimit-reset").unwrap();
        assert_eq!(reset(Dialect::Epoch), "120");
        assert_eq!(reset(Dialect::SecondsLeft), "30");
        let mut headers = HeaderMap::new();
        standing.tell_exceeded(&mut headers, Dialect::SecondsLeft);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers["x-ratelimit-retry-after"], "30");
    }
}
