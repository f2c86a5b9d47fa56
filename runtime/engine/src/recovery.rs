//! From a log to a shard as it was: the snapshot, and the records after it.

use std::sync::Arc;

use flowrun_core::trace::Line;
use flowrun_core::{Canvas, Change, Millis, Record, Settings, Shard, ShardId};
use flowrun_log::{Sequence, ShardLog, Snapshot};

use crate::error::Error;

/// A shard that was brought back.
pub struct Recovered {
    pub shard: Shard,
    /// The place of the last record.
    pub last: Sequence,
    /// Changes that no snapshot stands for.
    pub changes: usize,
}

/// Brings a shard back to where its log ends. Nobody is asked to decide anything, and nothing
/// is performed; what was in flight tells [`Shard::recover`].
///
/// # Errors
/// If the log can't be read, or was written by other Canvases.
pub fn recovered(
    log: &dyn ShardLog,
    canvases: &[Arc<Canvas>],
    settings: Settings,
) -> Result<Recovered, Error> {
    let snapshot = log.latest_snapshot(settings.id)?;
    let next = Sequence(snapshot.as_ref().map_or(0, |snapshot| snapshot.upto.0) + 1);
    let mut recovered = begin(snapshot, canvases, settings)?;
    for read in log.read_from(settings.id, next)? {
        let (place, record) = read?;
        recovered.take(place, &record, canvases)?;
    }
    Ok(recovered)
}

/// What the log has of one shard, taken out of it to be read elsewhere.
pub struct History {
    pub shard: ShardId,
    snapshot: Option<Snapshot>,
    records: Vec<(Sequence, Record)>,
}

impl History {
    pub(crate) fn of(log: &dyn ShardLog, shard: ShardId) -> Result<History, Error> {
        let snapshot = log.latest_snapshot(shard)?;
        let next = Sequence(snapshot.as_ref().map_or(0, |snapshot| snapshot.upto.0) + 1);
        let records = log.read_from(shard, next)?.collect::<Result<_, _>>()?;
        Ok(History { shard, snapshot, records })
    }

    /// When the last snapshot was taken, as far as records tell: what was before it is gone.
    pub fn begins(&self) -> Option<Millis> {
        self.records.first().map(|(_, record)| record.at)
    }

    /// What the records tell, line by line.
    pub fn tell(
        self,
        canvases: &[Arc<Canvas>],
        settings: Settings,
        each: &mut dyn FnMut(Line),
    ) -> Result<(), Error> {
        let mut recovered = begin(self.snapshot, canvases, settings)?;
        recovered.shard.trace();
        for (place, record) in self.records {
            recovered.take(place, &record, canvases)?.into_iter().for_each(&mut *each);
        }
        Ok(())
    }
}

fn begin(
    snapshot: Option<Snapshot>,
    canvases: &[Arc<Canvas>],
    settings: Settings,
) -> Result<Recovered, Error> {
    let mut shard = Shard::new(settings);
    for canvas in canvases {
        shard.add_canvas(canvas.clone());
    }
    let mut last = Sequence(0);
    if let Some(snapshot) = snapshot {
        shard.restore(&snapshot.bytes).map_err(|why| Error::Snapshot(why.to_string()))?;
        last = snapshot.upto;
    }
    Ok(Recovered { shard, last, changes: 0 })
}

impl Recovered {
    fn take(
        &mut self,
        place: Sequence,
        record: &Record,
        canvases: &[Arc<Canvas>],
    ) -> Result<Vec<Line>, Error> {
        let unknown = |change: &Change| match change {
            Change::Entered { canvas, .. } => canvas.index() >= canvases.len(),
            _ => false,
        };
        if record.changes.iter().any(unknown) {
            return Err(Error::Snapshot("a record speaks of a Canvas that is missing".into()));
        }
        self.changes += record.changes.len();
        self.last = place;
        Ok(self.shard.replay(record))
    }
}
