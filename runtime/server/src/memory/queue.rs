//! Writes that came during a maintenance, in their order.
//!
//! In a state folder each is a row of its own, durable before it is answered with 202; so a maintenance may outlive the
//! process. When it ends, the profiles that a write has changed and the end of its row are kept together. If it had events
//! that journeys wait for, the row stays with these, until the journeys have committed them: a crash in between tells them
//! again rather than never.

use serde_json::{Map, Value as Json, json};

use super::kept::Kept;
use super::{Doubts, Memory, State};
use crate::track::{Array, Id, Limits, Prepared, Reply, WriteKey};
use crate::workspace::{Answer, Busy, Happened, Maintenance, User};

/// Objects that may wait. What is more is to be sent again later.
const OBJECTS: usize = 100_000;

#[derive(Default)]
pub(super) struct Queue {
    writes: Vec<Write>,
    objects: usize,
}

pub(super) struct Write {
    /// Of its row.
    number: u64,
    objects: Prepared,
    keys: Option<Vec<WriteKey>>,
    at_ms: i64,
}

/// What a row holds.
pub(super) enum Waiting {
    Write(Write),
    /// Of a write that was applied: what journeys are not known to have committed.
    Told(Vec<Happened>),
}

impl Queue {
    /// What is there already was within the bounds when it came.
    pub fn of(writes: Vec<Write>) -> Queue {
        let objects = writes.iter().map(Write::weight).sum();
        Queue { writes, objects }
    }

    fn push(&mut self, write: Write) -> Result<(), Busy> {
        if self.objects + write.weight() > OBJECTS {
            return Err(Busy::Full);
        }
        self.objects += write.weight();
        self.writes.push(write);
        Ok(())
    }
}

impl Write {
    /// An empty write counts, too: a queue of nothing must not grow without end.
    fn weight(&self) -> usize {
        self.objects.len().max(1)
    }
}

/// A request as a row keeps it.
pub(super) fn written(body: &Map<String, Json>, keys: Option<&[WriteKey]>, at_ms: i64) -> Vec<u8> {
    let keys = keys.map(|keys| keys.iter().map(WriteKey::to_string).collect::<Vec<_>>());
    json!({ "request": body, "keys": keys, "at": at_ms }).to_string().into_bytes()
}

fn told(events: &[Happened]) -> Vec<u8> {
    let event = |event: &Happened| {
        json!({
            "profile": event.user.id.0, "external_id": event.user.external_id,
            "journeys": event.user.journey_id, "kind": event.kind.name(), "name": event.name,
            "properties": event.properties, "at": event.time_ms,
        })
    };
    json!({ "told": events.iter().map(event).collect::<Vec<_>>() }).to_string().into_bytes()
}

/// Reads a row back; `None` if these bytes are none.
pub(super) fn read(number: u64, bytes: &[u8], limits: &Limits) -> Option<Waiting> {
    let Json::Object(mut row) = serde_json::from_slice(bytes).ok()? else { return None };
    if let Some(told) = row.get("told") {
        return told.as_array()?.iter().map(happened).collect::<Option<_>>().map(Waiting::Told);
    }
    let Some(Json::Object(body)) = row.remove("request") else { return None };
    let keys = match row.get("keys")? {
        Json::Null => None,
        keys => {
            let keys = keys.as_array()?.iter();
            Some(keys.map(|key| key.as_str()?.parse().ok()).collect::<Option<_>>()?)
        }
    };
    let objects = Prepared::parse(&body, limits).ok()?;
    Some(Waiting::Write(Write { number, objects, keys, at_ms: row.get("at")?.as_i64()? }))
}

fn happened(event: &Json) -> Option<Happened> {
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    let kind = text("kind")?;
    Some(Happened {
        user: User {
            id: Id(event["profile"].as_u64()?),
            external_id: text("external_id"),
            journey_id: text("journeys")?,
        },
        name: text("name")?,
        kind: Array::ALL.into_iter().find(|array| array.name() == kind)?,
        properties: event["properties"].as_object()?.clone(),
        time_ms: event["at"].as_i64()?,
    })
}

impl Memory {
    /// From now on writes are queued.
    pub fn begin_maintenance(&self) {
        self.state().queue.get_or_insert_default();
    }

    /// Applies what was queued, in its order, and goes back to applying at once.
    pub fn end_maintenance(&self) {
        // Whoever waits for the disk asks `maintained`; of the others each was told 202 before.
        let _ = self.apply_queue();
    }

    /// Ends when what a maintenance has changed by its end is durable.
    pub(super) async fn maintained(&self, maintenance: Maintenance) -> Result<(), Busy> {
        match maintenance {
            Maintenance::Begins => {
                self.begin_maintenance();
                Ok(())
            }
            Maintenance::Ends => self.apply_queue().done().await,
        }
    }

    fn apply_queue(&self) -> Kept {
        let mut state = self.state();
        for write in state.queue.take().into_iter().flat_map(|queue| queue.writes) {
            let batch = state.commit(&write.objects, write.keys.as_deref(), write.at_ms);
            let doubts = Doubts::default();
            let events = self.heard(&state, &write.objects, &batch, &doubts, write.at_ms);
            let Some(journeys) = self.journeys.as_ref().filter(|_| !events.is_empty()) else {
                state.queue_rows.push((write.number, None));
                continue;
            };
            state.queue_rows.push((write.number, Some(told(&events))));
            if self.is_durable() {
                state.told.insert(write.number, Vec::new());
            }
            journeys.happened(events);
        }
        self.keep(&mut state)
    }

    /// Puts a write into the queue, and its row on the way to the disk.
    pub(super) fn enqueue(
        &self,
        state: &mut State,
        objects: Prepared,
        keys: Option<Vec<WriteKey>>,
        at_ms: i64,
        row: Option<Vec<u8>>,
    ) -> Result<Kept, Busy> {
        if self.is_durable() && row.is_none() {
            // The maintenance began while the request was read.
            return Err(Busy::Full);
        }
        let number = state.next_queued;
        let queue = state.queue.get_or_insert_default();
        queue.push(Write { number, objects, keys, at_ms })?;
        state.next_queued += 1;
        state.queue_rows.extend(row.map(|row| (number, Some(row))));
        Ok(self.keep(state))
    }

    /// Tells journeys again what they are not known to have committed: after a start, once they can be told.
    pub(crate) fn tell_again(&self) {
        let Some(journeys) = &self.journeys else { return };
        let mut state = self.state();
        let told = state.told.values_mut().flat_map(std::mem::take).collect::<Vec<_>>();
        if !told.is_empty() {
            journeys.happened(told);
        }
    }

    /// The rows of what journeys were told and are not known to have committed.
    pub(crate) fn told(&self) -> Vec<u64> {
        self.state().told.keys().copied().collect()
    }

    /// Journeys have committed what they were told by these.
    pub(crate) async fn forget_told(&self, rows: &[u64]) {
        let kept = {
            let mut state = self.state();
            for row in rows {
                state.told.remove(row);
                state.queue_rows.push((*row, None));
            }
            self.keep(&mut state)
        };
        // Rows that wait for space go in time; of a lost file nobody asks any more.
        let _ = kept.done().await;
    }
}

/// 202: nothing is said of single objects, since nothing was tried yet.
pub(super) fn queued() -> Answer {
    Ok(Reply::new(202, "queued"))
}

impl State {
    /// Takes over what a state folder had of a maintenance.
    pub(super) fn take_waiting(&mut self, waiting: Vec<(u64, Waiting)>) {
        let mut writes = Vec::new();
        for (number, waiting) in waiting {
            self.next_queued = self.next_queued.max(number + 1);
            match waiting {
                Waiting::Write(write) => writes.push(write),
                Waiting::Told(events) => drop(self.told.insert(number, events)),
            }
        }
        writes.sort_by_key(|write| write.number);
        self.queue = (!writes.is_empty()).then(|| Queue::of(writes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let limits = Limits::default();
        let body = json!({ "events": [{ "external_id": "u", "name": "e", "time": "2026-05-01T00:00:00Z" }] });
        let Json::Object(body) = body else { panic!("an object") };
        let keys = [WriteKey { write: 7 << 100, object: 3 }];
        for keys in [None, Some(&keys[..])] {
            let row = written(&body, keys, -5);
            let Some(Waiting::Write(write)) = read(9, &row, &limits) else { panic!("a write") };
            assert_eq!((write.number, write.at_ms, write.weight()), (9, -5, 1));
            assert_eq!(write.keys.as_deref(), keys);
        }
        let user = User { id: Id(4), external_id: None, journey_id: "braze_id:x".into() };
        let properties = body.clone();
        let kind = Array::Purchases;
        let event = Happened { user, name: "p".into(), kind, properties, time_ms: 8 };
        let Some(Waiting::Told(events)) = read(1, &told(std::slice::from_ref(&event)), &limits)
        else {
            panic!("events")
        };
        assert_eq!(events, [event]);
        for bytes in ["", "[]", "{}", r#"{"told":[{}]}"#, r#"{"request":{},"keys":[1],"at":0}"#] {
            assert!(read(0, bytes.as_bytes(), &limits).is_none(), "{bytes}");
        }
    }
}
