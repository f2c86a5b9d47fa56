//! The trace: the one record of what happened, written while a run goes, read back by
//! `explain` and `graph`.

mod read;
mod write;

pub use read::{Counted, TraceLine, read};
pub use write::{Contents, TraceFile};
