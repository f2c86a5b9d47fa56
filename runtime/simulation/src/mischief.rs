//! What goes wrong on the machine itself: it dies, and its clock is not to be trusted.

use flowrun_core::Millis;

/// Where in its three beats the machine may die.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Beat {
    /// Decided, and not in the log yet; another shard's decision may be.
    Decided,
    /// In the log, and nothing done about it.
    Committed,
    /// Done.
    Acted,
    /// In the middle of coming back from an earlier death.
    Recovering,
}

/// A plan for what goes wrong on the machine. What is not overridden does not happen.
pub trait Mischief {
    /// Whether the machine dies here.
    fn dies(&mut self, _now: Millis, _beat: Beat) -> bool {
        false
    }

    /// Whether the machine puts a snapshot in place of a shard's records, after what was just
    /// committed.
    fn takes_snapshot(&mut self, _now: Millis) -> bool {
        false
    }

    /// Told when a shard has come back from a snapshot and what followed it.
    fn restored(&mut self) {}

    /// By how much the machine's clock is ahead at a moment.
    fn clock_error(&mut self, _now: Millis) -> Millis {
        Millis(0)
    }

    /// When, from now on, the machine's clock will show a moment; or when to look again.
    fn when_shown(&mut self, now: Millis, shown: Millis) -> Millis {
        now.max(shown)
    }
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peace;

impl Mischief for Peace {}
