//! The shards and their log: one round decides for all shards that have something to do, and
//! commits with one append.

use std::collections::BTreeSet;
use std::sync::Arc;

use flowrun_core::{Canvas, CanvasIx, Decided, Effect, Input, Millis, Pace, Shard, ShardId, Tally};
use flowrun_log::{Append, Epoch, Sequence, ShardLog};

use crate::catch_up::CatchUp;
use crate::error::Error;
use crate::options::Options;
use crate::profiles::Profiles;
use crate::recovery::{Recovered, recovered};
use crate::status::{Logged, Status};
use crate::trace::Trace;

/// Records may come to so many times the bytes of the snapshots.
const PER_SNAPSHOT: u64 = 3;

/// Room for a snapshot that is kept from one to the next.
const KEPT: usize = 8 << 20;

pub(crate) struct Bench {
    places: Vec<Place>,
    log: Box<dyn ShardLog + Send>,
    snapshot_after: Option<usize>,
    /// When a snapshot was last taken in this life.
    snapshotted: Option<Millis>,
    /// What a snapshot is encoded into.
    room: Vec<u8>,
    catch_up: CatchUp,
}

/// Whether timers may fire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timers {
    Free,
    Held,
}

/// Whether a round is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Commit {
    Done,
    /// The disk is full, and nothing was written.
    NoSpace,
}

/// A shard with what it is to be told next, and the buffers that it works in.
struct Place {
    id: ShardId,
    shard: Shard,
    epoch: Epoch,
    inputs: Vec<Input>,
    decided: Decided,
    /// The place of its last record.
    last: Sequence,
    /// Changes that no snapshot stands for.
    changes: usize,
    /// Nothing to decide in this round.
    quiet: bool,
}

impl Bench {
    /// Takes the shards over and brings them to where their log ends. Returns what was in flight
    /// when it ended, to be performed again.
    pub fn open(
        options: &Options,
        canvases: &[Arc<Canvas>],
        mut log: Box<dyn ShardLog + Send>,
        traces: bool,
        now: Millis,
    ) -> Result<(Bench, Vec<Effect>), Error> {
        let mut places = Vec::new();
        let mut in_flight = Vec::new();
        for id in options.shard_ids() {
            let epoch = log.open(id)?;
            let Recovered { mut shard, last, changes } =
                recovered(&*log, canvases, options.settings(id))?;
            in_flight.extend(shard.recover());
            shard.spread(now);
            if traces {
                shard.trace();
            }
            places.push(Place {
                id,
                shard,
                epoch,
                inputs: Vec::new(),
                decided: Decided::default(),
                last,
                changes,
                quiet: true,
            });
        }
        let snapshot_after = options.snapshot_after;
        let (room, catch_up) = (Vec::new(), CatchUp::default());
        Ok((Bench { places, log, snapshot_after, snapshotted: None, room, catch_up }, in_flight))
    }

    pub fn tell(&mut self, shard: ShardId, input: Input) {
        self.places[usize::from(shard.0)].inputs.push(input);
    }

    /// Whether a round has anything to decide, with timers or without.
    pub fn has_work(&mut self, now: Millis, steady: Millis, timers: Timers) -> bool {
        let paces = match timers {
            Timers::Held => vec![Pace::HoldTimers; self.places.len()],
            Timers::Free => self.paces(steady),
        };
        for (place, pace) in self.places.iter_mut().zip(paces) {
            place.shard.pace(pace);
            let due =
                timers == Timers::Free && place.shard.next_wake().is_some_and(|wake| wake <= now);
            place.quiet = !due && place.inputs.is_empty();
        }
        self.places.iter().any(|place| !place.quiet)
    }

    /// How many overdue timers each shard may let go: the earliest over all of them.
    fn paces(&mut self, steady: Millis) -> Vec<Pace> {
        let overdue = self.overdue();
        let share = self.catch_up.share(steady, overdue);
        let mut each = vec![0; self.places.len()];
        if share >= overdue {
            each = self.places.iter().map(|place| place.shard.count_overdue()).collect();
        } else if share > 0 {
            let places = self.places.iter_mut().enumerate();
            let mut moments: Vec<(Millis, usize)> = places
                .flat_map(|(at, place)| {
                    place.shard.overdue(share).into_iter().map(move |moment| (moment, at))
                })
                .collect();
            moments.sort_unstable();
            moments.iter().take(share).for_each(|(_, at)| each[*at] += 1);
        }
        each.into_iter().map(Pace::Spread).collect()
    }

    /// Timers that are overdue and wait to be let go.
    pub fn overdue(&self) -> usize {
        self.places.iter().map(|place| place.shard.count_overdue()).sum()
    }

    /// Whether a shard holds as many dead letters as it may.
    pub fn is_burdened(&self) -> bool {
        self.places.iter().any(|place| place.shard.is_burdened())
    }

    /// When the next overdue timers are let go, by the steady clock.
    pub fn catches_up(&self) -> Option<Millis> {
        self.catch_up.next_wake()
    }

    pub fn shards(&self) -> Vec<(ShardId, &Shard)> {
        self.places.iter().map(|place| (place.id, &place.shard)).collect()
    }

    pub fn log(&self) -> &dyn ShardLog {
        &*self.log
    }

    /// Names of Canvases that stand still: every shard was told of them.
    pub fn paused(&self) -> Vec<Arc<str>> {
        self.places.first().map_or_else(Vec::new, |place| place.shard.paused())
    }

    /// Decides for every shard that has something to do. The shards are ahead of their log until
    /// it is committed: nothing of it may be performed before.
    pub fn decide(&mut self, now: Millis, profiles: &dyn Profiles) {
        for place in self.places.iter_mut().filter(|place| !place.quiet) {
            let mut step = |world: &dyn flowrun_core::World| {
                place.shard.step(now, &mut place.inputs, world, &mut place.decided);
            };
            profiles.read(&mut step);
        }
    }

    /// Makes what was decided durable. While the disk is full the same can be tried again. After
    /// an error the shards are ahead of their log for good, and can't be used any more.
    pub fn commit(&mut self, now: Millis) -> Result<Commit, Error> {
        let decided = self.places.iter().filter(|place| !place.quiet);
        let decided = decided.filter(|place| !place.decided.record.is_empty());
        let appends: Vec<Append<'_>> = decided
            .map(|place| Append {
                shard: place.id,
                epoch: place.epoch,
                record: &place.decided.record,
            })
            .collect();
        if appends.is_empty() {
            return Ok(Commit::Done);
        }
        let last = match self.log.append_all(&appends) {
            Err(flowrun_log::Error::Full { .. }) => return Ok(Commit::NoSpace),
            last => last?,
        };
        let last: Vec<(ShardId, Sequence)> =
            appends.iter().map(|append| append.shard).zip(last).collect();
        for (shard, last) in last {
            let place = &mut self.places[usize::from(shard.0)];
            place.last = last;
            place.changes += place.decided.record.changes.len();
        }
        self.snapshot_where_due(now)?;
        Ok(Commit::Done)
    }

    /// Puts a snapshot in place of the records of the shard that has the most of them, once these
    /// are many, and all records some times longer than all snapshots: so that what snapshots
    /// cost stays in proportion, to what is written and to what a restart after a kill reads.
    /// One shard after the other comes to it, so that no round has to wait for all.
    fn snapshot_where_due(&mut self, now: Millis) -> Result<(), Error> {
        let Some(least) = self.snapshot_after else { return Ok(()) };
        loop {
            let places = self.places.iter().enumerate();
            let longest = places.max_by_key(|(_, place)| place.changes);
            let Some((at, _)) = longest.filter(|(_, place)| place.changes >= least.max(1)) else {
                return Ok(());
            };
            let size = match self.log.size() {
                Err(flowrun_log::Error::Full { .. }) => return Ok(()),
                size => size?,
            };
            if size.record_bytes < PER_SNAPSHOT * size.snapshot_bytes {
                return Ok(());
            }
            self.snapshot(now, at)?;
        }
    }

    /// A disk without room for it keeps the records instead, until there are as many again.
    fn snapshot(&mut self, now: Millis, at: usize) -> Result<(), Error> {
        let place = &mut self.places[at];
        place.changes = 0;
        let room = Some(std::mem::take(&mut self.room)).filter(|room| room.capacity() <= KEPT);
        self.room = place.shard.snapshot_into(room.unwrap_or_default());
        match self.log.snapshot(place.id, place.epoch, place.last, &self.room) {
            Ok(()) => self.snapshotted = Some(now),
            Err(flowrun_log::Error::Full { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Puts snapshots in place of all records, so that the next start has none to read.
    pub fn snapshot_all(&mut self, now: Millis) -> Result<(), Error> {
        if self.snapshot_after.is_none() {
            return Ok(());
        }
        for at in 0..self.places.len() {
            if self.places[at].changes > 0 {
                self.snapshot(now, at)?;
            }
        }
        Ok(())
    }

    /// The Canvas versions that the log speaks of, if snapshots stand for all its records.
    pub fn in_use(&self) -> Result<Option<BTreeSet<CanvasIx>>, Error> {
        if self.log.size()?.records > 0 {
            return Ok(None);
        }
        Ok(Some(self.places.iter().flat_map(|place| place.shard.in_use()).collect()))
    }

    /// How much the log holds, and when a snapshot was last taken.
    pub fn logged(&self) -> Result<Logged, Error> {
        Ok(Logged { size: self.log.size()?, snapshotted: self.snapshotted })
    }

    /// What the round that was committed has brought, shard by shard.
    pub fn take(&mut self, trace: &mut dyn Trace, effects: &mut Vec<Effect>) {
        for place in self.places.iter_mut().filter(|place| !place.quiet) {
            place.decided.lines.drain(..).for_each(|line| trace.line(&line));
            for letter in place.decided.letters.drain(..) {
                // One that has gone again in the same call was its user's who was deleted.
                if let Some(letter) = place.shard.dead_letter(letter) {
                    trace.dead_letter(&letter);
                }
            }
            effects.append(&mut place.decided.effects);
            place.quiet = true;
        }
    }

    /// The next moment at which a timer fires.
    pub fn next_wake(&mut self) -> Option<Millis> {
        self.places.iter_mut().filter_map(|place| place.shard.next_wake()).min()
    }

    pub fn tally(&self, canvas: CanvasIx) -> Tally {
        let mut sum = Tally::default();
        self.places.iter().for_each(|place| sum.add(place.shard.tally(canvas)));
        sum
    }

    /// Adds the shards' figures.
    pub fn add_to(&self, status: &mut Status, canvases: usize) {
        for place in &self.places {
            status.users += place.shard.users() as u64;
            status.letters += place.shard.burden().0 as u64;
            status.overdue += place.shard.count_overdue() as u64;
            status.burdened |= place.shard.is_burdened();
            for canvas in 0..canvases {
                status.add(place.shard.tally(CanvasIx(canvas as u16)));
            }
        }
    }
}
