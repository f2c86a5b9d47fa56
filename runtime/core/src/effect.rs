//! What a shard wants done. Collected while deciding, performed by the host after the
//! record is durable, and derivable from the shard's state after a crash.

use std::sync::Arc;

use flowrun_sdk::{Message, Objects};

use crate::{ItemId, JourneyIx, Progress, ShardId, WriteKey};

#[derive(Clone, PartialEq, Debug)]
#[must_use]
pub enum Effect {
    /// Write a held update's objects; answered by `Input::Settled`.
    Write(Write),
    /// Hand a message to its channel; answered by `Input::Sent`.
    Send(Send),
    /// Get what a template asks for; answered by `Input::Fetched`.
    Fetch(Fetch),
    /// Don't start any of these: their user was deleted. What is under way already goes on,
    /// and nobody waits for its reply.
    Withdraw(Withdraw),
    /// Hand back the messages of a Canvas that have not been started: it was paused. Each is
    /// answered by `Input::Sent`, as to be tried again.
    Recall(Recall),
}

/// A held update on its way to the backend.
#[derive(Clone, PartialEq, Debug)]
pub struct Write {
    pub shard: ShardId,
    pub id: ItemId,
    /// From 1.
    pub attempt: u32,
    pub key: WriteKey,
    pub objects: Arc<Objects>,
    /// Objects that earlier attempts have settled; they are not sent again.
    pub done: Progress,
    /// Why one of those was refused, if one was.
    pub refused: Option<Box<str>>,
}

/// A message on its way to its channel.
#[derive(Clone, PartialEq, Debug)]
pub struct Send {
    pub shard: ShardId,
    pub id: ItemId,
    pub attempt: u32,
    /// The message's id towards the world: the same on every attempt.
    pub key: WriteKey,
    pub message: Arc<Message>,
}

/// What is not to be started any more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Withdraw {
    pub shard: ShardId,
    pub writes: Vec<ItemId>,
    pub messages: Vec<ItemId>,
    /// Journeys whose templates wait for answers.
    pub visits: Vec<JourneyIx>,
}

/// Messages that are to come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recall {
    pub shard: ShardId,
    pub canvas: Arc<str>,
}

/// Requests of a template that stopped for answers.
#[derive(Clone, PartialEq, Debug)]
pub struct Fetch {
    pub shard: ShardId,
    pub journey: JourneyIx,
    /// Which visit of the journey asks: answers to an older one are dropped.
    pub visit: u32,
    pub requests: Vec<flowrun_template::Request>,
}
