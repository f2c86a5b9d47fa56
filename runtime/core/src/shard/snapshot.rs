//! A shard's whole state as bytes: what bounds recovery and the size of the log.
//!
//! Timers are not in it: who waits for what follows from journeys and outboxes. Two shards
//! that were led to one state by the same changes have the same bytes, one of them live, the
//! other replayed.
//!
//! Format 3 is format 2 with a column behind it: since when each journey stands at its step.
//! Of a snapshot of an earlier format that isn't known; then it is the moment of the snapshot,
//! so that nobody seems to have stood there for longer than they have.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_sdk::Millis;
use serde::de::DeserializeSeed;
use serde::{Deserialize, Serialize};

use super::{Shard, snapshot_1};
use crate::Version;
use crate::arrivals::{Arrivals, IntoJourneys};
use crate::journey::{Journeys, State as Rest};
use crate::letters::Letters;
use crate::outbox::{Outbox, PendingMessage, PendingWrite, Stage};
use crate::pauses::Pauses;
use crate::tally::Tally;
use crate::timers::{Timer, Timers};
use crate::users::Users;
use crate::{Canvas, CanvasIx, ItemId, JourneyIx};

/// The first byte of a snapshot: what the rest is written in.
const FORMAT: u8 = 3;
const FORMER: u8 = 2;

/// Why a snapshot can't be restored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unrestorable {
    Empty,
    /// Written in a format that this version does not know.
    Format(u8),
    Damaged,
    /// The shard has other Canvases, or has them in another order.
    OtherCanvases,
}

impl std::fmt::Display for Unrestorable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unrestorable::Empty => f.write_str("an empty snapshot"),
            Unrestorable::Format(format) => {
                let first = snapshot_1::FORMAT;
                write!(f, "a snapshot of format {format}; this version reads {first} to {FORMAT}")
            }
            Unrestorable::Damaged => f.write_str("a damaged snapshot"),
            Unrestorable::OtherCanvases => {
                f.write_str("a snapshot of other Canvases, or of other versions of them")
            }
        }
    }
}

impl std::error::Error for Unrestorable {}

#[derive(Serialize)]
struct Taken<'a> {
    now: Millis,
    canvases: Vec<Version>,
    users: &'a Users,
    journeys: &'a Journeys,
    writes: &'a Outbox<PendingWrite>,
    messages: &'a Outbox<PendingMessage>,
    letters: &'a Letters,
    paused: Vec<CanvasIx>,
    tallies: Vec<Tally>,
    arrivals: Arrivals<'a>,
}

/// What is read of it: all but the last column.
#[derive(Deserialize)]
pub(super) struct Read {
    pub now: Millis,
    pub canvases: Vec<Version>,
    pub users: Users,
    pub journeys: Journeys,
    pub writes: Outbox<PendingWrite>,
    pub messages: Outbox<PendingMessage>,
    pub letters: Letters,
    pub paused: Vec<CanvasIx>,
    pub tallies: Vec<Tally>,
}

impl Shard {
    /// The state between two calls, as bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        self.snapshot_into(Vec::new())
    }

    /// The same in room that was there before.
    #[must_use]
    pub fn snapshot_into(&self, room: Vec<u8>) -> Vec<u8> {
        self.encode(self.now, self.state.tallies.clone(), room)
    }

    /// A digest of all that records have brought about: the same for a shard that decided
    /// and for one that replayed what was decided.
    pub fn fingerprint(&self) -> u64 {
        let tallies = self.state.tallies.iter().map(Tally::of_records).collect();
        // A call that changes nothing is in no record, and its moment neither.
        xxhash_rust::xxh3::xxh3_64(&self.encode(Millis(0), tallies, Vec::new()))
    }

    fn encode(&self, now: Millis, tallies: Vec<Tally>, mut bytes: Vec<u8>) -> Vec<u8> {
        let state = &self.state;
        let taken = Taken {
            now,
            canvases: versions(&state.canvases),
            users: &state.users,
            journeys: &state.journeys,
            writes: &state.writes,
            messages: &state.messages,
            letters: &state.letters,
            paused: state.pauses.keep(),
            tallies,
            arrivals: Arrivals(&state.journeys),
        };
        // About as much as it takes: growing little by little would take twice that for a while.
        let room = 1024 + 40 * state.users.len() + 32 * state.journeys.len();
        bytes.clear();
        bytes.reserve(room);
        bytes.push(FORMAT);
        postcard::to_extend(&taken, bytes).expect("a state is plain data")
    }

    /// Takes a snapshot's state over, in place of its own. The first Canvases have to be those
    /// of the shard that it was taken of; versions that were added since come after them.
    ///
    /// # Errors
    /// If the bytes are no snapshot of these Canvases; the shard is then as it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Unrestorable> {
        let read = decode(bytes, &self.state.canvases)?;
        if !versions(&self.state.canvases).starts_with(&read.canvases) {
            return Err(Unrestorable::OtherCanvases);
        }
        if read.tallies.len() != read.canvases.len() {
            return Err(Unrestorable::Damaged);
        }
        let state = &mut self.state;
        state.timers = Timers::of(|| awaited(&read.journeys, &read.writes, &read.messages));
        state.overdue = Timers::default();
        state.users = read.users;
        (state.journeys, state.writes, state.messages) =
            (read.journeys, read.writes, read.messages);
        state.letters = read.letters;
        state.pauses = Pauses::from_kept(read.paused);
        state.tallies.splice(..read.tallies.len(), read.tallies);
        self.now = read.now;
        Ok(())
    }
}

/// The canvases help to understand a former format; without them its dead letters are left out.
fn decode(bytes: &[u8], canvases: &[Arc<Canvas>]) -> Result<Read, Unrestorable> {
    let read = match bytes {
        [] => return Err(Unrestorable::Empty),
        [FORMAT, rest @ ..] => present(rest),
        [FORMER, rest @ ..] => whole(rest).map(arrived_by_now),
        [snapshot_1::FORMAT, rest @ ..] => snapshot_1::read(rest, canvases).map(arrived_by_now),
        [format, ..] => return Err(Unrestorable::Format(*format)),
    };
    read.ok_or(Unrestorable::Damaged)
}

fn present(bytes: &[u8]) -> Option<Read> {
    let mut from = postcard::Deserializer::from_bytes(bytes);
    let mut read = Read::deserialize(&mut from).ok()?;
    IntoJourneys(&mut read.journeys).deserialize(&mut from).ok()?;
    from.finalize().ok()?.is_empty().then_some(read)
}

/// All of these bytes, as a former format had them.
pub(super) fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (read, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(read)
}

fn arrived_by_now(mut read: Read) -> Read {
    let since = read.now.into();
    read.journeys.iter_mut().for_each(|journey| journey.since = since);
    read
}

/// The journeys of a snapshot, with their Canvases.
pub(super) fn standing(bytes: &[u8]) -> Result<BTreeMap<JourneyIx, CanvasIx>, Unrestorable> {
    let journeys = decode(bytes, &[])?.journeys;
    Ok(journeys.iter().map(|(ix, journey)| (ix, journey.canvas)).collect())
}

pub(super) fn versions(canvases: &[Arc<Canvas>]) -> Vec<Version> {
    canvases.iter().map(|canvas| canvas.head.version).collect()
}

/// Whatever somebody waits for.
fn awaited(
    journeys: &Journeys,
    writes: &Outbox<PendingWrite>,
    messages: &Outbox<PendingMessage>,
) -> impl Iterator<Item = (Millis, Timer)> {
    let waits = journeys.iter().filter_map(|(JourneyIx(slot), journey)| match journey.state {
        Rest::Waiting { due, .. } | Rest::Parked { since: due } => {
            Some((due, Timer::Journey(slot)))
        }
        _ => None,
    });
    let deadlines = writes.iter().filter_map(|(ItemId { slot, .. }, write)| {
        write.journey.and(write.deadline).map(|deadline| (deadline, Timer::Deadline(slot)))
    });
    let writes = writes.iter().map(|(id, write)| (Timer::Write(id.slot), write.stage));
    let messages = messages.iter().map(|(id, message)| (Timer::Message(id.slot), message.stage));
    let again = writes.chain(messages).filter_map(|(timer, stage)| match stage {
        Stage::Retry { due } => Some((due, timer)),
        Stage::Queued | Stage::InFlight => None,
    });
    waits.chain(deadlines).chain(again)
}
