//! Shards, as operators see them: the same of an engine at work and of a folder at rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::protocol::{
    AttemptsRow, Burden, CanvasRow, JourneyRow, Letter, LetterAt, LogRow, Moment, Overview,
    Payloads, Rest, StepRow, Verdict, Wanted,
};
use crate::core::trace::{Line, What};
use crate::core::{
    Canvas, CanvasIx, DeadLetter, JourneyLook, LetterId, Millis, NodeIx, Replay, RestLook, Shard,
    ShardId, StepLook,
};
use flowrun_engine::log::Size;

pub type Shards<'a> = &'a [(ShardId, &'a Shard)];

/// All of it but what only an engine at work knows of itself.
pub fn overview(
    shards: Shards<'_>,
    closed: &BTreeSet<CanvasIx>,
    at: Millis,
    size: Size,
) -> Overview {
    let mut overview = Overview {
        at: Moment(at),
        running: false,
        overload: Vec::new(),
        users: 0,
        overdue: 0,
        canvases: canvases(shards, closed),
        dead_letters: Burden { count: 0, bytes: 0 },
        log: LogRow {
            records: size.records,
            record_bytes: size.record_bytes,
            snapshot_bytes: size.snapshot_bytes,
            file_bytes: size.file_bytes,
            snapshotted: None,
        },
        profiles_bytes: 0,
        to_be_swept: false,
    };
    for (_, shard) in shards {
        let (count, bytes) = shard.burden();
        overview.dead_letters.count += count as u64;
        overview.dead_letters.bytes += bytes as u64;
        overview.users += shard.users() as u64;
        overview.overdue += shard.count_overdue() as u64;
    }
    if shards.iter().any(|(_, shard)| shard.is_burdened()) {
        let said = "too many dead letters: nobody enters and no wait ends until some are \
                    replayed or discarded";
        overview.overload.push(said.to_owned());
    }
    overview
}

/// Who is where: versions that somebody is on, and the newest of each Canvas, by names. A retired
/// one is neither.
fn canvases(shards: Shards<'_>, closed: &BTreeSet<CanvasIx>) -> Vec<CanvasRow> {
    let mut looks: Vec<Vec<StepLook>> = Vec::new();
    for (_, shard) in shards {
        let more = shard.steps();
        if looks.is_empty() {
            looks = more;
            continue;
        }
        for (steps, more) in looks.iter_mut().zip(&more) {
            steps.iter_mut().zip(more).for_each(|(step, more)| step.add(more));
        }
    }
    let Some((_, shard)) = shards.first() else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for (number, steps) in looks.iter().enumerate().rev() {
        let canvas = shard.canvas(CanvasIx(number as u16));
        let newest = seen.insert(canvas.head.name.clone());
        if canvas.is_retired() {
            continue;
        }
        let steps = steps.iter().enumerate();
        let steps: Vec<StepRow> =
            steps.map(|(node, look)| step(canvas, NodeIx(node as u16), look)).collect();
        let journeys = steps.iter().map(StepRow::all).sum();
        if journeys == 0 && !newest {
            continue;
        }
        rows.push(CanvasRow {
            canvas: canvas.head.name.to_string(),
            version: canvas.head.version.to_string(),
            newest,
            has_no_file: closed.contains(&CanvasIx(number as u16)),
            paused: shard.is_paused(&canvas.head.name),
            journeys,
            steps,
        });
    }
    // Of one name the newest stays in front.
    rows.sort_by(|one, other| one.canvas.cmp(&other.canvas));
    rows
}

fn step(canvas: &Canvas, node: NodeIx, look: &StepLook) -> StepRow {
    let node = canvas.node(node);
    let attempts = &look.attempts;
    StepRow {
        step: node.id.to_string(),
        kind: node.kind.to_string(),
        waiting: look.waiting,
        earliest_due: look.earliest_due.map(Moment),
        fetching: look.fetching,
        held: look.held,
        sending: look.sending,
        parked: look.parked,
        parked_since: look.parked_since.map(Moment),
        oldest_since: look.oldest_since.map(Moment),
        waiting_since: look.waiting_since.map(Moment),
        held_since: look.held_since.map(Moment),
        sending_since: look.sending_since.map(Moment),
        attempts: AttemptsRow {
            queued: attempts.queued,
            under_way: attempts.under_way,
            again: attempts.again,
            most: attempts.most,
            next: attempts.next.map(Moment),
            earliest_deadline: attempts.earliest_deadline.map(Moment),
        },
    }
}

/// A page of dead letters.
pub fn letters(shards: Shards<'_>, wanted: &Wanted) -> Vec<Letter> {
    if !wanted.ids.is_empty() {
        let found = wanted.ids.iter().filter_map(|at| {
            let shard = shard_of(shards, at.shard)?;
            Some(row(at.shard, shard.dead_letter(at.id)?, wanted.payloads))
        });
        return found.take(wanted.most).collect();
    }
    let is_wanted = |letter: &DeadLetter| {
        let of = |name: &Option<String>, own: &str| name.as_ref().is_none_or(|name| name == own);
        of(&wanted.canvas, &letter.key.canvas) && of(&wanted.step, &letter.key.step)
    };
    let from = |shard: ShardId| match wanted.after {
        Some(after) if shard < after.shard => None,
        Some(after) if shard == after.shard => Some(LetterId(after.id.0.saturating_add(1))),
        _ => Some(LetterId(0)),
    };
    let all = shards.iter().filter_map(|(id, shard)| Some((*id, *shard, from(*id)?)));
    let all = all.flat_map(|(id, shard, from)| {
        shard.dead_letters_from(from).filter(is_wanted).map(move |letter| (id, letter))
    });
    all.take(wanted.most).map(|(shard, letter)| row(shard, letter, wanted.payloads)).collect()
}

/// A user's dead letters in a Canvas.
pub fn letters_of((id, shard): (ShardId, &Shard), user: &str, canvas: &str) -> Vec<Letter> {
    let own = |letter: &DeadLetter| *letter.key.user == *user && *letter.key.canvas == *canvas;
    let own = shard.dead_letters().filter(own);
    own.map(|letter| row(id, letter, Payloads::Without)).collect()
}

fn shard_of<'a>(shards: Shards<'a>, id: ShardId) -> Option<&'a Shard> {
    shards.iter().find(|(shard, _)| *shard == id).map(|(_, shard)| *shard)
}

fn row(shard: ShardId, letter: DeadLetter, payloads: Payloads) -> Letter {
    let DeadLetter { id, at, key, reason, payload, replay } = letter;
    Letter {
        id: LetterAt { shard, id },
        at: Moment(at),
        canvas: key.canvas.to_string(),
        version: key.version.to_string(),
        step: key.step.to_string(),
        user: key.user.to_string(),
        entry: key.entry,
        key: key.to_string(),
        reason,
        obstacle: replay.obstacle().map(str::to_owned),
        under_way: replay == Replay::UnderWay,
        payload: (payloads == Payloads::With).then_some(payload),
    }
}

/// What is asked of dead letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deed {
    Replay,
    Discard,
}

/// What can be done of it, and why the rest can't.
pub fn verdicts(shards: Shards<'_>, ids: &[LetterAt], deed: Deed) -> Vec<Verdict> {
    let refused = |at: &LetterAt| {
        let letter = shard_of(shards, at.shard).and_then(|shard| shard.dead_letter(at.id));
        let why = match (letter.map(|letter| letter.replay), deed) {
            (None, _) => Some("there is no such dead letter (any more)"),
            (Some(replay), Deed::Replay) => replay.obstacle(),
            (Some(Replay::UnderWay), Deed::Discard) => {
                Some("it is being replayed: what becomes of it is seen in a moment")
            }
            (Some(_), Deed::Discard) => None,
        };
        why.map(str::to_owned)
    };
    ids.iter().map(|at| Verdict { id: *at, refused: refused(at) }).collect()
}

/// Those of whom something can be done.
pub fn granted(verdicts: &[Verdict]) -> Vec<(ShardId, LetterId)> {
    let granted = verdicts.iter().filter(|verdict| verdict.refused.is_none());
    granted.map(|verdict| (verdict.id.shard, verdict.id.id)).collect()
}

/// The names of all Canvases.
pub fn names(shards: Shards<'_>) -> BTreeSet<Arc<str>> {
    let Some((_, shard)) = shards.first() else { return BTreeSet::new() };
    shard.canvases().iter().map(|canvas| canvas.head.name.clone()).collect()
}

/// What a user has who may be deleted: journeys, and dead letters.
pub fn belongings(shard: &Shard, user: &str) -> (u64, u64) {
    let letters = shard.dead_letters().filter(|letter| *letter.key.user == *user);
    (shard.journeys_of(user).len() as u64, letters.count() as u64)
}

/// A user's journeys in a Canvas, with what the lines tell of them.
pub fn journeys(looks: Vec<JourneyLook>, canvas: &str, lines: &[Line]) -> Vec<JourneyRow> {
    let own = looks.into_iter().filter(|look| *look.name == *canvas);
    own.map(|look| journey(&look, lines)).collect()
}

fn journey(look: &JourneyLook, lines: &[Line]) -> JourneyRow {
    let (state, due, deadline, attempt) = match &look.rest {
        RestLook::Waiting { until } => (Rest::Waiting, Some(*until), None, None),
        RestLook::Fetching => (Rest::Fetching, None, None, None),
        RestLook::Held { write, deadline } if write.queued => {
            (Rest::HeldBehind, write.due, *deadline, Some(write))
        }
        RestLook::Held { write, deadline } => (Rest::Held, write.due, *deadline, Some(write)),
        RestLook::Sending { message } => (Rest::Sending, message.due, None, Some(message)),
        RestLook::Parked { .. } => (Rest::Parked, None, None, None),
    };
    let arrived = lines.iter().rev().find(|line| {
        let here = line.step.as_deref() == Some(&*look.step) && line.entry == Some(look.entry);
        here && line.what == What::Arrived
    });
    let since = match look.rest {
        RestLook::Parked { since } => since,
        _ => arrived.map_or(look.since, |line| line.at),
    };
    JourneyRow {
        version: look.version.to_string(),
        entry: look.entry,
        step: look.step.to_string(),
        state,
        since: Some(Moment(since)),
        due: due.map(Moment),
        deadline: deadline.map(Moment),
        key: attempt.map(|attempt| attempt.key.to_string()),
        attempt: attempt.map(|attempt| attempt.number),
    }
}
