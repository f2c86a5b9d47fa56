//! Driving the shards: the next moment, decide, commit, act.

use std::sync::Arc;

use flowrun_core::Millis;
use flowrun_core::batcher::Request;
use flowrun_core::planted::{Bug, is_planted};
use flowrun_core::trace::{Counts, Line, What};
use flowrun_core::{
    Batcher, Canvas, CanvasIx, DeadLetter, Effect, Input, LetterLimits, Pace, RetryPolicy,
    Settings, ShardId, Tally,
};
use flowrun_log::{Keep, Memory as MemoryLog, Sequence, ShardLog};
use flowrun_profiles::{About, Memory};

use crate::agenda::{Aftermath, Agenda, Arrival, Coming, Happening, Noted};
use crate::backend::{Backend, Replies};
use crate::crew::Crew;
use crate::mischief::{Beat, Mischief};
use crate::outside::Outside;
use crate::place::Place;
use crate::totals::{Totals, Watcher};

/// How a run is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    pub seed: u64,
    pub start: Millis,
    /// No moment after this is reached: who still waits then, waits.
    pub until: Option<Millis>,
    pub shards: u16,
    /// How long the backend takes to answer a request.
    pub latency: Millis,
    pub keep: Keep,
    /// Threads that decide. Changes how long a run takes, and nothing else.
    pub threads: usize,
    pub retry: RetryPolicy,
    /// From so many writes in the batcher on, nobody else enters or wakes until some are
    /// answered: what a slow backend can't take waits at the entrance, not in memory.
    pub most_writes: usize,
    /// How many dead letters a shard holds before nobody else enters or wakes. A run is over
    /// when it is over, so there is no limit unless one is to be tried.
    pub letters: LetterLimits,
}

impl Options {
    fn settings(&self, id: ShardId) -> Settings {
        Settings { id, seed: self.seed, retry: self.retry, letters: self.letters }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 0,
            start: Millis(0),
            until: None,
            shards: 1,
            latency: Millis(40),
            keep: Keep::Nothing,
            retry: RetryPolicy::default(),
            most_writes: MOST_WRITES,
            letters: LetterLimits::NONE,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// How many users a shard is given at once. Bounds the memory that a moment takes at
/// which a million users arrive.
const ARRIVALS_PER_STEP: usize = 16_384;

const MOST_WRITES: usize = 32_768;

/// A run in virtual time.
pub struct Simulation {
    options: Options,
    now: Millis,
    /// The latest moment that the machine's clock has shown.
    shown: Millis,
    shards: Vec<Place>,
    canvases: Vec<Arc<Canvas>>,
    batcher: Batcher,
    /// What steps read; and where updates are written, unless there is a backend.
    store: Arc<Memory>,
    crew: Crew,
    backend: Option<Box<dyn Backend>>,
    mischief: Option<Box<dyn Mischief>>,
    log: MemoryLog,
    agenda: Agenda,
    pub(crate) operations: Agenda,
    replies: Replies,
    traces: bool,
    requests: u64,
    objects: u64,
    crashes: u64,
    crowded: u64,
}

impl Simulation {
    /// A run that writes into the profile store itself.
    pub fn new(options: Options, store: Memory) -> Simulation {
        let mut log = MemoryLog::new(options.keep);
        let shards = (0..options.shards.max(1)).map(ShardId);
        let shards = shards.map(|id| Place::new(options.settings(id), log.open(id))).collect();
        Simulation {
            now: options.start,
            shown: options.start,
            shards,
            canvases: Vec::new(),
            batcher: Batcher::new(store.about().batches),
            store: Arc::new(store),
            crew: Crew::new(options.threads),
            backend: None,
            mischief: None,
            log,
            agenda: Agenda::default(),
            operations: Agenda::default(),
            replies: Replies::default(),
            traces: false,
            requests: 0,
            objects: 0,
            crashes: 0,
            crowded: 0,
            options,
        }
    }

    /// Writes to this backend. What it has acknowledged is applied to the profile store, too.
    pub fn write_to(&mut self, backend: Box<dyn Backend>) {
        self.batcher = Batcher::new(backend.about().batches);
        self.backend = Some(backend);
    }

    /// Lets things go wrong on the machine. To come back from death, a run has to keep its
    /// log: [`Options::keep`].
    pub fn trouble(&mut self, mischief: Box<dyn Mischief>) {
        self.mischief = Some(mischief);
    }

    pub fn add_canvas(&mut self, canvas: Arc<Canvas>) -> CanvasIx {
        self.canvases.push(canvas.clone());
        let added = self.shards.iter_mut().map(|place| place.shard.add_canvas(canvas.clone()));
        added.last().expect("there is a shard")
    }

    pub fn add_arrivals(&mut self, arrivals: impl IntoIterator<Item = Arrival>) {
        self.agenda.add(arrivals.into_iter().map(Coming::Arrival));
    }

    pub fn add_happenings(&mut self, happenings: impl IntoIterator<Item = Happening>) {
        self.agenda.add(happenings.into_iter().map(|one| Coming::Happening(one, Noted::No)));
    }

    /// Goes on until nothing more will happen, or the end of the time given.
    pub fn run(&mut self, world: &mut Outside<'_>, watcher: &mut dyn Watcher) {
        self.run_until(self.options.until, world, watcher);
    }

    /// Goes on until nothing more will happen, or up to a moment. What happens at the moment
    /// itself, happens.
    pub fn run_until(
        &mut self,
        until: Option<Millis>,
        world: &mut Outside<'_>,
        watcher: &mut dyn Watcher,
    ) {
        if watcher.wants_lines() {
            self.traces = true;
            self.shards.iter_mut().for_each(|place| place.shard.trace());
        }
        let mut turns = 0_u64;
        let mut stopped = false;
        while let Some(next) = self.next_moment() {
            if until.is_some_and(|until| next > until) {
                break;
            }
            self.now = self.now.max(next);
            self.turn(world, watcher);
            turns += 1;
            if turns.is_multiple_of(64) {
                watcher.progress(self.now, &self.totals());
            }
            if !watcher.goes_on() {
                stopped = true;
                break;
            }
        }
        if let (Some(until), false) = (until, stopped) {
            self.now = self.now.max(until);
        }
        watcher.progress(self.now, &self.totals());
        self.check();
    }

    fn next_moment(&mut self) -> Option<Millis> {
        if self.shards.iter().any(|place| !place.in_flight.is_empty()) {
            return Some(self.now);
        }
        let world = [self.replies.next(), self.batcher.next_wake(), self.operations.next()];
        if self.is_crowded() {
            self.crowded += 1;
            return world.into_iter().flatten().min();
        }
        let wakes = self.shards.iter_mut().filter_map(|place| place.shard.next_wake()).min();
        let wakes = wakes.map(|wake| self.true_moment(wake));
        let users = [wakes, self.agenda.next()];
        world.into_iter().chain(users).flatten().min()
    }

    fn is_crowded(&self) -> bool {
        self.batcher.writes() >= self.options.most_writes
            || self.shards.iter().any(|place| place.shard.is_burdened())
    }

    pub(crate) fn may_die(&self) -> bool {
        self.mischief.is_some()
    }

    pub(crate) fn places(&mut self) -> &mut [Place] {
        &mut self.shards
    }

    /// When it really is, while the machine's clock shows a moment to come.
    fn true_moment(&mut self, shown: Millis) -> Millis {
        match &mut self.mischief {
            Some(mischief) => mischief.when_shown(self.now, shown),
            None => shown,
        }
    }

    /// What the machine's clock shows.
    fn clock(&mut self) -> Millis {
        let error = self.mischief.as_mut().map(|mischief| mischief.clock_error(self.now));
        self.now + error.unwrap_or(Millis(0))
    }

    /// Performs what was in flight when the machine died.
    fn resume(&mut self, world: &mut Outside<'_>) {
        for ix in 0..self.shards.len() {
            let effects = std::mem::take(&mut self.shards[ix].in_flight);
            effects.into_iter().for_each(|effect| self.perform(ix, effect, world));
        }
    }

    fn dies(&mut self, beat: Beat) -> bool {
        self.mischief.as_mut().is_some_and(|mischief| mischief.dies(self.now, beat))
    }

    /// One round at this moment: inputs to the shards, their decisions committed and
    /// acted on. Effects that are answered at once are inputs of the next round.
    fn turn(&mut self, world: &mut Outside<'_>, watcher: &mut dyn Watcher) {
        self.round(world, watcher);
        let Some(Aftermath { happenings, edits }) = world.channel.aftermath() else { return };
        edits.into_iter().for_each(|edit| self.agenda.follow(Coming::Edit(edit)));
        for happening in happenings {
            self.agenda.follow(Coming::Happening(happening, Noted::No));
        }
    }

    fn round(&mut self, world: &mut Outside<'_>, watcher: &mut dyn Watcher) {
        let shown = self.clock();
        self.shown = self.shown.max(shown);
        self.resume(world);
        self.take_replies(watcher);
        self.take_operations();
        if !self.is_crowded() {
            self.take_from_agenda();
        }
        loop {
            let pace = if self.is_crowded() { Pace::HoldTimers } else { Pace::Free };
            self.shards.iter_mut().for_each(|place| place.look(shown, pace));
            if self.shards.iter().all(|place| place.quiet) {
                break;
            }
            self.crew.decide(&mut self.shards, shown, &self.store);
            for ix in 0..self.shards.len() {
                if self.shards[ix].quiet {
                    continue;
                }
                if is_planted(Bug::ActBeforeCommit) {
                    self.act(ix, world);
                }
                if self.dies(Beat::Decided) {
                    return self.come_back(Beat::Decided);
                }
                self.commit(ix, watcher);
                if self.dies(Beat::Committed) {
                    return self.come_back(Beat::Committed);
                }
                self.act(ix, world);
            }
            let full = self.batcher.poll_full(self.now);
            self.request(&full, watcher);
            if self.dies(Beat::Acted) {
                return self.come_back(Beat::Acted);
            }
        }
        let rest = self.batcher.poll(self.now);
        self.request(&rest, watcher);
    }

    fn take_from_agenda(&mut self) {
        for _ in 0..ARRIVALS_PER_STEP {
            let Some(coming) = self.agenda.pop_due(self.now) else { return };
            let shard = ShardId::of(coming.user(), self.options.shards);
            let place = &mut self.shards[usize::from(shard.0)];
            let again = self.mischief.is_some().then(|| coming.again());
            let input = match coming {
                Coming::Arrival(Arrival { canvas, user, context, .. }) => {
                    Input::Enter { canvas, user, context }
                }
                Coming::Happening(happening, noted) => {
                    let Happening { user, name, properties, object, .. } = happening;
                    if noted == Noted::No {
                        alone(&mut self.store).note(self.now, &user, &object);
                    }
                    Input::Event { user, name, properties }
                }
                // Profiles don't die with the machine: it is done once and for all.
                Coming::Edit(edit) => {
                    alone(&mut self.store).note(self.now, &edit.user, &edit.object);
                    continue;
                }
                Coming::Operation(operation) => {
                    unreachable!("{operation:?} is on another agenda")
                }
            };
            place.unacknowledged.extend(again);
            place.inputs.push(input);
        }
    }

    fn take_replies(&mut self, watcher: &mut dyn Watcher) {
        while let Some((number, reply)) = self.replies.pop_due(self.now) {
            let parts = self.batcher.parts_of(number);
            if watcher.wants_lines() && !parts.is_empty() {
                let outcomes = reply.outcomes(parts);
                let what = What::Reply { request: number, status: reply.status, outcomes };
                watcher.line(&self.line(what));
            }
            if self.backend.is_some() && !is_planted(Bug::StaleRead) {
                // Whoever is released by this reads what was just acknowledged.
                alone(&mut self.store).acknowledge(self.now, parts, &reply);
            }
            for settled in self.batcher.reply(self.now, number, &reply) {
                let inputs = &mut self.shards[usize::from(settled.shard.0)].inputs;
                inputs.push(Input::Settled {
                    write: settled.write,
                    attempt: settled.attempt,
                    done: settled.done,
                    outcome: settled.outcome,
                });
            }
        }
    }

    fn commit(&mut self, ix: usize, watcher: &mut dyn Watcher) {
        let place = &mut self.shards[ix];
        if !place.decided.record.is_empty() {
            let id = ShardId(ix as u16);
            let upto = self.log.append(id, place.epoch, &place.decided.record);
            let upto = upto.expect("a run is the only owner of its log");
            watcher.record(id, &place.decided.record);
            if self.mischief.as_mut().is_some_and(|mischief| mischief.takes_snapshot(self.now)) {
                let snapshot = self.log.snapshot(id, place.epoch, upto, &place.shard.snapshot());
                snapshot.expect("a run is the only owner of its log");
            }
        }
        place.unacknowledged.clear();
        place.decided.lines.iter().for_each(|line| watcher.line(line));
    }

    fn act(&mut self, ix: usize, world: &mut Outside<'_>) {
        let mut effects = std::mem::take(&mut self.shards[ix].decided.effects);
        effects.drain(..).for_each(|effect| self.perform(ix, effect, world));
        // Its memory is used again.
        self.shards[ix].decided.effects = effects;
    }

    fn perform(&mut self, ix: usize, effect: Effect, world: &mut Outside<'_>) {
        let inputs = &mut self.shards[ix].inputs;
        match effect {
            Effect::Write(write) => self.batcher.push(self.now, write),
            // Who is broken off stays where they are.
            Effect::Send(_) if world.channel.is_closed() => {}
            Effect::Fetch(_) if world.fetch.is_closed() => {}
            Effect::Send(send) => {
                let outcome = world.channel.send(self.now, &send);
                let (message, attempt) = (send.id, send.attempt);
                inputs.push(Input::Sent { message, attempt, outcome });
            }
            Effect::Fetch(fetch) => {
                let answers = fetch.requests.iter();
                let answers =
                    answers.map(|request| world.fetch.answer(self.now, request)).collect();
                let (journey, visit) = (fetch.journey, fetch.visit);
                inputs.push(Input::Fetched { journey, visit, answers });
            }
            // Messages and fetches are answered at once: of them nothing waits to be started.
            Effect::Withdraw(withdrawn) => {
                self.batcher.withdraw(withdrawn.shard, &withdrawn.writes);
            }
            Effect::Recall(_) => {}
        }
    }

    fn request(&mut self, requests: &[Request], watcher: &mut dyn Watcher) {
        for request in requests {
            self.requests += 1;
            self.objects += request.objects.total() as u64;
            watcher.request(self.now, request);
            if watcher.wants_lines() {
                let what = What::Request {
                    backend: self.backend().name.clone(),
                    request: request.number,
                    objects: Counts { ..request.objects },
                    users: request.parts.len(),
                    attempt: request.attempt(),
                };
                watcher.line(&self.line(what));
            }
            if self.backend.is_none() {
                let reply = alone(&mut self.store).commit(self.now, request);
                self.replies.send(self.now + self.options.latency, request.number, reply);
            }
        }
        if let Some(backend) = self.backend.as_mut().filter(|_| !requests.is_empty()) {
            backend.send(self.now, requests, &mut self.replies);
        }
    }

    /// The machine has died and starts again: all is gone but the log, the profiles, and the
    /// world outside. What was not acknowledged will be sent again by whoever sent it.
    fn come_back(&mut self, beat: Beat) {
        assert_eq!(self.options.keep, Keep::Records, "who is to die has to keep a log");
        self.crashes += 1;
        let lived = self.fingerprints();
        self.replies.clear();
        let batches = self.backend().batches;
        self.batcher = Batcher::new(batches).numbered_from(self.requests);
        if let Some(backend) = &mut self.backend {
            backend.disconnected(self.now);
        }
        let unacknowledged = self.shards.iter_mut().map(|place| &mut place.unacknowledged);
        let again: Vec<Coming> = unacknowledged.flat_map(std::mem::take).collect();
        let (operations, again): (Vec<_>, Vec<_>) =
            again.into_iter().partition(|coming| matches!(coming, Coming::Operation(_)));
        self.operations.push_back(operations);
        self.agenda.push_back(again);
        loop {
            let in_flight = self.replayed();
            if beat == Beat::Acted {
                assert_eq!(lived, self.fingerprints(), "I17: what was replayed is what was lived");
            }
            if self.dies(Beat::Recovering) {
                continue;
            }
            // Not performed here but where the others are: with the next turn.
            for (place, effects) in self.shards.iter_mut().zip(in_flight) {
                place.in_flight = effects;
            }
            return;
        }
    }

    fn fingerprints(&self) -> Vec<u64> {
        self.shards.iter().map(|place| place.shard.fingerprint()).collect()
    }

    /// The shards as their logs tell them, and what they have in flight.
    fn replayed(&mut self) -> Vec<Vec<Effect>> {
        let mut in_flight = Vec::new();
        for (ix, place) in self.shards.iter_mut().enumerate() {
            let id = ShardId(ix as u16);
            place.died(self.options.settings(id), self.log.open(id), &self.canvases);
            let mut from = Sequence(1);
            let snapshot = self.log.latest_snapshot(id).expect("a log in memory is whole");
            if let Some(snapshot) = snapshot {
                let restored = place.shard.restore(&snapshot.bytes);
                restored.expect("a snapshot that the run itself has taken can be read");
                from = Sequence(snapshot.upto.0 + 1);
                if let Some(mischief) = &mut self.mischief {
                    mischief.restored();
                }
            }
            let records = self.log.read_from(id, from);
            for record in &records.expect("a log in memory is whole") {
                let _ = place.shard.replay(record);
            }
            in_flight.push(place.shard.recover());
            if self.traces {
                place.shard.trace();
            }
            place.shard.check();
        }
        in_flight
    }

    /// A line about a request, which is of no user and no Canvas.
    fn line(&self, what: What) -> Line {
        Line { at: self.shown, canvas: None, user: None, entry: None, step: None, what }
    }

    pub fn now(&self) -> Millis {
        self.now
    }

    pub fn canvases(&self) -> &[Arc<Canvas>] {
        &self.canvases
    }

    /// The counters of a Canvas over all shards.
    pub fn tally(&self, canvas: CanvasIx) -> Tally {
        let mut sum = Tally::default();
        self.shards.iter().for_each(|place| sum.add(place.shard.tally(canvas)));
        sum
    }

    pub fn totals(&self) -> Totals {
        let (requests, objects) = (self.requests, self.objects);
        let (crashes, crowded) = (self.crashes, self.crowded);
        let mut totals = Totals { requests, objects, crashes, crowded, ..Totals::default() };
        for place in &self.shards {
            totals.users += place.shard.users() as u64;
            for canvas in 0..self.canvases.len() {
                totals.add(place.shard.tally(CanvasIx(canvas as u16)));
            }
        }
        totals
    }

    pub fn dead_letters(&self) -> impl Iterator<Item = DeadLetter> {
        self.shards.iter().flat_map(|place| place.shard.dead_letters())
    }

    /// The profiles as steps read them.
    pub fn profiles(&self) -> &Memory {
        &self.store
    }

    /// Puts a profile in, in place of what was there.
    pub fn put_profile(&mut self, profile: flowrun_core::track::Profile) {
        alone(&mut self.store).put(profile);
    }

    /// Where updates are written.
    pub fn backend(&self) -> &About {
        self.backend.as_ref().map_or(self.store.about(), |backend| backend.about())
    }

    pub fn log(&self) -> &MemoryLog {
        &self.log
    }

    /// Checks every invariant of every shard.
    pub fn check(&self) {
        self.shards.iter().for_each(|place| place.shard.check());
    }
}

/// The profiles, to be changed: between rounds nobody else looks at them.
fn alone(store: &mut Arc<Memory>) -> &mut Memory {
    Arc::get_mut(store).expect("whoever decides gives the profiles back")
}
