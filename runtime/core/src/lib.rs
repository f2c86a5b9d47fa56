//! The shard: a deterministic state machine that moves users through Canvases, and holds
//! each at a User Update until that user's write has its final outcome.
//!
//! A *host* (the simulation, the engine) drives a [`Shard`] in three beats:
//! decide ([`Shard::step`]), commit (its [`Record`] to the log), act (its [`Effect`]s).
//! The [`Batcher`] turns the writes of many shards into requests to a backend.
//!
//! Nothing here reads a clock, waits, touches a file or the network, or draws a random
//! number: time and answers are arguments, and chance is a hash of the seed.
#![forbid(unsafe_code)]

mod arrivals;
pub mod batcher;
mod effect;
mod graph;
mod ids;
mod in_use;
mod input;
mod invariants;
mod journey;
mod letters;
mod look;
mod names;
mod outbox;
mod outcome;
mod pages;
mod pauses;
pub mod planted;
mod record;
mod render;
mod retry;
mod shard;
mod tally;
mod timers;
pub mod trace;
mod users;
mod view;

pub use batcher::Batcher;
pub use effect::{Effect, Fetch, Recall, Send, Withdraw, Write};
pub use graph::{Canvas, Entry, Head, Node, NodeIx, Reentry, Slot, Trigger, Version, early};
pub use ids::{CanvasIx, ItemId, JourneyIx, LetterId, ShardId, UserIx, WriteKey};
pub use input::{Context, Input};
pub use letters::{DeadLetter, LetterLimits, Replay};
pub use look::{AttemptLook, Attempts, JourneyLook, RestLook, StepLook};
pub use outcome::{CommitLevel, Outcome, Progress, SendOutcome, WriteOutcome};
pub use record::{Change, Ending, Final, FinalSend, Misfit, Record, Unfinished, Unreadable};
pub use render::slots as render_slots;
pub use retry::RetryPolicy;
pub use shard::{Census, Decided, Pace, Settings, Shard, Unrestorable, World};
pub use tally::{StepTally, Tally};

/// The crates below, for hosts: what they hand to a shard and get from it is made of
/// these types.
pub use {flowrun_sdk as sdk, flowrun_template as template, flowrun_track as track};

pub use flowrun_sdk::Millis;
