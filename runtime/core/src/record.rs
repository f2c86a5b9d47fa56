//! What was decided: the only thing that is made durable, and all that recovery needs.
//!
//! A record holds the *changes* to a shard's state, not the calls that led to them. Live
//! and recovering shards apply them with the same code, so that replay can't diverge, and
//! no step is ever asked again.

use std::sync::Arc;

use flowrun_sdk::{Door, Message, Millis, Objects, Variables};
use serde::{Deserialize, Serialize};

use crate::input::Context;
use crate::{CanvasIx, CommitLevel, ItemId, JourneyIx, LetterId, Progress, WriteKey};

/// All changes of one step of a shard, in the order they were decided.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// The moment of the step.
    pub at: Millis,
    pub changes: Vec<Change>,
}

/// The first byte of an encoded record: what the rest is written in. Format 2 knows more
/// kinds of changes than format 1, and writes the others as it did.
const FORMAT: u8 = 2;
const FORMER: u8 = 1;

/// Why bytes are no record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    Empty,
    /// Written in a format that this version does not know.
    Format(u8),
    Damaged,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Empty => f.write_str("an empty record"),
            Unreadable::Format(format) => {
                write!(f, "a record of format {format}; this version reads {FORMER} and {FORMAT}")
            }
            Unreadable::Damaged => f.write_str("a damaged record"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Record {
    /// The record as bytes for a log.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_into(Vec::new())
    }

    /// The same in room that was there before.
    pub fn encode_into(&self, mut room: Vec<u8>) -> Vec<u8> {
        room.clear();
        room.push(FORMAT);
        postcard::to_extend(self, room).expect("a record is plain data")
    }

    /// Reads a record back.
    pub fn decode(bytes: &[u8]) -> Result<Record, Unreadable> {
        match bytes {
            [] => Err(Unreadable::Empty),
            [FORMAT | FORMER, rest @ ..] => {
                let (record, rest) =
                    postcard::take_from_bytes(rest).map_err(|_| Unreadable::Damaged)?;
                if rest.is_empty() { Ok(record) } else { Err(Unreadable::Damaged) }
            }
            [format, ..] => Err(Unreadable::Format(*format)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// One change to a shard's state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// A journey began, at the Canvas's first step.
    Entered {
        journey: JourneyIx,
        user: Box<str>,
        canvas: CanvasIx,
        #[serde(with = "json_text")]
        context: Option<Arc<Context>>,
    },
    /// A journey left its step by a door, to where the door leads.
    Advanced { journey: JourneyIx, door: Door, why: Option<Box<str>> },
    /// A journey rests until a moment.
    Waiting { journey: JourneyIx, until: Millis, then: Door },
    /// A journey waits for answers that a template asked for.
    Fetching { journey: JourneyIx, visit: u32 },
    /// The answers have come: the journey is at its step again.
    Resumed { journey: JourneyIx },
    /// A journey is held until the objects are written.
    Held { journey: JourneyIx, write: ItemId, objects: Arc<Objects>, deadline: Option<Millis> },
    /// An attempt at a write failed; the next one is due then.
    WriteRetry { write: ItemId, due: Millis, failures: u32, state: Box<Unfinished> },
    /// The next attempt at a write has begun.
    WriteResent { write: ItemId },
    /// A write has its final outcome, and leaves the outbox.
    Settled { write: ItemId, outcome: Final },
    /// A held journey's deadline has passed: it goes on without its write, which stays.
    Overdue { write: ItemId },
    /// A journey rests until its message is taken by the channel.
    Sending { journey: JourneyIx, message: ItemId, content: Arc<Message> },
    /// An attempt at sending failed; the next one is due then.
    SendRetry { message: ItemId, due: Millis, failures: u32 },
    /// The next attempt at sending has begun.
    SendResent { message: ItemId },
    /// A message has its final outcome, and leaves the outbox.
    Sent { message: ItemId, outcome: FinalSend },
    /// A step put variables into the journey's context.
    Remembered {
        journey: JourneyIx,
        #[serde(with = "json_text")]
        variables: Variables,
    },
    /// A step could not do its work for a user: kept for people to look at.
    DeadLetter(Box<Misfit>),
    /// A journey has ended.
    Exited { journey: JourneyIx, ending: Ending },
    /// A step's text aborted on purpose: counted, and the journey goes on.
    Aborted { journey: JourneyIx },
    /// A write never will be made: it is settled next, and what is left of it becomes a dead
    /// letter, or goes back to the one that it was made again from.
    WriteBuried { write: ItemId, done: Progress, reason: Box<str> },
    /// A message never will be sent, likewise.
    MessageBuried { message: ItemId, reason: Box<str> },
    /// What a dead letter holds is to be written again, at the end of its user's queue.
    WriteReplayed { letter: LetterId, write: ItemId },
    /// The message of a dead letter is to be sent again.
    MessageReplayed { letter: LetterId, message: ItemId },
    /// A dead letter is gone.
    Discarded { letter: LetterId },
    /// A Canvas stands still, in all its versions: this is its first.
    Paused { canvas: CanvasIx },
    /// It goes on.
    Unpaused { canvas: CanvasIx },
    /// A journey stays where it is until its Canvas goes on.
    Parked { journey: JourneyIx },
    /// Nothing is left of a user, after the end of their journeys.
    Deleted { user: Box<str> },
}

/// How far a write is that has to come again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unfinished {
    pub done: Progress,
    /// Why an object never will be written, though others may.
    pub refused: Option<Box<str>>,
}

/// The final outcome of a write.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Final {
    Committed(CommitLevel),
    Refused(Box<str>),
}

/// The final outcome of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FinalSend {
    Sent,
    /// It may have gone out, and must not go out twice.
    Unknown,
    Refused(Box<str>),
}

/// What a step could not do for a user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Misfit {
    pub at: Millis,
    pub key: WriteKey,
    pub reason: String,
    /// What the step had in hand: the rendered text, as a rule.
    pub payload: String,
}

/// Why a journey ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Ending {
    /// The way had no further step.
    Completed,
    /// A step ended it, for its own reason.
    Step(Box<str>),
    /// A User Update failed, and nothing was wired to its failure door.
    UpdateFailed,
    /// A message failed, likewise.
    SendFailed,
    /// Another step failed, likewise.
    StepFailed,
    /// The user was deleted.
    Deleted,
}

impl Ending {
    /// The ending of a journey whose step failed with nothing wired to its failure door.
    pub fn of_failed(kind: &str) -> Ending {
        match kind {
            "user_update" => Ending::UpdateFailed,
            "message" | "webhook" => Ending::SendFailed,
            _ => Ending::StepFailed,
        }
    }

    /// The reason as traces and tables name it.
    pub fn reason(&self) -> &str {
        match self {
            Ending::Completed => "completed",
            Ending::Step(reason) => reason,
            Ending::UpdateFailed => "update_failed",
            Ending::SendFailed => "send_failed",
            Ending::StepFailed => "step_failed",
            Ending::Deleted => "deleted",
        }
    }
}

/// JSON values inside records, as text: the records' format doesn't describe itself.
pub(crate) mod json_text {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        serde_json::to_string(value).map_err(S::Error::custom)?.serialize(to)
    }

    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(from)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}
