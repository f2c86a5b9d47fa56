//! The server's profiles with an engine behind them: what the API changes is what steps read and updates are written to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use flowrun_engine::clock::{Anchored, Clock};
use flowrun_engine::core::Outcome;
use flowrun_engine::core::batcher::{Answers, BatcherSettings, Reply, Request};
use flowrun_engine::profile_backends::{About, ProfileBackend};
use flowrun_engine::{Channels, Engine, NoAnswers, Nobody, Options, Setup, Writes};
use flowrun_server::hosted::{Entrances, Held, directory};
use flowrun_server::track::{Limits, Trigger, Value};
use flowrun_server::{
    Body, Busy, Dispatch, Hosted, Memory, Planned, Refusal, ScheduleId, Timing, Workspace,
};
use serde_json::{Value as Json, json};

use crate::stage::{NOTE, Post, START, Scripted, Shared, applied, canvas};

/// Lets users in by an event, and writes.
const SIGNED: &str = r#"
canvas: signed
entry: { event: signed_up, reentry: always }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"welcomed": {"inc": 1}}], "events": [{"name": "signed_up", "time": "2026-03-27T10:00:00Z"}]}'
"#;

struct Desk {
    memory: Arc<Memory>,
    hosted: Hosted,
    engine: Engine,
    post: Post,
    log: Shared,
    clock: Arc<Anchored>,
}

impl Desk {
    fn new(backend: impl FnOnce(Arc<Held>) -> Writes) -> Desk {
        Desk::with(Options::default(), backend)
    }

    fn with(options: Options, backend: impl FnOnce(Arc<Held>) -> Writes) -> Desk {
        let clock = Arc::new(Anchored::at(START));
        let entrances = Arc::new(Entrances::default());
        let mut directory = directory([]).unwrap();
        directory.blocked.insert("bob".into());
        let memory = Arc::new(Memory::new(directory, Some(entrances.clone())));
        let held = Arc::new(Held::new(memory.clone(), clock.clone()));
        let (post, log) = (Post::default(), Shared::new());
        let setup = Setup {
            canvases: vec![canvas(NOTE), canvas(SIGNED)],
            log: Box::new(log.clone()),
            profiles: held.clone(),
            writes: backend(held),
            channels: Channels::all(Arc::new(post.clone())),
            fetch: Arc::new(NoAnswers),
            clock: clock.clone(),
            trace: Box::new(Nobody),
        };
        let engine = Engine::start(options, setup).unwrap();
        entrances.lead_to(engine.clone());
        let hosted = Hosted::new(memory.clone(), engine.clone());
        Desk { memory, hosted, engine, post, log, clock }
    }

    fn body(&self, json: Json) -> Body {
        let Json::Object(json) = json else { panic!("an object") };
        Body { json, at_ms: self.clock.now().0 }
    }

    async fn track(&self, json: Json) -> Result<u16, Busy> {
        Ok(self.hosted.track(self.body(json), None).await?.status)
    }

    async fn event(&self, user: &str) -> Result<u16, Busy> {
        let time = "2026-03-27T10:00:00Z";
        self.track(
            json!({ "events": [{ "external_id": user, "name": "signed_up", "time": time }] }),
        )
        .await
    }

    async fn trigger(&self, users: &[&str]) -> Result<(), Refusal> {
        let (trigger, at_ms) = self.letter(users);
        self.hosted.trigger(trigger, &Dispatch("d".into()), at_ms).await
    }

    fn letter(&self, users: &[&str]) -> (Trigger, i64) {
        let recipients: Vec<Json> =
            users.iter().map(|user| json!({ "external_user_id": user })).collect();
        let body = self.body(json!({ "canvas_id": "note", "recipients": recipients }));
        (Trigger::parse(&body.json, &Limits::default()).unwrap(), body.at_ms)
    }

    fn number(&self, user: &str, attribute: &str) -> Option<i64> {
        self.memory.read(|directory| {
            let profile = directory.profiles.by_external_id(user)?;
            match profile.custom(attribute)? {
                Value::Int(number) => Some(*number),
                other => panic!("{attribute} is {other:?}"),
            }
        })
    }

    async fn settle(&self) {
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_api_writes_is_read_and_updates_are_written_beside_it() {
    let desk = Desk::new(|held| Writes::Here(held));
    let visits =
        |visits: i64| json!({ "attributes": [{ "external_id": "ada", "visits": visits }] });
    assert_eq!(desk.track(visits(41)).await, Ok(201));
    desk.trigger(&["ada"]).await.unwrap();
    // The entry is in the log before the API answers.
    assert!(desk.log.records() > 0);
    desk.settle().await;
    assert_eq!(desk.number("ada", "visits"), Some(42));
    assert_eq!(*desk.post.0.lock().unwrap(), ["ada: visits 42"]);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_lets_in_when_it_is_due() {
    let desk = Desk::new(|held| Writes::Here(held));
    desk.track(json!({ "attributes": [{ "external_id": "ada" }] })).await.unwrap();
    let (trigger, now) = desk.letter(&["ada"]);
    let (dispatch, id, due) = (Dispatch("d".into()), ScheduleId("s".into()), now + 60_000);
    let planned = Planned { trigger, written: Default::default() };
    desk.hosted.schedule(planned, &dispatch, &id, Timing::At { ms: due }, now).await.unwrap();
    assert_eq!(desk.hosted.wake(now).await, Some(due));
    assert_eq!(desk.engine.handed_over(), 0);
    desk.hosted.wake(due).await;
    desk.settle().await;
    assert_eq!(desk.number("ada", "visits"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn events_let_in_and_what_journeys_write_does_not() {
    let desk = Desk::new(|held| Writes::Here(held));
    assert_eq!(desk.event("eve").await, Ok(201));
    desk.settle().await;
    assert_eq!(desk.number("eve", "welcomed"), Some(1));
    assert_eq!(desk.engine.status().entered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_object_takes_no_neighbour_along() {
    let desk = Desk::new(|held| Writes::Here(held));
    for user in ["ada", "bob"] {
        desk.engine.enter(crate::stage::CANVAS, user, None).await.unwrap();
    }
    desk.settle().await;
    let status = desk.engine.status();
    assert_eq!((status.completed, status.exited, status.dead_letters), (1, 1, 1));
    assert_eq!((desk.number("ada", "visits"), desk.number("bob", "visits")), (Some(1), None));
}

/// Writes, and the first time loses the answer.
struct Forgetful {
    held: Arc<Held>,
    lost: AtomicBool,
}

#[async_trait]
impl ProfileBackend for Forgetful {
    fn about(&self) -> &About {
        self.held.about()
    }

    async fn commit(&self, request: &Request) -> Reply {
        let reply = self.held.commit(request).await;
        match self.lost.swap(true, Ordering::SeqCst) {
            true => reply,
            false => Reply::new(None, Answers::All(Outcome::Unknown("lost".into()))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_under_its_key_changes_nothing_again() {
    let desk =
        Desk::new(|held| Writes::Here(Arc::new(Forgetful { held, lost: AtomicBool::new(false) })));
    desk.engine.enter(crate::stage::CANVAS, "ada", None).await.unwrap();
    desk.settle().await;
    assert_eq!(desk.engine.status().completed, 1);
    assert_eq!(desk.number("ada", "visits"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_elsewhere_is_read_here() {
    let elsewhere = Arc::new(Scripted::new(BatcherSettings::default(), applied(40)));
    let desk = Desk::new(|_| Writes::Elsewhere(elsewhere));
    desk.engine.enter(crate::stage::CANVAS, "ada", None).await.unwrap();
    desk.settle().await;
    assert_eq!(*desk.post.0.lock().unwrap(), ["ada: visits 1"]);
    assert_eq!(desk.number("ada", "visits"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn no_answer_promises_what_is_not_committed() {
    let desk = Desk::new(|held| Writes::Here(held));
    desk.track(json!({ "attributes": [{ "external_id": "ada" }] })).await.unwrap();
    desk.log.left.store(0, Ordering::SeqCst);
    assert_eq!(desk.trigger(&["ada"]).await, Err(Refusal::Busy(Busy::Failed)));
    assert_eq!(desk.event("eve").await, Err(Busy::Failed));
}

#[tokio::test(start_paused = true)]
async fn while_the_backend_is_slow_entries_are_refused_and_attributes_are_not() {
    let options = Options { most_writes: 1, ..Options::default() };
    let slow = Arc::new(Scripted::new(BatcherSettings::default(), applied(60_000)));
    let desk = Desk::with(options, |_| Writes::Elsewhere(slow));
    desk.track(json!({ "attributes": [{ "external_id": "ada" }] })).await.unwrap();
    desk.trigger(&["ada"]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(desk.trigger(&["ada"]).await, Err(Refusal::Busy(Busy::Full)));
    assert_eq!(desk.event("eve").await, Err(Busy::Full));
    assert_eq!(desk.track(json!({ "attributes": [{ "external_id": "eve" }] })).await, Ok(201));
    desk.settle().await;
    assert_eq!(desk.event("eve").await, Ok(201));
}
