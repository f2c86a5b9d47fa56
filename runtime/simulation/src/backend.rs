//! The backend of a run: what takes requests, and when its replies arrive.
//!
//! Without one, a run writes straight into its profile store. With one (a faulty backend, an
//! endpoint on the network) the store is what steps read, and a write that the backend has
//! acknowledged is applied to it before the hold ends.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use flowrun_core::Millis;
use flowrun_core::batcher::{Reply, Request};
use flowrun_profiles::About;

/// A profile backend in virtual time.
pub trait Backend {
    fn about(&self) -> &About;

    /// Takes the requests that leave at this moment. Every request is replied to at least
    /// once, sooner or later: a backend that says nothing is one whose deadline has passed,
    /// and that is a reply, too.
    fn send(&mut self, now: Millis, requests: &[Request], replies: &mut Replies);

    /// The machine that flowrun runs on has died, and with it every connection.
    fn disconnected(&mut self, _now: Millis) {}
}

/// Replies on their way, in the order of arriving, then of sending.
#[derive(Default)]
pub struct Replies {
    heap: BinaryHeap<Reverse<(Millis, u64)>>,
    replies: BTreeMap<u64, (u64, Reply)>,
    sent: u64,
}

impl Replies {
    /// A reply to the request of that number is to arrive then.
    pub fn send(&mut self, at: Millis, request: u64, reply: Reply) {
        self.heap.push(Reverse((at, self.sent)));
        self.replies.insert(self.sent, (request, reply));
        self.sent += 1;
    }

    pub(crate) fn next(&self) -> Option<Millis> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Millis) -> Option<(u64, Reply)> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        let Reverse((_, sent)) = self.heap.pop()?;
        self.replies.remove(&sent)
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
        self.replies.clear();
    }
}
