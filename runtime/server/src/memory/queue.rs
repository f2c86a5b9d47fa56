//! Writes that came during a maintenance, in their order.

use crate::track::{Prepared, Reply, WriteKey};
use crate::workspace::{Answer, Busy};

/// Objects that may wait. What is more is to be sent again later.
const OBJECTS: usize = 100_000;

#[derive(Default)]
pub(super) struct Queue {
    writes: Vec<Write>,
    objects: usize,
}

pub(super) struct Write {
    pub objects: Prepared,
    pub keys: Option<Vec<WriteKey>>,
    pub at_ms: i64,
}

impl Queue {
    /// 202: nothing is said of single objects, since nothing was tried yet.
    pub fn push(&mut self, objects: Prepared, keys: Option<Vec<WriteKey>>, at_ms: i64) -> Answer {
        // An empty write counts, too: a queue of nothing must not grow without end.
        let count = objects.len().max(1);
        if self.objects + count > OBJECTS {
            return Err(Busy::Full);
        }
        self.objects += count;
        self.writes.push(Write { objects, keys, at_ms });
        Ok(Reply::new(202, "queued"))
    }

    pub fn into_writes(self) -> impl Iterator<Item = Write> {
        self.writes.into_iter()
    }
}
