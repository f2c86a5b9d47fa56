//! A state folder that nobody serves: its journeys are looked at where they stand, and told
//! what an operator wants of them.
//!
//! What is told is decided and committed as in an engine, but no time passes and nothing is
//! performed: whatever is to be written or sent then goes out when an engine is started on the
//! folder, as after a crash. No step is asked, so that no profile is read.

use std::sync::Arc;

use flowrun_core::{
    Canvas, Decided, Input, Millis, Pace, Shard, ShardId, UserIx, World, track::Profile,
};
use flowrun_log::{Append, Epoch, Sequence, ShardLog, Size};

use crate::error::Error;
use crate::options::Options;
use crate::recovery::{History, recovered};
use crate::state::StateFolder;

pub struct AtRest {
    state: StateFolder,
    options: Options,
    places: Vec<Place>,
}

struct Place {
    id: ShardId,
    shard: Shard,
    /// From the first decision on.
    epoch: Option<Epoch>,
    last: Sequence,
}

/// No step is asked.
struct Nobody;

impl World for Nobody {
    fn profile(&self, _: Option<UserIx>, _: &str) -> Option<&Profile> {
        None
    }
}

impl AtRest {
    /// Brings everybody back to where their log ends, with the Canvases of all versions of the
    /// registry.
    ///
    /// # Errors
    /// If the log can't be read.
    pub fn open(state: StateFolder, canvases: &[Arc<Canvas>]) -> Result<AtRest, Error> {
        let options = Options { shards: state.log.shards(), ..Options::default() };
        let mut places = Vec::new();
        for id in state.shards() {
            let recovered = recovered(&state.log, canvases, options.settings(id))?;
            let (mut shard, last) = (recovered.shard, recovered.last);
            shard.pace(Pace::HoldTimers);
            places.push(Place { id, shard, epoch: None, last });
        }
        Ok(AtRest { state, options, places })
    }

    pub fn state(&self) -> &StateFolder {
        &self.state
    }

    pub fn options(&self) -> Options {
        self.options
    }

    pub fn shards(&self) -> Vec<(ShardId, &Shard)> {
        self.places.iter().map(|place| (place.id, &place.shard)).collect()
    }

    pub fn shard_of(&self, user: &str) -> ShardId {
        self.options.shard_of(user)
    }

    pub fn size(&self) -> Result<Size, Error> {
        Ok(self.state.log.size()?)
    }

    pub fn history(&self, user: &str) -> Result<History, Error> {
        History::of(&self.state.log, self.shard_of(user))
    }

    /// Decides on an operator's inputs, and commits: when this returns, it survives. Inputs for
    /// shards that there aren't are left out. After an error the object is of no more use.
    pub fn decide(&mut self, now: Millis, inputs: Vec<(ShardId, Input)>) -> Result<(), Error> {
        let mut of_shard: Vec<Vec<Input>> = self.places.iter().map(|_| Vec::new()).collect();
        for (shard, input) in inputs {
            if let Some(own) = of_shard.get_mut(usize::from(shard.0)) {
                own.push(input);
            }
        }
        for (place, mut inputs) in self.places.iter_mut().zip(of_shard) {
            if inputs.is_empty() {
                continue;
            }
            let mut decided = Decided::default();
            place.shard.step(now, &mut inputs, &Nobody, &mut decided);
            if decided.record.is_empty() {
                continue;
            }
            let epoch = place.epoch(&mut self.state)?;
            let append = Append { shard: place.id, epoch, record: &decided.record };
            place.last = self.state.log.append_all(&[append])?[0];
        }
        Ok(())
    }

    /// Puts snapshots in place of all records.
    pub fn snapshot(&mut self) -> Result<(), Error> {
        for place in &mut self.places {
            let epoch = place.epoch(&mut self.state)?;
            self.state.log.snapshot(place.id, epoch, place.last, &place.shard.snapshot())?;
        }
        Ok(())
    }
}

impl Place {
    fn epoch(&mut self, state: &mut StateFolder) -> Result<Epoch, Error> {
        let epoch = match self.epoch {
            Some(epoch) => epoch,
            None => state.log.open(self.id)?,
        };
        self.epoch = Some(epoch);
        Ok(epoch)
    }
}
