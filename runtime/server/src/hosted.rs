//! A workspace whose users move through Canvases on an engine: profiles as in [`Memory`], journeys on the engine.
//!
//! Both work on the same profiles: what `POST /users/track` changes is what steps read, and where User Updates are
//! written if no other backend is named. An answer of 2xx to what lets users in follows the engine's commit.
//!
//! Journeys are told apart by the external id of their user, or by `braze_id:` and the braze_id where there is none. Who is
//! identified on the way goes on as before, by the braze_id; entries and events from then on are the external id's. Who is
//! merged into another profile is gone, as if deleted, and so are their journeys; what is written to them is refused.

mod canvases;
mod journeys;
mod profiles;

use std::sync::Arc;

use async_trait::async_trait;

pub use canvases::shown;
pub use journeys::Entrances;
pub use profiles::{Held, directory};

use crate::engine::{self, Engine, Logged};
use crate::memory::Memory;
use crate::track::{Array, Trigger, WriteKey};
use crate::workspace::{
    About, Answer, Body, Busy, Canvas, ContentBlock, Dispatch, Figure, Maintenance, Neighbour,
    Planned, Refusal, ScheduleId, State, Timing, Workspace,
};

/// [`Memory`] with an engine behind it.
pub struct Hosted {
    memory: Arc<Memory>,
    engine: Engine,
}

impl From<engine::Busy> for Busy {
    fn from(busy: engine::Busy) -> Busy {
        match busy {
            engine::Busy::Full => Busy::Full,
            engine::Busy::NoSpace => Busy::NoSpace,
            engine::Busy::Unsaved => Busy::Unsaved,
            engine::Busy::Stopping => Busy::Stopping,
            engine::Busy::Failed => Busy::Failed,
        }
    }
}

impl From<Busy> for engine::Busy {
    fn from(busy: Busy) -> engine::Busy {
        match busy {
            Busy::Full => engine::Busy::Full,
            Busy::NoSpace => engine::Busy::NoSpace,
            Busy::Unsaved => engine::Busy::Unsaved,
            Busy::Stopping => engine::Busy::Stopping,
            Busy::Failed => engine::Busy::Failed,
        }
    }
}

impl Hosted {
    /// The memory's [`Entrances`] have to lead to this engine.
    pub fn new(memory: Arc<Memory>, engine: Engine) -> Hosted {
        Hosted { memory, engine }
    }

    /// Goes on from what a state folder has of a maintenance, once the memory's [`Entrances`] lead here: tells of events that
    /// may not have been heard, and applies what is queued, unless a maintenance begins.
    pub async fn go_on(&self, maintenance: Maintenance) {
        self.memory.tell_again();
        self.maintain(maintenance).await;
    }

    /// What journeys were told at the end of a maintenance need not be told again once it is committed. If it can't be now,
    /// it is asked for again before long.
    async fn commit_told(&self) {
        let told = self.memory.told();
        if !told.is_empty() && self.engine.committed().await.is_ok() {
            self.memory.forget_told(&told).await;
        }
    }

    /// Ends when what was handed over since then is committed; at once if nothing was.
    async fn committed_since(&self, before: u64) -> Result<(), Busy> {
        match self.engine.handed_over() == before {
            true => Ok(()),
            false => Ok(self.engine.committed().await?),
        }
    }
}

#[async_trait]
impl Workspace for Hosted {
    fn about(&self) -> About {
        self.memory.about()
    }

    async fn track(&self, body: Body, keys: Option<Vec<WriteKey>>) -> Answer {
        // Once profiles have taken note of events, these can't be refused any more.
        if body.json.contains_key(Array::Events.name()) {
            self.engine.room()?;
        }
        let before = self.engine.handed_over();
        let reply = self.memory.track(body, keys).await?;
        self.committed_since(before).await?;
        Ok(reply)
    }

    async fn users(&self, neighbour: Neighbour, body: Body) -> Answer {
        if neighbour == Neighbour::TrackSync {
            self.engine.room()?;
        }
        let before = self.engine.handed_over();
        let reply = self.memory.users(neighbour, body).await?;
        self.committed_since(before).await?;
        if matches!(neighbour, Neighbour::Delete | Neighbour::Merge | Neighbour::Identify) {
            // Journeys of whoever is gone have ended by then.
            self.engine.commanded().await?;
        }
        Ok(reply)
    }

    async fn trigger(
        &self,
        trigger: Trigger,
        dispatch: &Dispatch,
        at_ms: i64,
    ) -> Result<(), Refusal> {
        let before = self.engine.handed_over();
        self.memory.trigger(trigger, dispatch, at_ms).await?;
        self.committed_since(before).await.map_err(Refusal::Busy)
    }

    async fn schedule(
        &self,
        planned: Planned,
        dispatch: &Dispatch,
        schedule: &ScheduleId,
        timing: Timing,
        at_ms: i64,
    ) -> Result<(), Refusal> {
        self.memory.schedule(planned, dispatch, schedule, timing, at_ms).await
    }

    async fn reschedule(
        &self,
        canvas: &str,
        schedule: &ScheduleId,
        timing: Timing,
        at_ms: i64,
    ) -> Result<bool, Refusal> {
        self.memory.reschedule(canvas, schedule, timing, at_ms).await
    }

    async fn unschedule(&self, canvas: &str, schedule: &ScheduleId) -> Result<bool, Refusal> {
        self.memory.unschedule(canvas, schedule).await
    }

    fn canvases(&self) -> Arc<[Canvas]> {
        let canvases = self.memory.canvases();
        let paused = self.engine.paused();
        if paused.is_empty() {
            return canvases;
        }
        let shown = canvases.iter().cloned().map(|canvas| Canvas {
            state: match paused.iter().any(|name| **name == *canvas.id) {
                true => State::Paused,
                false => canvas.state,
            },
            ..canvas
        });
        shown.collect()
    }

    fn content_blocks(&self) -> Arc<[ContentBlock]> {
        self.memory.content_blocks()
    }

    async fn wake(&self, at_ms: i64) -> Option<i64> {
        self.commit_told().await;
        let before = self.engine.handed_over();
        let next = self.memory.run_plans(at_ms);
        // What is not committed lets them in again after a restart.
        if self.committed_since(before).await.is_ok() {
            self.memory.keep_ran().await;
        }
        next
    }

    async fn maintain(&self, maintenance: Maintenance) {
        self.memory.maintain(maintenance).await;
        self.commit_told().await;
    }

    fn figures(&self) -> Vec<Figure> {
        let status = self.engine.status();
        let figure = |name, help, value| Figure { name, help, value };
        let mut figures = vec![
            figure("flowrun_journeys_entered_total", "Journeys begun.", status.entered),
            figure("flowrun_journeys_completed_total", "Journeys completed.", status.completed),
            figure("flowrun_journeys_exited_total", "Journeys ended by a step.", status.exited),
            figure("flowrun_journeys_failed_total", "Journeys ended by a failure.", status.failed),
            figure("flowrun_entries_refused_total", "Turned away by a Canvas.", status.turned_away),
            figure("flowrun_journeys_waiting", "Journeys at a wait.", status.waiting),
            figure("flowrun_journeys_held", "Journeys held until a write.", status.held),
            figure("flowrun_journeys_sending", "Journeys at a message.", status.sending),
            figure("flowrun_writes_waiting", "Writes without an outcome.", status.writes),
            figure("flowrun_requests_under_way", "Requests to the backend.", status.under_way),
            figure("flowrun_write_requests_total", "Requests to the backend.", status.requests),
            figure("flowrun_write_objects_total", "Objects sent to the backend.", status.objects),
            figure("flowrun_messages_total", "Messages sent.", status.messages),
            figure("flowrun_messages_waiting", "Messages without an outcome.", status.posting),
            figure("flowrun_fetches_waiting", "Fetches without an answer.", status.fetching),
            figure("flowrun_dead_letters_total", "Dead letters.", status.dead_letters),
            figure("flowrun_entries_queued", "Entries and events queued.", status.queued),
            figure("flowrun_crowded", "1 while entries are refused.", u64::from(status.crowded)),
        ];
        if self.memory.is_durable() {
            let bytes = self.memory.file_bytes();
            let Logged { size, snapshotted } = status.logged;
            let seconds = snapshotted.map_or(0, |at| at.0.max(0) as u64 / 1_000);
            let full = u64::from(status.disk_full || self.memory.room().is_err());
            figures.extend([
                figure("flowrun_profiles_file_bytes", "The profiles' file.", bytes),
                figure("flowrun_log_file_bytes", "The log's file.", size.file_bytes),
                figure("flowrun_log_records", "Records no snapshot stands for.", size.records),
                figure("flowrun_log_record_bytes", "Their bytes.", size.record_bytes),
                figure("flowrun_log_snapshot_bytes", "Bytes of snapshots.", size.snapshot_bytes),
                figure("flowrun_log_snapshot_timestamp_seconds", "The last snapshot.", seconds),
                figure("flowrun_disk_full", "1 while the disk is full.", full),
            ]);
        }
        figures
    }
}
