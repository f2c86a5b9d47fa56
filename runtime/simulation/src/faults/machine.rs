//! The machine: it dies at beats, and its clock jumps.

use std::cell::RefCell;
use std::rc::Rc;

use flowrun_core::Millis;

use super::{Clock, Dice, Plan};
use crate::mischief::{Beat, Mischief};
use crate::oracle::{Ledger, Mark};

/// How often a clock is set, if it jumps.
const CLOCK_EVERY: Millis = Millis(7 * 3_600_000);

/// A machine that a plan has in hand.
pub struct Machine {
    seed: u64,
    crashes: f64,
    clock: Clock,
    start: Millis,
    end: Millis,
    beats: u64,
    commits: u64,
    /// It does not die twice in a row while coming back.
    recovering: bool,
    error: Millis,
    ledger: Rc<RefCell<Ledger>>,
}

impl Machine {
    /// Trouble from `start` on and before `end`.
    pub fn new(
        seed: u64,
        plan: &Plan,
        (start, end): (Millis, Millis),
        ledger: Rc<RefCell<Ledger>>,
    ) -> Machine {
        let (crashes, clock) = (plan.machine.crashes, plan.machine.clock);
        let (recovering, error) = (false, Millis(0));
        Machine {
            seed,
            crashes,
            clock,
            start,
            end,
            beats: 0,
            commits: 0,
            recovering,
            error,
            ledger,
        }
    }

    fn period(&self, now: Millis) -> i64 {
        (now - self.start).0.div_euclid(CLOCK_EVERY.0)
    }

    /// How far the clock is off since it was last set, and how many hundredths it gains.
    fn setting(&self, now: Millis) -> (i64, i64) {
        if !self.clock_jumps(now) {
            return (0, 0);
        }
        match Dice::new(self.seed, &[2, self.period(now) as u64]).below(8) {
            0 => (1_000, 0),
            1 => (-1_000, 0),
            2 => (3_600_000, 0),
            3 => (-3_600_000, 0),
            4 => (0, 1),
            5 => (0, -1),
            // It stands still.
            6 => (0, -100),
            _ => (0, 0),
        }
    }

    fn drawn_error(&self, now: Millis) -> Millis {
        let (off, gains) = self.setting(now);
        let since = (now - self.start).0 - self.period(now) * CLOCK_EVERY.0;
        Millis(off + since * gains / 100)
    }

    fn mark_death(&self, beat: Beat) {
        self.ledger.borrow_mut().marks.hit(match beat {
            Beat::Decided => Mark::CrashDecided,
            Beat::Committed => Mark::CrashCommitted,
            Beat::Acted => Mark::CrashActed,
            Beat::Recovering => Mark::CrashRecovering,
        });
    }

    fn clock_jumps(&self, now: Millis) -> bool {
        self.clock == Clock::Jumps && now < self.end
    }
}

impl Mischief for Machine {
    fn dies(&mut self, now: Millis, beat: Beat) -> bool {
        if now >= self.end {
            return false;
        }
        self.beats += 1;
        let mut dice = Dice::new(self.seed, &[1, self.beats]);
        if beat == Beat::Recovering {
            // Coming back is rarer than deciding, so it has to be worth it.
            self.recovering = !self.recovering && self.crashes > 0.0 && dice.percent(30.0);
        }
        let dies = match beat {
            Beat::Recovering => self.recovering,
            _ => dice.percent(self.crashes),
        };
        if dies {
            self.mark_death(beat);
        }
        dies
    }

    /// As often as crashes need it: a shard comes back from a snapshot about as often as not.
    fn takes_snapshot(&mut self, _: Millis) -> bool {
        self.commits += 1;
        let mut dice = Dice::new(self.seed, &[3, self.commits]);
        self.crashes > 0.0 && dice.percent(self.crashes.min(10.0))
    }

    fn restored(&mut self) {
        self.ledger.borrow_mut().marks.hit(Mark::SnapshotRestored);
    }

    fn clock_error(&mut self, now: Millis) -> Millis {
        let error = self.drawn_error(now);
        if (error - self.error).0 < -500 {
            self.ledger.borrow_mut().marks.hit(Mark::ClockBack);
        }
        if (error - self.error).0 > 500 {
            self.ledger.borrow_mut().marks.hit(Mark::ClockForward);
        }
        self.error = error;
        error
    }

    fn when_shown(&mut self, now: Millis, shown: Millis) -> Millis {
        let wait = (shown - (now + self.drawn_error(now))).0.max(0);
        if !self.clock_jumps(now) {
            return now + Millis(wait);
        }
        let change = self.start + Millis((self.period(now) + 1) * CLOCK_EVERY.0);
        let pace = 100 + self.setting(now).1;
        let due = match pace {
            0 => change,
            pace => now + Millis((wait * 100 + pace - 1) / pace),
        };
        due.min(change).min(self.end.max(now))
    }
}
