//! Running the nodes: each for everybody who is there, and acting on what it decides.

use std::sync::Arc;

use flowrun_sdk::{CohortBuilder, Decision, Delivery, Door, Millis};
use flowrun_template::Answer;
use serde_json::Value as Json;

use super::Turn;
use crate::effect::{Effect, Fetch};
use crate::journey::State as Rest;
use crate::planted::{Bug, is_planted};
use crate::record::{Change, Ending};
use crate::render::{NoVisit, row};
use crate::view::UserView;
use crate::{Canvas, CanvasIx, JourneyIx, NodeIx, SendOutcome};

/// How many users a step is asked about at once.
const COHORT: usize = 1024;

/// How many rounds of answers one visit may ask for.
const FETCHES_PER_VISIT: usize = 10;

/// The largest context a journey carries, in bytes of JSON; what exceeds it is not stored.
const LARGEST_CONTEXT: usize = 50 * 1024;

impl Turn<'_> {
    /// One pass over the nodes in topological order; after it everybody rests.
    pub(super) fn run(&mut self) {
        for canvas in 0..self.shard.ready.len() {
            let canvas = CanvasIx(canvas as u16);
            if self.shard.state.is_paused(canvas) && !is_planted(Bug::PauseIgnored) {
                self.park(canvas);
                continue;
            }
            let plan = self.shard.state.canvas(canvas).clone();
            for &node in plan.order() {
                let ready = &mut self.shard.ready[canvas.index()][node.index()];
                if ready.is_empty() {
                    continue;
                }
                let mut all = std::mem::take(ready);
                for cohort in all.chunks(COHORT) {
                    self.visit(&plan, node, cohort);
                }
                all.clear();
                self.shard.ready[canvas.index()][node.index()] = all;
            }
        }
    }

    /// Journeys that a crash interrupted while they fetched start their visit again; those
    /// whose message is in doubt go on.
    pub(super) fn resume(&mut self) {
        for message in std::mem::take(&mut self.shard.in_doubt) {
            let Some(pending) = self.shard.state.messages.get(message) else { continue };
            let outcome = match pending.content.delivery {
                Delivery::AtMostOnce => SendOutcome::Unknown("the process ended meanwhile".into()),
                // Its Canvas is paused: it waits for that to end.
                Delivery::AtLeastOnce => {
                    let cause = "the process ended meanwhile".into();
                    SendOutcome::Retry { after: Some(Millis(0)), cause }
                }
            };
            self.message_answered(message, pending.attempt, outcome);
        }
        for journey in std::mem::take(&mut self.shard.resume) {
            self.emit(Change::Resumed { journey });
            self.arrive(journey);
        }
    }

    pub(super) fn fetched(
        &mut self,
        journey: JourneyIx,
        visit: u32,
        answers: Vec<Result<Answer, String>>,
    ) {
        let Some(found) = self.shard.state.journeys.get(journey) else { return };
        if found.state != (Rest::Fetching { visit }) {
            return;
        }
        self.emit(Change::Resumed { journey });
        let answers: Vec<Answer> = match answers.into_iter().collect() {
            Ok(answers) => answers,
            Err(reason) => {
                self.shard.answers.remove(&journey);
                return self.fail(journey, reason, String::new());
            }
        };
        let known = self.shard.answers.entry(journey).or_default();
        let mut answers = answers.into_iter();
        for (_, answer) in known.iter_mut().filter(|(_, answer)| answer.is_none()) {
            *answer = Some(answers.next().unwrap_or_else(Answer::none));
        }
        self.arrive(journey);
    }

    fn visit(&mut self, plan: &Arc<Canvas>, node: NodeIx, journeys: &[JourneyIx]) {
        let step = plan.node(node);
        let reads = plan.reads(node);
        let early = plan.early(node);
        let state = &self.shard.state;
        let place = format!("{}/{}", plan.head.name, step.id);
        let mut cohort = CohortBuilder::new(
            self.shard.now,
            self.shard.settings.seed,
            &place,
            &plan.head.time_zone,
            step.slots.len(),
            reads,
        );
        cohort.reserve(journeys.len());
        let needs_profile = plan.needs_profile(node);
        let mut visiting = Vec::with_capacity(journeys.len());
        let mut absent = Vec::new();
        // All profiles are looked up and touched before the first is read: waits for memory
        // that don't wait for each other cost a fraction.
        let profile = |ix: &JourneyIx| {
            let user = state.journeys.at(*ix).user;
            self.world.profile(state.users.number(user), state.users.name(user))
        };
        let profiles: Vec<_> =
            if needs_profile { journeys.iter().map(profile).collect() } else { Vec::new() };
        std::hint::black_box(
            profiles.iter().flatten().map(|profile| profile.touch()).sum::<usize>(),
        );
        for (place_in_cohort, &ix) in journeys.iter().enumerate() {
            let journey = state.journeys.at(ix);
            let user = state.users.name(journey.user);
            let answers = self.shard.answers.get(&ix).map_or(&[][..], Vec::as_slice);
            let view = UserView {
                user,
                profile: profiles.get(place_in_cohort).copied().flatten(),
                context: journey.context.as_deref(),
                canvas: plan,
                node: Some(step),
                now: self.shard.now,
                answers,
            };
            let mark = cohort.mark();
            match row(step, reads, early, &view, &mut cohort) {
                Ok(()) => {
                    cohort.visit(user);
                    visiting.push(ix);
                }
                Err(why) => {
                    cohort.forget(mark);
                    absent.push((ix, why));
                }
            }
        }
        let mut decisions = Vec::with_capacity(visiting.len());
        let cohort = cohort.build();
        if !cohort.is_empty() {
            step.step.decide_cohort(&cohort, &mut decisions);
        }
        drop(cohort);
        for (journey, why) in absent {
            self.stay_out(journey, why);
        }
        if decisions.len() != visiting.len() {
            let reason = format!(
                "step kind `{}` answered {} decisions for {} visits",
                step.kind,
                decisions.len(),
                visiting.len()
            );
            return visiting.iter().for_each(|&ix| self.fail(ix, reason.clone(), String::new()));
        }
        for (journey, decision) in visiting.into_iter().zip(decisions) {
            if !self.shard.answers.is_empty() {
                self.shard.answers.remove(&journey);
            }
            self.act(plan, node, journey, decision);
        }
    }

    fn stay_out(&mut self, journey: JourneyIx, why: NoVisit) {
        match why {
            NoVisit::Aborted(reason) => {
                self.shard.answers.remove(&journey);
                self.emit(Change::Aborted { journey });
                self.leave(journey, Door::NEXT, Some(format!("aborted: {reason}").into()));
            }
            NoVisit::Failed(reason) => {
                self.shard.answers.remove(&journey);
                self.fail(journey, format!("render error: {reason}"), String::new());
            }
            NoVisit::Needs(requests) => {
                let asked = self.shard.answers.entry(journey).or_default();
                if asked.len() >= FETCHES_PER_VISIT {
                    self.shard.answers.remove(&journey);
                    let reason = format!("asked for more than {FETCHES_PER_VISIT} answers");
                    return self.fail(journey, reason, String::new());
                }
                asked.extend(requests.iter().map(|request| (request.clone(), None)));
                self.shard.visits += 1;
                let (shard, visit) = (self.shard.settings.id, self.shard.visits);
                self.emit(Change::Fetching { journey, visit });
                self.perform(Effect::Fetch(Fetch { shard, journey, visit, requests }));
            }
        }
    }

    fn act(&mut self, plan: &Canvas, node: NodeIx, journey: JourneyIx, decision: Decision) {
        match decision {
            Decision::Go(door) => self.go(plan, node, journey, door, None),
            Decision::WaitUntil { until, then } => {
                // A wait that leads nowhere is none, as in Braze: the journey ends at once.
                if until <= self.now() || plan.way(node, then).is_none() {
                    return self.go(plan, node, journey, then, None);
                }
                let until = until.min(Millis::MAX);
                self.emit(Change::Waiting { journey, until, then });
            }
            Decision::Update(update) if update.objects.is_empty() => {
                self.leave(journey, Door::NEXT, Some("the update is empty".into()));
            }
            Decision::Update(update) => {
                let write = self.shard.state.writes.vacant();
                let deadline = update.timeout.map(|timeout| self.now() + timeout);
                let first =
                    self.shard.state.users.first_write(self.shard.state.journeys.at(journey).user)
                        == crate::users::NONE
                        || is_planted(Bug::TwoInFlight);
                let objects = update.objects;
                self.emit(Change::Held { journey, write, objects, deadline });
                if first {
                    let effect = self.shard.write_effect(write);
                    self.perform(effect);
                }
            }
            Decision::Send(content) => {
                let message = self.shard.state.messages.vacant();
                self.emit(Change::Sending { journey, message, content });
                let effect = self.shard.send_effect(message);
                self.perform(effect);
            }
            Decision::Remember { variables, then } => {
                let why = self.remember(journey, variables);
                self.go(plan, node, journey, then, why);
            }
            Decision::Exit(reason) => {
                let ending = Ending::Step(reason.into());
                self.emit(Change::Exited { journey, ending });
            }
            Decision::Fail { reason, payload } => self.fail(journey, reason, payload),
        }
    }

    /// Through a door that the step names, if there is one.
    fn go(
        &mut self,
        plan: &Canvas,
        node: NodeIx,
        journey: JourneyIx,
        door: Door,
        why: Option<Box<str>>,
    ) {
        if plan.has_door(node, door) {
            return self.leave(journey, door, why);
        }
        let kind = &plan.node(node).kind;
        self.fail(journey, format!("step kind `{kind}` has no door {}", door.0), String::new());
    }

    /// Stores variables, unless the context would get too large; then says so.
    fn remember(&mut self, journey: JourneyIx, variables: Vec<(String, Json)>) -> Option<Box<str>> {
        let context = self.shard.state.journeys.at(journey).context.as_deref();
        let mut size: usize = context.map_or(0, |context| {
            context.iter().map(|(name, value)| name.len() + size_of_json(value)).sum()
        });
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for (name, value) in variables {
            let more = name.len() + size_of_json(&value);
            if size + more > LARGEST_CONTEXT {
                dropped.push(name);
            } else {
                size += more;
                kept.push((name, value));
            }
        }
        if !kept.is_empty() {
            self.emit(Change::Remembered { journey, variables: kept });
        }
        (!dropped.is_empty())
            .then(|| format!("not stored, the context is full: {}", dropped.join(", ")).into())
    }
}

/// About how many bytes the value takes as JSON.
fn size_of_json(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(_) => 8,
        Json::String(text) => text.len() + 2,
        Json::Array(items) => 2 + items.iter().map(|item| 1 + size_of_json(item)).sum::<usize>(),
        Json::Object(object) => {
            2 + object.iter().map(|(key, value)| key.len() + 4 + size_of_json(value)).sum::<usize>()
        }
    }
}
