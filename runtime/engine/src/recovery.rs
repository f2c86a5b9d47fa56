//! From a log to a shard as it was: the snapshot, and the records after it.

use std::sync::Arc;

use flowrun_core::{Canvas, Change, Settings, Shard};
use flowrun_log::{Sequence, ShardLog};

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
    let id = settings.id;
    let mut shard = Shard::new(settings);
    for canvas in canvases {
        shard.add_canvas(canvas.clone());
    }
    let mut last = Sequence(0);
    if let Some(snapshot) = log.latest_snapshot(id)? {
        shard.restore(&snapshot.bytes).map_err(|why| Error::Snapshot(why.to_string()))?;
        last = snapshot.upto;
    }
    let mut changes = 0;
    for read in log.read_from(id, Sequence(last.0 + 1))? {
        let (place, record) = read?;
        let unknown = |change: &Change| match change {
            Change::Entered { canvas, .. } => canvas.index() >= canvases.len(),
            _ => false,
        };
        if record.changes.iter().any(unknown) {
            return Err(Error::Snapshot("a record speaks of a Canvas that is missing".into()));
        }
        let _ = shard.replay(&record);
        changes += record.changes.len();
        last = place;
    }
    Ok(Recovered { shard, last, changes })
}
