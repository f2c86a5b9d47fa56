//! Who is on which Canvas version, told from a snapshot and records alone: for a version that
//! can't be made any more, so that no shard can be brought back.

use std::collections::BTreeMap;

use super::snapshot::{Unrestorable, standing};
use crate::record::{Change, Record};
use crate::{CanvasIx, JourneyIx};

/// The journeys of one shard that have not ended.
#[derive(Default, Debug)]
pub struct Census(BTreeMap<JourneyIx, CanvasIx>);

impl Census {
    /// Those of a snapshot.
    ///
    /// # Errors
    /// If the bytes are no snapshot.
    pub fn of(snapshot: &[u8]) -> Result<Census, Unrestorable> {
        Ok(Census(standing(snapshot)?))
    }

    /// Follows who enters and whose journey ends.
    pub fn take(&mut self, record: &Record) {
        for change in &record.changes {
            match change {
                Change::Entered { journey, canvas, .. } => drop(self.0.insert(*journey, *canvas)),
                Change::Exited { journey, .. } => drop(self.0.remove(journey)),
                _ => {}
            }
        }
    }

    /// How many are on a version.
    pub fn on(&self, canvas: CanvasIx) -> u64 {
        self.0.values().filter(|one| **one == canvas).count() as u64
    }
}
