//! Braze's HTTP API over a [`Workspace`]: `POST /users/track` and its neighbours, Canvas triggers, Content Blocks.
//!
//! This crate speaks HTTP and nothing else: it reads requests within limits, knows who may do what, counts, and puts
//! answers into the vendor's shapes. What is done with profiles and journeys is the workspace's. [`Memory`] is one that
//! keeps everything in memory and hands users over to [`Journeys`]; a durable engine is another.
//!
//! Invariants: no request can hold more than its share of memory or time ([`Limits`]); a body is handed to the workspace
//! only after its sender was let in; an answer of 2xx stands for what the workspace has promised ([`About::commit`]); keys,
//! bodies and identifiers of users are neither logged nor repeated in an answer. No TLS: that is a proxy's.
#![forbid(unsafe_code)]

mod api;
mod connections;
pub mod hosted;
mod json;
pub mod keys;
mod memory;
mod metrics;
mod options;
mod rates;
mod reading;
mod reply;
mod routes;
mod serving;
mod strangers;
mod workspace;

pub use flowrun_engine as engine;
pub use flowrun_track as track;
pub use hosted::Hosted;
pub use keys::{Keys, Permission, Permissions, Token};
pub use memory::{Memory, Stored, Unidentified};
pub use options::{Clock, Dialect, Limits, Options};
pub use rates::{Rate, Rates};
pub use serving::serve;
pub use workspace::{
    About, Answer, Body, Busy, Canvas, Commit, ContentBlock, Dispatch, Entry, EntryKind, Figure,
    Happened, Journeys, Maintenance, Message, Neighbour, Planned, Refusal, ScheduleId, State, Step,
    Timing, User, Workspace,
};
