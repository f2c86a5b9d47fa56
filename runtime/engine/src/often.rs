//! Things that may happen a million times, and of which an operator wants to hear.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts, and says when to speak: the first time, the tenth, the hundredth…
#[derive(Debug, Default)]
pub(crate) struct Often(AtomicU64);

impl Often {
    /// How many times so far, if that is worth a word.
    pub fn counts(&self) -> Option<u64> {
        let times = self.0.fetch_add(1, Relaxed) + 1;
        (times == 10u64.pow(times.ilog10())).then_some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_times_are_seven_words() {
        let often = Often::default();
        let told: Vec<u64> = (0..1_000_000).filter_map(|_| often.counts()).collect();
        assert_eq!(told, [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]);
    }
}
