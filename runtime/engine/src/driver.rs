//! The loop: replies and entries in, a round of decide, commit and act, requests out.

use std::sync::{Arc, Mutex, PoisonError};

use flowrun_core::batcher::Request;
use flowrun_core::trace::{Counts, Line, What};
use flowrun_core::{Batcher, Canvas, CanvasIx, Effect, Input, Millis, Pace, Tally};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::bench::Bench;
use crate::clock::Clock;
use crate::error::Error;
use crate::intake::{Door, Intake, Item};
use crate::options::{Options, Writes};
use crate::outgoing::{Outgoing, Reply};
use crate::profiles::Profiles;
use crate::status::{Ended, Status};
use crate::trace::Trace;

/// Inputs from outside that one round takes.
const PER_ROUND: usize = 16_384;

/// What the engine shows of itself.
#[derive(Default)]
pub(crate) struct Shown {
    pub status: Status,
    pub tallies: Vec<Tally>,
}

pub(crate) struct Driver {
    pub options: Options,
    pub canvases: Vec<Arc<Canvas>>,
    /// Elsewhere during a round.
    pub bench: Option<Bench>,
    pub in_flight: Vec<Effect>,
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
    pub marks: Vec<oneshot::Sender<()>>,
    pub status: Status,
    /// By the steady clock.
    pub stop_by: Option<Millis>,
}

impl Driver {
    /// Goes on until told to stop and all is finished, or the time for it is up.
    pub async fn run(mut self) -> Result<Ended, Error> {
        let ended = self.turns().await;
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
            self.take_from_outside();
            let pace =
                if self.is_crowded() || self.is_stopping() { Pace::HoldTimers } else { Pace::Free };
            let worked = self.bench().has_work(now, pace);
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
            self.intake.crowded(self.is_crowded());
            self.publish();
            // Whoever waits for them is told after the commit, and only then.
            self.marks.drain(..).for_each(|mark| {
                let _ = mark.send(());
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
    }

    fn is_stopping(&self) -> bool {
        self.intake.is_stopping()
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

    /// Decide and commit, where blocking hurts nobody; then act.
    async fn round(&mut self, now: Millis) -> Result<(), Error> {
        let mut bench = self.bench.take().expect("the shards are here between rounds");
        let profiles = self.profiles.clone();
        let round = spawn_blocking(move || {
            let committed = bench.round(now, &*profiles);
            (bench, committed)
        });
        let (bench, committed) = round.await.map_err(|_| Error::Panicked)?;
        self.bench = Some(bench);
        committed?;
        let mut effects = Vec::new();
        let (Some(bench), trace) = (&mut self.bench, &mut self.trace) else { return Ok(()) };
        bench.take(&mut **trace, &mut effects);
        self.act(effects);
        Ok(())
    }

    fn act(&mut self, effects: Vec<Effect>) {
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
            Reply::Sent { inputs, .. } => {
                inputs.into_iter().for_each(|(shard, input)| self.bench().tell(shard, input));
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
        let paced = [self.batcher.next_wake(), self.stop_by].into_iter().flatten().min();
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
        (waiting == 0 || steady >= stop_by).then_some(Ended { unfinished: unfinished as u64 })
    }

    fn publish(&mut self) {
        let Status { requests, objects, .. } = self.status;
        let mut status = Status {
            requests,
            objects,
            writes: self.batcher.writes() as u64,
            under_way: self.outgoing.requests() as u64,
            posting: self.outgoing.messages() as u64,
            fetching: self.outgoing.fetches() as u64,
            queued: self.intake.waiting() as u64,
            crowded: self.is_crowded(),
            ..Status::default()
        };
        let Some(bench) = &self.bench else { return };
        bench.add_to(&mut status, self.canvases.len());
        let tallies = (0..self.canvases.len()).map(|ix| bench.tally(CanvasIx(ix as u16)));
        let shown = Shown { status, tallies: tallies.collect() };
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
