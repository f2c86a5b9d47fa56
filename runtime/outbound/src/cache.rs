//! Answers that are kept for a while.
//!
//! A GET's answer is good for 300 seconds, or for as long as `:cache_max_age` says; a
//! POST's for no time at all. What says "not now" is not kept: the next to ask may get
//! more. Pure: the time is an argument.

use std::collections::BTreeMap;

use flowrun_core::Millis;
use flowrun_core::template::{Answer, Caching, Method, Request};

/// How long a GET's answer is good if nothing is said, in seconds.
const USUAL_SECONDS: u32 = 300;
/// What `:cache_max_age` may be, in seconds.
const SECONDS: std::ops::RangeInclusive<u32> = 300..=14_400;

const MOST_ENTRIES: usize = 4_096;
/// The texts of all entries together, in bytes.
const MOST_BYTES: usize = 32 << 20;

#[derive(Debug)]
pub(crate) struct Cache {
    entries: BTreeMap<Request, Entry>,
    /// Which entry ends when, to find what has ended, and what ends first.
    ends: BTreeMap<(Millis, u64), Request>,
    number: u64,
    bytes: usize,
    most_entries: usize,
    most_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    end: (Millis, u64),
    bytes: usize,
}

impl Default for Cache {
    fn default() -> Cache {
        Cache::new(MOST_ENTRIES, MOST_BYTES)
    }
}

impl Cache {
    fn new(most_entries: usize, most_bytes: usize) -> Cache {
        let (entries, ends) = Default::default();
        Cache { entries, ends, number: 0, bytes: 0, most_entries, most_bytes }
    }

    /// The answer to an equal request, if it is still good.
    pub fn get(&self, now: Millis, request: &Request) -> Option<&Answer> {
        let entry = self.entries.get(request)?;
        (now < entry.end.0).then_some(&entry.answer)
    }

    /// Keeps an answer, if it is one to keep; others make room for it.
    pub fn put(&mut self, now: Millis, request: &Request, answer: &Answer) {
        let Some(length) = length(request).filter(|_| settled(answer.status())) else { return };
        let bytes = size(request) + answer.body().len();
        if bytes > self.most_bytes {
            return;
        }
        self.remove(request);
        while let Some(first) = self.ends.first_key_value() {
            let ended = first.0.0 <= now;
            let full =
                self.entries.len() >= self.most_entries || self.bytes + bytes > self.most_bytes;
            if !ended && !full {
                break;
            }
            let request = first.1.clone();
            self.remove(&request);
        }
        let end = (now + length, self.number);
        self.number += 1;
        self.bytes += bytes;
        self.ends.insert(end, request.clone());
        self.entries.insert(request.clone(), Entry { answer: answer.clone(), end, bytes });
    }

    fn remove(&mut self, request: &Request) {
        let Some(entry) = self.entries.remove(request) else { return };
        self.ends.remove(&entry.end);
        self.bytes -= entry.bytes;
    }
}

/// How long an answer to this request is good.
fn length(request: &Request) -> Option<Millis> {
    let seconds = match (request.caching, request.method) {
        (Caching::Never, _) | (_, Method::Post) => return None,
        (Caching::Usual, Method::Get) => USUAL_SECONDS,
        (Caching::Seconds(seconds), Method::Get) => seconds.clamp(*SECONDS.start(), *SECONDS.end()),
    };
    Some(Millis::from_secs(seconds.into()))
}

/// Whether asking again at once would give the same.
fn settled(status: u16) -> bool {
    status < 500 && !matches!(status, 408 | 425 | 429)
}

/// The texts of a request, which is kept twice.
fn size(request: &Request) -> usize {
    let headers = request.headers.iter().map(|(name, value)| name.len() + value.len());
    let body = request.body.as_ref().map_or(0, String::len);
    2 * (request.url.len() + body + headers.sum::<usize>())
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
