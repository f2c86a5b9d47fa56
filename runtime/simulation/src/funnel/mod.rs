//! What becomes of users in a run: a funnel per step, times to the end, held times,
//! messages, requests, and all of it by the day.
//!
//! Read from the records that are committed, which cost next to nothing to look at, so that
//! a million users can be watched without a line about each. What is kept per journey is a
//! slot that is used again; everything else is bounded by the Canvas and by time.

mod requests;
mod spread;

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_core::batcher::{Limits, Request};
use flowrun_core::sdk::Door;
use flowrun_core::{
    Canvas, CanvasIx, Change, Ending, FinalSend, ItemId, JourneyIx, Millis, NodeIx, Record, ShardId,
};

pub use requests::{Bin, Requests};
pub use spread::Spread;

/// All that is seen of a run.
#[derive(Debug)]
pub struct Funnel {
    start: Millis,
    pub courses: Vec<Course>,
    shards: Vec<Open>,
    pub days: Days,
    pub requests: Requests,
    /// Dead letters by step and reason; from some number of reasons on, they are summed up.
    pub dead_letters: BTreeMap<(Arc<str>, String), u64>,
    pub channels: BTreeMap<Arc<str>, u64>,
}

/// What is seen of one Canvas.
pub struct Course {
    pub plan: Arc<Canvas>,
    pub entered: u64,
    pub steps: Vec<StepCourse>,
    pub endings: Vec<Ended>,
    /// How long users were held, at all steps.
    pub held: Spread,
}

impl std::fmt::Debug for Course {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Course").field("canvas", &self.plan.head.name).finish_non_exhaustive()
    }
}

/// What is seen of one step.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StepCourse {
    pub arrived: u64,
    /// By the number of the door.
    pub doors: Vec<u64>,
    pub exited: u64,
    pub failed: u64,
    pub sent: u64,
    pub held: Spread,
}

impl StepCourse {
    pub fn advanced(&self) -> u64 {
        self.doors.iter().sum()
    }
}

/// Journeys that ended for one reason.
#[derive(Clone, PartialEq, Debug)]
pub struct Ended {
    pub reason: Box<str>,
    pub how: How,
    /// From entering to the end.
    pub took: Spread,
}

/// Kinds of endings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum How {
    Completed,
    /// By a step's decision, or because it took too long.
    Exited,
    /// A dead letter tells why.
    Failed,
}

/// What happened on each day from the start on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Days {
    pub all: Vec<Day>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Day {
    pub entries: u64,
    pub exits: u64,
    pub messages: u64,
    pub holds: u64,
    pub requests: u64,
}

const DAY: i64 = 86_400_000;
/// Days that are told apart; what is later counts as the last.
const MOST_DAYS: usize = 4000;
/// Reasons of dead letters that are told apart.
const MOST_REASONS: usize = 100;
/// The longest that is kept of a reason, in characters.
const LONGEST_REASON: usize = 200;

impl Days {
    fn at(&mut self, since_start: Millis) -> &mut Day {
        let day = (since_start.0.max(0) / DAY) as usize;
        let day = day.min(MOST_DAYS - 1);
        if self.all.len() <= day {
            self.all.resize(day + 1, Day::default());
        }
        &mut self.all[day]
    }
}

/// A shard's journeys that go on, by their slots.
#[derive(Debug, Default)]
struct Open {
    journeys: Vec<Passage>,
    writes: Vec<Option<OpenWrite>>,
    /// Whose message it is, and the number of its channel.
    messages: Vec<Option<(JourneyIx, Arc<str>)>>,
}

/// A write without an outcome.
#[derive(Clone, Copy, Debug)]
struct OpenWrite {
    /// Whom it holds, as long as it does.
    holds: Option<JourneyIx>,
    canvas: CanvasIx,
    node: NodeIx,
}

#[derive(Clone, Copy, Debug)]
struct Passage {
    canvas: CanvasIx,
    node: NodeIx,
    left_by: Door,
    entered: Millis,
    held: Millis,
}

impl Funnel {
    pub fn new(start: Millis, limits: Limits, canvases: &[Arc<Canvas>]) -> Funnel {
        Funnel {
            start,
            courses: canvases.iter().cloned().map(Course::new).collect(),
            shards: Vec::new(),
            days: Days::default(),
            requests: Requests::new(limits),
            dead_letters: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }

    /// Takes note of a request that leaves.
    pub fn request(&mut self, now: Millis, request: &Request) {
        self.requests.add(request);
        self.days.at(now - self.start).requests += 1;
    }

    /// Takes note of what a shard has decided.
    pub fn record(&mut self, shard: ShardId, record: &Record) {
        let shard = usize::from(shard.0);
        if self.shards.len() <= shard {
            self.shards.resize_with(shard + 1, Open::default);
        }
        let mut today = Day::default();
        for change in &record.changes {
            self.change(shard, record.at, change, &mut today);
        }
        let day = self.days.at(record.at - self.start);
        day.entries += today.entries;
        day.exits += today.exits;
        day.messages += today.messages;
        day.holds += today.holds;
    }

    fn change(&mut self, shard: usize, at: Millis, change: &Change, today: &mut Day) {
        let Funnel { courses, shards, channels, .. } = self;
        let open = &mut shards[shard];
        match change {
            Change::Entered { journey, canvas, .. } => {
                let course = &mut courses[canvas.index()];
                let node = course.plan.start();
                let (canvas, left_by) = (*canvas, Door::NEXT);
                let passage = Passage { canvas, node, left_by, entered: at, held: at };
                put(&mut open.journeys, journey.index(), passage, passage);
                course.entered += 1;
                course.steps[node.index()].arrived += 1;
                today.entries += 1;
            }
            Change::Advanced { journey, door, .. } => {
                let passage = &mut open.journeys[journey.index()];
                let course = &mut courses[passage.canvas.index()];
                course.steps[passage.node.index()].doors[usize::from(door.0)] += 1;
                passage.left_by = *door;
                if let Some(to) = course.plan.way(passage.node, *door) {
                    passage.node = to;
                    course.steps[to.index()].arrived += 1;
                }
            }
            Change::Held { journey, write, .. } => {
                let passage = &mut open.journeys[journey.index()];
                passage.held = at;
                let (holds, Passage { canvas, node, .. }) = (Some(*journey), *passage);
                let write = (write.slot as usize, OpenWrite { holds, canvas, node });
                put(&mut open.writes, write.0, Some(write.1), None);
                today.holds += 1;
            }
            Change::Settled { write, .. } | Change::Overdue { write } => {
                let slot = open.writes.get_mut(write.slot as usize);
                let held = slot.as_ref().and_then(|slot| slot.and_then(|write| write.holds));
                match (slot, change) {
                    (Some(slot), Change::Settled { .. }) => *slot = None,
                    (Some(Some(write)), _) => write.holds = None,
                    _ => {}
                }
                if let Some(journey) = held {
                    let passage = open.journeys[journey.index()];
                    let course = &mut courses[passage.canvas.index()];
                    course.held.add(at - passage.held);
                    course.steps[passage.node.index()].held.add(at - passage.held);
                }
            }
            Change::Sending { journey, message, content } => {
                let sending = Some((*journey, content.channel.clone()));
                put(&mut open.messages, message.slot as usize, sending, None);
            }
            Change::Sent { message, outcome } => {
                let sent = open.messages.get_mut(message.slot as usize).and_then(Option::take);
                if let (Some((journey, channel)), FinalSend::Sent) = (sent, outcome) {
                    let passage = open.journeys[journey.index()];
                    courses[passage.canvas.index()].steps[passage.node.index()].sent += 1;
                    *channels.entry(channel).or_default() += 1;
                    today.messages += 1;
                }
            }
            Change::DeadLetter(misfit) => {
                let key = &misfit.key;
                let of = |course: &Course| {
                    let head = &course.plan.head;
                    head.name == key.canvas && head.version == key.version
                };
                let Some(canvas) = courses.iter().position(of) else { return };
                let mut nodes = courses[canvas].plan.graph().node_weights();
                let Some(node) = nodes.position(|node| node.id == key.step) else { return };
                self.dead_letter(CanvasIx(canvas as u16), NodeIx(node as u16), &misfit.reason);
            }
            Change::WriteBuried { write, reason, .. } => {
                let open = open.writes.get(write.slot as usize).copied().flatten();
                if let Some(OpenWrite { canvas, node, .. }) = open {
                    self.dead_letter(canvas, node, reason);
                }
            }
            Change::MessageBuried { message, reason } => {
                let ItemId { slot, .. } = *message;
                if let Some(Some((journey, _))) = open.messages.get(slot as usize) {
                    let Passage { canvas, node, .. } = open.journeys[journey.index()];
                    self.dead_letter(canvas, node, reason);
                }
            }
            Change::Exited { journey, ending } => {
                let passage = open.journeys[journey.index()];
                courses[passage.canvas.index()].ended(passage, at, ending);
                today.exits += 1;
            }
            Change::Aborted { .. }
            | Change::Waiting { .. }
            | Change::Fetching { .. }
            | Change::Resumed { .. }
            | Change::WriteRetry { .. }
            | Change::WriteResent { .. }
            | Change::SendRetry { .. }
            | Change::SendResent { .. }
            | Change::Remembered { .. }
            | Change::WriteReplayed { .. }
            | Change::MessageReplayed { .. }
            | Change::Discarded { .. }
            | Change::Paused { .. }
            | Change::Unpaused { .. }
            | Change::Parked { .. }
            | Change::Deleted { .. } => {}
        }
    }

    fn dead_letter(&mut self, canvas: CanvasIx, node: NodeIx, reason: &str) {
        let course = &mut self.courses[canvas.index()];
        course.steps[node.index()].failed += 1;
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let mut key = (course.plan.node(node).id.clone(), reason);
        if self.dead_letters.len() >= MOST_REASONS && !self.dead_letters.contains_key(&key) {
            key.1 = "other reasons".to_owned();
        }
        *self.dead_letters.entry(key).or_default() += 1;
    }
}

/// Puts something into a slot, and makes as many slots as that needs.
fn put<T: Clone>(slots: &mut Vec<T>, slot: usize, value: T, vacant: T) {
    if slots.len() <= slot {
        slots.resize(slot + 1, vacant);
    }
    slots[slot] = value;
}

impl Course {
    fn new(plan: Arc<Canvas>) -> Course {
        let steps = plan.graph().node_weights();
        let steps = steps
            .map(|node| StepCourse { doors: vec![0; node.doors.len()], ..StepCourse::default() });
        let steps = steps.collect();
        Course { plan, entered: 0, steps, endings: Vec::new(), held: Spread::default() }
    }

    fn ended(&mut self, passage: Passage, at: Millis, ending: &Ending) {
        self.steps[passage.node.index()].exited += 1;
        let how = match ending {
            Ending::Completed => How::Completed,
            Ending::Step(reason) if **reason == *Ending::Completed.reason() => How::Completed,
            Ending::Step(_) => How::Exited,
            // Nothing has failed yet where only time ran out.
            _ if passage.left_by == Door::ON_TIMEOUT => How::Exited,
            Ending::UpdateFailed | Ending::SendFailed | Ending::StepFailed => How::Failed,
            Ending::Deleted => How::Exited,
        };
        let took = at - passage.entered;
        let reason = ending.reason();
        let known = self.endings.iter_mut();
        match known.into_iter().find(|known| known.how == how && *known.reason == *reason) {
            Some(known) => known.took.add(took),
            None => {
                let mut ended = Ended { reason: reason.into(), how, took: Spread::default() };
                ended.took.add(took);
                self.endings.push(ended);
                // The order in which shards came to it is no news.
                self.endings.sort_by(|a, b| (a.how, &a.reason).cmp(&(b.how, &b.reason)));
            }
        }
    }

    /// Journeys that ended in that way.
    pub fn ended_by(&self, how: How) -> u64 {
        self.endings.iter().filter(|ended| ended.how == how).map(|ended| ended.took.count()).sum()
    }

    /// Journeys that have not ended.
    pub fn under_way(&self) -> u64 {
        self.entered - self.endings.iter().map(|ended| ended.took.count()).sum::<u64>()
    }

    /// From entering to the end, whatever the end was.
    pub fn took(&self) -> Spread {
        let mut all = Spread::default();
        self.endings.iter().for_each(|ended| all.merge(&ended.took));
        all
    }
}
