//! A shard's state, and the one place where it changes: [`State::apply`].
//!
//! Deciding and recovering both come here, so that a replayed record leads to the state
//! that the original led to. What is asserted here is what no input can bring about.

use std::sync::Arc;

use flowrun_sdk::{Door, Millis};
use hashbrown::HashMap;

use crate::journey::{Journey, Journeys, State as Rest};
use crate::letters::{Left, Letters};
use crate::outbox::{Origin, Outbox, PendingMessage, PendingWrite, Stage};
use crate::pauses::Pauses;
use crate::planted::{Bug, is_planted};
use crate::record::{Change, Ending, Final, FinalSend};
use crate::tally::{StepTally, Tally};
use crate::timers::{Timer, Timers};
use crate::trace::{Counts, Line, What};
use crate::users::{FixedState, NONE, Users};
use crate::{Canvas, CanvasIx, ItemId, JourneyIx, NodeIx, WriteKey};

#[derive(Default)]
pub(crate) struct State {
    pub canvases: Vec<Arc<Canvas>>,
    families: Vec<CanvasIx>,
    /// By name of an event: the Canvases that it lets users into.
    triggered: HashMap<Box<str>, Vec<CanvasIx>, FixedState>,
    pub users: Users,
    pub journeys: Journeys,
    pub timers: Timers,
    /// Due, and let go a few at a time.
    pub overdue: Timers,
    pub pauses: Pauses,
    pub writes: Outbox<PendingWrite>,
    pub messages: Outbox<PendingMessage>,
    pub letters: Letters,
    pub tallies: Vec<Tally>,
    /// Lines about the changes, where somebody listens.
    pub lines: Option<Vec<Line>>,
}

impl State {
    pub fn canvas(&self, canvas: CanvasIx) -> &Arc<Canvas> {
        &self.canvases[canvas.index()]
    }

    /// The number by which a host may know a user, if they have entered.
    pub fn number_of(&self, user: &str) -> Option<crate::UserIx> {
        self.users.number(self.users.find(user)?)
    }

    pub fn origin(&self, journey: JourneyIx) -> Origin {
        let journey = self.journeys.at(journey);
        let (user, canvas, node) = (journey.user, journey.canvas, journey.node);
        Origin { user, canvas, node, entry: journey.entry }
    }

    pub fn key(&self, origin: Origin) -> WriteKey {
        let canvas = self.canvas(origin.canvas);
        WriteKey {
            canvas: canvas.head.name.clone(),
            version: canvas.head.version,
            user: self.users.name(origin.user).into(),
            entry: if is_planted(Bug::KeyReused) { 1 } else { origin.entry },
            step: canvas.node(origin.node).id.clone(),
        }
    }

    /// Makes a change.
    pub fn apply(&mut self, at: Millis, change: &Change) {
        match change {
            Change::Entered { journey, user, canvas, context } => {
                self.entered(at, *journey, user, *canvas, context.clone());
            }
            Change::Advanced { journey, door, why } => {
                self.advanced(at, *journey, *door, why.as_deref());
            }
            Change::Waiting { journey, until, then } => {
                self.rest(*journey, Rest::Waiting { due: *until, then: *then });
                self.timers.set(*until, Timer::Journey(journey.0));
                self.line(at, *journey, || What::Waiting { until: Some(*until), for_what: "time" });
            }
            Change::Fetching { journey, visit } => {
                self.rest(*journey, Rest::Fetching { visit: *visit });
                self.line(at, *journey, || What::Waiting { until: None, for_what: "fetch" });
            }
            Change::Resumed { journey } => self.rest(*journey, Rest::Ready),
            Change::Held { journey, write, objects, deadline } => {
                self.rest(*journey, Rest::Held { write: *write });
                let origin = self.origin(*journey);
                let counts = counts_of(objects);
                self.queue(
                    *write,
                    PendingWrite {
                        origin,
                        journey: Some(*journey),
                        objects: objects.clone(),
                        done: Default::default(),
                        refused: None,
                        attempt: 1,
                        failures: 0,
                        stage: Stage::Queued,
                        deadline: *deadline,
                        next: NONE,
                        letter: None,
                    },
                );
                if let Some(deadline) = deadline {
                    self.timers.set(*deadline, Timer::Deadline(write.slot));
                }
                if self.lines.is_some() {
                    let key = self.key(origin).to_string();
                    self.line(at, *journey, || What::Held { key, objects: counts });
                }
            }
            Change::WriteRetry { write, due, failures, state } => {
                let pending = self.writes.get_mut(*write).expect("the write is in the outbox");
                pending.failures = *failures;
                pending.attempt += 1;
                pending.done = state.done.clone();
                pending.refused = state.refused.clone();
                pending.stage = Stage::Retry { due: *due };
                if !is_planted(Bug::RetryDropped) {
                    self.timers.set(*due, Timer::Write(write.slot));
                }
            }
            Change::WriteResent { write } => {
                self.writes.get_mut(*write).expect("the write is in the outbox").stage =
                    Stage::InFlight;
            }
            Change::Settled { write, outcome } => self.settled(at, *write, outcome),
            Change::Overdue { write } => {
                let pending = self.writes.get_mut(*write).expect("the write is in the outbox");
                let origin = pending.origin;
                let journey = pending.journey.take().expect("a deadline passes once");
                self.rest(journey, Rest::Ready);
                self.released(at, origin, journey, "timeout");
            }
            Change::Sending { journey, message, content } => {
                self.rest(*journey, Rest::Sending { message: *message });
                let origin = self.origin(*journey);
                let (journey, content) = (Some(*journey), content.clone());
                let (attempt, failures, stage, letter) = (1, 0, Stage::InFlight, None);
                let pending =
                    PendingMessage { origin, journey, content, attempt, failures, stage, letter };
                self.messages.insert(*message, pending);
            }
            Change::SendRetry { message, due, failures } => {
                let pending = self.messages.get_mut(*message).expect("it is in the outbox");
                pending.failures = *failures;
                pending.attempt += 1;
                pending.stage = Stage::Retry { due: *due };
                self.timers.set(*due, Timer::Message(message.slot));
            }
            Change::SendResent { message } => {
                self.messages.get_mut(*message).expect("it is in the outbox").stage =
                    Stage::InFlight;
            }
            Change::Sent { message, outcome } => self.sent(at, *message, outcome),
            Change::Remembered { journey, variables } => {
                let journey = self.journeys.at_mut(*journey);
                // Room for these and no more: most journeys have a variable or two.
                let room = || Arc::new(crate::Context::with_capacity(variables.len()));
                let context = Arc::make_mut(journey.context.get_or_insert_with(room));
                for (name, value) in variables {
                    context.insert(name.clone(), value.clone());
                }
            }
            Change::DeadLetter(misfit) => self.misfit(misfit),
            Change::WriteBuried { write, done, reason } => {
                self.write_buried(at, *write, done, reason);
            }
            Change::MessageBuried { message, reason } => {
                self.message_buried(at, *message, reason);
            }
            Change::WriteReplayed { letter, write } => self.write_replayed(at, *letter, *write),
            Change::MessageReplayed { letter, message } => {
                self.message_replayed(at, *letter, *message);
            }
            Change::Discarded { letter } => self.letters.remove(*letter),
            Change::Paused { canvas } => self.pauses.begin(*canvas),
            Change::Unpaused { canvas } => {
                for (due, timer) in self.pauses.end(*canvas) {
                    let timers = if due <= at { &mut self.overdue } else { &mut self.timers };
                    timers.set(due, timer);
                }
            }
            Change::Parked { journey } => {
                self.rest(*journey, Rest::Parked { since: at });
                self.timers.set(at, Timer::Journey(journey.0));
                self.line(at, *journey, || What::Waiting { until: None, for_what: "resume" });
            }
            Change::Deleted { user } => self.deleted(at, user),
            Change::Exited { journey, ending } => self.exited(at, *journey, ending),
            Change::Aborted { journey } => {
                let Journey { canvas, node, .. } = *self.journeys.at(*journey);
                self.step_tally(canvas, node).aborted += 1;
            }
        }
    }

    fn entered(
        &mut self,
        at: Millis,
        ix: JourneyIx,
        user: &str,
        canvas: CanvasIx,
        context: Option<Arc<crate::Context>>,
    ) {
        let user = self.users.intern(user);
        let entry = self.users.enter(user, self.family(canvas), at);
        let node = self.canvas(canvas).start();
        let (state, since) = (Rest::Ready, at.into());
        let journey = Journey { user, canvas, node, entry, state, context, since };
        self.journeys.insert(ix, journey);
        self.tallies[canvas.index()].entered += 1;
        self.step_tally(canvas, node).arrived += 1;
        if self.lines.is_some() {
            let version = self.canvas(canvas).head.version.to_string();
            self.line(at, ix, || What::Entered { version });
            self.unplaced_last_line();
            self.line(at, ix, || What::Arrived);
        }
    }

    /// The first loaded version of the same Canvas: entries are counted by name.
    pub fn family(&self, canvas: CanvasIx) -> CanvasIx {
        self.families[canvas.index()]
    }

    pub fn add_canvas(&mut self, canvas: Arc<Canvas>) -> CanvasIx {
        let ix = CanvasIx(self.canvases.len().try_into().expect("fewer than 65,536 versions"));
        let first = self.canvases.iter().position(|other| other.head.name == canvas.head.name);
        self.families.push(first.map_or(ix, |first| CanvasIx(first as u16)));
        // Who enters from now on enters the newest version of a Canvas.
        let (families, own) = (&self.families, self.families[ix.index()]);
        for waiting in self.triggered.values_mut() {
            waiting.retain(|canvas| families[canvas.index()] != own);
        }
        if let Some(trigger) = &canvas.head.entry.event {
            self.triggered.entry(trigger.name.clone()).or_default().push(ix);
        }
        let steps = vec![StepTally::default(); canvas.node_count()];
        self.tallies.push(Tally { steps, ..Tally::default() });
        self.canvases.push(canvas);
        ix
    }

    /// The Canvases that an event lets users into.
    pub fn waiting_for(&self, event: &str) -> Vec<CanvasIx> {
        self.triggered.get(event).cloned().unwrap_or_default()
    }

    fn advanced(&mut self, at: Millis, ix: JourneyIx, door: Door, why: Option<&str>) {
        let Journey { canvas, node, state, .. } = *self.journeys.at(ix);
        if let Rest::Waiting { due, then } = state {
            assert!(at >= due, "no wait ends early");
            assert_eq!(door, then, "a wait ends by the door it was to end by");
            self.rest(ix, Rest::Ready);
        } else {
            assert_eq!(state, Rest::Ready, "only who is ready advances");
        }
        self.step_tally(canvas, node).advanced += 1;
        let plan = self.canvas(canvas).clone();
        let to = plan.way(node, door);
        if self.lines.is_some() {
            let via = plan.node(node).doors[usize::from(door.0)].clone();
            let to = to.map(|to| plan.node(to).id.clone());
            let reason = why.map(str::to_owned);
            self.line(at, ix, || What::Advanced { via, to, reason });
        }
        if let Some(to) = to {
            let journey = self.journeys.at_mut(ix);
            (journey.node, journey.since) = (to, at.into());
            self.step_tally(canvas, to).arrived += 1;
            self.line(at, ix, || What::Arrived);
        }
    }

    /// Puts a journey into a state, and keeps the counters of who rests where.
    pub(super) fn rest(&mut self, ix: JourneyIx, state: Rest) {
        let journey = self.journeys.at_mut(ix);
        let (canvas, node) = (journey.canvas, journey.node);
        let before = std::mem::replace(&mut journey.state, state);
        assert!(
            (before == Rest::Ready) != (state == Rest::Ready),
            "rests begin and end at a step: {before:?} to {state:?}"
        );
        let tally = self.step_tally(canvas, node);
        if let Some(counter) = counter(tally, before) {
            *counter -= 1;
        }
        if let Some(counter) = counter(tally, state) {
            *counter += 1;
        }
    }

    /// Adds a write to the end of its user's queue.
    pub(super) fn queue(&mut self, id: ItemId, mut write: PendingWrite) {
        let user = write.origin.user;
        let last = self.users.last_write(user);
        if last == NONE {
            write.stage = Stage::InFlight;
            self.users.set_writes(user, id.slot, id.slot);
        } else {
            let (before, _) = self.writes.in_slot(last).expect("the queue's last is there");
            self.writes.get_mut(before).expect("just found").next = id.slot;
            self.users.set_writes(user, self.users.first_write(user), id.slot);
        }
        self.writes.insert(id, write);
    }

    fn settled(&mut self, at: Millis, id: ItemId, outcome: &Final) {
        let write = self.writes.remove(id);
        assert_eq!(write.stage, Stage::InFlight, "only what is in flight settles");
        let user = write.origin.user;
        assert_eq!(self.users.first_write(user), id.slot, "writes settle in order");
        if write.next == NONE {
            self.users.set_writes(user, NONE, NONE);
        } else {
            self.users.set_writes(user, write.next, self.users.last_write(user));
            let (next, _) = self.writes.in_slot(write.next).expect("the next in the queue");
            self.writes.get_mut(next).expect("just found").stage = Stage::InFlight;
        }
        let word = match outcome {
            Final::Committed(level) => level.word(),
            Final::Refused(_) => "refused",
        };
        if let (Some(letter), Final::Committed(_)) = (write.letter, outcome) {
            self.letters.remove(letter);
        }
        match write.journey {
            Some(journey) => {
                self.rest(journey, Rest::Ready);
                self.released(at, write.origin, journey, word);
            }
            None => self.late(at, write.origin, word),
        }
    }

    fn released(&mut self, at: Millis, origin: Origin, journey: JourneyIx, outcome: &'static str) {
        if self.lines.is_none() {
            return;
        }
        let key = self.key(origin).to_string();
        self.line(at, journey, || What::Released { key, outcome });
    }

    /// A write that became final after its journey had gone on.
    fn late(&mut self, at: Millis, origin: Origin, outcome: &'static str) {
        self.line_of(at, origin, |key| What::Released { key, outcome });
    }

    fn sent(&mut self, at: Millis, id: ItemId, outcome: &FinalSend) {
        let pending = self.messages.remove(id);
        if let Some(journey) = pending.journey {
            self.rest(journey, Rest::Ready);
        }
        match (pending.letter, outcome) {
            (Some(letter), FinalSend::Sent) => self.letters.remove(letter),
            (Some(letter), FinalSend::Unknown) => {
                let why = "unknown whether it was sent when it was replayed";
                self.letters.renew(letter, at, why, Left::InDoubt(pending.content.clone()));
            }
            (Some(_), FinalSend::Refused(_)) | (None, _) => {}
        }
        if *outcome != FinalSend::Sent {
            return;
        }
        self.tallies[pending.origin.canvas.index()].messages += 1;
        let content = &pending.content;
        self.line_of(at, pending.origin, |message| What::Sent {
            channel: content.channel.clone(),
            message,
            subject: content.subject.clone(),
            body: content.body.clone(),
        });
    }

    fn exited(&mut self, at: Millis, ix: JourneyIx, ending: &Ending) {
        if *ending == Ending::Deleted {
            self.torn_off(ix);
        }
        self.line(at, ix, || What::Exited { reason: ending.reason().to_owned() });
        let journey = self.journeys.remove(ix);
        assert_eq!(journey.state, Rest::Ready, "only who is ready ends");
        let tally = &mut self.tallies[journey.canvas.index()];
        tally.steps[journey.node.index()].exited += 1;
        match ending {
            Ending::Completed => tally.completed += 1,
            Ending::Step(reason) if **reason == *Ending::Completed.reason() => tally.completed += 1,
            Ending::Step(_) => tally.exited += 1,
            Ending::UpdateFailed | Ending::SendFailed | Ending::StepFailed => tally.failed += 1,
            Ending::Deleted => tally.deleted += 1,
        }
    }

    /// Whether who set a timer still waits for it: timers are not taken back when their
    /// owner moves on.
    pub fn still_wants(&self, due: Millis, timer: Timer) -> bool {
        match timer {
            Timer::Journey(slot) if is_planted(Bug::TimerTwice) => {
                self.journeys.get(JourneyIx(slot)).is_some()
            }
            Timer::Journey(slot) => {
                self.journeys.get(JourneyIx(slot)).is_some_and(|journey| match journey.state {
                    Rest::Waiting { due: until, .. } | Rest::Parked { since: until } => {
                        until == due
                    }
                    _ => false,
                })
            }
            Timer::Deadline(slot) => self
                .writes
                .in_slot(slot)
                .is_some_and(|(_, write)| write.deadline == Some(due) && write.journey.is_some()),
            Timer::Write(slot) => self
                .writes
                .in_slot(slot)
                .is_some_and(|(_, write)| write.stage == Stage::Retry { due }),
            Timer::Message(slot) => self
                .messages
                .in_slot(slot)
                .is_some_and(|(_, message)| message.stage == Stage::Retry { due }),
        }
    }

    pub fn step_tally(&mut self, canvas: CanvasIx, node: NodeIx) -> &mut StepTally {
        &mut self.tallies[canvas.index()].steps[node.index()]
    }

    fn line(&mut self, at: Millis, journey: JourneyIx, what: impl FnOnce() -> What) {
        if self.lines.is_none() {
            return;
        }
        let Journey { user, canvas, node, entry, .. } = *self.journeys.at(journey);
        let plan = self.canvas(canvas);
        let line = Line {
            at,
            canvas: Some(plan.head.name.clone()),
            user: Some(self.users.name(user).into()),
            entry: Some(entry),
            step: Some(plan.node(node).id.clone()),
            what: what(),
        };
        self.push_line(line);
    }

    /// A line about a write or message whose journey may be gone.
    pub fn line_of(&mut self, at: Millis, origin: Origin, what: impl FnOnce(String) -> What) {
        if self.lines.is_none() {
            return;
        }
        let key = self.key(origin);
        self.push_line(Line {
            at,
            canvas: Some(key.canvas.clone()),
            user: Some(key.user.clone()),
            entry: Some(key.entry),
            step: Some(key.step.clone()),
            what: what(key.to_string()),
        });
    }

    /// Entering happens to a Canvas, not at a step.
    fn unplaced_last_line(&mut self) {
        if let Some(line) = self.lines.as_mut().and_then(|lines| lines.last_mut()) {
            line.step = None;
        }
    }

    pub(super) fn push_line(&mut self, line: Line) {
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }
}

fn counter(tally: &mut StepTally, state: Rest) -> Option<&mut u64> {
    match state {
        Rest::Ready => None,
        Rest::Waiting { .. } | Rest::Fetching { .. } | Rest::Parked { .. } => {
            Some(&mut tally.waiting)
        }
        Rest::Held { .. } => Some(&mut tally.held),
        Rest::Sending { .. } => Some(&mut tally.sending),
    }
}

pub(crate) fn counts_of(objects: &flowrun_sdk::Objects) -> Counts {
    Counts {
        attributes: objects.attributes.len(),
        events: objects.events.len(),
        purchases: objects.purchases.len(),
    }
}
