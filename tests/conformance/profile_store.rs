//! The profile stores under test, and how a test speaks to them: the only place that knows
//! their interface.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use flowrun_simulation::core::batcher::{Batcher, BatcherSettings, Limits, Reply, Request};
use flowrun_simulation::core::sdk::Objects;
use flowrun_simulation::core::track::{Array, Object, Profile};
use flowrun_simulation::core::{
    ItemId, Millis, Outcome, Progress, ShardId, Version, Write, WriteKey,
};
use flowrun_simulation::profiles::embedded::Clock;
use flowrun_simulation::profiles::{Embedded, EmbeddedSettings, Memory, ProfileBackend};

/// An implementation, and how to come back to what it held.
pub struct Bench {
    pub name: &'static str,
    store: Store,
    now: Arc<AtomicI64>,
    folder: tempfile::TempDir,
    settings: EmbeddedSettings,
}

enum Store {
    Memory(Box<Memory>),
    Embedded(Embedded),
    /// Between two lives.
    Shut,
}

impl Bench {
    pub fn all() -> Vec<Bench> {
        let fresh = |fresh_bytes| EmbeddedSettings { fresh_bytes, ..EmbeddedSettings::default() };
        vec![
            Bench::new("memory", None),
            Bench::new("embedded", Some(EmbeddedSettings::default())),
            Bench::new("embedded, everything in the table", Some(fresh(0))),
            Bench::new("embedded, put away now and then", Some(fresh(3_000))),
        ]
    }

    fn new(name: &'static str, settings: Option<EmbeddedSettings>) -> Bench {
        let (now, folder) = (Arc::new(AtomicI64::new(0)), tempfile::tempdir().expect("a folder"));
        let store = match settings {
            None => Store::Memory(Box::default()),
            Some(settings) => Store::Embedded(open(folder.path(), settings, &now)),
        };
        Bench { name, store, now, folder, settings: settings.unwrap_or_default() }
    }

    pub fn at(&self, now: i64) {
        self.now.store(now, Ordering::Relaxed);
    }

    /// Ends the store's life and opens it again. One in memory lives on.
    pub fn reopen(&mut self) {
        if let Store::Embedded(_) = &self.store {
            self.store = Store::Shut;
            self.store = Store::Embedded(open(self.folder.path(), self.settings, &self.now));
        }
    }

    pub fn commit(&mut self, request: &Request) -> Reply {
        let now = Millis(self.now.load(Ordering::Relaxed));
        match &mut self.store {
            Store::Memory(memory) => memory.commit(now, request),
            Store::Embedded(embedded) => block_on(embedded.commit(request)),
            Store::Shut => unreachable!("it is open"),
        }
    }

    pub fn put(&mut self, profile: Profile) {
        match &mut self.store {
            Store::Memory(memory) => memory.put(profile),
            Store::Embedded(embedded) => block_on(embedded.put(vec![profile])).expect("it is put"),
            Store::Shut => unreachable!("it is open"),
        }
    }

    pub fn note(&mut self, user: &str, object: &Object) {
        let now = Millis(self.now.load(Ordering::Relaxed));
        match &mut self.store {
            Store::Memory(memory) => memory.note(now, user, object),
            Store::Embedded(embedded) => {
                let note = embedded.note(vec![(user.to_owned(), object.clone())]);
                block_on(note).expect("it is noted");
            }
            Store::Shut => unreachable!("it is open"),
        }
    }

    pub fn acknowledge(&mut self, request: &Request, reply: &Reply) {
        let now = Millis(self.now.load(Ordering::Relaxed));
        match &mut self.store {
            Store::Memory(memory) => memory.acknowledge(now, &request.parts, reply),
            Store::Embedded(embedded) => {
                let done = embedded.acknowledge(request.parts.clone(), reply.clone());
                block_on(done).expect("it is acknowledged");
            }
            Store::Shut => unreachable!("it is open"),
        }
    }

    /// All profiles as JSON lines, in order of id, read in pages of two.
    pub fn all_profiles(&self) -> String {
        let mut profiles: Vec<Profile> = match &self.store {
            Store::Memory(memory) => memory.iter().cloned().collect(),
            Store::Embedded(embedded) => {
                let mut profiles: Vec<Profile> = Vec::new();
                loop {
                    let after = profiles.last().and_then(|last| last.external_id());
                    let page = embedded.page(after, 2).expect("it is read");
                    if page.is_empty() {
                        break profiles;
                    }
                    profiles.extend(page);
                }
            }
            Store::Shut => unreachable!("it is open"),
        };
        if let Store::Memory(_) = &self.store {
            profiles.sort_by(|a, b| a.external_id().cmp(&b.external_id()));
        }
        let lines = profiles.iter().map(|profile| serde_json::to_string(profile).expect("JSON"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Profiles of some users as JSON, `-` of those who aren't known.
    pub fn profiles(&self, users: &[&str]) -> String {
        let found: Vec<Option<Profile>> = match &self.store {
            Store::Memory(memory) => users.iter().map(|id| memory.get(id).cloned()).collect(),
            Store::Embedded(embedded) => embedded.load(users).expect("they are read"),
            Store::Shut => unreachable!("it is open"),
        };
        let json = |profile: &Option<Profile>| match profile {
            Some(profile) => serde_json::Value::Object(profile.to_json()).to_string(),
            None => "-".into(),
        };
        found.iter().map(json).collect::<Vec<_>>().join(" ")
    }
}

pub fn open(folder: &Path, settings: EmbeddedSettings, now: &Arc<AtomicI64>) -> Embedded {
    let now = now.clone();
    let clock: Clock = Arc::new(move || Millis(now.load(Ordering::Relaxed)));
    Embedded::open(folder, settings, clock).expect("a store opens")
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// A write of some objects to a user, as the entry's `step`.
pub fn write(user: &str, step: &str, [attributes, events, purchases]: [&[&str]; 3]) -> Write {
    let texts = |texts: &[&str]| texts.iter().map(|text| Box::from(*text)).collect();
    let objects = Objects {
        attributes: texts(attributes),
        events: texts(events),
        purchases: texts(purchases),
    };
    let key = WriteKey {
        canvas: "canvas".into(),
        version: Version(1),
        user: user.into(),
        entry: 1,
        step: step.into(),
    };
    Write {
        shard: ShardId(0),
        id: ItemId { slot: 0, use_no: 0 },
        attempt: 1,
        key,
        objects: Arc::new(objects),
        done: Progress::default(),
        refused: None,
    }
}

/// One request of these writes.
pub fn request(writes: Vec<Write>) -> Request {
    let most = 1_000_000;
    let limits = Limits { attributes: most, events: most, purchases: most, combined: None };
    let settings = BatcherSettings { limits, per_minute: None, ..BatcherSettings::default() };
    let mut batcher = Batcher::new(settings);
    writes.into_iter().for_each(|write| batcher.push(Millis(0), write));
    batcher.poll(Millis(0)).pop().expect("all in one request")
}

/// What a reply says of each object, in the order of the request's arrays.
pub fn outcomes(request: &Request, reply: &Reply) -> String {
    let mut said = Vec::new();
    reply.each(&request.parts, |part, object, array, outcome| {
        let text = match outcome {
            Outcome::Refused(reason) => format!("refused ({reason})"),
            other => other.word().to_owned(),
        };
        said.push((array, part, object, text));
    });
    said.sort();
    said.into_iter().map(|(.., text)| text).collect::<Vec<_>>().join(" ")
}

pub fn event(name: &str) -> Object {
    let event = serde_json::json!({ "name": name, "time": "2026-01-01T00:00:00Z" });
    Object::parse(Array::Events, event.as_object().expect("an object")).expect("an event")
}
