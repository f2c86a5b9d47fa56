//! A failed sync under a whole server, with its profiles, its engine and its journeys: whoever is
//! under way hears no promise, the process is told to end and why, and what was promised before
//! is there when it starts again.

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
use flowrun_server::track::{Limits, Trigger};
use flowrun_server::{Body, Busy, Dispatch, Hosted, Memory, Refusal, Stored, Workspace};
use serde_json::{Value as Json, json};

use crate::machine::Machine;

const WAIT: &str = "canvas: wait\nsteps:\n  - id: hours\n    delay: { for: 5h }\n";

struct Server {
    hosted: Hosted,
    memory: Arc<Memory>,
    engine: Engine,
    clock: Arc<System>,
    _state: flowrun_engine::log::Folder,
}

impl Server {
    fn start(machine: &Machine) -> Server {
        let state = StateFolder::open(&machine.dir(), 2, "a life").expect("a folder");
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
        let server = Server::start(&machine);
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
        let again = Server::start(&machine);
        let known =
            again.memory.read(|directory| directory.profiles.by_external_id("ada").is_some());
        assert!(known, "{place}: what was promised is there");
        let status = again.engine.status();
        assert!((1..=2).contains(&status.entered), "{place}: {status:?}");
        assert_eq!(again.track("eve").await, Ok(201), "{place}");
        drop(again.engine.stop().await);
    }
}
