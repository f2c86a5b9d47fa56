//! From what the API is told to what the engine is told.

use std::sync::{Arc, OnceLock};

use crate::engine::{Engine, Entrance, Happening};
use crate::track::Array;
use crate::workspace::{Busy, Entry, Happened, Journeys, User};

/// The way into an engine. Profiles come before the engine that reads them, so it is led there once it has started; until
/// then nobody enters.
#[derive(Default)]
pub struct Entrances(OnceLock<Engine>);

impl Entrances {
    /// Leads to this engine from now on; the first one stays.
    pub fn lead_to(&self, engine: Engine) {
        let _ = self.0.set(engine);
    }
}

impl Journeys for Entrances {
    fn enter(&self, entries: Vec<Entry>) -> Result<(), Busy> {
        let engine = self.0.get().ok_or(Busy::Stopping)?;
        let entrance = |entry: Entry| {
            let canvas = engine.canvas(&entry.canvas)?;
            let user = entry.user.journey_id.into_boxed_str();
            let context = (!entry.context.is_empty()).then(|| entry.context.clone());
            Some(Entrance { canvas, user, context })
        };
        Ok(engine.hand_over(entries.into_iter().filter_map(entrance).collect())?)
    }

    fn room(&self) -> Result<(), Busy> {
        Ok(self.0.get().ok_or(Busy::Stopping)?.room()?)
    }

    fn listens(&self, kind: Array, name: &str) -> bool {
        kind == Array::Events && self.0.get().is_some_and(|engine| engine.listens(name))
    }

    fn happened(&self, events: Vec<Happened>) {
        let Some(engine) = self.0.get() else { return };
        let happening = |event: Happened| {
            let user = event.user.journey_id.into_boxed_str();
            let properties = (!event.properties.is_empty()).then(|| Arc::new(event.properties));
            Happening { user, name: event.name.into(), properties }
        };
        engine.happened(events.into_iter().map(happening).collect());
    }

    fn forget(&self, users: Vec<User>) {
        let Some(engine) = self.0.get() else { return };
        // An engine that has ended says so to whoever waits for the commit.
        let _ = engine.forget(users.iter().map(|user| &*user.journey_id));
    }
}
