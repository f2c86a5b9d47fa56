//! Where messages go in virtual time.

use flowrun_core::Millis;
use flowrun_core::{Send, SendOutcome};

/// Takes messages. Nothing leaves the machine: in virtual time no channel is real.
pub trait Channel {
    fn send(&mut self, now: Millis, message: &Send) -> SendOutcome;
}

/// Takes every message and keeps none; the trace has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Channel for Silent {
    fn send(&mut self, _: Millis, _: &Send) -> SendOutcome {
        SendOutcome::Sent
    }
}
