//! The server's profiles in a state folder, with an engine whose log fails when it is told to: what a crash between the two
//! leaves undone is done when it is asked for again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use flowrun_engine::clock::{Anchored, Clock};
use flowrun_engine::{Channels, Engine, NoAnswers, Nobody, Options, Setup, StateFolder, Writes};
use flowrun_server::hosted::{Entrances, Held};
use flowrun_server::track::WriteKey;
use flowrun_server::{Body, Busy, Hosted, Memory, Stored, Workspace};
use serde_json::{Value as Json, json};

use crate::stage::{Post, START, Shared, canvas};

const SIGNED: &str = r#"
canvas: signed
entry: { event: signed_up, reentry: always }
steps:
  - id: note
    user_update:
      json: '{"attributes": [{"welcomed": {"inc": 1}}]}'
"#;

/// One life of a server.
struct Life {
    hosted: Hosted,
    engine: Engine,
    log: Shared,
    clock: Arc<Anchored>,
    memory: Arc<Memory>,
    _state: StateFolder,
}

impl Life {
    /// Goes on from the profiles of a folder, with journeys from nothing.
    fn begin(folder: &Path) -> Life {
        let clock = Arc::new(Anchored::at(START));
        let entrances = Arc::new(Entrances::default());
        let state = StateFolder::open(folder, 4, "life").unwrap();
        let stored = Stored::read(&state, &mut |_| {}).unwrap();
        let memory = Arc::new(Memory::durable(stored, Some(entrances.clone())));
        let held = Arc::new(Held::new(memory.clone(), clock.clone()));
        let log = Shared::new();
        let setup = Setup {
            canvases: vec![canvas(SIGNED)],
            log: Box::new(log.clone()),
            profiles: held.clone(),
            writes: Writes::Here(held),
            channels: Channels::all(Arc::new(Post::default())),
            fetch: Arc::new(NoAnswers),
            clock: clock.clone(),
            trace: Box::new(Nobody),
        };
        let options = Options { snapshot_after: None, ..Options::default() };
        let engine = Engine::start(options, setup).unwrap();
        entrances.lead_to(engine.clone());
        let hosted = Hosted::new(memory.clone(), engine.clone());
        Life { hosted, engine, log, clock, memory, _state: state }
    }

    /// An event of eve's, under a key that is the same every time.
    async fn event(&self) -> Result<u16, Busy> {
        let time = "2026-03-27T10:00:00Z";
        let json =
            json!({ "events": [{ "external_id": "eve", "name": "signed_up", "time": time }] });
        let Json::Object(json) = json else { panic!("an object") };
        let body = Body { json, at_ms: self.clock.now().0 };
        let keys = vec![WriteKey { write: 7, object: 0 }];
        Ok(self.hosted.track(body, Some(keys)).await?.status)
    }

    fn count(&self) -> Option<usize> {
        self.memory.read(|directory| {
            let profile = directory.profiles.by_external_id("eve")?;
            profile.event("signed_up").map(|seen| seen.count as usize)
        })
    }

    async fn end(self) {
        let _ = self.engine.stop().await;
    }
}

#[tokio::test]
async fn an_event_that_a_crash_kept_from_journeys_lets_in_when_it_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::begin(&folder.path().join("state"));
    // The profile is kept, and then the log fails.
    life.log.left.store(0, Ordering::SeqCst);
    assert_eq!(life.event().await, Err(Busy::Failed));
    assert_eq!(life.count(), Some(1));
    life.end().await;

    let life = Life::begin(&folder.path().join("state"));
    assert_eq!(life.count(), Some(1), "the profile has it");
    for _ in 0..2 {
        assert_eq!(life.event().await, Ok(201));
        assert_eq!(life.count(), Some(1), "under its key it counts once");
        assert_eq!(life.engine.status().entered, 1, "and lets in once");
    }
    life.end().await;
}
