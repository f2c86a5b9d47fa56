//! A workspace in memory: profiles in a [`Directory`], and journeys elsewhere.
//!
//! One lock over all profiles, since an object may touch several (an address they share, a push token that moves). Objects
//! are parsed before it is taken, so that only applying them is done one request after the other, which also is the order
//! in which [`Journeys`] hear of them.

mod held;
mod kept;
mod plans;
mod queue;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use kept::Keeper;
pub(crate) use kept::Kept;
pub use kept::Stored;
use plans::Plan;
use queue::Queue;

use crate::track::{
    self, Array, Batch, Directory, Id, Limits, Outcome, Prepared, Profile, Profiles, Recipients,
    Reply, Settled, Trigger, WriteKey, export, neighbours, sync_refused, sync_reply,
};
use crate::workspace::{
    About, Answer, Body, Busy, Canvas, Commit, ContentBlock, Dispatch, Entry, Happened, Journeys,
    Maintenance, Neighbour, Planned, Refusal, ScheduleId, Timing, User, Workspace,
};

/// Profiles, keys of writes, schedules: everything that changes.
pub struct Memory {
    state: Mutex<State>,
    limits: Limits,
    journeys: Option<Arc<dyn Journeys>>,
    unidentified: Unidentified,
    /// Absent where nothing outlives the process.
    keeper: Option<Keeper>,
    canvases: RwLock<Arc<[Canvas]>>,
    blocks: RwLock<Arc<[ContentBlock]>>,
}

struct State {
    directory: Directory,
    settled: Settled,
    plans: BTreeMap<ScheduleId, Plan>,
    /// Schedules that have let somebody in, or are over, since they were kept.
    ran: BTreeSet<ScheduleId>,
    /// Profiles from this number on were never kept.
    kept_below: Id,
    /// Writes that wait for the end of the maintenance.
    queue: Option<Queue>,
    /// The number that the next of them gets, and their rows that have changed since they were kept.
    next_queued: u64,
    queue_rows: Vec<(u64, Option<Vec<u8>>)>,
    /// Rows of writes that were applied, until journeys have committed their events; with these, as long as they were not
    /// told since the start.
    told: BTreeMap<u64, Vec<Happened>>,
}

/// What becomes of users without an external id who would enter a Canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unidentified {
    /// They enter.
    #[default]
    Enter,
    /// They can't: their updates are written to another endpoint, and only here it is known who they are.
    StayOut,
}

/// Objects of a request, by their array and their place in it.
type Doubts = BTreeSet<(Array, usize)>;

/// Users of whom keys are remembered though their profiles are gone, before these are looked for.
const SLACK: usize = 1024;

impl Memory {
    /// Without any profiles. Their ids will come from strangers, so these can't foresee which ones collide.
    pub fn empty(journeys: Option<Arc<dyn Journeys>>) -> Result<Memory, Busy> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|_| Busy::Failed)?;
        let profiles = track::Memory::with_seed(u64::from_le_bytes(seed));
        Ok(Memory::new(Directory::new(profiles), journeys))
    }

    /// Over profiles that are there already. Without [`Journeys`], nobody hears of entries and events.
    pub fn new(directory: Directory, journeys: Option<Arc<dyn Journeys>>) -> Memory {
        Memory {
            limits: directory.limits,
            state: Mutex::new(State {
                kept_below: directory.profiles.next(),
                directory,
                settled: Settled::default(),
                plans: BTreeMap::new(),
                ran: BTreeSet::new(),
                queue: None,
                next_queued: 0,
                queue_rows: Vec::new(),
                told: BTreeMap::new(),
            }),
            journeys,
            unidentified: Unidentified::Enter,
            keeper: None,
            canvases: RwLock::default(),
            blocks: RwLock::default(),
        }
    }

    #[must_use]
    pub fn with_unidentified(self, unidentified: Unidentified) -> Memory {
        Memory { unidentified, ..self }
    }

    pub fn set_canvases(&self, canvases: Vec<Canvas>) {
        *self.canvases.write().unwrap_or_else(PoisonError::into_inner) = canvases.into();
    }

    pub fn set_content_blocks(&self, blocks: Vec<ContentBlock>) {
        *self.blocks.write().unwrap_or_else(PoisonError::into_inner) = blocks.into();
    }

    /// Looks at the profiles.
    pub fn read<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        look(&self.state().directory)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in the middle of one object leaves that object half applied and all else whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells journeys of the events and purchases that were applied.
    fn report(
        &self,
        state: &State,
        objects: &Prepared,
        batch: &Batch,
        doubts: &Doubts,
        now_ms: i64,
    ) {
        let Some(journeys) = &self.journeys else { return };
        let events = self.heard(state, objects, batch, doubts, now_ms);
        if !events.is_empty() {
            journeys.happened(events);
        }
    }

    /// Of the events and purchases that were applied those that journeys wait for.
    fn heard(
        &self,
        state: &State,
        objects: &Prepared,
        batch: &Batch,
        doubts: &Doubts,
        now_ms: i64,
    ) -> Vec<Happened> {
        let Some(journeys) = &self.journeys else { return Vec::new() };
        let mut events = Vec::new();
        for kind in [Array::Events, Array::Purchases] {
            let outcomes = batch.outcomes(kind).unwrap_or_default();
            for ((object, outcome), at) in objects.objects(kind).zip(outcomes).zip(0..) {
                let (object, id) = match (object, outcome) {
                    (Some(object), Outcome::Applied { id, .. }) => (object, id),
                    (Some(object), Outcome::Known { id }) if doubts.contains(&(kind, at)) => {
                        (object, id)
                    }
                    _ => continue,
                };
                let (name, time_ms, properties) = match (object.event(), object.purchase()) {
                    (Some(event), _) => (&event.name, event.time_ms, &event.properties),
                    (_, Some(bought)) => (&bought.product_id, bought.time_ms, &bought.properties),
                    _ => continue,
                };
                if !journeys.listens(kind, name) {
                    continue;
                }
                let Some(user) = self.who(state, *id) else { continue };
                events.push(Happened {
                    user,
                    name: name.to_string(),
                    kind,
                    properties: properties.clone(),
                    time_ms: time_ms.min(now_ms),
                });
            }
        }
        events
    }

    /// Who somebody is to journeys; nobody if they may not enter.
    fn who(&self, state: &State, id: Id) -> Option<User> {
        let user = state.user(id)?;
        let enters = user.external_id.is_some() || self.unidentified == Unidentified::Enter;
        if !enters {
            let reason = "updates are written to another endpoint";
            tracing::warn!(reason, "a user without an external id can't enter a Canvas");
        }
        enters.then_some(user)
    }

    /// The reply to a trigger that names somebody who can't enter.
    fn turned_away(&self, state: &State, trigger: &Trigger) -> Result<(), Refusal> {
        let (Recipients::Named(named), Unidentified::StayOut) = (&trigger.to, self.unidentified)
        else {
            return Ok(());
        };
        let out: Vec<usize> =
            (0..named.len()).filter(|at| state.directory.is_unidentified(&named[*at])).collect();
        match out.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Reply(plans::unidentified(&out))),
        }
    }

    fn enter(&self, state: &mut State, trigger: &Trigger, at_ms: i64) -> Result<(), Busy> {
        let audience = trigger.audience.as_ref();
        let entering = match &trigger.to {
            Recipients::Named(named) => state.directory.recipients(named, audience, at_ms),
            Recipients::Everybody => {
                let all = state.directory.profiles.iter();
                let within = all.filter(|(_, profile)| {
                    audience.is_none_or(|audience| audience.contains(profile, at_ms))
                });
                within.map(|(id, _)| (id, trigger.context.clone())).collect()
            }
        };
        let canvas: Arc<str> = trigger.canvas_id.as_str().into();
        self.hand_over(state, &canvas, entering, at_ms)
    }

    fn hand_over(
        &self,
        state: &State,
        canvas: &Arc<str>,
        entering: Vec<(Id, crate::track::Properties)>,
        at_ms: i64,
    ) -> Result<(), Busy> {
        let Some(journeys) = &self.journeys else { return Ok(()) };
        if entering.is_empty() {
            return Ok(());
        }
        let entry = |(id, context)| {
            Some(Entry { canvas: canvas.clone(), user: self.who(state, id)?, context, at_ms })
        };
        journeys.enter(entering.into_iter().filter_map(entry).collect())
    }
}

impl State {
    fn user(&self, id: Id) -> Option<User> {
        let external_id = self.directory.profiles.get(id)?.external_id().map(str::to_owned);
        let journey_id = self.directory.journey_id(id)?;
        Some(User { id, external_id, journey_id })
    }

    fn commit(&mut self, objects: &Prepared, keys: Option<&[WriteKey]>, at_ms: i64) -> Batch {
        match keys {
            Some(keys) => self.directory.commit_once(objects, keys, &mut self.settled, at_ms),
            None => self.directory.commit(objects, at_ms),
        }
    }

    /// Whom schedules name.
    fn named_in_plans(&self) -> BTreeMap<ScheduleId, Vec<Option<Id>>> {
        let plans = self.plans.iter();
        plans.map(|(id, plan)| (id.clone(), plan.named(&self.directory))).collect()
    }

    /// Takes those who are gone out of the schedules that named them. Tells which have changed.
    fn forget_named(
        &mut self,
        named: &BTreeMap<ScheduleId, Vec<Option<Id>>>,
        limits: &Limits,
    ) -> BTreeSet<ScheduleId> {
        let profiles = &self.directory.profiles;
        let mut changed = BTreeSet::new();
        for (schedule, ids) in named {
            let is_gone = |at: &usize| ids[*at].is_some_and(|id| profiles.profile(id).is_none());
            let gone: Vec<usize> = (0..ids.len()).filter(is_gone).collect();
            let Some(plan) = self.plans.get(schedule).filter(|_| !gone.is_empty()) else {
                continue;
            };
            match plan.without(&gone, limits) {
                Some(plan) => drop(self.plans.insert(schedule.clone(), plan)),
                None => drop(self.plans.remove(schedule)),
            }
            changed.insert(schedule.clone());
        }
        changed
    }

    /// Objects of which only the disk knows that they were applied: a crash may have come before journeys heard of them, so
    /// they hear of them now, once.
    fn doubts(&mut self, keys: &[WriteKey], batch: &Batch) -> Doubts {
        let (mut doubts, mut asked) = (Doubts::new(), Vec::new());
        let mut keys = keys.iter();
        for kind in Array::ALL {
            let outcomes = batch.outcomes(kind).unwrap_or_default().iter();
            for ((outcome, key), at) in outcomes.zip(keys.by_ref()).zip(0..) {
                if let Outcome::Known { id } = outcome
                    && self.settled.is_in_doubt(*id, *key)
                {
                    doubts.insert((kind, at));
                    asked.push((*id, *key));
                }
            }
        }
        asked.into_iter().for_each(|(id, key)| self.settled.clear_doubt(id, key));
        doubts
    }

    /// Keys of removed profiles are never asked for again.
    fn forget_keys(&mut self) {
        if self.settled.len() > self.directory.profiles.len() + SLACK {
            let profiles = &self.directory.profiles;
            self.settled.retain(|id| profiles.profile(id).is_some());
        }
    }
}

#[async_trait]
impl Workspace for Memory {
    fn about(&self) -> About {
        About {
            commit: Commit::Applied,
            write_keys: true,
            maintenance: self.state().queue.is_some(),
            durable: self.is_durable(),
            limits: self.limits,
        }
    }

    async fn track(&self, body: Body, keys: Option<Vec<WriteKey>>) -> Answer {
        let objects = match Prepared::parse(&body.json, &self.limits) {
            Ok(objects) => objects,
            Err(refused) => return Ok(refused),
        };
        let is_queued = self.is_durable() && self.state().queue.is_some();
        let row = is_queued.then(|| queue::written(&body.json, keys.as_deref(), body.at_ms));
        drop(body.json);
        self.room()?;
        let (batch, kept) = {
            let mut state = self.state();
            match state.queue.is_some() {
                true => (None, self.enqueue(&mut state, objects, keys, body.at_ms, row)?),
                false => {
                    let batch = state.commit(&objects, keys.as_deref(), body.at_ms);
                    let doubts = state.doubts(keys.as_deref().unwrap_or_default(), &batch);
                    self.report(&state, &objects, &batch, &doubts, body.at_ms);
                    (Some(batch), self.keep(&mut state))
                }
            }
        };
        kept.done().await?;
        batch.map_or_else(queue::queued, |batch| Ok(batch.reply()))
    }

    async fn users(&self, neighbour: Neighbour, body: Body) -> Answer {
        if neighbour == Neighbour::Export {
            return Ok(export::export(&self.state().directory, &body.json));
        }
        self.room()?;
        let (reply, kept) = {
            let mut state = self.state();
            if state.queue.is_some() {
                // It would overtake the writes that wait.
                return Err(Busy::Full);
            }
            let named = match neighbour {
                Neighbour::Delete => state.named_in_plans(),
                _ => BTreeMap::new(),
            };
            let reply = self.neighbour(&mut state, neighbour, &body);
            state.forget_keys();
            let schedules = state.forget_named(&named, &self.limits);
            (reply, self.keep_with(&mut state, schedules))
        };
        kept.done().await?;
        Ok(reply)
    }

    async fn trigger(&self, trigger: Trigger, _: &Dispatch, at_ms: i64) -> Result<(), Refusal> {
        self.room().map_err(Refusal::Busy)?;
        let (entered, kept) = {
            let mut state = self.state();
            if state.queue.is_some() {
                return Err(Refusal::Busy(Busy::Full));
            }
            self.turned_away(&state, &trigger)?;
            self.journeys
                .as_ref()
                .map_or(Ok(()), |journeys| journeys.room())
                .map_err(Refusal::Busy)?;
            let entered = self.enter(&mut state, &trigger, at_ms).map_err(|busy| match busy {
                // Profiles of recipients were changed by then.
                Busy::NoSpace => Refusal::Busy(Busy::Unsaved),
                busy => Refusal::Busy(busy),
            });
            (entered, self.keep(&mut state))
        };
        kept.done().await.map_err(Refusal::Busy)?;
        entered
    }

    async fn schedule(
        &self,
        planned: Planned,
        _: &Dispatch,
        schedule: &ScheduleId,
        timing: Timing,
        _: i64,
    ) -> Result<(), Refusal> {
        self.room().map_err(Refusal::Busy)?;
        let kept = {
            let mut state = self.state();
            self.turned_away(&state, &planned.trigger)?;
            if state.plans.len() >= plans::MOST {
                return Err(Refusal::Busy(Busy::Full));
            }
            state.plans.insert(schedule.clone(), Plan::new(planned, timing));
            self.keep_with(&mut state, BTreeSet::from([schedule.clone()]))
        };
        kept.done().await.map_err(Refusal::Busy)
    }

    async fn reschedule(
        &self,
        canvas: &str,
        schedule: &ScheduleId,
        timing: Timing,
        _: i64,
    ) -> Result<bool, Refusal> {
        self.room().map_err(Refusal::Busy)?;
        let kept = {
            let mut state = self.state();
            let plan = state.plans.get_mut(schedule).filter(|plan| plan.is_of(canvas));
            let Some(plan) = plan else { return Ok(false) };
            plan.move_to(timing);
            self.keep_with(&mut state, BTreeSet::from([schedule.clone()]))
        };
        kept.done().await.map_err(Refusal::Busy)?;
        Ok(true)
    }

    async fn unschedule(&self, canvas: &str, schedule: &ScheduleId) -> Result<bool, Refusal> {
        self.room().map_err(Refusal::Busy)?;
        let kept = {
            let mut state = self.state();
            let known = state.plans.get(schedule).is_some_and(|plan| plan.is_of(canvas));
            if !known {
                return Ok(false);
            }
            state.plans.remove(schedule);
            self.keep_with(&mut state, BTreeSet::from([schedule.clone()]))
        };
        kept.done().await.map_err(Refusal::Busy)?;
        Ok(true)
    }

    fn canvases(&self) -> Arc<[Canvas]> {
        self.canvases.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn content_blocks(&self) -> Arc<[ContentBlock]> {
        self.blocks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn maintain(&self, maintenance: Maintenance) {
        if let Err(error) = self.maintained(maintenance).await {
            tracing::warn!(%error, "the end of the maintenance is not kept yet: a crash repeats it");
        }
    }

    async fn wake(&self, at_ms: i64) -> Option<i64> {
        let next = self.run_plans(at_ms);
        self.keep_ran().await;
        next
    }
}

impl Memory {
    fn neighbour(&self, state: &mut State, neighbour: Neighbour, body: &Body) -> Reply {
        let json = &body.json;
        match neighbour {
            Neighbour::TrackSync => self.track_sync(state, body),
            Neighbour::Identify => self.with_losses(state, body, neighbours::identify_with),
            Neighbour::Merge => self.with_losses(state, body, neighbours::merge_with),
            Neighbour::Delete => self.with_losses(state, body, neighbours::delete_with),
            Neighbour::NewAliases => neighbours::new_aliases(&mut state.directory, json),
            Neighbour::Export => export::export(&state.directory, json),
        }
    }

    /// Journeys hear of it as of any other write.
    fn track_sync(&self, state: &mut State, body: &Body) -> Reply {
        if let Some(refused) = sync_refused(&body.json) {
            return refused;
        }
        let objects = match Prepared::parse(&body.json, &self.limits) {
            Ok(objects) => objects,
            Err(refused) => return refused,
        };
        let batch = state.commit(&objects, None, body.at_ms);
        self.report(state, &objects, &batch, &Doubts::default(), body.at_ms);
        sync_reply(&state.directory, &body.json, &batch)
    }

    /// Something after which profiles may be gone, deleted or merged into others.
    fn with_losses(
        &self,
        state: &mut State,
        body: &Body,
        change: impl FnOnce(&mut Directory, &Map<String, Json>, &mut dyn FnMut(Id, &Profile)) -> Reply,
    ) -> Reply {
        let mut gone = Vec::new();
        let reply = change(&mut state.directory, &body.json, &mut |id, profile| {
            gone.push(User {
                id,
                external_id: profile.external_id().map(str::to_owned),
                journey_id: track::journey_id(id, profile),
            });
        });
        if let (Some(journeys), false) = (&self.journeys, gone.is_empty()) {
            journeys.forget(gone);
        }
        reply
    }
}
