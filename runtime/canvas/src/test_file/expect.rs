//! What is expected of a test.

use flowrun_core::Millis;
use serde_json::Value as Json;

use super::Placed;
use crate::diagnostic::Span;

/// One thing that is expected.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    pub whose: Whose,
    pub what: What,
    /// What is shown if it does not come true.
    pub span: Span,
}

/// Of whom it is expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// In this entry, from 1; without a number in the last.
    User { id: String, entry: Option<u32> },
    /// Of every user of the test.
    All,
    /// Of the run as a whole.
    Run,
}

/// What is expected.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// The steps come to, in order, from the first to the last.
    Path(Vec<Placed<String>>),
    /// The reason of the end; `None`: not ended.
    Exit(Option<String>),
    /// How often the user has entered.
    Entries(u64),
    /// An attribute as steps read it; null: there is none.
    Profile {
        name: String,
        value: Json,
    },
    /// An attribute as the backend has it.
    Written {
        name: String,
        value: Json,
    },
    /// So many messages, neither more nor fewer.
    MessageCount(u64),
    /// These messages in this order; others may come between.
    Messages(Vec<Placed<Pattern>>),
    /// Is at this step now.
    At(String),
    Waiting {
        step: Option<String>,
        until: Option<Millis>,
    },
    Held {
        step: Option<String>,
        attempt: Option<u32>,
    },
    /// Came to the step then.
    Arrived {
        step: String,
        when: When,
    },
    /// No message of the first step is sent before the update of the second is written.
    NeverBefore {
        message: String,
        update: String,
    },
    DeadLetters(u64),
    Requests(u64),
    /// Objects sent over all requests, again where they were sent again.
    Objects {
        array: Option<&'static str>,
        count: u64,
    },
    Count {
        of: Counted,
        count: u64,
    },
}

/// When somebody is expected somewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    At(Millis),
    /// So long after they entered.
    After(Millis),
}

/// A message that is expected. What isn't said may be anything.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Pattern {
    pub step: Option<String>,
    pub channel: Option<String>,
    pub subject: Option<String>,
    pub body: Option<String>,
    /// In the subject or the body.
    pub contains: Option<String>,
    /// So many like this, wherever they stand; without it, one at this place.
    pub count: Option<u64>,
}

/// What is counted over all users.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Counted {
    Entered,
    Completed,
    Exited,
    Failed,
    Waiting,
    Held,
    Messages,
    /// Who came to the step.
    Arrived(String),
    /// Who ended with the reason.
    Exit(String),
}
