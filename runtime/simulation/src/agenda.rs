//! What is to happen when: users who will arrive, and what they will do.

use std::collections::{BTreeMap, VecDeque};
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

/// A change to a user's profile that is none of flowrun's doing, and lets nobody in.
#[derive(Clone, PartialEq, Debug)]
pub struct Edit {
    pub at: Millis,
    pub user: Box<str>,
    pub object: Arc<Object>,
}

/// What will come of a message that was sent.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Aftermath {
    pub happenings: Vec<Happening>,
    pub edits: Vec<Edit>,
}

/// What an operator will do.
#[derive(Clone, PartialEq, Debug)]
pub struct Operation {
    pub at: Millis,
    pub order: Order,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Forget a user.
    Delete { user: Box<str> },
    /// Stop a Canvas, in all its versions.
    Pause { canvas: Box<str> },
    /// Let it go on.
    Resume { canvas: Box<str> },
    /// Do again whatever dead letters hold.
    ReplayAll,
    /// Drop all dead letters.
    DiscardAll,
}

/// Something that comes from outside, and is not acknowledged until it is in the log.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Coming {
    Arrival(Arrival),
    Happening(Happening, Noted),
    Edit(Edit),
    Operation(Operation),
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
            Coming::Edit(edit) => edit.at,
            Coming::Operation(operation) => operation.at,
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Coming::Arrival(arrival) => &arrival.user,
            Coming::Happening(happening, _) => &happening.user,
            Coming::Edit(edit) => &edit.user,
            Coming::Operation(_) => "",
        }
    }
}

/// All that comes, in the order of time, and as it was given where times are equal.
#[derive(Default)]
pub(crate) struct Agenda {
    /// Descending, so that the next is popped from the end.
    waiting: Vec<Coming>,
    unsorted: bool,
    /// What was added while the run went on, after what was known before it.
    later: BTreeMap<Millis, VecDeque<Coming>>,
}

impl Agenda {
    pub fn add(&mut self, coming: impl IntoIterator<Item = Coming>) {
        if !self.unsorted {
            self.waiting.reverse();
            self.unsorted = true;
        }
        self.waiting.extend(coming);
    }

    /// Adds what comes of the run itself: little by little, so that nothing is sorted again.
    pub fn follow(&mut self, coming: Coming) {
        self.later.entry(coming.at()).or_default().push_back(coming);
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
        let known = self.sorted().last().map(Coming::at);
        let later = self.later.first_key_value().map(|(at, _)| *at);
        known.into_iter().chain(later).min()
    }

    pub fn pop_due(&mut self, now: Millis) -> Option<Coming> {
        let next = self.next().filter(|next| *next <= now)?;
        if let Some(known) = self.waiting.pop_if(|coming| coming.at() <= next) {
            return Some(known);
        }
        let mut first = self.later.first_entry()?;
        let coming = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        coming
    }

    /// What was taken and not acknowledged comes again, at once and before anything else.
    pub fn push_back(&mut self, coming: Vec<Coming>) {
        self.sorted().extend(coming.into_iter().rev());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(at: i64, user: &str) -> Coming {
        let canvas = CanvasIx(0);
        Coming::Arrival(Arrival { at: Millis(at), canvas, user: user.into(), context: None })
    }

    #[test]
    fn what_comes_of_the_run_comes_after_what_was_known() {
        let mut agenda = Agenda::default();
        agenda.add([arrival(5, "b"), arrival(1, "a"), arrival(5, "c")]);
        agenda.follow(arrival(5, "y"));
        agenda.follow(arrival(2, "x"));
        agenda.follow(arrival(5, "z"));
        let mut order = String::new();
        for now in [0, 1, 4, 9] {
            while let Some(coming) = agenda.pop_due(Millis(now)) {
                order.push_str(coming.user());
            }
            order.push('|');
        }
        assert_eq!(order, "|a|x|bcyz|");
        assert_eq!(agenda.next(), None);
    }
}
