//! Time as the runtime counts it.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Milliseconds: a moment since 1970-01-01T00:00:00Z, or a length of time.
///
/// Steps receive moments and never read a clock, so that the same Canvas runs in
/// virtual and in real time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The latest moment that is representable as a date (end of the year 9999).
    pub const MAX: Millis = Millis(253_402_300_799_999);

    /// A length of whole seconds.
    pub const fn from_secs(seconds: i64) -> Millis {
        Millis(seconds.saturating_mul(1000))
    }
}

impl Add for Millis {
    type Output = Millis;
    /// Saturates at [`Millis::MAX`]: a wait "for ever" is far away, not in the past.
    fn add(self, other: Millis) -> Millis {
        Millis(self.0.saturating_add(other.0).min(Millis::MAX.0))
    }
}

impl Sub for Millis {
    type Output = Millis;
    fn sub(self, other: Millis) -> Millis {
        Millis(self.0.saturating_sub(other.0))
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}
