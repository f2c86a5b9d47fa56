//! Message channels as plugins: where messages go.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::backend::Outcome;
use crate::{Fault, Message, Millis};

/// Something that sends messages.
///
/// A call ends: a channel has its own deadlines, and of what it doesn't know it says
/// [`Outcome::Unknown`]. Then the message's `delivery` decides whether it comes again.
pub trait Channel: Sized + Send + Sync + 'static {
    /// What a person writes in `flowrun.toml`. Use `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;

    fn declare() -> Declaration;

    /// Made once, when a runtime starts. All faults at once.
    fn create(settings: Self::Settings) -> Result<Self, Vec<Fault>>;

    /// Sends the messages and says of each, in their order, what became of it.
    fn send(&self, post: &Post<'_>) -> Vec<Outcome>;
}

/// A channel's description of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// What `flowrun.toml` names: `[a-z][a-z0-9_-]*`.
    pub name: String,
    /// One sentence, in the imperative, with a full stop.
    pub summary: String,
}

impl Declaration {
    pub fn new(name: &str, summary: &str) -> Declaration {
        Declaration { name: name.to_owned(), summary: summary.to_owned() }
    }
}

/// Messages to send, of many users.
#[derive(Clone, PartialEq, Debug)]
pub struct Post<'a> {
    pub now: Millis,
    pub letters: Vec<Letter<'a>>,
}

/// One message for one user.
#[derive(Clone, PartialEq, Debug)]
pub struct Letter<'a> {
    pub user: &'a str,
    /// The message's id, the same on every attempt: who remembers it sends nothing twice.
    pub id: &'a str,
    /// From 1.
    pub attempt: u32,
    pub message: Message,
}
