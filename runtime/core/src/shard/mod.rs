//! The shard: a deterministic state machine over a log.
//!
//! One call of [`Shard::step`] takes what has happened, decides for everybody concerned,
//! and returns a [`Record`] to be made durable and [`Effect`]s to be performed after that.
//! It reads no clock, no file and no network; what it returns follows from its state, its
//! inputs, the profiles it is lent, and its seed.
//!
//! Inside a call, journeys that are at a step are *ready*. The nodes of each Canvas are
//! run once, in topological order, each for its whole cohort: since the graph has no
//! cycle, whoever moves on is met again further down, and after one pass everybody rests.

mod census;
mod delete;
mod due;
mod enter;
mod letters;
mod pause;
mod recover;
mod sent;
mod settled;
mod snapshot;
mod snapshot_1;
mod state;
mod visit;

use std::sync::Arc;

use flowrun_sdk::{Door, Millis};
use flowrun_template::{Answer, Request};
use flowrun_track::Profile;
use hashbrown::HashMap;

use crate::effect::{Effect, Send, Write};
use crate::journey::Journey;
use crate::outbox::Stage;
use crate::record::{Change, Ending, Record};
use crate::tally::Tally;
use crate::trace::Line;
use crate::users::FixedState;
use crate::{
    Canvas, CanvasIx, Input, ItemId, JourneyIx, LetterId, LetterLimits, RetryPolicy, ShardId,
    UserIx,
};

use delete::Leaving;

pub use census::Census;
pub use snapshot::Unrestorable;
pub(crate) use state::State;

/// What a decision may read of the world. The host has loaded it before it calls.
pub trait World {
    /// The profile of a user, by the shard's number for them and by their id. A host may go
    /// by either: the number is known only once the user has entered.
    fn profile(&self, number: Option<UserIx>, id: &str) -> Option<&Profile>;
}

/// What holds for a shard for as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    pub id: ShardId,
    /// Decides everything that is random.
    pub seed: u64,
    pub retry: RetryPolicy,
    /// From so many dead letters on the shard is burdened.
    pub letters: LetterLimits,
}

/// What one call decided.
#[derive(Clone, PartialEq, Debug, Default)]
#[must_use]
pub struct Decided {
    /// To be made durable first.
    pub record: Record,
    /// To be performed after that.
    pub effects: Vec<Effect>,
    /// What happened, where the shard traces.
    pub lines: Vec<Line>,
    /// Dead letters that have come, or have come back from a replay.
    pub letters: Vec<LetterId>,
}

/// How fast a shard may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    Free,
    /// What is due fires; of what is overdue (see [`Shard::spread`]) only so many, in the next
    /// call.
    Spread(usize),
    /// Inputs are taken, but no timer fires.
    HoldTimers,
}

/// Users of one shard on their way through Canvases.
pub struct Shard {
    settings: Settings,
    state: State,
    now: Millis,
    /// By Canvas and node: who is there to be decided in this call. Empty between calls.
    ready: Vec<Vec<Vec<JourneyIx>>>,
    /// What templates asked for and got, until their step has decided. Not part of the
    /// state: after a crash it is asked for again.
    answers: HashMap<JourneyIx, Vec<(Request, Option<Answer>)>, FixedState>,
    /// Journeys whose visit has to be repeated after a crash.
    resume: Vec<JourneyIx>,
    /// Messages that may have gone out before a crash, and must not go out twice.
    in_doubt: Vec<ItemId>,
    visits: u32,
    calls: u64,
    timers_per_call: usize,
    overdue_per_call: usize,
}

/// How many timers one call fires unless told otherwise; the others follow in the next. So few
/// that what a call works in stays in the processor's cache: more cost more each.
const TIMERS_PER_CALL: usize = 1_024;

impl Shard {
    pub fn new(settings: Settings) -> Shard {
        Shard {
            settings,
            state: State::default(),
            now: Millis(i64::MIN),
            ready: Vec::new(),
            answers: HashMap::default(),
            resume: Vec::new(),
            in_doubt: Vec::new(),
            visits: 0,
            calls: 0,
            timers_per_call: TIMERS_PER_CALL,
            overdue_per_call: TIMERS_PER_CALL,
        }
    }

    /// Makes a Canvas version known. Records call it by its number, so that recovery has
    /// to add the same ones in the same order.
    pub fn add_canvas(&mut self, canvas: Arc<Canvas>) -> CanvasIx {
        self.ready.push(vec![Vec::new(); canvas.node_count()]);
        self.state.add_canvas(canvas)
    }

    /// Lets calls return trace lines.
    pub fn trace(&mut self) {
        self.state.lines.get_or_insert_default();
    }

    /// The earliest moment at which a call has something to do without any input.
    pub fn next_wake(&mut self) -> Option<Millis> {
        if !self.resume.is_empty() || !self.in_doubt.is_empty() {
            return Some(self.now);
        }
        while let Some((due, timer)) = self.state.timers.first() {
            let wanted = self.state.still_wants(due, timer);
            if wanted && !self.state.stalls(due, timer) {
                break;
            }
            self.state.timers.pop_due(due);
        }
        let overdue = (self.overdue_per_call > 0).then(|| self.state.overdue.first());
        let first = self.state.timers.first().into_iter().chain(overdue.flatten());
        first.map(|(due, _)| due).min()
    }

    /// Says whether timers may fire. A host that can't keep up with what they lead to holds
    /// them back for a while: they fire late, but the shard's memory stays bounded.
    pub fn pace(&mut self, pace: Pace) {
        (self.timers_per_call, self.overdue_per_call) = match pace {
            Pace::Free => (TIMERS_PER_CALL, TIMERS_PER_CALL),
            Pace::Spread(overdue) => (TIMERS_PER_CALL, overdue),
            Pace::HoldTimers => (0, 0),
        };
    }

    /// Whether it holds as many dead letters as it may: nobody should enter and no timer fire
    /// until somebody has replayed or discarded some.
    pub fn is_burdened(&self) -> bool {
        let LetterLimits { count, bytes } = self.settings.letters;
        let waiting = self.state.letters.waiting();
        waiting.0 >= count || waiting.1 >= bytes
    }

    pub fn tally(&self, canvas: CanvasIx) -> &Tally {
        &self.state.tallies[canvas.index()]
    }

    pub fn canvas(&self, canvas: CanvasIx) -> &Arc<Canvas> {
        self.state.canvas(canvas)
    }

    /// Journeys that have not ended.
    pub fn active(&self) -> usize {
        self.state.journeys.len()
    }

    /// Writes and messages without a final outcome.
    pub fn outstanding(&self) -> usize {
        self.state.writes.len() + self.state.messages.len()
    }

    /// How many users it has seen.
    pub fn users(&self) -> usize {
        self.state.users.len()
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Decides. `decided` is overwritten; its memory is used again. Time does not run
    /// backwards: an earlier `now` than before counts as the former.
    pub fn step(
        &mut self,
        now: Millis,
        inputs: &mut Vec<Input>,
        world: &dyn World,
        decided: &mut Decided,
    ) {
        self.now = self.now.max(now);
        self.calls += 1;
        decided.effects.clear();
        decided.record.at = self.now;
        decided.record.changes.clear();
        decided.lines.clear();
        decided.letters.clear();
        let mut turn = Turn { shard: self, world, decided, leaving: Leaving::default() };
        turn.resume();
        turn.look_for_leaving(inputs);
        for input in inputs.drain(..) {
            turn.take(input);
        }
        turn.due();
        turn.run();
        turn.withdraw();
        if let Some(lines) = &mut self.state.lines {
            std::mem::swap(lines, &mut decided.lines);
        }
        self.check_now_and_then();
    }

    /// A salt for waits, different for each item and the same in every run.
    fn salt(&self, id: ItemId) -> u64 {
        self.settings.seed ^ (u64::from(id.slot) << 32) ^ u64::from(id.use_no)
    }
}

/// One call of [`Shard::step`]: what handlers of inputs work with.
struct Turn<'a> {
    shard: &'a mut Shard,
    world: &'a dyn World,
    decided: &'a mut Decided,
    leaving: Leaving,
}

impl Turn<'_> {
    /// Hands an input to its handler.
    fn take(&mut self, input: Input) {
        match input {
            Input::Enter { canvas, user, context } => self.enter(canvas, user, context),
            Input::EnterFirst { canvas, user, context } => {
                if self.is_new_to(canvas, &user) {
                    self.enter(canvas, user, context);
                }
            }
            Input::Event { user, name, properties } => self.event(&user, &name, properties),
            Input::Settled { write, attempt, done, outcome } => {
                self.write_answered(write, attempt, done, outcome);
            }
            Input::Sent { message, attempt, outcome } => {
                self.message_answered(message, attempt, outcome);
            }
            Input::Fetched { journey, visit, answers } => self.fetched(journey, visit, answers),
            Input::Delete { user } => self.delete(user),
            Input::Pause { canvas } => self.pause(&canvas),
            Input::Resume { canvas } => self.go_on(&canvas),
            Input::Replay { letter } => self.replay(letter),
            Input::Discard { letter } => self.discard(letter),
        }
    }

    fn now(&self) -> Millis {
        self.shard.now
    }

    /// Makes a change and records it.
    fn emit(&mut self, change: Change) {
        self.shard.state.apply(self.shard.now, &change);
        self.decided.record.changes.push(change);
    }

    fn perform(&mut self, effect: Effect) {
        self.decided.effects.push(effect);
    }

    /// Notes that a journey is at its step, to be decided in this call.
    fn arrive(&mut self, journey: JourneyIx) {
        let Journey { canvas, node, .. } = *self.shard.state.journeys.at(journey);
        self.shard.ready[canvas.index()][node.index()].push(journey);
    }

    /// Lets a journey leave its step by a door, to the next step or out of the Canvas.
    fn leave(&mut self, journey: JourneyIx, door: Door, why: Option<Box<str>>) {
        let Journey { canvas, node, .. } = *self.shard.state.journeys.at(journey);
        let plan = self.shard.state.canvas(canvas);
        let ending = match (plan.way(node, door), door) {
            (Some(_), _) => None,
            (None, Door::ON_FAILURE | Door::ON_TIMEOUT) => {
                Some(Ending::of_failed(&plan.node(node).kind))
            }
            (None, _) => Some(Ending::Completed),
        };
        self.emit(Change::Advanced { journey, door, why });
        match ending {
            None => self.arrive(journey),
            Some(ending) => self.emit(Change::Exited { journey, ending }),
        }
    }

    /// A step could not do its work: kept for people, and the user takes the failure door.
    fn fail(&mut self, journey: JourneyIx, reason: String, payload: String) {
        self.bury(journey, reason, payload);
        self.leave(journey, Door::ON_FAILURE, None);
    }
}

impl Shard {
    /// The effect that a write in flight stands for.
    fn write_effect(&self, id: ItemId) -> Effect {
        let write = self.state.writes.get(id).expect("the write is in the outbox");
        debug_assert_eq!(write.stage, Stage::InFlight);
        Effect::Write(Write {
            shard: self.settings.id,
            id,
            attempt: write.attempt,
            key: self.state.key(write.origin),
            objects: write.objects.clone(),
            done: write.done.clone(),
            refused: write.refused.clone(),
        })
    }

    /// The effect that a message in flight stands for.
    fn send_effect(&self, id: ItemId) -> Effect {
        let message = self.state.messages.get(id).expect("the message is in the outbox");
        debug_assert_eq!(message.stage, Stage::InFlight);
        Effect::Send(Send {
            shard: self.settings.id,
            id,
            attempt: message.attempt,
            key: self.state.key(message.origin),
            message: message.content.clone(),
        })
    }
}

impl Shard {
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    pub(crate) fn nobody_is_ready(&self) -> bool {
        self.ready.iter().flatten().all(Vec::is_empty)
    }
}
