//! What users do in a test, and what the world does to their writes.

use flowrun_core::Millis;

use super::Properties;

/// Something that a user does.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub user: String,
    pub name: String,
    pub properties: Properties,
    /// When; `None`: at the start.
    pub at: Option<Millis>,
}

/// A rule about writes and messages: those that it fits meet the reply.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    pub step: Option<String>,
    pub user: Option<String>,
    /// Only this attempt, from 1.
    pub attempt: Option<u32>,
    /// So often; `None`: every time.
    pub times: Option<u32>,
    pub from: Option<Millis>,
    pub until: Option<Millis>,
    pub reply: Reply,
}

/// What the backend (or a channel) does.
#[derive(Clone, PartialEq, Debug)]
pub struct Reply {
    pub hit: Hit,
    pub reason: Option<String>,
    pub retry_after: Option<Millis>,
    pub delay: Option<Millis>,
    /// The reply comes again so often.
    pub copies: u32,
}

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hit {
    Status(u16),
    /// Objects of this array are refused: `attributes`, `events`, `purchases`; all of them, or
    /// the one of this number, from 0.
    Refuse {
        array: &'static str,
        index: Option<usize>,
    },
    TimeoutWithEffect,
    TimeoutWithoutEffect,
    /// It is written; only the reply is late, or comes twice.
    Applied,
}
