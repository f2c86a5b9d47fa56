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
        Machine { seed, crashes, clock, start, end, beats: 0, recovering, error, ledger }
    }

    fn drawn_error(&self, now: Millis) -> Millis {
        if !self.clock_jumps(now) {
            return Millis(0);
        }
        let period = (now - self.start).0.div_euclid(CLOCK_EVERY.0);
        let since = (now - self.start).0 - period * CLOCK_EVERY.0;
        let mut dice = Dice::new(self.seed, &[2, period as u64]);
        Millis(match dice.below(8) {
            0 => 1_000,
            1 => -1_000,
            2 => 3_600_000,
            3 => -3_600_000,
            // One percent fast or slow, since the clock was last set.
            4 => since / 100,
            5 => -since / 100,
            // It stands still.
            6 => -since,
            _ => 0,
        })
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

    fn next_clock_change(&mut self, now: Millis) -> Option<Millis> {
        if !self.clock_jumps(now) {
            return None;
        }
        let period = (now - self.start).0.div_euclid(CLOCK_EVERY.0);
        Some((self.start + Millis((period + 1) * CLOCK_EVERY.0)).min(self.end))
    }
}
