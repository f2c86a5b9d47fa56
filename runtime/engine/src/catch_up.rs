//! What came due while nobody was there is let go little by little.
//!
//! After an hour of standstill a million delays may be over at once, and a backend, a channel
//! and people's phones would get it all in one moment. So whatever is overdue at a start, or
//! when a paused Canvas goes on, fires once, in the order of its moments over all shards, and
//! at most so fast: 1,000 a second, or what ends it in ten minutes, whichever is more. A few
//! are let go at once, as after any short standstill; a million take ten minutes. What comes
//! due meanwhile fires on time, and a backend that can't keep up holds back both.

use flowrun_core::Millis;

/// The least that is let go in a second.
const PER_SECOND: i64 = 1_000;
/// All is let go within this.
const WITHIN: Millis = Millis(600_000);
/// How often some are let go.
const EVERY: Millis = Millis(50);

/// How many overdue timers may fire. Time is the steady clock's.
#[derive(Default)]
pub(crate) struct CatchUp {
    /// While there are any.
    under_way: Option<UnderWay>,
}

#[derive(Clone, Copy)]
struct UnderWay {
    per_second: i64,
    last: Millis,
}

impl CatchUp {
    /// How many of so many may fire now.
    pub fn share(&mut self, steady: Millis, overdue: usize) -> usize {
        if overdue == 0 {
            self.under_way = None;
            return 0;
        }
        let needed = (overdue as i64).saturating_mul(1_000) / WITHIN.0 + 1;
        let begun = UnderWay { per_second: PER_SECOND, last: steady - EVERY };
        let mut under_way = self.under_way.unwrap_or(begun);
        // More may have come: a Canvas goes on.
        under_way.per_second = under_way.per_second.max(needed);
        let passed = steady - under_way.last;
        // What a busy moment has left over is not made up for at once.
        let share = passed.0.min(EVERY.0 * 2) * under_way.per_second / 1_000;
        if passed >= EVERY {
            under_way.last = steady;
        }
        self.under_way = Some(under_way);
        if passed < EVERY { 0 } else { (share as usize).min(overdue) }
    }

    /// When the next may fire.
    pub fn next_wake(&self) -> Option<Millis> {
        self.under_way.map(|under_way| under_way.last + EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many overdue timers, looked at every so many milliseconds: how many have fired after
    /// a second, and after how many milliseconds all have.
    #[test]
    fn what_is_overdue_fires_at_most_so_fast_and_within_ten_minutes() {
        for (overdue, look, after_a_second, all_after) in [
            (10, 50, 10, 0),
            (1_000, 50, 1_000, 950),
            (5_000, 50, 1_050, 4_950),
            (5_000, 10, 1_050, 4_950),
            // Looked at late: what was missed is not made up for.
            (5_000, 200, 550, 10_000),
            (6_000_000, 50, 10_500, 599_950),
        ] {
            let (mut catch_up, mut left, mut now) = (CatchUp::default(), overdue, Millis(7_000));
            let (mut in_first, mut took) = (0, None);
            while took.is_none() {
                let share = catch_up.share(now, left);
                left -= share;
                if now <= Millis(8_000) {
                    in_first += share;
                }
                took = (left == 0).then_some(now.0 - 7_000);
                now = now + Millis(look);
            }
            assert_eq!((in_first, took), (after_a_second, Some(all_after)), "{overdue}, {look}");
            assert_eq!(catch_up.share(now, 0), 0);
            assert_eq!(catch_up.next_wake(), None, "then nobody looks any more");
        }
    }
}
