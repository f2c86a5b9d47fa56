//! The door for callers that don't wait for anything else: the host in virtual time, and
//! the command line.

use std::io;

use flowrun_core::Millis;
use flowrun_core::template::{Answer, Request};
use tokio::runtime::{Builder, Runtime};

use crate::door::Door;
use crate::egress::Egress;
use crate::error::Error;

/// Look-ups of names that may be under way at once. One that hangs can't be stopped, only
/// left behind.
const LOOKUPS: usize = 4;

/// A door with a small runtime of its own. Not for use inside another runtime.
pub struct Blocking {
    door: Door,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Blocking {
    /// A [`Door::new`], and what drives it.
    pub fn new(egress: Egress) -> io::Result<Blocking> {
        Blocking::over(Door::new(egress))
    }

    /// What drives a door.
    pub fn over(door: Door) -> io::Result<Blocking> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(LOOKUPS).build()?;
        Ok(Blocking { door, runtime: Some(runtime) })
    }

    /// As [`Door::answer`]; returns after two seconds at the latest.
    pub fn answer(&self, now: Millis, request: &Request) -> Result<Answer, Error> {
        let runtime = self.runtime.as_ref().expect("there is a runtime until the drop");
        runtime.block_on(self.door.answer(now, request))
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        // Waiting for a look-up that hangs would hang the program at its end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
