//! Everybody of the users files: their profiles in the store, and who enters what when.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;

use super::event;
use super::faults::Faults;
use super::record::Record;
use super::{Row, Sort, read};
use crate::core::{Context, Millis};
use crate::profiles::Memory;
use crate::simulation::Happening;
use crate::track::Profile;

/// A user who will enter.
pub struct Entrant {
    pub user: Box<str>,
    /// When; as soon as the run starts, if not said.
    pub at: Option<Millis>,
    pub entry_properties: Option<Arc<Context>>,
}

/// The users of a run.
pub struct Roster {
    pub profiles: Memory,
    /// When profiles are written: the start of the run.
    now: Millis,
    /// Values that a profile won't hold as they are written.
    warnings: Faults,
}

impl Roster {
    pub fn new(now: Millis) -> Roster {
        Roster { profiles: Memory::default(), now, warnings: Faults::default() }
    }

    /// Reads a file: profiles into the store, and who enters. `watch` is told the number
    /// of users read so far and may end the reading.
    ///
    /// # Errors
    /// If the file can't be read, or has faults: all of them, with their lines.
    pub fn read(
        &mut self,
        path: &Path,
        watch: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> anyhow::Result<Vec<Entrant>> {
        let shown = path.display().to_string();
        let mut faults = Faults::default();
        let mut entrants = Vec::new();
        let mut rows = 0;
        read(path, Sort::Users, &mut |row| {
            rows += 1;
            self.take(row, &shown, &mut entrants, &mut faults);
            watch(rows)
        })?;
        refuse(Sort::Users, &faults)?;
        Ok(entrants)
    }

    /// Reads an events file: what users will do, in the order of the file. Users whom no users
    /// file has come into being with their first event.
    ///
    /// # Errors
    /// As [`Roster::read`].
    pub fn events(
        &mut self,
        path: &Path,
        watch: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> anyhow::Result<Vec<Happening>> {
        let shown = path.display().to_string();
        let mut faults = Faults::default();
        let mut happenings = Vec::new();
        let mut rows = 0;
        read(path, Sort::Events, &mut |row| {
            rows += 1;
            let Row { line, object } = row;
            match object.map_err(|why| vec![why]).and_then(|one| event::parse(one, self.now)) {
                Ok(happening) => {
                    for warning in happening.object.warnings() {
                        self.warnings.add(&shown, line, &warning.to_string());
                    }
                    happenings.push(happening);
                }
                Err(all) => all.iter().for_each(|what| faults.add(&shown, line, what)),
            }
            watch(rows)
        })?;
        refuse(Sort::Events, &faults)?;
        for Happening { user, .. } in &happenings {
            if self.profiles.get(user).is_none() {
                self.profiles.put(Profile::new(user));
            }
        }
        Ok(happenings)
    }

    /// What profiles won't hold as written, if anything.
    pub fn warnings(&self) -> Option<String> {
        (!self.warnings.is_empty()).then(|| self.warnings.to_string())
    }

    fn take(&mut self, row: Row, file: &str, entrants: &mut Vec<Entrant>, faults: &mut Faults) {
        let Row { line, object } = row;
        let parsed = object.map_err(|why| vec![why]).and_then(Record::parse);
        let record = match parsed {
            Ok(record) => record,
            Err(all) => return all.iter().for_each(|what| faults.add(file, line, what)),
        };
        let Record { external_id, attributes, entry_properties, enter_at } = record;
        // Who is listed again enters again; what is new about them is added.
        let known = self.profiles.get(&external_id).cloned();
        let mut profile = known.unwrap_or_else(|| Profile::new(&external_id));
        let applied = attributes.apply(&mut profile, self.now.0);
        for warning in &applied.warnings {
            self.warnings.add(file, line, &warning.to_string());
        }
        self.profiles.put(profile);
        entrants.push(Entrant { user: external_id.into(), at: enter_at, entry_properties });
    }
}

/// All faults of a file, if it has any.
fn refuse(sort: Sort, faults: &Faults) -> anyhow::Result<()> {
    let count = faults.count();
    let word = if count == 1 { "fault" } else { "faults" };
    match faults.is_empty() {
        true => Ok(()),
        false => Err(anyhow!("the {} file has {count} {word}\n{faults}", sort.all())),
    }
}
