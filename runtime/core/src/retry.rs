//! When to try again: pure functions of the attempt and of who asks.

use flowrun_sdk::Millis;

use crate::planted::{Bug, is_planted};

/// How attempts are spread over time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryPolicy {
    /// The wait after the first failure; doubles with each further one.
    pub first: Millis,
    /// No wait of our own choosing is longer.
    pub longest: Millis,
    /// No wait that a backend asks for is longer.
    pub longest_told: Millis,
    /// Failures after which a write or message is given up. Waits that the backend asked
    /// for (a rate limit) don't count: they are no failures.
    pub attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            first: Millis::from_secs(1),
            longest: Millis::from_secs(600),
            longest_told: Millis::from_secs(3600),
            attempts: 13,
        }
    }
}

impl RetryPolicy {
    /// The wait after the given failure (from 1): exponential, with up to a quarter
    /// taken off by `salt`, so that users who failed together don't return together.
    pub fn delay(&self, failure: u32, salt: u64) -> Millis {
        let doublings = failure.saturating_sub(1).min(30);
        let full = self.first.0.saturating_mul(1 << doublings).min(self.longest.0);
        let jitter =
            ((u128::from(mix(salt ^ u64::from(failure))) * (full as u128 / 4)) >> 64) as i64;
        Millis((full - jitter).max(1))
    }

    /// The wait that a backend asked for, within reason.
    pub fn told(&self, after: Millis) -> Millis {
        let after = if is_planted(Bug::RetryAfterIgnored) { Millis(1) } else { after };
        Millis(after.0.clamp(1, self.longest_told.0))
    }
}

/// A fixed, well-spread function of 64 bits (the finalizer of SplitMix64).
pub(crate) fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let policy = RetryPolicy::default();
        for (failure, full) in
            [(1, 1_000), (2, 2_000), (5, 16_000), (10, 512_000), (11, 600_000), (99, 600_000)]
        {
            let waits: Vec<i64> = (0..1000).map(|salt| policy.delay(failure, salt).0).collect();
            assert!(waits.iter().all(|&wait| wait > full * 3 / 4 - 1 && wait <= full), "{failure}");
            let (low, high) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(high - low > full / 5, "spread over a quarter: {low}..{high}");
        }
    }

    #[test]
    fn a_backend_is_believed_within_reason() {
        let policy = RetryPolicy::default();
        for (told, wait) in [(-5, 1), (0, 1), (30_000, 30_000), (i64::MAX, 3_600_000)] {
            assert_eq!(policy.told(Millis(told)), Millis(wait));
        }
    }
}
