//! The backend `http` against servers on this machine that behave well or badly.
//!
//! Time is real only where a server is slow; such rows have short deadlines of their own
//! and run side by side. Nothing sleeps.

mod endpoint;
mod isolate;
mod pauses;
mod probe;
mod readback;
mod replies;
mod server;
mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowrun_core::batcher::{Answers, Batcher, BatcherSettings, Limits, Reply, Request};
use flowrun_core::sdk::Objects;
use flowrun_core::{ItemId, Millis, Outcome, Progress, ShardId, Version, Write, WriteKey};
use flowrun_outbound::Secret;
use flowrun_profiles::http::{Notice, WriteKeys};
use flowrun_profiles::{Http, HttpSettings};

/// What must not be seen anywhere.
pub const KEY: &str = "b7c1a6de-0000-4444-8888-0123456789ab";

/// Settings for an endpoint that is known to be a plain one.
pub fn plain(url: &str) -> HttpSettings {
    HttpSettings {
        key: Some(Secret::new(KEY)),
        write_keys: WriteKeys::Ignored,
        deadline: Duration::from_secs(20),
        ..HttpSettings::at(url)
    }
}

/// A backend, and what it said to its operator.
pub fn backend(settings: HttpSettings) -> (Http, Arc<Mutex<Vec<Notice>>>) {
    let notices = Arc::<Mutex<Vec<Notice>>>::default();
    let seen = notices.clone();
    let http = Http::new(settings, move |notice| seen.lock().unwrap().push(notice.clone()));
    (http.unwrap(), notices)
}

/// An update of a user: attributes, events and purchases as JSON.
pub type Update<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);

/// The one request that the batcher makes of some updates.
pub fn request(updates: &[Update<'_>]) -> Request {
    let limits = Limits { attributes: 500, events: 500, purchases: 500, combined: None };
    let mut batcher = Batcher::new(BatcherSettings { limits, ..BatcherSettings::default() });
    let texts = |list: &[&str]| list.iter().map(|text| (*text).into()).collect();
    for (slot, (user, attributes, events, purchases)) in updates.iter().enumerate() {
        let objects = Objects {
            attributes: texts(attributes),
            events: texts(events),
            purchases: texts(purchases),
        };
        let write = Write {
            shard: ShardId(0),
            id: ItemId { slot: slot as u32, use_no: 0 },
            attempt: 1,
            key: key(user),
            objects: Arc::new(objects),
            done: Progress::default(),
            refused: None,
        };
        batcher.push(Millis(0), write);
    }
    let mut requests = batcher.poll(Millis(0));
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

pub fn key(user: &str) -> WriteKey {
    WriteKey {
        canvas: "welcome".into(),
        version: Version(3),
        user: user.into(),
        entry: 1,
        step: "vip".into(),
    }
}

/// A request of so many users with an attribute each.
pub fn of_users(users: usize) -> Request {
    let names: Vec<String> = (0..users).map(|user| format!("u{user}")).collect();
    let updates: Vec<Update<'_>> =
        names.iter().map(|name| (&**name, &[r#"{"vip":true}"#][..], &[][..], &[][..])).collect();
    request(&updates)
}

/// The outcome of each object: attributes, then events, then purchases.
pub fn outcomes(request: &Request, reply: &Reply) -> Vec<Outcome> {
    let objects = request.objects;
    match &reply.answers {
        Answers::All(outcome) => vec![outcome.clone(); objects.total()],
        Answers::Each { attributes, events, purchases } => {
            let counts = [attributes.len(), events.len(), purchases.len()];
            assert_eq!(counts, [objects.attributes, objects.events, objects.purchases]);
            [attributes, events, purchases].into_iter().flatten().cloned().collect()
        }
    }
}

/// The outcomes as words.
pub fn words(request: &Request, reply: &Reply) -> Vec<&'static str> {
    outcomes(request, reply).iter().map(Outcome::word).collect()
}

#[test]
fn a_backend_can_be_shared_and_driven_by_anybody() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Http>();
}

#[test]
fn settings_that_cant_be_meant_are_said() {
    let url = "http://localhost";
    for (settings, expected) in [
        (HttpSettings { in_flight: 0, ..plain(url) }, "requests under way can't be 0"),
        (HttpSettings { per_minute: Some(0), ..plain(url) }, "`requests_per_minute` can't be 0"),
        (HttpSettings { deadline: Duration::ZERO, ..plain(url) }, "the deadline can't be 0"),
        (
            HttpSettings {
                limits: Limits { combined: Some(0), ..Limits::USER_TRACK },
                ..plain(url)
            },
            "objects in a request can't be 0",
        ),
        (plain("https://me:pw@localhost"), "holds a user or a password"),
        (plain("rest.example.com"), "it is written as https://HOST"),
        (
            HttpSettings { key: Some(Secret::new("hun ter2")), ..plain(url) },
            "the API key can't be sent",
        ),
    ] {
        let shown = format!("{settings:?}");
        let said = Http::new(settings, |_| {}).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
        assert!(!shown.contains(KEY) && !said.contains("ter2"), "{shown}");
    }
}
