//! What can happen to a shard. Everything it knows of the world comes in here.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::{CanvasIx, ItemId, LetterId, Progress, SendOutcome, WriteOutcome};

/// Variables of a journey: entry properties, and what context steps set.
pub type Context = serde_json::Map<String, Json>;

/// One input. Replies name the effect that they answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// A user wants to enter a Canvas.
    Enter { canvas: CanvasIx, user: Box<str>, context: Option<Arc<Context>> },
    /// A user who has never entered a Canvas, in none of its versions, wants to; whoever has is
    /// left out, whatever the rule for entering again.
    EnterFirst { canvas: CanvasIx, user: Box<str>, context: Option<Arc<Context>> },
    /// A user has done something: it lets them into the Canvases that wait for it, with the
    /// event's properties as entry properties.
    Event { user: Box<str>, name: Box<str>, properties: Option<Arc<Context>> },
    /// An attempt at a write has ended.
    Settled { write: ItemId, attempt: u32, done: Progress, outcome: WriteOutcome },
    /// An attempt at sending a message has ended.
    Sent { message: ItemId, attempt: u32, outcome: SendOutcome },
    /// Requests that templates asked for were answered, in the order of asking; or could
    /// not be made at all, and why.
    Fetched {
        journey: crate::JourneyIx,
        visit: u32,
        answers: Vec<Result<flowrun_template::Answer, String>>,
    },
    /// A user is to be forgotten: their journeys end, what has not started never does, and
    /// nothing of them is kept.
    Delete { user: Box<str> },
    /// A Canvas, in all its versions, is to stand still: nobody enters, no wait ends, and
    /// nothing new is held or sent. Every shard has to be told.
    Pause { canvas: Box<str> },
    /// A paused Canvas goes on.
    Resume { canvas: Box<str> },
    /// What a dead letter holds is to be written or sent again, under its key.
    Replay { letter: LetterId },
    /// A dead letter is no longer needed.
    Discard { letter: LetterId },
}
