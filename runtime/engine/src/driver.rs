//! The loop: replies and entries in, a round of decide, commit and act, requests out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use flowrun_core::batcher::Request;
use flowrun_core::trace::{Counts, Line, What};
use flowrun_core::{Batcher, Canvas, CanvasIx, Effect, Input, Millis, SendOutcome, Tally};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::bench::{Bench, Commit, Timers};
use crate::clock::Clock;
use crate::error::{Busy, Error};
use crate::intake::{Command, Door, Intake, Item, Mark};
use crate::options::{Options, Writes};
use crate::outgoing::{Outgoing, Reply};
use crate::profiles::Profiles;
use crate::status::{Ended, Status};
use crate::trace::Trace;

/// Inputs from outside that one round takes.
const PER_ROUND: usize = 16_384;

/// How long a full disk is left alone.
const WHILE_FULL: Millis = Millis(250);

/// How long figures of the log are good.
const LOOK: Millis = Millis(1_000);

/// What the engine shows of itself.
#[derive(Default)]
pub(crate) struct Shown {
    pub status: Status,
    pub tallies: Vec<Tally>,
    /// Names of Canvases that stand still.
    pub paused: Vec<Arc<str>>,
}

pub(crate) struct Driver {
    pub options: Options,
    pub canvases: Vec<Arc<Canvas>>,
    /// Elsewhere during a round.
    pub bench: Option<Bench>,
    /// Performed before anything else.
    pub in_flight: Vec<Effect>,
    /// Empty between rounds.
    pub effects: Vec<Effect>,
    pub profiles: Arc<dyn Profiles>,
    pub writes: Writes,
    pub batcher: Batcher,
    pub outgoing: Outgoing,
    pub replies: mpsc::UnboundedReceiver<Reply>,
    pub intake: Arc<Intake>,
    pub clock: Arc<dyn Clock>,
    pub trace: Box<dyn Trace>,
    pub shown: Arc<Mutex<Shown>>,
    /// To be told when the inputs before them are committed.
    pub marks: Vec<Mark>,
    pub status: Status,
    /// A backend elsewhere has written what the profiles here are not known to have kept.
    pub acknowledged: bool,
    /// When the log was last looked at, by the steady clock.
    pub looked: Option<Millis>,
    /// By the steady clock.
    pub stop_by: Option<Millis>,
}

impl Driver {
    /// Goes on until told to stop and all is finished, or the time for it is up.
    pub async fn run(mut self) -> Result<Ended, Error> {
        let mut ended = self.turns().await;
        if let Ok(Ended { unfinished, .. }) = ended {
            ended = self.snapshot().await.map(|in_use| Ended { unfinished, in_use });
        }
        self.intake.end(match &ended {
            Ok(_) => Door::Stopped,
            Err(_) => Door::Failed,
        });
        self.outgoing.break_off();
        self.publish();
        self.trace.pause();
        ended
    }

    async fn turns(&mut self) -> Result<Ended, Error> {
        let in_flight = std::mem::take(&mut self.in_flight);
        self.act(in_flight);
        loop {
            let now = self.clock.now();
            while let Ok(reply) = self.replies.try_recv() {
                self.take_reply(now, reply);
            }
            self.take_from_operators().await?;
            self.take_from_outside();
            let held = self.is_crowded() || self.is_stopping();
            let timers = if held { Timers::Held } else { Timers::Free };
            let steady = self.clock.steady();
            let worked = self.bench().has_work(now, steady, timers);
            if worked {
                self.round(now).await?;
            }
            let steady = self.clock.steady();
            let requests = match worked {
                true => self.batcher.poll_full(steady),
                false => self.batcher.poll(steady),
            };
            self.request(now, requests);
            self.outgoing.go_on(now);
            self.intake.is_now(if self.is_crowded() { Door::Crowded } else { Door::Open });
            self.publish();
            // Whoever waits for them is told after the commit, and only then.
            self.marks.drain(..).for_each(|mark| {
                let _ = mark.send(Ok(()));
            });
            if worked {
                continue;
            }
            if let Some(ended) = self.is_over(steady) {
                return Ok(ended);
            }
            self.rest().await;
        }
    }

    fn bench(&mut self) -> &mut Bench {
        self.bench.as_mut().expect("the shards are here between rounds")
    }

    fn is_crowded(&self) -> bool {
        self.batcher.writes() >= self.options.most_writes
            || self.outgoing.messages() + self.outgoing.fetches() >= self.options.most_outgoing
            || self.bench.as_ref().is_some_and(Bench::is_burdened)
    }

    fn is_stopping(&self) -> bool {
        self.intake.is_stopping()
    }

    /// What operators ask for is taken in any case: it may be what ends the crowd.
    async fn take_from_operators(&mut self) -> Result<(), Error> {
        let mut looks = Vec::new();
        let (Some(bench), marks) = (&mut self.bench, &mut self.marks) else { return Ok(()) };
        self.intake.take_commands(&mut |command| match command {
            Command::Input(shard, input) => bench.tell(shard, input),
            Command::Mark(mark) => marks.push(mark),
            Command::Look(look) => looks.push(look),
        });
        if !looks.is_empty() {
            let look = move |bench: &mut Bench| {
                let shards = bench.shards();
                looks.into_iter().for_each(|look| look(&shards, bench.log()));
            };
            self.blocking(look).await?;
        }
        Ok(())
    }

    fn take_from_outside(&mut self) {
        if self.is_crowded() {
            return;
        }
        let (Some(bench), marks) = (&mut self.bench, &mut self.marks) else { return };
        self.intake.take(PER_ROUND, &mut |item| match item {
            Item::Input(shard, input) => bench.tell(shard, input),
            Item::Mark(mark) => marks.push(mark),
        });
    }

    /// Decide and commit; then act.
    async fn round(&mut self, now: Millis) -> Result<(), Error> {
        if std::mem::take(&mut self.acknowledged) {
            self.keep().await?;
        }
        let profiles = self.profiles.clone();
        let mut commit = self
            .blocking(move |bench| {
                bench.decide(now, &*profiles);
                bench.commit(now)
            })
            .await??;
        while commit == Commit::NoSpace {
            self.wait_for_space(now).await?;
            commit = self.blocking(move |bench| bench.commit(now)).await??;
        }
        let (Some(bench), trace) = (&mut self.bench, &mut self.trace) else { return Ok(()) };
        // The same room every time: a round has thousands of them.
        let mut effects = std::mem::take(&mut self.effects);
        bench.take(&mut **trace, &mut effects);
        self.act(effects.drain(..));
        self.effects = effects;
        Ok(())
    }

    /// Works with the shards where blocking hurts nobody.
    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let mut bench = self.bench.take().expect("the shards are here between rounds");
        let work = spawn_blocking(move || {
            let done = work(&mut bench);
            (bench, done)
        });
        let (bench, done) = work.await.map_err(|_| Error::Panicked)?;
        self.bench = Some(bench);
        Ok(done)
    }

    /// Waits until what was acknowledged elsewhere is kept here: whoever is released by it is
    /// committed after that.
    async fn keep(&mut self) -> Result<(), Error> {
        let profiles = self.profiles.clone();
        loop {
            match profiles.kept().await {
                Ok(()) => return Ok(()),
                Err(Busy::Unsaved) => self.wait_for_space(self.clock.now()).await?,
                Err(_) => return Err(Error::Profiles),
            }
        }
    }

    /// The disk is full: nobody enters, whoever waits for a commit is told, and what was
    /// committed before goes out meanwhile.
    async fn wait_for_space(&mut self, now: Millis) -> Result<(), Error> {
        self.intake.is_now(Door::NoSpace);
        let waiting = self.intake.take_marks();
        self.marks.drain(..).chain(waiting).for_each(|mark| {
            let _ = mark.send(Err(Busy::Unsaved));
        });
        let steady = self.clock.steady();
        // A stop waits as long as for anything else: what is to be committed isn't lost yet.
        let _ = self.is_over(steady);
        if self.stop_by.is_some_and(|by| steady >= by) {
            return Err(Error::NoSpace);
        }
        let requests = self.batcher.poll(steady);
        self.request(now, requests);
        self.outgoing.go_on(now);
        self.status.disk_full = true;
        self.publish();
        self.clock.wait(WHILE_FULL).await;
        self.status.disk_full = false;
        Ok(())
    }

    /// The next start has no records to read.
    async fn snapshot(&mut self) -> Result<Option<BTreeSet<CanvasIx>>, Error> {
        let now = self.clock.now();
        self.blocking(move |bench| bench.snapshot_all(now).and_then(|()| bench.in_use())).await?
    }

    fn act(&mut self, effects: impl IntoIterator<Item = Effect>) {
        let steady = self.clock.steady();
        for effect in effects {
            match effect {
                Effect::Write(write) => self.batcher.push(steady, write),
                Effect::Send(message) => self.outgoing.send(message),
                Effect::Fetch(asked) => self.outgoing.ask(asked),
                Effect::Withdraw(withdrawn) => {
                    self.batcher.withdraw(withdrawn.shard, &withdrawn.writes);
                    self.outgoing.withdraw(&withdrawn);
                }
                Effect::Recall(recall) => {
                    for (shard, input) in self.outgoing.recall(&recall) {
                        self.bench().tell(shard, input);
                    }
                }
            }
        }
    }

    fn request(&mut self, now: Millis, requests: Vec<Request>) {
        for request in requests {
            self.status.requests += 1;
            self.status.objects += request.objects.total() as u64;
            if self.trace.wants_lines() {
                let what = What::Request {
                    backend: self.writes.backend().about().name.clone(),
                    request: request.number,
                    objects: Counts { ..request.objects },
                    users: request.parts.len(),
                    attempt: request.attempt(),
                };
                self.trace.line(&of_request(now, what));
            }
            self.outgoing.write(request);
        }
    }

    fn take_reply(&mut self, now: Millis, reply: Reply) {
        self.outgoing.came_back(&reply);
        match reply {
            Reply::Sent { batch, outcomes, .. } => {
                let mut outcomes = outcomes.into_iter();
                for one in &*batch {
                    let unknown = || SendOutcome::Unknown("the channel broke off".to_owned());
                    let outcome = outcomes.next().unwrap_or_else(unknown);
                    let (message, attempt) = (one.id, one.attempt);
                    self.bench().tell(one.shard, Input::Sent { message, attempt, outcome });
                }
                self.outgoing.take_room(batch);
            }
            Reply::Fetched { shard, input } => self.bench().tell(shard, input),
            Reply::Written { request, reply } => {
                let parts = self.batcher.parts_of(request);
                if self.trace.wants_lines() && !parts.is_empty() {
                    let outcomes = reply.outcomes(parts);
                    let what = What::Reply { request, status: reply.status, outcomes };
                    self.trace.line(&of_request(now, what));
                }
                if let Writes::Elsewhere(_) = self.writes {
                    // Whoever is released by this reads what was just acknowledged.
                    self.profiles.acknowledge(now, self.batcher.parts_of(request), &reply);
                    self.acknowledged = true;
                }
                for settled in self.batcher.reply(self.clock.steady(), request, &reply) {
                    let input = Input::Settled {
                        write: settled.write,
                        attempt: settled.attempt,
                        done: settled.done,
                        outcome: settled.outcome,
                    };
                    self.bench().tell(settled.shard, input);
                }
            }
        }
    }

    /// Waits for whatever comes first.
    async fn rest(&mut self) {
        self.trace.pause();
        let held_back = self.is_crowded() || self.is_stopping();
        let timers = if held_back { None } else { self.bench().next_wake() };
        let (clock, intake) = (self.clock.clone(), self.intake.clone());
        let (now, steady) = (clock.now(), clock.steady());
        let caught_up = self.bench().catches_up().filter(|_| !held_back);
        let paced = [self.batcher.next_wake(), self.stop_by, caught_up];
        let paced = paced.into_iter().flatten().min();
        let lengths =
            [timers.map(|moment| until(now, moment)), paced.map(|moment| until(steady, moment))];
        let sleep = async {
            match lengths.into_iter().flatten().min() {
                Some(length) => clock.wait(length).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            reply = self.replies.recv() => {
                // The other end is ours, so there is always one to come.
                if let Some(reply) = reply {
                    let now = self.clock.now();
                    self.take_reply(now, reply);
                }
            }
            () = intake.news() => {}
            () = sleep => {}
        }
    }

    /// Whether a stop is complete.
    fn is_over(&mut self, steady: Millis) -> Option<Ended> {
        if !self.is_stopping() {
            return None;
        }
        let drain = i64::try_from(self.options.drain.as_millis()).unwrap_or(i64::MAX);
        let stop_by = *self.stop_by.get_or_insert(Millis(steady.0.saturating_add(drain)));
        let unfinished = self.batcher.writes() + self.outgoing.messages() + self.outgoing.fetches();
        let waiting = unfinished + self.intake.waiting();
        let unfinished = unfinished as u64;
        (waiting == 0 || steady >= stop_by).then_some(Ended { unfinished, in_use: None })
    }

    /// Now and then: it takes a look at the file.
    fn look_at_log(&mut self) {
        let steady = self.clock.steady();
        let is_fresh = self.looked.is_some_and(|looked| steady < looked + LOOK);
        let Some(bench) = self.bench.as_ref().filter(|_| !is_fresh) else { return };
        self.looked = Some(steady);
        // A log that can't be read now is asked again, and a lost one ends the next round.
        self.status.logged = bench.logged().unwrap_or(self.status.logged);
    }

    /// Shows how things are.
    pub fn publish(&mut self) {
        self.look_at_log();
        let Status { requests, objects, disk_full, logged, .. } = self.status;
        let mut status = Status {
            requests,
            objects,
            writes: self.batcher.writes() as u64,
            under_way: self.outgoing.requests() as u64,
            posting: self.outgoing.messages() as u64,
            fetching: self.outgoing.fetches() as u64,
            queued: self.intake.waiting() as u64,
            crowded: self.is_crowded() || disk_full,
            disk_full,
            logged,
            ..Status::default()
        };
        let Some(bench) = &self.bench else { return };
        bench.add_to(&mut status, self.canvases.len());
        let tallies = (0..self.canvases.len()).map(|ix| bench.tally(CanvasIx(ix as u16)));
        let shown = Shown { status, tallies: tallies.collect(), paused: bench.paused() };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }
}

fn until(now: Millis, moment: Millis) -> Millis {
    Millis(moment.0.saturating_sub(now.0))
}

/// A line about a request, which is of no user and no Canvas.
fn of_request(at: Millis, what: What) -> Line {
    Line { at, canvas: None, user: None, entry: None, step: None, what }
}
