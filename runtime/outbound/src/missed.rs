//! What goes wrong on the way, and what of it is a broken rule.

use crate::error::Error;

/// Why no answer came. Nothing is inserted then; a template can't tell one from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The time was over.
    Late,
    /// The name leads nowhere, or nobody listens there.
    Unreachable,
    /// The other side is not who it should be, or doesn't speak TLS.
    Insecure,
    /// The body is larger than what is read.
    TooLarge,
    /// What came is no HTTP, has too many headers, or is packed as nobody asked for.
    Garbled,
}

/// Why there is no answer to return.
#[derive(Debug)]
pub(crate) enum Failed {
    Refused(Error),
    Missed(Missed),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Refused(error)
    }
}

impl From<Missed> for Failed {
    fn from(missed: Missed) -> Failed {
        Failed::Missed(missed)
    }
}
