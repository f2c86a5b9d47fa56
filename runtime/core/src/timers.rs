//! Who has to be looked at when.
//!
//! Timers are lazy: a timer whose owner has moved on is dropped when it fires. They fire
//! in the order of `(due, what)`, whatever the order of setting them, so that a shard
//! restored from a snapshot fires as the original would have.
//!
//! They lie in buckets of a second. People's waits end at the same moments (09:00, "in
//! two days" after a campaign), so a bucket holds many, and a million timers cost a few
//! thousand tree nodes and 8 bytes each: the second is the bucket's, and what is left of the
//! moment shares a word with what the timer is for.

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

/// The timers of a second: never empty.
struct Bucket {
    /// Known without sorting: hosts ask for it far more often than timers fire. And a bucket of
    /// one needs no list.
    first: Packed,
    /// The others: descending, so that the next one is popped from the end; unless `unsorted`.
    others: Vec<Packed>,
    unsorted: bool,
}

/// A timer of a known second, in the order of timers: milliseconds, what it is for, slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Packed(u64);

impl Timers {
    /// All these timers, with no more memory than that takes: a large bucket that grows little
    /// by little leaves behind what it grew out of.
    pub fn of<I: Iterator<Item = (Millis, Timer)>>(all: impl Fn() -> I) -> Timers {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        // Whoever came together waits for the same, so one look at the tree is for many.
        let mut run = (0, 0);
        for (due, _) in all() {
            let second = second(due);
            if second != run.0 {
                *counts.entry(run.0).or_default() += run.1;
                run = (second, 0);
            }
            run.1 += 1;
        }
        *counts.entry(run.0).or_default() += run.1;
        let mut timers = Timers::default();
        for (due, timer) in all() {
            timers.put(due, timer, |second| counts.get(&second).map_or(0, |count| count - 1));
        }
        timers
    }

    pub fn set(&mut self, due: Millis, timer: Timer) {
        self.put(due, timer, |_| 0);
    }

    /// The earliest timer.
    pub fn first(&self) -> Option<(Millis, Timer)> {
        let (second, bucket) = self.buckets.first_key_value()?;
        Some(bucket.first.of(*second))
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// The moments of up to so many timers, the earliest first.
    pub fn earliest(&mut self, most: usize) -> Vec<Millis> {
        let mut moments = Vec::new();
        for (second, bucket) in &mut self.buckets {
            bucket.sort();
            let timers = [&bucket.first].into_iter().chain(bucket.others.iter().rev());
            let timers = timers.map(|timer| timer.of(*second).0);
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
        let popped = first.get().first.of(*first.key());
        if popped.0 > now {
            return None;
        }
        let bucket = first.get_mut();
        bucket.sort();
        match bucket.others.pop() {
            Some(next) => bucket.first = next,
            None => drop(first.remove()),
        }
        self.count -= 1;
        Some(popped)
    }

    /// Sets a timer; `room` says of a second how many others there will be.
    fn put(&mut self, due: Millis, timer: Timer, room: impl FnOnce(i64) -> usize) {
        let (second, mut set) = (second(due), Packed::new(due, timer));
        self.count += 1;
        let Some(bucket) = self.buckets.get_mut(&second) else {
            let others = Vec::with_capacity(room(second));
            self.buckets.insert(second, Bucket { first: set, others, unsorted: false });
            return;
        };
        if set < bucket.first {
            std::mem::swap(&mut set, &mut bucket.first);
        }
        bucket.unsorted |= bucket.others.last().is_some_and(|last| *last < set);
        bucket.others.push(set);
    }
}

impl Bucket {
    fn sort(&mut self) {
        if self.unsorted {
            self.others.sort_unstable_by(|a, b| b.cmp(a));
            self.unsorted = false;
        }
    }
}

fn second(due: Millis) -> i64 {
    due.0.div_euclid(1000)
}

/// Bits of a slot, and of what has one.
const SLOT: u32 = 32;
const KIND: u32 = 2;

impl Packed {
    fn new(due: Millis, timer: Timer) -> Packed {
        let (kind, slot) = match timer {
            Timer::Journey(slot) => (0, slot),
            Timer::Deadline(slot) => (1, slot),
            Timer::Write(slot) => (2, slot),
            Timer::Message(slot) => (3, slot),
        };
        let millis = due.0.rem_euclid(1000) as u64;
        Packed(millis << (SLOT + KIND) | kind << SLOT | u64::from(slot))
    }

    /// The timer, in its second.
    fn of(self, second: i64) -> (Millis, Timer) {
        let slot = self.0 as u32;
        let timer = match self.0 >> SLOT & 3 {
            0 => Timer::Journey(slot),
            1 => Timer::Deadline(slot),
            2 => Timer::Write(slot),
            _ => Timer::Message(slot),
        };
        let millis = (self.0 >> (SLOT + KIND)) as i64;
        // Of the first second that there is, the beginning is before all numbers.
        (Millis(second.wrapping_mul(1000).wrapping_add(millis)), timer)
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

    /// The order is that of pairs of moment and timer, as if they were kept in full.
    #[test]
    fn the_order_is_that_of_moments_and_what_they_are_for() {
        use Timer::{Deadline, Journey, Message, Write};
        const LAST: u32 = u32::MAX;
        let sets: [&[(i64, Timer)]; 6] = [
            &[(7, Journey(1))],
            &[(7, Journey(2)), (7, Journey(1)), (7, Journey(LAST)), (7, Journey(0))],
            &[(7, Message(0)), (7, Write(LAST)), (7, Deadline(LAST)), (7, Journey(LAST))],
            &[(999, Journey(0)), (0, Message(LAST)), (1, Deadline(5)), (998, Write(7))],
            &[(1_000, Journey(3)), (999, Message(LAST)), (-1, Write(2)), (-1_000, Write(2))],
            &[
                (i64::MAX, Message(LAST)),
                (i64::MIN, Journey(0)),
                (i64::MAX - 1, Write(1)),
                (i64::MIN + 1, Deadline(LAST)),
                (4_102_444_800_000, Journey(9)),
                (4_102_444_800_000, Journey(9)),
            ],
        ];
        for set in sets {
            let set: Vec<(Millis, Timer)> =
                set.iter().map(|(due, timer)| (Millis(*due), *timer)).collect();
            let mut expected = set.clone();
            expected.sort();
            let mut each = Timers::default();
            set.iter().rev().for_each(|(due, timer)| each.set(*due, *timer));
            let all = Timers::of(|| set.iter().copied());
            for mut timers in [each, all] {
                assert_eq!(timers.len(), set.len());
                let moments: Vec<Millis> = expected.iter().map(|(due, _)| *due).collect();
                assert_eq!(timers.earliest(set.len()), moments);
                assert_eq!(timers.earliest(2), moments[..2.min(set.len())]);
                let mut fired = Vec::new();
                while let Some(first) = timers.first() {
                    let before = first.0.0.checked_sub(1).map(Millis);
                    assert_eq!(before.and_then(|before| timers.pop_due(before)), None);
                    fired.extend(timers.pop_due(first.0));
                }
                assert_eq!((fired, timers.len()), (expected.clone(), 0));
            }
        }
    }

    #[test]
    fn timers_may_be_set_while_others_of_their_second_fire() {
        let (mut timers, mut kept) = (Timers::default(), std::collections::BTreeSet::new());
        let mut drawn = 1_u64;
        for round in 0..4_000_u32 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round.into());
            let due = Millis((drawn >> 40) as i64 % 3_000 + i64::from(round));
            timers.set(due, Timer::Write(round));
            kept.insert((due, Timer::Write(round)));
            if drawn >> 33 & 1 == 1 {
                assert_eq!(timers.first(), kept.first().copied());
                assert_eq!(timers.pop_due(Millis::MAX), kept.pop_first());
            }
        }
        let rest: Vec<_> = std::iter::from_fn(|| timers.pop_due(Millis::MAX)).collect();
        assert_eq!(rest, kept.into_iter().collect::<Vec<_>>());
    }
}
