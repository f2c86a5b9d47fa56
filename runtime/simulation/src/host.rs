//! Driving the shards: the next moment, decide, commit, act.

use std::sync::Arc;

use flowrun_core::Millis;
use flowrun_core::batcher::Request;
use flowrun_core::trace::{Counts, Line, What};
use flowrun_core::{
    Batcher, Canvas, CanvasIx, Decided, Effect, Input, Pace, Settings, Shard, ShardId, Tally,
};
use flowrun_log::{Epoch, Keep, Memory as MemoryLog, ShardLog};
use flowrun_profiles::{Known, Memory};

use crate::agenda::{Arrival, Arrivals, Replies};
use crate::outside::Outside;

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
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// How many users a shard is given at once. Bounds the memory that a moment takes at
/// which a million users arrive.
const ARRIVALS_PER_STEP: usize = 16_384;

/// From so many writes in the batcher on, nobody else enters or wakes until some are
/// answered: what a slow backend can't take waits at the entrance, not in memory.
const MOST_WRITES: usize = 32_768;

/// Watches a run.
pub trait Watcher {
    /// Whether lines are wanted at all. Without them a run is faster.
    fn wants_lines(&self) -> bool {
        true
    }

    fn line(&mut self, line: &Line);

    /// Called now and then: the virtual time, and what has happened so far.
    fn progress(&mut self, _now: Millis, _totals: &Totals) {}

    /// Asked after every moment whether to go on.
    fn goes_on(&mut self) -> bool {
        true
    }
}

/// What a run has amounted to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub users: u64,
    pub entered: u64,
    pub completed: u64,
    pub exited: u64,
    pub failed: u64,
    pub waiting: u64,
    pub held: u64,
    pub sending: u64,
    pub dead_letters: u64,
    pub objects: u64,
    pub requests: u64,
    pub messages: u64,
    /// Users who wanted to enter and were turned away by audience or reentry.
    pub turned_away: u64,
}

/// A run in virtual time.
pub struct Simulation {
    options: Options,
    now: Millis,
    shards: Vec<Place>,
    canvases: Vec<Arc<Canvas>>,
    batcher: Batcher,
    backend: Memory,
    log: MemoryLog,
    arrivals: Arrivals,
    replies: Replies,
    requests: u64,
    objects: u64,
}

/// A shard, what it is to be told next, and the buffers that it works in.
struct Place {
    shard: Shard,
    epoch: Epoch,
    inputs: Vec<Input>,
    decided: Decided,
    known: Known,
    /// Nothing to decide at this moment.
    quiet: bool,
}

impl Place {
    fn look(&mut self, now: Millis, pace: Pace) {
        self.shard.pace(pace);
        let due = pace == Pace::Free && self.shard.next_wake().is_some_and(|wake| wake <= now);
        self.quiet = !due && self.inputs.is_empty();
    }

    fn decide(&mut self, now: Millis, backend: &Memory) {
        if !self.quiet {
            let world = self.known.of(backend);
            self.shard.step(now, &mut self.inputs, &world, &mut self.decided);
        }
    }

    /// About how much there is to do: what is to be told, or what was decided last.
    fn work(&self) -> usize {
        if self.quiet { 0 } else { self.inputs.len().max(self.decided.record.changes.len()) }
    }
}

/// From how much work on further threads are worth starting.
const WORTH_THREADS: usize = 2_000;

/// Lets all shards decide. They don't know of each other, so that how many threads do it
/// makes no difference to what comes out.
fn decide(shards: &mut [Place], now: Millis, backend: &Memory, threads: usize) {
    let work: usize = shards.iter().map(Place::work).sum();
    if threads < 2 || shards.len() < 2 || work < WORTH_THREADS {
        return shards.iter_mut().for_each(|place| place.decide(now, backend));
    }
    let each = shards.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut groups = shards.chunks_mut(each);
        let own = groups.next();
        for group in groups {
            scope.spawn(move || group.iter_mut().for_each(|place| place.decide(now, backend)));
        }
        own.into_iter().flatten().for_each(|place| place.decide(now, backend));
    });
}

impl Simulation {
    pub fn new(options: Options, backend: Memory) -> Simulation {
        let mut log = MemoryLog::new(options.keep);
        let shards = (0..options.shards.max(1)).map(|id| {
            let id = ShardId(id);
            let settings = Settings { id, seed: options.seed, ..Settings::default() };
            let epoch = log.open(id);
            let (shard, inputs) = (Shard::new(settings), Vec::new());
            Place {
                shard,
                epoch,
                inputs,
                decided: Decided::default(),
                known: Known::default(),
                quiet: true,
            }
        });
        Simulation {
            now: options.start,
            shards: shards.collect(),
            canvases: Vec::new(),
            batcher: Batcher::new(backend.about().batches),
            backend,
            log,
            arrivals: Arrivals::default(),
            replies: Replies::default(),
            requests: 0,
            objects: 0,
            options,
        }
    }

    pub fn add_canvas(&mut self, canvas: Arc<Canvas>) -> CanvasIx {
        self.canvases.push(canvas.clone());
        let added = self.shards.iter_mut().map(|place| place.shard.add_canvas(canvas.clone()));
        added.last().expect("there is a shard")
    }

    pub fn add_arrivals(&mut self, arrivals: impl IntoIterator<Item = Arrival>) {
        self.arrivals.add(arrivals);
    }

    /// Goes on until nothing more will happen, or the end of the time given.
    pub fn run(&mut self, world: &mut Outside<'_>, watcher: &mut dyn Watcher) {
        if watcher.wants_lines() {
            self.shards.iter_mut().for_each(|place| place.shard.trace());
        }
        let mut turns = 0_u64;
        while let Some(next) = self.next_moment() {
            if self.options.until.is_some_and(|until| next > until) {
                break;
            }
            self.now = self.now.max(next);
            self.turn(world, watcher);
            turns += 1;
            if turns.is_multiple_of(64) {
                watcher.progress(self.now, &self.totals());
            }
            if !watcher.goes_on() {
                break;
            }
        }
        watcher.progress(self.now, &self.totals());
        self.check();
    }

    fn next_moment(&mut self) -> Option<Millis> {
        let world = [self.replies.next(), self.batcher.next_wake()];
        if self.is_crowded() {
            return world.into_iter().flatten().min();
        }
        let wakes = self.shards.iter_mut().filter_map(|place| place.shard.next_wake());
        let users = [wakes.min(), self.arrivals.next()];
        world.into_iter().chain(users).flatten().min()
    }

    fn is_crowded(&self) -> bool {
        self.batcher.writes() >= MOST_WRITES
    }

    /// One round at this moment: inputs to the shards, their decisions committed and
    /// acted on. Effects that are answered at once are inputs of the next round.
    fn turn(&mut self, world: &mut Outside<'_>, watcher: &mut dyn Watcher) {
        self.take_replies(watcher);
        if !self.is_crowded() {
            self.take_arrivals();
        }
        loop {
            let now = self.now;
            let pace = if self.is_crowded() { Pace::HoldTimers } else { Pace::Free };
            self.shards.iter_mut().for_each(|place| place.look(now, pace));
            if self.shards.iter().all(|place| place.quiet) {
                break;
            }
            decide(&mut self.shards, now, &self.backend, self.options.threads);
            for ix in 0..self.shards.len() {
                if !self.shards[ix].quiet {
                    self.commit_and_act(ix, world, watcher);
                }
            }
            for request in self.batcher.poll_full(self.now) {
                self.commit(&request, watcher);
            }
        }
        for request in self.batcher.poll(self.now) {
            self.commit(&request, watcher);
        }
    }

    fn take_arrivals(&mut self) {
        for _ in 0..ARRIVALS_PER_STEP {
            let Some(arrival) = self.arrivals.pop_due(self.now) else { return };
            let Arrival { canvas, user, context, .. } = arrival;
            let shard = ShardId::of(&user, self.options.shards);
            let inputs = &mut self.shards[usize::from(shard.0)].inputs;
            inputs.push(Input::Enter { canvas, user, context });
        }
    }

    fn take_replies(&mut self, watcher: &mut dyn Watcher) {
        while let Some((number, reply)) = self.replies.pop_due(self.now) {
            if watcher.wants_lines() {
                let parts = self.batcher.parts_of(number);
                let outcomes = reply.outcomes(parts);
                let what = What::Reply { request: number, status: reply.status, outcomes };
                watcher.line(&self.line(what));
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

    fn commit_and_act(&mut self, ix: usize, world: &mut Outside<'_>, watcher: &mut dyn Watcher) {
        let place = &mut self.shards[ix];
        if !place.decided.record.is_empty() {
            self.log
                .append(ShardId(ix as u16), place.epoch, &place.decided.record)
                .expect("a run is the only owner of its log");
        }
        place.decided.lines.iter().for_each(|line| watcher.line(line));
        for effect in place.decided.effects.drain(..) {
            match effect {
                Effect::Write(write) => self.batcher.push(self.now, write),
                Effect::Send(send) => {
                    let outcome = world.channel.send(self.now, &send);
                    let (message, attempt) = (send.id, send.attempt);
                    place.inputs.push(Input::Sent { message, attempt, outcome });
                }
                Effect::Fetch(fetch) => {
                    let answers = fetch.requests.iter();
                    let answers =
                        answers.map(|request| world.fetch.answer(self.now, request)).collect();
                    let (journey, visit) = (fetch.journey, fetch.visit);
                    place.inputs.push(Input::Fetched { journey, visit, answers });
                }
            }
        }
    }

    fn commit(&mut self, request: &Request, watcher: &mut dyn Watcher) {
        self.requests += 1;
        self.objects += request.objects.total() as u64;
        if watcher.wants_lines() {
            let what = What::Request {
                backend: self.backend.about().name.clone(),
                request: request.number,
                objects: Counts { ..request.objects },
                users: request.parts.len(),
                attempt: request.attempt(),
            };
            watcher.line(&self.line(what));
        }
        let reply = self.backend.commit(self.now, request);
        self.replies.send(self.now + self.options.latency, request.number, reply);
    }

    /// A line about a request, which is of no user and no Canvas.
    fn line(&self, what: What) -> Line {
        Line { at: self.now, canvas: None, user: None, entry: None, step: None, what }
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
        let mut totals =
            Totals { requests: self.requests, objects: self.objects, ..Totals::default() };
        for place in &self.shards {
            totals.users += place.shard.users() as u64;
            for canvas in 0..self.canvases.len() {
                let tally = place.shard.tally(CanvasIx(canvas as u16));
                totals.entered += tally.entered;
                totals.completed += tally.completed;
                totals.exited += tally.exited;
                totals.failed += tally.failed;
                totals.dead_letters += tally.dead_letters;
                totals.messages += tally.messages;
                totals.turned_away += tally.outside_audience + tally.not_again;
                totals.turned_away += tally.audience_errors + tally.bad_ids;
                for step in &tally.steps {
                    totals.waiting += step.waiting;
                    totals.held += step.held;
                    totals.sending += step.sending;
                }
            }
        }
        totals
    }

    pub fn dead_letters(&self) -> impl Iterator<Item = &flowrun_core::DeadLetter> {
        self.shards.iter().flat_map(|place| place.shard.dead_letters())
    }

    pub fn profiles(&self) -> &Memory {
        &self.backend
    }

    pub fn log(&self) -> &MemoryLog {
        &self.log
    }

    /// Checks every invariant of every shard.
    pub fn check(&self) {
        self.shards.iter().for_each(|place| place.shard.check());
    }
}
