//! A whole server, with its profiles, its engine and its journeys, on a disk that fails.
//!
//! Under a failed sync whoever is under way hears no promise, the process is told to end and why,
//! and what was promised before is there when it starts again. What a maintenance has queued is
//! there after a power cut at any moment, and applied once.

use std::sync::Arc;
use std::time::Duration;

use flowrun_canvas::{NoFiles, Source, load};
use flowrun_engine::clock::{Clock, System};
use flowrun_engine::core::Send as Message;
use flowrun_engine::core::{Millis, SendOutcome};
use flowrun_engine::{
    Channel, Channels, Engine, NoAnswers, Nobody, Options, Setup, StateFolder, Writes,
};
use flowrun_server::hosted::{Entrances, Held};
use flowrun_server::track::{Limits, Trigger, Value};
use flowrun_server::{
    Body, Busy, Dispatch, Hosted, Maintenance, Memory, Refusal, Stored, Workspace,
};
use serde_json::{Value as Json, json};

use crate::disk::Survivors;
use crate::machine::Machine;

const WAIT: &str = r#"
canvas: wait
entry: { api: true, event: done, reentry: always }
steps:
  - id: hours
    delay: { for: 5h }
  - id: tell
    message: { channel: push, body: "hello" }
"#;

struct Server {
    hosted: Hosted,
    memory: Arc<Memory>,
    engine: Engine,
    clock: Arc<System>,
    _state: flowrun_engine::log::Folder,
}

impl Server {
    async fn start(machine: &Machine, maintenance: Maintenance) -> Server {
        let state = StateFolder::open(machine.dir(), 2, "a life").expect("a folder");
        let stored = Stored::read(&state, &mut |_| {}).expect("profiles");
        let entrances = Arc::new(Entrances::default());
        let memory = Arc::new(Memory::durable(stored, Some(entrances.clone())));
        let clock = Arc::new(System::new());
        let held = Arc::new(Held::new(memory.clone(), clock.clone()));
        let source = Source { path: "wait.yaml".into(), text: WAIT.into() };
        let canvas = load(source, &flowrun_steps::catalogue(), &NoFiles).canvas.expect("a Canvas");
        let setup = Setup {
            canvases: vec![Arc::new(canvas)],
            log: Box::new(state.log),
            profiles: held.clone(),
            writes: Writes::Here(held),
            channels: Channels::all(Arc::new(Silent)),
            fetch: Arc::new(NoAnswers),
            clock: clock.clone(),
            trace: Box::new(Nobody),
        };
        let options = Options { shards: 2, ..Options::default() };
        let engine = Engine::start(options, setup).expect("an engine");
        entrances.lead_to(engine.clone());
        let hosted = Hosted::new(memory.clone(), engine.clone());
        hosted.go_on(maintenance).await;
        Server { hosted, memory, engine, clock, _state: state.holder }
    }

    fn body(&self, json: Json) -> Body {
        let Json::Object(json) = json else { panic!("an object") };
        Body { json, at_ms: self.clock.now().0 }
    }

    async fn track(&self, user: &str) -> Result<u16, Busy> {
        let body = self.body(json!({ "attributes": [{ "external_id": user }] }));
        Ok(self.hosted.track(body, None).await?.status)
    }

    async fn trigger(&self, user: &str) -> Result<(), Refusal> {
        let recipients = [json!({ "external_user_id": user })];
        let body = self.body(json!({ "canvas_id": "wait", "recipients": recipients }));
        let trigger = Trigger::parse(&body.json, &Limits::default()).expect("a trigger");
        self.hosted.trigger(trigger, &Dispatch("d".into()), body.at_ms).await
    }

    /// Why the process must end.
    async fn fault(&self) -> String {
        let fault = async {
            tokio::select! {
                ended = self.engine.ended() => ended.expect_err("nobody has stopped it").to_string(),
                fault = self.memory.fault() => fault.to_string(),
            }
        };
        tokio::time::timeout(Duration::from_secs(20), fault).await.expect("it ends")
    }
}

/// Nobody sends anything here.
struct Silent;

impl Channel for Silent {
    fn send(&self, _: Millis, messages: &[Message]) -> Vec<SendOutcome> {
        vec![SendOutcome::Sent; messages.len()]
    }
}

/// Which file can't be synced, what is asked for then, and what the process says.
const ROWS: &[(&str, Asked, &str)] = &[
    ("log.redb", Asked::Enter, "the log in /srv/state can't be written any more"),
    ("directory.redb", Asked::Write, "the profiles in /srv/state can't be written any more"),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Enter,
    Write,
}

#[tokio::test]
async fn a_failed_sync_promises_nothing_and_ends_the_process_with_its_reason() {
    for (file, asked, reason) in ROWS {
        let place = format!("{file}, {asked:?}");
        let machine = Machine::new();
        let server = Server::start(&machine, Maintenance::Ends).await;
        for user in ["ada", "bob"] {
            assert_eq!(server.track(user).await, Ok(201), "{place}");
        }
        assert_eq!(server.trigger("ada").await, Ok(()), "{place}");
        machine.break_syncs(Some(file));
        let refused = match asked {
            Asked::Enter => server.trigger("bob").await,
            Asked::Write => server.track("bob").await.map(drop).map_err(Refusal::Busy),
        };
        assert_eq!(refused, Err(Refusal::Busy(Busy::Failed)), "{place}");
        let fault = server.fault().await;
        assert!(fault.contains(reason) && fault.contains("start it again"), "{place}: {fault}");
        let again = match asked {
            Asked::Enter => server.trigger("bob").await,
            Asked::Write => server.track("bob").await.map(drop).map_err(Refusal::Busy),
        };
        assert!(again.is_err(), "{place}: nothing is promised from then on");
        drop(server.engine.stop().await);
        drop(server);
        machine.break_syncs(None);
        let again = Server::start(&machine, Maintenance::Ends).await;
        let known =
            again.memory.read(|directory| directory.profiles.by_external_id("ada").is_some());
        assert!(known, "{place}: what was promised is there");
        let status = again.engine.status();
        assert!((1..=2).contains(&status.entered), "{place}: {status:?}");
        assert_eq!(again.track("eve").await, Ok(201), "{place}");
        drop(again.engine.stop().await);
    }
}

/// Adds one to what ada has, and lets her in.
async fn count(server: &Server) -> Result<u16, Busy> {
    let event = json!({ "external_id": "ada", "name": "done", "time": "2026-05-01T00:00:00Z" });
    let attribute = json!({ "external_id": "ada", "count": { "inc": 1 } });
    let body = server.body(json!({ "attributes": [attribute], "events": [event] }));
    Ok(server.hosted.track(body, None).await?.status)
}

fn counted(server: &Server) -> i64 {
    server.memory.read(|directory| {
        let ada = directory.profiles.by_external_id("ada");
        match ada.and_then(|ada| ada.custom("count")) {
            Some(Value::Int(count)) => *count,
            None => 0,
            other => panic!("{other:?}"),
        }
    })
}

const WRITES: usize = 3;

#[tokio::test]
async fn what_a_maintenance_has_queued_is_applied_once_after_a_power_cut_at_any_moment() {
    let begun = Machine::new();
    drop(Server::start(&begun, Maintenance::Ends).await.engine.stop().await);
    let machine = begun.settled();
    let server = Server::start(&machine, Maintenance::Begins).await;
    let first = machine.events();
    for _ in 0..WRITES {
        assert_eq!(count(&server).await, Ok(202));
        machine.acknowledge();
    }
    server.hosted.maintain(Maintenance::Ends).await;
    machine.acknowledge();
    let (mut cuts, mut twice) = (0, 0);
    for event in (first..=machine.events()).filter(|at| *at == 0 || machine.is_operation(at - 1)) {
        let promised = machine.acknowledged(event).min(WRITES) as i64;
        for survivors in [Survivors::None, Survivors::All, Survivors::Torn] {
            let place = format!("cut after event {event}, {survivors:?}");
            let left = machine.after_cut(event, survivors);
            for start in 0..2 {
                let server = Server::start(&left, Maintenance::Ends).await;
                let count = counted(&server);
                let ahead = (promised + 1).min(WRITES as i64);
                assert!((promised..=ahead).contains(&count), "{place}, start {start}: {count}");
                // Journeys hear of each at least once.
                let entered = server.engine.status().entered as i64;
                assert!((count..=2 * count).contains(&entered), "{place}: {entered} of {count}");
                twice += usize::from(entered > count);
                assert_eq!(server.memory.read(|all| all.profiles.len()), usize::from(count > 0));
                drop(server.engine.stop().await);
            }
            cuts += 1;
        }
    }
    assert!(cuts > 60, "{cuts} {twice}");
}
