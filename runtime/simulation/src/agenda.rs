//! What is to happen when: users who will arrive, replies that are on their way.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use flowrun_core::Millis;
use flowrun_core::batcher::Reply;
use flowrun_core::{CanvasIx, Context};

/// A user who will want to enter a Canvas.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival {
    pub at: Millis,
    pub canvas: CanvasIx,
    pub user: Box<str>,
    pub context: Option<Arc<Context>>,
}

/// Arrivals in the order of time, and as they were given where times are equal.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// Descending, so that the next is popped from the end.
    waiting: Vec<Arrival>,
    unsorted: bool,
}

impl Arrivals {
    pub fn add(&mut self, arrivals: impl IntoIterator<Item = Arrival>) {
        if !self.unsorted {
            self.waiting.reverse();
            self.unsorted = true;
        }
        self.waiting.extend(arrivals);
    }

    fn sorted(&mut self) -> &mut Vec<Arrival> {
        if self.unsorted {
            self.waiting.sort_by_key(|arrival| arrival.at);
            self.waiting.reverse();
            self.unsorted = false;
        }
        &mut self.waiting
    }

    pub fn next(&mut self) -> Option<Millis> {
        self.sorted().last().map(|arrival| arrival.at)
    }

    pub fn pop_due(&mut self, now: Millis) -> Option<Arrival> {
        self.sorted().pop_if(|arrival| arrival.at <= now)
    }
}

/// Replies on their way, in the order of arriving, then of sending.
#[derive(Default)]
pub(crate) struct Replies {
    heap: BinaryHeap<Reverse<(Millis, u64)>>,
    replies: std::collections::BTreeMap<u64, (u64, Reply)>,
    sent: u64,
}

impl Replies {
    pub fn send(&mut self, at: Millis, request: u64, reply: Reply) {
        self.heap.push(Reverse((at, self.sent)));
        self.replies.insert(self.sent, (request, reply));
        self.sent += 1;
    }

    pub fn next(&self) -> Option<Millis> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    pub fn pop_due(&mut self, now: Millis) -> Option<(u64, Reply)> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        let Reverse((_, sent)) = self.heap.pop()?;
        self.replies.remove(&sent)
    }
}
