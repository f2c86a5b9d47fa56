//! What makes a [`Memory`] outlive the process: its rows in a state folder.
//!
//! Whatever changes profiles or schedules hands the changed rows over before it gives up the lock, and answers when they
//! are durable; so no answer promises what a crash could take back, and rows are kept in the order of the changes. Steps
//! may read a value that is not durable yet: whoever brought it has no answer yet either, and sends it again.
//!
//! A full disk refuses before anything is changed. The few requests that are under way when it fills up are told that they
//! are kept once there is space: sent again under their keys, they change nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plans::Plan;
use super::queue::{self, Waiting};
use super::{Memory, State};
use crate::engine::profile_backends::rows::{Member, Row, Rows, RowsSettings, Saving};
use crate::engine::{StateError, StateFolder};
use crate::hosted::directory;
use crate::track::{Directory, Limits, Profile, Profiles, Settled};
use crate::workspace::{Busy, Journeys, ScheduleId};

/// Where a memory keeps its rows.
pub(super) struct Keeper {
    rows: Rows,
}

/// What was read of a state folder, to begin with.
pub struct Stored {
    directory: Directory,
    settled: Settled,
    plans: BTreeMap<ScheduleId, Plan>,
    waiting: Vec<(u64, Waiting)>,
    rows: Rows,
}

impl Stored {
    /// Reads the profiles and schedules of a state folder. `watch` is told how many it has read.
    pub fn read(state: &StateFolder, watch: &mut dyn FnMut(u64)) -> Result<Stored, StateError> {
        let unopened = |cause: String| StateError::Unopened { place: "the profiles".into(), cause };
        let mut directory = directory([]).map_err(|error| unopened(error.to_string()))?;
        let (mut settled, mut plans) = (Settled::default(), BTreeMap::new());
        let (mut waiting, mut fault, mut count) = (Vec::new(), None, 0);
        let mut each = |row: Row| {
            count += 1;
            watch(count);
            match row {
                Row::Member(id, Member { profile, writes }) => {
                    settled.put_back(id, writes);
                    if !directory.profiles.put_back(id, profile) {
                        fault = Some(format!("profile {} is there twice", id.0));
                    }
                }
                Row::Next(next) => directory.profiles.skip_to(next),
                Row::Schedule(id, bytes) => match Plan::decode(&bytes, &Limits::default()) {
                    Some(plan) => drop(plans.insert(ScheduleId(id), plan)),
                    None => fault = Some("a schedule can't be read".to_owned()),
                },
                Row::Queued(number, bytes) => match queue::read(number, &bytes, &Limits::default())
                {
                    Some(one) => waiting.push((number, one)),
                    None => fault = Some(format!("what is queued as {number} can't be read")),
                },
            }
        };
        let rows = state.rows(RowsSettings::default(), &mut each)?;
        match fault {
            Some(fault) => Err(StateError::Damaged { place: "the profiles".into(), fault }),
            None => Ok(Stored { directory, settled, plans, waiting, rows }),
        }
    }
}

/// Changes on their way to the disk, if there is one.
#[must_use]
pub(crate) struct Kept(Option<Saving>);

impl Kept {
    /// Ends when they are durable.
    pub async fn done(self) -> Result<(), Busy> {
        match self.0 {
            Some(saving) => saving.done().await.map_err(|error| busy(&error, Busy::Unsaved)),
            None => Ok(()),
        }
    }
}

fn busy(error: &StateError, while_full: Busy) -> Busy {
    match error {
        StateError::Full { .. } => while_full,
        _ => Busy::Failed,
    }
}

impl Memory {
    /// Over what was read of a state folder: an answer follows the disk.
    pub fn durable(stored: Stored, journeys: Option<Arc<dyn Journeys>>) -> Memory {
        let Stored { mut directory, settled, plans, waiting, rows } = stored;
        directory.profiles.note_changes();
        let mut memory = Memory::new(directory, journeys);
        let state = memory.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        (state.settled, state.plans) = (settled, plans);
        state.take_waiting(waiting);
        memory.keeper = Some(Keeper { rows });
        memory
    }

    /// Puts profiles in whom nobody knows yet by their external ids; the others stay as they are. Tells how many were new.
    pub async fn introduce(
        &self,
        profiles: impl IntoIterator<Item = Profile>,
    ) -> Result<usize, Busy> {
        let (new, kept) = {
            let mut state = self.state();
            let mut new = 0;
            for profile in profiles {
                let known = profile
                    .external_id()
                    .map(|id| state.directory.profiles.by_external_id(id).is_some());
                if known == Some(false) {
                    state.directory.profiles.insert(profile);
                    new += 1;
                }
            }
            (new, self.keep(&mut state))
        };
        kept.done().await?;
        Ok(new)
    }

    /// Ends when the process must, since profiles can't be kept any more; never without a state folder.
    pub async fn fault(&self) -> StateError {
        match &self.keeper {
            Some(keeper) => keeper.rows.fault().await,
            None => std::future::pending().await,
        }
    }

    /// What the profiles take on the disk.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.keeper.as_ref().map_or(0, |keeper| keeper.rows.file_bytes())
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.keeper.is_some()
    }

    /// Whether changes can be kept: to be asked before anything is changed.
    pub(crate) fn room(&self) -> Result<(), Busy> {
        let room = self.keeper.as_ref().map_or(Ok(()), |keeper| keeper.rows.room());
        room.map_err(|error| busy(&error, Busy::NoSpace))
    }

    /// Hands over what has changed; to be called before the lock is given up. Without a change it still tells when all
    /// that came before is durable.
    pub(super) fn keep(&self, state: &mut State) -> Kept {
        self.keep_with(state, BTreeSet::new())
    }

    /// The same, with schedules that have changed.
    pub(super) fn keep_with(&self, state: &mut State, schedules: BTreeSet<ScheduleId>) -> Kept {
        let Some(keeper) = &self.keeper else {
            state.queue_rows.clear();
            return Kept(None);
        };
        let changed = state.directory.profiles.take_changed();
        let next = state.directory.profiles.next();
        let is_new = changed.last().is_some_and(|id| *id >= state.kept_below);
        state.kept_below = next;
        let queued = std::mem::take(&mut state.queue_rows);
        let profiles = &state.directory.profiles;
        Kept(Some(keeper.rows.save_each(|rows| {
            for id in &changed {
                let profile = profiles.profile(*id);
                rows.member(*id, profile.map(|profile| (profile, state.settled.kept(*id))));
            }
            for id in schedules {
                let plan = state.plans.get(&id).map(Plan::encode);
                rows.schedule(&id.0, plan.as_deref());
            }
            if is_new {
                rows.next(next);
            }
            queued.iter().for_each(|(number, content)| rows.queued(*number, content.as_deref()));
        })))
    }
}
