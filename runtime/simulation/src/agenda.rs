//! What is to happen when: users who will arrive, and what they will do.

use std::sync::Arc;

use flowrun_core::track::Object;
use flowrun_core::{CanvasIx, Context, Millis};

/// A user who will want to enter a Canvas.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival {
    pub at: Millis,
    pub canvas: CanvasIx,
    pub user: Box<str>,
    pub context: Option<Arc<Context>>,
}

/// Something that a user will do. Their profile takes note of it, and it may let them into
/// Canvases.
#[derive(Clone, PartialEq, Debug)]
pub struct Happening {
    pub at: Millis,
    pub user: Box<str>,
    pub name: Box<str>,
    pub properties: Option<Arc<Context>>,
    /// The event as an object of User Track.
    pub object: Arc<Object>,
}

/// Something that comes from outside, and is not acknowledged until it is in the log.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Coming {
    Arrival(Arrival),
    Happening(Happening, Noted),
}

/// Whether a happening is in the profile already: one that comes again after a crash is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Noted {
    No,
    Yes,
}

impl Coming {
    /// The same as it comes again.
    pub(crate) fn again(&self) -> Coming {
        match self {
            Coming::Happening(happening, _) => Coming::Happening(happening.clone(), Noted::Yes),
            arrival => arrival.clone(),
        }
    }

    fn at(&self) -> Millis {
        match self {
            Coming::Arrival(arrival) => arrival.at,
            Coming::Happening(happening, _) => happening.at,
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Coming::Arrival(arrival) => &arrival.user,
            Coming::Happening(happening, _) => &happening.user,
        }
    }
}

/// All that comes, in the order of time, and as it was given where times are equal.
#[derive(Default)]
pub(crate) struct Agenda {
    /// Descending, so that the next is popped from the end.
    waiting: Vec<Coming>,
    unsorted: bool,
}

impl Agenda {
    pub fn add(&mut self, coming: impl IntoIterator<Item = Coming>) {
        if !self.unsorted {
            self.waiting.reverse();
            self.unsorted = true;
        }
        self.waiting.extend(coming);
    }

    fn sorted(&mut self) -> &mut Vec<Coming> {
        if self.unsorted {
            self.waiting.sort_by_key(Coming::at);
            self.waiting.reverse();
            self.unsorted = false;
        }
        &mut self.waiting
    }

    pub fn next(&mut self) -> Option<Millis> {
        self.sorted().last().map(Coming::at)
    }

    pub fn pop_due(&mut self, now: Millis) -> Option<Coming> {
        self.sorted().pop_if(|coming| coming.at() <= now)
    }

    /// What was taken and not acknowledged comes again, at once and before anything else.
    pub fn push_back(&mut self, coming: Vec<Coming>) {
        self.sorted().extend(coming.into_iter().rev());
    }
}
