//! Stops asking an endpoint that answers nobody.
//!
//! | is | lets through | a failure | an answer |
//! |---|---|---|---|
//! | closed | all | turned down: opens at once; unreachable: opens after the third in a row | stays |
//! | open | none until its pause is over | changes nothing: it was sent before | closes |
//! | half open | one in a pause | opens for twice as long | closes |

use flowrun_core::Millis;
use tokio::time::Instant;

/// Failures to connect in a row that open it.
const PATIENCE: u32 = 3;

pub(super) struct Breaker {
    pauses: (Millis, Millis),
    state: State,
    /// Failures to connect in a row.
    unreachable: u32,
    /// How often it opened since an answer came.
    opened: u32,
}

#[derive(Clone, Copy)]
enum State {
    Closed,
    Open { until: Instant },
    HalfOpen { next: Instant },
}

/// A pause that a failure led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pause {
    /// It begins now, and somebody should know.
    New(Millis),
    /// It is going on.
    Known(Millis),
}

impl Pause {
    pub fn length(self) -> Millis {
        let (Pause::New(pause) | Pause::Known(pause)) = self;
        pause
    }
}

impl Breaker {
    pub fn new(pauses: (Millis, Millis)) -> Breaker {
        Breaker { pauses, state: State::Closed, unreachable: 0, opened: 0 }
    }

    /// Lets a request through, or says how long it has to wait. Whatever becomes of the one
    /// that is let through half open, even if its caller gives it up, a pause later the next
    /// one is.
    pub fn enter(&mut self, now: Instant) -> Result<(), Millis> {
        match self.state {
            State::Closed => return Ok(()),
            State::Open { until } if now < until => return Err(left(now, until)),
            State::HalfOpen { next } if now < next => {
                // The one under way will tell, most likely before the pause is over.
                return Err(left(now, next).min(self.pauses.0));
            }
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
        self.state = State::HalfOpen { next: now + duration(self.pause()) };
        Ok(())
    }

    /// An answer came that isn't about everything. Says whether that is news.
    pub fn answered(&mut self) -> bool {
        let closed = matches!(self.state, State::Closed);
        (self.state, self.unreachable, self.opened) = (State::Closed, 0, 0);
        !closed
    }

    /// Everything is turned down.
    pub fn turned_down(&mut self, now: Instant) -> Pause {
        self.unreachable = 0;
        self.open(now)
    }

    /// No connection could be made; a pause, if that happens too often.
    pub fn unreachable(&mut self, now: Instant) -> Option<Pause> {
        self.unreachable = self.unreachable.saturating_add(1);
        let often = self.unreachable >= PATIENCE || !matches!(self.state, State::Closed);
        often.then(|| self.open(now))
    }

    fn open(&mut self, now: Instant) -> Pause {
        if let State::Open { until } = self.state {
            // Sent side by side, failed side by side: one pause for all of them.
            return Pause::Known(left(now, until));
        }
        self.opened = self.opened.saturating_add(1);
        let pause = self.pause();
        self.state = State::Open { until: now + duration(pause) };
        Pause::New(pause)
    }

    fn pause(&self) -> Millis {
        doubled(self.pauses, self.opened.saturating_sub(1))
    }
}

/// The first of two waits, doubled so often, and at most the second.
pub(super) fn doubled((first, longest): (Millis, Millis), times: u32) -> Millis {
    Millis(first.0.saturating_mul(1 << times.min(30)).min(longest.0.max(first.0)))
}

fn left(now: Instant, until: Instant) -> Millis {
    let left = until.saturating_duration_since(now).as_millis();
    Millis(i64::try_from(left).unwrap_or(i64::MAX).max(1))
}

fn duration(pause: Millis) -> std::time::Duration {
    std::time::Duration::from_millis(pause.0.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_meets_every_event() {
        let start = Instant::now();
        let at = |ms| start + std::time::Duration::from_millis(ms);
        let mut breaker = Breaker::new((Millis(100), Millis(300)));
        // Closed: what happens now and then doesn't open it.
        assert_eq!(breaker.unreachable(at(0)), None);
        assert_eq!(breaker.unreachable(at(0)), None);
        assert!(!breaker.answered());
        assert_eq!((breaker.unreachable(at(0)), breaker.unreachable(at(0))), (None, None));
        assert_eq!(breaker.enter(at(0)), Ok(()));
        assert_eq!(breaker.unreachable(at(0)), Some(Pause::New(Millis(100))));
        // Open: nobody passes before the end, and siblings change nothing.
        assert_eq!(breaker.enter(at(99)), Err(Millis(1)));
        assert_eq!(breaker.unreachable(at(60)), Some(Pause::Known(Millis(40))));
        assert_eq!(breaker.turned_down(at(60)), Pause::Known(Millis(40)));
        // Half open: one passes; it fails, and the pause is twice as long, up to the longest.
        assert_eq!(breaker.enter(at(100)), Ok(()));
        assert_eq!(breaker.enter(at(100)), Err(Millis(100)));
        assert_eq!(breaker.turned_down(at(110)), Pause::New(Millis(200)));
        assert_eq!(breaker.enter(at(310)), Ok(()));
        assert_eq!(breaker.unreachable(at(310)), Some(Pause::New(Millis(300))));
        // Half open, and never heard of again: the next one passes a pause later.
        assert_eq!(breaker.enter(at(610)), Ok(()));
        assert_eq!(breaker.enter(at(909)), Err(Millis(1)));
        assert_eq!(breaker.enter(at(910)), Ok(()));
        // An answer closes it, and the next pause is the first again.
        assert!(breaker.answered());
        assert_eq!(breaker.enter(at(911)), Ok(()));
        assert_eq!(breaker.turned_down(at(911)), Pause::New(Millis(100)));
        assert!(breaker.answered(), "even one that was sent before the pause");
    }
}
