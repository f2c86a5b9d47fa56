//! A fault of our own, to see that the simulator finds it: delays that end at a local time go
//! by the offset of the day on which they begin. Compiled in only with the feature `planted`.

use std::sync::atomic::{AtomicBool, Ordering};

static ON: AtomicBool = AtomicBool::new(false);

/// Switches the fault on or off.
pub fn plant(on: bool) {
    ON.store(on, Ordering::SeqCst);
}

pub(crate) fn is_planted() -> bool {
    ON.load(Ordering::Relaxed)
}
