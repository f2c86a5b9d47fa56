//! Counters, in the text format that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;

use crate::connections::Connections;
use crate::track::{Array, Reply};
use crate::workspace::Figure;

/// Upper bounds of the histogram's buckets, in seconds.
const BOUNDS: [f64; 9] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By endpoint and status. Both come from fixed sets: a client can't make this grow.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    times: Mutex<BTreeMap<&'static str, Times>>,
    processed: [AtomicU64; 3],
    refused: [AtomicU64; 3],
    /// Bytes of bodies that are being read.
    pub(crate) reading: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
}

impl Metrics {
    pub(crate) fn answered(&self, endpoint: &'static str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((endpoint, status)).or_default() += 1;
        drop(requests);
        let seconds = took.as_secs_f64();
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let times = times.entry(endpoint).or_default();
        let within = BOUNDS.iter().position(|bound| seconds <= *bound);
        times.buckets[within.unwrap_or(BOUNDS.len())..].iter_mut().for_each(|bucket| *bucket += 1);
        times.count += 1;
        times.seconds += seconds;
    }

    /// Counts the objects of an answer of `/users/track`.
    pub(crate) fn tracked(&self, reply: &Reply) {
        for array in Array::ALL {
            let name = array.name();
            let taken = reply.body.get(&format!("{name}_processed")).and_then(Json::as_u64);
            self.processed[array as usize].fetch_add(taken.unwrap_or(0), Relaxed);
            let errors = reply.body.get("errors").and_then(Json::as_array);
            let refused = errors.map_or(0, |errors| {
                errors.iter().filter(|error| error["input_array"] == name).count()
            });
            self.refused[array as usize].fetch_add(refused as u64, Relaxed);
        }
    }

    pub(crate) fn text(&self, connections: &Connections, figures: &[Figure]) -> String {
        let mut text = String::with_capacity(4096);
        let written = self.write(&mut text, connections);
        let written = written.and_then(|()| figures.iter().try_for_each(|one| own(&mut text, one)));
        written.expect("writing to a string can't fail");
        text
    }

    fn write(&self, out: &mut String, connections: &Connections) -> std::fmt::Result {
        head(out, "flowrun_http_requests_total", "counter", "Requests answered.")?;
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((endpoint, status), count) in requests {
            writeln!(
                out,
                "flowrun_http_requests_total{{endpoint=\"{endpoint}\",status=\"{status}\"}} {count}"
            )?;
        }
        let name = "flowrun_http_request_seconds";
        head(out, name, "histogram", "Time from a request's head to its answer.")?;
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (endpoint, times) in times {
            for (bound, count) in BOUNDS.iter().zip(times.buckets) {
                writeln!(out, "{name}_bucket{{endpoint=\"{endpoint}\",le=\"{bound}\"}} {count}")?;
            }
            let count = times.count;
            writeln!(out, "{name}_bucket{{endpoint=\"{endpoint}\",le=\"+Inf\"}} {count}")?;
            writeln!(out, "{name}_sum{{endpoint=\"{endpoint}\"}} {}", times.seconds)?;
            writeln!(out, "{name}_count{{endpoint=\"{endpoint}\"}} {count}")?;
        }
        head(out, "flowrun_track_objects_total", "counter", "Objects of /users/track.")?;
        for (outcome, counts) in [("processed", &self.processed), ("refused", &self.refused)] {
            for array in Array::ALL {
                let count = counts[array as usize].load(Relaxed);
                writeln!(
                    out,
                    "flowrun_track_objects_total{{array=\"{array}\",outcome=\"{outcome}\"}} {count}"
                )?;
            }
        }
        head(out, "flowrun_http_connections", "gauge", "Open connections.")?;
        writeln!(out, "flowrun_http_connections {}", connections.count())?;
        let name = "flowrun_http_connections_closed_total";
        head(out, name, "counter", "Connections closed or turned away for want of room.")?;
        let evicted = connections.evicted.load(Relaxed);
        writeln!(out, "{name}{{reason=\"evicted\"}} {evicted}")?;
        let refused = connections.refused.load(Relaxed);
        writeln!(out, "{name}{{reason=\"turned_away\"}} {refused}")?;
        head(out, "flowrun_http_reading_bytes", "gauge", "Bytes of bodies being read.")?;
        writeln!(out, "flowrun_http_reading_bytes {}", self.reading.load(Relaxed))
    }
}

fn own(out: &mut String, figure: &Figure) -> std::fmt::Result {
    let kind = if figure.name.ends_with("_total") { "counter" } else { "gauge" };
    head(out, figure.name, kind, figure.help)?;
    writeln!(out, "{} {}", figure.name, figure.value)
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}
