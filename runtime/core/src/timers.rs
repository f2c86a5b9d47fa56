//! Who has to be looked at when.
//!
//! Timers are lazy: a timer whose owner has moved on is dropped when it fires. They fire
//! in the order of `(due, what)`, whatever the order of setting them, so that a shard
//! restored from a snapshot fires as the original would have.
//!
//! They lie in buckets of a second. People's waits end at the same moments (09:00, "in
//! two days" after a campaign), so a bucket holds many, and a million timers cost a few
//! thousand tree nodes and 16 bytes each.

use std::collections::BTreeMap;

use flowrun_sdk::Millis;

/// What a timer is for. Slots only: the owner's own state says whether it still applies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Timer {
    /// A journey's wait ends.
    Journey(u32),
    /// A held update has waited as long as its step allows.
    Deadline(u32),
    /// A write is to be tried again.
    Write(u32),
    /// A message is to be tried again.
    Message(u32),
}

#[derive(Default)]
pub(crate) struct Timers {
    buckets: BTreeMap<i64, Bucket>,
    count: usize,
}

struct Bucket {
    /// Descending, so that the next one is popped from the end; unless `unsorted`.
    timers: Vec<(Millis, Timer)>,
    unsorted: bool,
    /// Known without sorting: hosts ask for it far more often than timers fire.
    first: (Millis, Timer),
}

impl Timers {
    pub fn set(&mut self, due: Millis, timer: Timer) {
        let set = (due, timer);
        let bucket = self.buckets.entry(due.0.div_euclid(1000)).or_insert_with(|| Bucket {
            timers: Vec::new(),
            unsorted: false,
            first: set,
        });
        bucket.timers.push(set);
        self.count += 1;
        bucket.unsorted |= bucket.timers.len() > 1;
        bucket.first = bucket.first.min(set);
    }

    /// The earliest timer.
    pub fn first(&self) -> Option<(Millis, Timer)> {
        Some(self.buckets.first_key_value()?.1.first)
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// The moments of up to so many timers, the earliest first.
    pub fn earliest(&mut self, most: usize) -> Vec<Millis> {
        let mut moments = Vec::new();
        for bucket in self.buckets.values_mut() {
            let timers = bucket.sorted().iter().rev().map(|(due, _)| *due);
            moments.extend(timers.take(most - moments.len()));
            if moments.len() == most {
                break;
            }
        }
        moments
    }

    /// The earliest timer that is due.
    pub fn pop_due(&mut self, now: Millis) -> Option<(Millis, Timer)> {
        let mut first = self.buckets.first_entry()?;
        if first.get().first.0 > now {
            return None;
        }
        let timers = first.get_mut().sorted();
        let popped = timers.pop();
        self.count -= usize::from(popped.is_some());
        match timers.last().copied() {
            Some(next) => first.get_mut().first = next,
            None => drop(first.remove()),
        }
        popped
    }
}

impl Bucket {
    fn sorted(&mut self) -> &mut Vec<(Millis, Timer)> {
        if self.unsorted {
            self.timers.sort_unstable_by(|a, b| b.cmp(a));
            self.unsorted = false;
        }
        &mut self.timers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_by_due_time_and_never_early() {
        let mut timers = Timers::default();
        let due = [5_000, 1, 999, 1_000, 5_000, -1, 5_001, 999];
        for (slot, due) in due.into_iter().enumerate() {
            timers.set(Millis(due), Timer::Journey(slot as u32));
        }
        assert_eq!(timers.first().map(|first| first.0), Some(Millis(-1)));
        let mut fired = Vec::new();
        while let Some((due, _)) = timers.pop_due(Millis(5_000)) {
            fired.push(due.0);
            if due == Millis(1_000) {
                timers.set(Millis(2_000), Timer::Deadline(7));
            }
        }
        assert_eq!(fired, [-1, 1, 999, 999, 1_000, 2_000, 5_000, 5_000]);
        assert_eq!(timers.first().map(|first| first.0), Some(Millis(5_001)));
    }

    #[test]
    fn the_order_of_setting_does_not_matter() {
        let fire = |slots: [u32; 4]| {
            let mut timers = Timers::default();
            slots.into_iter().for_each(|slot| timers.set(Millis(7), Timer::Journey(slot)));
            std::iter::from_fn(move || timers.pop_due(Millis(7))).collect::<Vec<_>>()
        };
        assert_eq!(fire([1, 2, 3, 4]), fire([4, 2, 1, 3]));
    }
}
