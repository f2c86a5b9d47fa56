//! The trace: one line per thing that happened, the same from a simulation, an engine, or
//! a log that is read back. What stands in a line is a contract with people's tools.

use std::sync::Arc;

use flowrun_sdk::Millis;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// One line.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    pub at: Millis,
    pub canvas: Option<Arc<str>>,
    pub user: Option<Arc<str>>,
    pub entry: Option<u32>,
    pub step: Option<Arc<str>>,
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    Entered {
        version: String,
    },
    Arrived,
    Waiting {
        until: Option<Millis>,
        for_what: &'static str,
    },
    Held {
        key: String,
        objects: Counts,
    },
    Request {
        backend: String,
        request: u64,
        objects: Counts,
        users: usize,
        attempt: u32,
    },
    Reply {
        request: u64,
        status: Option<u16>,
        outcomes: Outcomes,
    },
    Released {
        key: String,
        outcome: &'static str,
    },
    Sent {
        channel: Arc<str>,
        message: String,
        subject: Option<Arc<str>>,
        body: Arc<str>,
    },
    Advanced {
        via: Arc<str>,
        to: Option<Arc<str>>,
        reason: Option<String>,
    },
    Exited {
        reason: String,
    },
    DeadLetter {
        key: String,
        reason: String,
        payload: String,
    },
    /// Nothing is left of a user.
    Deleted,
    /// A dead letter is made again; what becomes of it is told as of anything else.
    Replayed {
        key: String,
    },
}

/// Objects by array.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    pub attributes: usize,
    pub events: usize,
    pub purchases: usize,
}

impl Counts {
    pub fn total(&self) -> usize {
        self.attributes + self.events + self.purchases
    }
}

/// Objects by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Outcomes {
    pub applied: usize,
    pub accepted: usize,
    pub refused: usize,
    pub retry: usize,
    pub unknown: usize,
}

impl What {
    /// The line's `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Entered { .. } => "entered",
            What::Arrived => "arrived",
            What::Waiting { .. } => "waiting",
            What::Held { .. } => "held",
            What::Request { .. } => "request",
            What::Reply { .. } => "reply",
            What::Released { .. } => "released",
            What::Sent { .. } => "sent",
            What::Advanced { .. } => "advanced",
            What::Exited { .. } => "exited",
            What::DeadLetter { .. } => "dead_letter",
            What::Replayed { .. } => "replayed",
            What::Deleted => "deleted",
        }
    }
}

/// The moment in RFC 3339, in UTC, to the millisecond where it has one.
pub fn rfc3339(at: Millis) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        // Always three digits of a fraction: some readers know no other.
        Ok(timestamp) if timestamp.subsec_nanosecond() != 0 => {
            timestamp.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
        }
        Ok(timestamp) => timestamp.to_string(),
        Err(_) => format!("{}ms", at.0),
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &rfc3339(self.at))?;
        map.serialize_entry("kind", self.what.kind())?;
        if let Some(canvas) = &self.canvas {
            map.serialize_entry("canvas", &**canvas)?;
        }
        if let Some(user) = &self.user {
            map.serialize_entry("user", &**user)?;
        }
        if let Some(entry) = &self.entry {
            map.serialize_entry("entry", entry)?;
        }
        if let Some(step) = &self.step {
            map.serialize_entry("step", &**step)?;
        }
        self.what.fields(&mut map)?;
        map.end()
    }
}

impl What {
    fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            What::Entered { version } => map.serialize_entry("version", version),
            What::Arrived | What::Deleted => Ok(()),
            What::Waiting { until, for_what } => {
                map.serialize_entry("until", &until.map(rfc3339))?;
                map.serialize_entry("for", for_what)
            }
            What::Held { key, objects } => {
                map.serialize_entry("key", key)?;
                map.serialize_entry("objects", objects)
            }
            What::Request { backend, request, objects, users, attempt } => {
                map.serialize_entry("backend", backend)?;
                map.serialize_entry("request", request)?;
                map.serialize_entry("objects", objects)?;
                map.serialize_entry("users", users)?;
                map.serialize_entry("attempt", attempt)
            }
            What::Reply { request, status, outcomes } => {
                map.serialize_entry("request", request)?;
                map.serialize_entry("status", status)?;
                map.serialize_entry("outcomes", outcomes)
            }
            What::Released { key, outcome } => {
                map.serialize_entry("key", key)?;
                map.serialize_entry("outcome", outcome)
            }
            What::Sent { channel, message, subject, body } => {
                map.serialize_entry("channel", &**channel)?;
                map.serialize_entry("message", message)?;
                map.serialize_entry("subject", &subject.as_deref())?;
                map.serialize_entry("body", &**body)
            }
            What::Advanced { via, to, reason } => {
                map.serialize_entry("via", &**via)?;
                map.serialize_entry("to", &to.as_deref())?;
                match reason {
                    Some(reason) => map.serialize_entry("reason", reason),
                    None => Ok(()),
                }
            }
            What::Exited { reason } => map.serialize_entry("reason", reason),
            What::Replayed { key } => map.serialize_entry("key", key),
            What::DeadLetter { key, reason, payload } => {
                map.serialize_entry("key", key)?;
                map.serialize_entry("reason", reason)?;
                map.serialize_entry("payload", payload)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_no_fraction_or_three_digits_of_one() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (40, "1970-01-01T00:00:00.040Z"),
            (1_500, "1970-01-01T00:00:01.500Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(Millis(at)), text);
        }
    }
}
