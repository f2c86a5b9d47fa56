//! Snapshots of format 1, as the first release wrote them: no deletions, no pauses, and dead
//! letters for people only.

use std::sync::Arc;

use flowrun_sdk::{Message, Millis, Objects};
use serde::Deserialize;

use super::snapshot::{Read, versions, whole};
use crate::journey::Journeys;
use crate::letters::{Left, Letter, Letters};
use crate::outbox::{Origin, Outbox, PendingMessage, PendingWrite, Stage};
use crate::record::Misfit;
use crate::tally::{StepTally, Tally};
use crate::users::{Former as FormerUsers, Users};
use crate::{Canvas, CanvasIx, JourneyIx, NodeIx, Progress, Version};

pub(super) const FORMAT: u8 = 1;

#[derive(Deserialize)]
struct Former<'a> {
    now: Millis,
    canvases: Vec<Version>,
    #[serde(borrow)]
    users: FormerUsers<'a>,
    journeys: Journeys,
    writes: Outbox<FormerWrite>,
    messages: Outbox<FormerMessage>,
    dead_letters: Vec<Misfit>,
    tallies: Vec<FormerTally>,
}

#[derive(Deserialize)]
struct FormerWrite {
    origin: Origin,
    journey: Option<JourneyIx>,
    objects: Arc<Objects>,
    done: Progress,
    refused: Option<Box<str>>,
    attempt: u32,
    failures: u32,
    stage: Stage,
    deadline: Option<Millis>,
    next: u32,
}

#[derive(Deserialize)]
struct FormerMessage {
    origin: Origin,
    journey: JourneyIx,
    content: Arc<Message>,
    attempt: u32,
    failures: u32,
    stage: Stage,
}

#[derive(Deserialize)]
struct FormerTally {
    entered: u64,
    outside_audience: u64,
    not_again: u64,
    audience_errors: u64,
    other_events: u64,
    bad_ids: u64,
    completed: u64,
    exited: u64,
    failed: u64,
    dead_letters: u64,
    messages: u64,
    steps: Vec<StepTally>,
}

/// The state of a snapshot of these Canvases; none if it is damaged.
pub(super) fn read(bytes: &[u8], known_canvases: &[Arc<Canvas>]) -> Option<Read> {
    let Former { now, canvases, users, journeys, writes, messages, dead_letters, tallies } =
        whole(bytes)?;
    let users = Users::of_former(users)?;
    let mut letters = Letters::default();
    let of_these = versions(known_canvases).starts_with(&canvases);
    // Of other Canvases: the caller says so.
    for letter in dead_letters.iter().filter(|_| of_these) {
        letters.add(letter_of(letter, &users, known_canvases)?);
    }
    let writes = writes.map(write_of);
    let messages = messages.map(message_of);
    let tallies = tallies.into_iter().map(tally_of).collect();
    let paused = Vec::new();
    Some(Read { now, canvases, users, journeys, writes, messages, letters, paused, tallies })
}

fn letter_of(letter: &Misfit, users: &Users, canvases: &[Arc<Canvas>]) -> Option<Letter> {
    let Misfit { at, key, reason, payload } = letter;
    let canvas = canvases
        .iter()
        .position(|canvas| canvas.head.name == key.canvas && canvas.head.version == key.version)?;
    let mut steps = canvases[canvas].graph().node_weights();
    let node = NodeIx(steps.position(|node| node.id == key.step)? as u16);
    let (user, canvas) = (users.find(&key.user)?, CanvasIx(canvas as u16));
    let origin = Origin { user, canvas, node, entry: key.entry };
    let left = Left::Text(payload.as_str().into());
    Some(Letter { at: *at, origin, reason: reason.as_str().into(), left, under_way: None })
}

fn write_of(former: FormerWrite) -> PendingWrite {
    let FormerWrite { origin, journey, objects, done, refused, attempt, failures, .. } = former;
    let FormerWrite { stage, deadline, next, .. } = former;
    PendingWrite {
        origin,
        journey,
        objects,
        done,
        refused,
        attempt,
        failures,
        stage,
        deadline,
        next,
        letter: None,
    }
}

fn message_of(former: FormerMessage) -> PendingMessage {
    let FormerMessage { origin, journey, content, attempt, failures, stage } = former;
    let (journey, letter) = (Some(journey), None);
    PendingMessage { origin, journey, content, attempt, failures, stage, letter }
}

fn tally_of(former: FormerTally) -> Tally {
    Tally {
        entered: former.entered,
        outside_audience: former.outside_audience,
        not_again: former.not_again,
        audience_errors: former.audience_errors,
        other_events: former.other_events,
        bad_ids: former.bad_ids,
        completed: former.completed,
        exited: former.exited,
        failed: former.failed,
        dead_letters: former.dead_letters,
        messages: former.messages,
        steps: former.steps,
        deleted: 0,
        paused: 0,
    }
}
