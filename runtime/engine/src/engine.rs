//! The handle: what a server or a command line does with an engine.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowrun_core::{Batcher, Canvas, CanvasIx, Context, Input, Tally};
use tokio::sync::{mpsc, watch};

use crate::bench::Bench;
use crate::driver::{Driver, Shown};
use crate::error::{Busy, Error};
use crate::intake::{Door, Intake};
use crate::options::{Options, Setup};
use crate::outgoing::Outgoing;
use crate::status::{Ended, Status};

/// A running engine. Copies are the same engine; it goes on until it is stopped.
#[derive(Clone)]
pub struct Engine {
    options: Options,
    canvases: Arc<[Arc<Canvas>]>,
    /// Names of events that let somebody in.
    events: Arc<BTreeSet<Box<str>>>,
    closed: Arc<Mutex<BTreeSet<CanvasIx>>>,
    intake: Arc<Intake>,
    shown: Arc<Mutex<Shown>>,
    ended: watch::Receiver<Option<Result<Ended, Error>>>,
}

/// A user who wants into a Canvas.
#[derive(Clone, PartialEq, Debug)]
pub struct Entrance {
    pub canvas: CanvasIx,
    pub user: Box<str>,
    /// Entry properties.
    pub context: Option<Arc<Context>>,
}

/// Something that a user has done, and that their profile has taken note of.
#[derive(Clone, PartialEq, Debug)]
pub struct Happening {
    pub user: Box<str>,
    pub name: Box<str>,
    pub properties: Option<Arc<Context>>,
}

impl Engine {
    /// Brings the shards to where their log ends, and begins. To be called in a tokio runtime
    /// that has its timers switched on.
    ///
    /// # Errors
    /// If the log can't be taken over or read.
    pub fn start(options: Options, setup: Setup) -> Result<Engine, Error> {
        let Setup { canvases, log, profiles, writes, channels, fetch, clock, trace } = setup;
        let (bench, in_flight) =
            Bench::open(&options, &canvases, log, trace.wants_lines(), clock.now())?;
        let (sender, replies) = mpsc::unbounded_channel();
        let events = canvases.iter().filter_map(|canvas| canvas.head.entry.event.as_ref());
        let events = events.map(|event| event.name.clone()).collect();
        let intake = Arc::new(Intake::new(options.most_waiting));
        let shown = Arc::<Mutex<Shown>>::default();
        let backend = writes.backend().clone();
        let mut driver = Driver {
            options,
            canvases: canvases.clone(),
            bench: Some(bench),
            in_flight,
            effects: Vec::new(),
            profiles,
            batcher: Batcher::new(backend.about().batches),
            writes,
            outgoing: Outgoing::new(backend, channels, fetch, sender),
            replies,
            intake: intake.clone(),
            clock,
            trace,
            shown: shown.clone(),
            marks: Vec::new(),
            status: Status::default(),
            acknowledged: false,
            looked: None,
            stop_by: None,
        };
        // Who is back is seen from the start.
        driver.publish();
        let (end, ended) = watch::channel(None);
        let door = intake.clone();
        tokio::spawn(async move {
            let run = tokio::spawn(driver.run());
            let result = run.await.unwrap_or(Err(Error::Panicked));
            door.end(Door::Failed);
            if let Err(error) = &result {
                tracing::error!(%error, "the engine has ended");
            }
            let _ = end.send(Some(result));
        });
        let canvases = canvases.into();
        let (events, closed) = (Arc::new(events), Arc::default());
        Ok(Engine { options, canvases, events, closed, intake, shown, ended })
    }

    pub fn canvases(&self) -> &[Arc<Canvas>] {
        &self.canvases
    }

    /// The version of a Canvas that is entered now.
    pub fn canvas(&self, name: &str) -> Option<CanvasIx> {
        let at = self.canvases.iter().rposition(|canvas| &*canvas.head.name == name)?;
        let newest = CanvasIx(at as u16);
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        (!closed.contains(&newest)).then_some(newest)
    }

    /// Whether an event of this name lets anybody in.
    pub fn listens(&self, event: &str) -> bool {
        self.events.contains(event)
    }

    /// Lets a user enter. Ends when the record with the entry is committed; that the Canvas's
    /// audience or its rule for entering again turned them away, is no error.
    pub async fn enter(
        &self,
        canvas: CanvasIx,
        user: &str,
        context: Option<Arc<Context>>,
    ) -> Result<(), Busy> {
        self.hand_over(vec![Entrance { canvas, user: user.into(), context }])?;
        self.committed().await
    }

    /// Tells of an event. Ends when what it leads to at once is committed.
    pub async fn event(
        &self,
        user: &str,
        name: &str,
        properties: Option<Arc<Context>>,
    ) -> Result<(), Busy> {
        self.room()?;
        self.happened(vec![Happening { user: user.into(), name: name.into(), properties }]);
        self.committed().await
    }

    /// Hands over entries, all or none of them. They are committed when [`Self::committed`],
    /// called after this, ends.
    pub fn hand_over(&self, entrances: Vec<Entrance>) -> Result<(), Busy> {
        self.offer(entrances, |Entrance { canvas, user, context }| Input::Enter {
            canvas,
            user,
            context,
        })
    }

    /// The same for users who are to enter once, whatever the Canvas's rule: whoever has entered
    /// it before, in this life of the log, is left out.
    pub fn hand_over_first(&self, entrances: Vec<Entrance>) -> Result<(), Busy> {
        self.offer(entrances, |Entrance { canvas, user, context }| Input::EnterFirst {
            canvas,
            user,
            context,
        })
    }

    fn offer(
        &self,
        entrances: Vec<Entrance>,
        input: impl Fn(Entrance) -> Input,
    ) -> Result<(), Busy> {
        let of_shard =
            |entrance: Entrance| (self.options.shard_of(&entrance.user), input(entrance));
        self.intake.offer(entrances.into_iter().map(of_shard).collect())
    }

    /// Hands over what has happened and can't be refused any more: ask for [`Self::room`] before
    /// it happens.
    pub fn happened(&self, happenings: Vec<Happening>) {
        let input = |happening: Happening| {
            let Happening { user, name, properties } = happening;
            (self.options.shard_of(&user), Input::Event { user, name, properties })
        };
        self.intake.insist(happenings.into_iter().map(input).collect());
    }

    /// Whether more may be handed over.
    pub fn room(&self) -> Result<(), Busy> {
        self.intake.room()
    }

    /// How many entries and events were ever handed over.
    pub fn handed_over(&self) -> u64 {
        self.intake.handed_over()
    }

    /// Ends when all that was handed over before is committed. With [`Busy::Unsaved`] the disk has
    /// no space for it: it is committed when there is, unless the process ends before.
    pub async fn committed(&self) -> Result<(), Busy> {
        self.intake.mark()?.await.unwrap_or(Err(Busy::Failed))
    }

    /// Lets nobody into a Canvas any more: its file is gone. Journeys in it go on.
    pub fn close(&self, canvas: CanvasIx) {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).insert(canvas);
    }

    pub fn status(&self) -> Status {
        self.shown().status
    }

    /// The counters of each Canvas.
    pub fn tallies(&self) -> Vec<Tally> {
        self.shown().tallies.clone()
    }

    /// Names of Canvases that are paused.
    pub fn paused(&self) -> Vec<Arc<str>> {
        self.shown().paused.clone()
    }

    /// What holds for its shards.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Takes nothing more, finishes what can be finished without waiting for a timer, and ends;
    /// after [`Options::drain`] in any case.
    pub async fn stop(&self) -> Result<Ended, Error> {
        self.intake.stop();
        self.ended().await
    }

    /// Ends when the engine has ended: after a stop, or by an error.
    pub async fn ended(&self) -> Result<Ended, Error> {
        let mut ended = self.ended.clone();
        let result = ended.wait_for(Option::is_some).await;
        result.ok().and_then(|result| result.clone()).unwrap_or(Err(Error::Panicked))
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.intake
    }

    pub(crate) fn shard_of(&self, user: &str) -> flowrun_core::ShardId {
        self.options.shard_of(user)
    }

    pub(crate) fn shard_ids(&self) -> impl Iterator<Item = flowrun_core::ShardId> + use<> {
        self.options.shard_ids()
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
