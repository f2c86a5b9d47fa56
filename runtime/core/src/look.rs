//! What operators see of a shard: who is where, what is tried how often, what is due when.
//!
//! Worked out by going through the state, and nothing is kept for it: a shard is looked at
//! now and then, and journeys are many.

use std::sync::Arc;

use flowrun_sdk::Millis;

use crate::journey::{Journey, State as Rest};
use crate::letters::{Letter, Letters};
use crate::outbox::{Origin, PendingMessage, PendingWrite, Stage};
use crate::shard::{Shard, State};
use crate::{Canvas, CanvasIx, DeadLetter, JourneyIx, LetterId, Replay, WriteKey};

/// Who is at a step of a Canvas version.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StepLook {
    /// They wait for a moment.
    pub waiting: u64,
    /// The earliest of these moments. One that has passed is about to end, or is held back: by
    /// a pause, a crowded backend, or the spreading of what came due while nobody was there.
    pub earliest_due: Option<Millis>,
    /// They wait for answers that a template asked for.
    pub fetching: u64,
    pub held: u64,
    pub sending: u64,
    /// They stand here because their Canvas is paused.
    pub parked: u64,
    pub parked_since: Option<Millis>,
    /// Since when the one stands here who has stood here for the longest, whatever they rest
    /// in. This and the next are in whole seconds, as journeys keep it, and the moment of the
    /// snapshot for who was read from one of an earlier release.
    pub oldest_since: Option<Millis>,
    /// The same of those who wait for a moment, who are held, and who are sending.
    pub waiting_since: Option<Millis>,
    pub held_since: Option<Millis>,
    pub sending_since: Option<Millis>,
    /// Of those who are held, their writes; of those who are sending, their messages.
    pub attempts: Attempts,
}

/// How far writes or messages are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attempts {
    /// Behind an earlier write of the same user.
    pub queued: u64,
    /// Handed to the host.
    pub under_way: u64,
    /// They failed, and are to be tried again.
    pub again: u64,
    /// The highest number of an attempt that was made or is to come.
    pub most: u32,
    /// The earliest moment at which one is tried again.
    pub next: Option<Millis>,
    /// The earliest moment at which somebody goes on without their write.
    pub earliest_deadline: Option<Millis>,
}

/// One journey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JourneyLook {
    pub canvas: CanvasIx,
    pub name: Arc<str>,
    pub version: crate::Version,
    pub entry: u32,
    pub step: Arc<str>,
    /// When it came to the step, in whole seconds: see [`StepLook::oldest_since`].
    pub since: Millis,
    pub rest: RestLook,
}

/// What a journey rests in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RestLook {
    Waiting { until: Millis },
    Fetching,
    Held { write: AttemptLook, deadline: Option<Millis> },
    Sending { message: AttemptLook },
    Parked { since: Millis },
}

/// One write or message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttemptLook {
    pub key: WriteKey,
    /// The attempt that is under way or next, from 1.
    pub number: u32,
    /// When it is made, if it is to come.
    pub due: Option<Millis>,
    /// Whether an earlier write of the same user is before it.
    pub queued: bool,
}

impl StepLook {
    /// Adds who is at the same step in another shard.
    pub fn add(&mut self, other: &StepLook) {
        self.waiting += other.waiting;
        self.earliest_due = earlier(self.earliest_due, other.earliest_due);
        self.fetching += other.fetching;
        self.held += other.held;
        self.sending += other.sending;
        self.parked += other.parked;
        self.parked_since = earlier(self.parked_since, other.parked_since);
        self.oldest_since = earlier(self.oldest_since, other.oldest_since);
        self.waiting_since = earlier(self.waiting_since, other.waiting_since);
        self.held_since = earlier(self.held_since, other.held_since);
        self.sending_since = earlier(self.sending_since, other.sending_since);
        let (mine, theirs) = (&mut self.attempts, &other.attempts);
        mine.queued += theirs.queued;
        mine.under_way += theirs.under_way;
        mine.again += theirs.again;
        mine.most = mine.most.max(theirs.most);
        mine.next = earlier(mine.next, theirs.next);
        mine.earliest_deadline = earlier(mine.earliest_deadline, theirs.earliest_deadline);
    }

    fn count(&mut self, state: &State, journey: &Journey) {
        let since = Some(journey.since.moment());
        self.oldest_since = earlier(self.oldest_since, since);
        match journey.state {
            Rest::Ready => {}
            Rest::Waiting { due, .. } => {
                self.waiting += 1;
                self.earliest_due = earlier(self.earliest_due, Some(due));
                self.waiting_since = earlier(self.waiting_since, since);
            }
            Rest::Fetching { .. } => self.fetching += 1,
            Rest::Held { write } => {
                self.held += 1;
                self.held_since = earlier(self.held_since, since);
                if let Some(write) = state.writes.get(write) {
                    self.attempts.count(write.stage, write.attempt);
                    let soonest = &mut self.attempts.earliest_deadline;
                    *soonest = earlier(*soonest, write.deadline);
                }
            }
            Rest::Sending { message } => {
                self.sending += 1;
                self.sending_since = earlier(self.sending_since, since);
                if let Some(message) = state.messages.get(message) {
                    self.attempts.count(message.stage, message.attempt);
                }
            }
            Rest::Parked { since } => {
                self.parked += 1;
                self.parked_since = earlier(self.parked_since, Some(since));
            }
        }
    }
}

impl Attempts {
    fn count(&mut self, stage: Stage, attempt: u32) {
        self.most = self.most.max(attempt);
        match stage {
            Stage::Queued => self.queued += 1,
            Stage::InFlight => self.under_way += 1,
            Stage::Retry { due } => {
                self.again += 1;
                self.next = earlier(self.next, Some(due));
            }
        }
    }
}

impl Shard {
    /// Who is where: by Canvas version and step.
    pub fn steps(&self) -> Vec<Vec<StepLook>> {
        let state = self.state();
        let plans = state.canvases.iter();
        let mut looks: Vec<Vec<StepLook>> =
            plans.map(|plan| vec![StepLook::default(); plan.node_count()]).collect();
        for (_, journey) in state.journeys.iter() {
            looks[journey.canvas.index()][journey.node.index()].count(state, journey);
        }
        looks
    }

    /// The journeys of a user that have not ended, in the order of Canvases and entries.
    pub fn journeys_of(&self, user: &str) -> Vec<JourneyLook> {
        let state = self.state();
        let Some(user) = state.users.find(user) else { return Vec::new() };
        let own = state.journeys.iter().filter(|(_, journey)| journey.user == user);
        let mut looks: Vec<JourneyLook> =
            own.map(|(ix, journey)| state.look_at(ix, journey)).collect();
        looks.sort_by_key(|look| (look.canvas, look.entry));
        looks
    }

    /// Whether the shard knows anything of a user.
    pub fn knows(&self, user: &str) -> bool {
        self.state().users.find(user).is_some()
    }

    /// The dead letters, in the order of their coming.
    pub fn dead_letters(&self) -> impl Iterator<Item = DeadLetter> {
        self.letters().iter().map(|(id, letter)| self.state().show(id, letter))
    }

    /// Those from a number on.
    pub fn dead_letters_from(&self, id: LetterId) -> impl Iterator<Item = DeadLetter> {
        self.letters().from(id).map(|(id, letter)| self.state().show(id, letter))
    }

    /// One dead letter, if it is still there.
    pub fn dead_letter(&self, id: LetterId) -> Option<DeadLetter> {
        Some(self.state().show(id, self.letters().get(id)?))
    }

    /// How many dead letters wait for somebody to do something about them, and the bytes of
    /// what they hold. Those that are being replayed don't count.
    pub fn burden(&self) -> (usize, usize) {
        self.letters().waiting()
    }

    /// All Canvas versions, by their numbers.
    pub fn canvases(&self) -> &[Arc<Canvas>] {
        &self.state().canvases
    }

    /// The names of paused Canvases.
    pub fn paused(&self) -> Vec<Arc<str>> {
        let state = self.state();
        state
            .pauses
            .keep()
            .into_iter()
            .map(|family| state.canvas(family).head.name.clone())
            .collect()
    }

    /// Whether the Canvas of a name is paused.
    pub fn is_paused(&self, canvas: &str) -> bool {
        let state = self.state();
        state.family_named(canvas).is_some_and(|family| state.pauses.is_paused(family))
    }

    fn letters(&self) -> &Letters {
        &self.state().letters
    }
}

impl State {
    fn look_at(&self, ix: JourneyIx, journey: &Journey) -> JourneyLook {
        let plan: &Canvas = self.canvas(journey.canvas);
        let rest = match journey.state {
            Rest::Ready => unreachable!("I12: nobody is ready between calls"),
            Rest::Waiting { due, .. } => RestLook::Waiting { until: due },
            Rest::Fetching { .. } => RestLook::Fetching,
            Rest::Parked { since } => RestLook::Parked { since },
            Rest::Held { write } => {
                let held = self.writes.get(write).expect("I2: a held journey has a live write");
                let PendingWrite { origin, stage, attempt, deadline, .. } = *held;
                RestLook::Held { write: self.attempt(origin, stage, attempt), deadline }
            }
            Rest::Sending { message } => {
                let sent = self.messages.get(message).expect("I9: a message to be sent");
                let PendingMessage { origin, stage, attempt, .. } = *sent;
                RestLook::Sending { message: self.attempt(origin, stage, attempt) }
            }
        };
        let Origin { canvas, node, entry, .. } = self.origin(ix);
        let (name, version) = (plan.head.name.clone(), plan.head.version);
        let step = plan.node(node).id.clone();
        let since = journey.since.moment();
        JourneyLook { canvas, name, version, entry, step, since, rest }
    }

    fn attempt(&self, origin: Origin, stage: Stage, number: u32) -> AttemptLook {
        let due = match stage {
            Stage::Retry { due } => Some(due),
            Stage::Queued | Stage::InFlight => None,
        };
        AttemptLook { key: self.key(origin), number, due, queued: stage == Stage::Queued }
    }

    fn show(&self, id: LetterId, letter: &Letter) -> DeadLetter {
        let replay = match letter.replay() {
            Replay::Possible if self.is_paused(letter.origin.canvas) => Replay::Paused,
            replay => replay,
        };
        DeadLetter {
            id,
            at: letter.at,
            key: self.key(letter.origin),
            reason: letter.reason.to_string(),
            payload: letter.payload(),
            replay,
        }
    }
}

fn earlier(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    one.into_iter().chain(other).min()
}
