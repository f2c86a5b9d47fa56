//! How lengths of time are spread, in a fixed amount of memory however many there are.
//!
//! Buckets grow with what they hold: a length is told from another that differs by one
//! part in 64. A bucket remembers its sum, so that lengths that are all alike (two days,
//! to the millisecond) come back exactly.

use flowrun_core::Millis;

/// Buckets in each doubling, as a power of two.
const FINE: u32 = 6;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spread {
    /// Count and sum, by bucket; as long as the longest needs.
    buckets: Vec<(u64, i128)>,
    count: u64,
    least: Millis,
    most: Millis,
}

impl Spread {
    pub fn add(&mut self, length: Millis) {
        let length = Millis(length.0.max(0));
        let bucket = bucket(length.0 as u64);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, (0, 0));
        }
        let (count, sum) = &mut self.buckets[bucket];
        *count += 1;
        *sum += i128::from(length.0);
        self.least = if self.count == 0 { length } else { self.least.min(length) };
        self.most = self.most.max(length);
        self.count += 1;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn least(&self) -> Option<Millis> {
        (self.count > 0).then_some(self.least)
    }

    pub fn most(&self) -> Option<Millis> {
        (self.count > 0).then_some(self.most)
    }

    /// The length that so many percent don't exceed, to one part in 64.
    pub fn percentile(&self, percent: u64) -> Option<Millis> {
        let wanted = (self.count * percent).div_ceil(100).clamp(1, self.count.max(1));
        if wanted == self.count {
            return self.most();
        }
        let mut seen = 0;
        for (count, sum) in &self.buckets {
            seen += count;
            if seen >= wanted {
                return Some(Millis((sum / i128::from(*count)) as i64));
            }
        }
        None
    }

    /// How many there are up to each of these lengths, which ascend.
    pub fn up_to(&self, lengths: &[Millis]) -> Vec<u64> {
        let mut sums = vec![0; lengths.len()];
        for (count, sum) in self.buckets.iter().filter(|(count, _)| *count > 0) {
            let mean = Millis((sum / i128::from(*count)) as i64);
            let first = lengths.partition_point(|length| *length < mean);
            sums[first..].iter_mut().for_each(|sum| *sum += count);
        }
        sums
    }

    /// Adds what another has seen.
    pub fn merge(&mut self, other: &Spread) {
        if other.count == 0 {
            return;
        }
        self.buckets.resize(self.buckets.len().max(other.buckets.len()), (0, 0));
        for ((count, sum), (more, and)) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
            *sum += and;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.count += other.count;
    }
}

fn bucket(value: u64) -> usize {
    let doublings = (64 - value.leading_zeros()).saturating_sub(FINE + 1);
    ((u64::from(doublings) << FINE) + (value >> doublings)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_ascend_and_are_fine_enough() {
        let mut last = 0;
        for value in (0..100_000_u64).chain((100_000..u64::from(u32::MAX) * 90).step_by(7_777_777))
        {
            let bucket = bucket(value);
            assert!(bucket >= last, "{value}");
            last = bucket;
        }
        assert_ne!(bucket(86_400_000), bucket(86_400_000 + 86_400_000 / 32));
        assert!(bucket(i64::MAX as u64) < 4096, "little memory");
    }

    #[test]
    fn percentiles_are_those_of_the_lengths() {
        let mut spread = Spread::default();
        assert_eq!((spread.percentile(50), spread.most(), spread.least()), (None, None, None));
        (1..=1000).for_each(|length| spread.add(Millis(length * 1000)));
        for (percent, expected) in [(50, 500_000), (90, 900_000), (99, 990_000), (100, 1_000_000)] {
            let found = spread.percentile(percent).unwrap().0;
            assert!((found - expected).abs() <= expected / 64, "{percent}: {found}");
        }
        assert_eq!(spread.up_to(&[Millis(0), Millis(10_000_000)]), [0, 1000]);
    }

    #[test]
    fn what_is_alike_comes_back_exactly() {
        let mut spread = Spread::default();
        (0..9).for_each(|_| spread.add(Millis(172_800_040)));
        spread.add(Millis(999_999_999));
        let mut both = Spread::default();
        both.merge(&spread);
        both.merge(&Spread::default());
        for spread in [spread, both] {
            assert_eq!(spread.percentile(50), Some(Millis(172_800_040)));
            assert_eq!(spread.percentile(99), Some(Millis(999_999_999)));
            assert_eq!(spread.least(), Some(Millis(172_800_040)));
        }
    }
}
