//! A state folder with an engine in it, as `flowrun serve --state` has them; only messages go
//! nowhere, and time can be moved on.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flowrun_canvas::{NoFiles, Source, load, render_text};
use flowrun_engine::clock::{Clock, System};
use flowrun_engine::core::{Canvas, CanvasIx, Millis, Send as Message, SendOutcome};
use flowrun_engine::log::{Folder, Registry};
use flowrun_engine::{
    Busy, Channel, Channels, Engine, Entrance, NoAnswers, Nobody, Options, Setup, StateFolder,
    Writes,
};
use flowrun_server::hosted::Held;
use flowrun_server::track::{Array, Object, Profile};
use flowrun_server::{Memory, Stored};

/// Message, update, delay, message.
pub const JOURNEY: &str = r#"
canvas: journey
entry: { api: true }
steps:
  - id: hello
    message: { channel: email, body: "Hello" }
  - id: note
    user_update:
      json: '{"attributes": [{"greeted": true}]}'
  - id: days
    delay: { for: 2d }
  - id: again
    message: { channel: email, body: "Hello again" }
"#;

/// Message and delay alone: nobody gets a profile by it.
pub const WAIT: &str = r#"
canvas: wait
entry: { api: true }
steps:
  - id: hello
    message: { channel: email, body: "Hello" }
  - id: days
    delay: { for: 2d }
  - id: again
    message: { channel: email, body: "Hello again" }
"#;

pub const NODES: usize = 4;
pub const CANVAS: CanvasIx = CanvasIx(0);

/// The machine's clock, and how far it was moved on.
pub struct Moved {
    clock: System,
    by: AtomicI64,
}

impl Moved {
    pub fn on(&self, by: Millis) {
        self.by.fetch_add(by.0, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for Moved {
    fn now(&self) -> Millis {
        self.clock.now() + Millis(self.by.load(Ordering::SeqCst))
    }

    fn steady(&self) -> Millis {
        self.clock.steady()
    }

    async fn wait(&self, length: Millis) {
        // So that a clock which was moved on is looked at soon.
        tokio::time::sleep(Duration::from_millis(length.0.clamp(1, 5) as u64)).await;
    }
}

/// Takes messages, and keeps none.
struct Nowhere;

impl Channel for Nowhere {
    fn send(&self, _: Millis, messages: &[Message]) -> Vec<SendOutcome> {
        vec![SendOutcome::Sent; messages.len()]
    }

    // As for lines in a file.
    fn at_once(&self) -> usize {
        4_096
    }
}

pub struct Place {
    pub engine: Engine,
    pub clock: Arc<Moved>,
    /// Held for as long as the engine works.
    _folder: (Folder, Registry),
}

impl Place {
    /// Brings back what is in the folder, and puts those profiles in that aren't there. To be
    /// called in a runtime.
    pub async fn open(folder: &Path, yaml: &str, users: usize) -> Place {
        let options = Options::default();
        let state = StateFolder::open(folder, options.shards, "bench").expect("a state folder");
        let stored = Stored::read(&state, &mut |_| {}).expect("profiles");
        let memory = Arc::new(Memory::durable(stored, None));
        for first in (0..users).step_by(50_000) {
            let some = (first..users.min(first + 50_000)).map(profile);
            memory.introduce(some).await.expect("the disk takes them");
        }
        let clock = Arc::new(Moved { clock: System::new(), by: AtomicI64::new(0) });
        let held = Arc::new(Held::new(memory, clock.clone()));
        let StateFolder { log, registry, holder } = state;
        let setup = Setup {
            canvases: vec![canvas(yaml)],
            log: Box::new(log),
            profiles: held.clone(),
            writes: Writes::Here(held),
            channels: Channels::all(Arc::new(Nowhere)),
            fetch: Arc::new(NoAnswers),
            clock: clock.clone(),
            trace: Box::new(Nobody),
        };
        let engine = Engine::start(options, setup).expect("an engine");
        Place { engine, clock, _folder: (holder, registry) }
    }

    /// Lets users in, so many at once; ends when all are committed.
    pub async fn let_in(&self, users: Range<usize>, at_once: usize) {
        for first in users.clone().step_by(at_once) {
            let some = entrances(first..users.end.min(first + at_once));
            // Whoever is refused comes again: writes of those before may be too many.
            while let Err(Busy::Full) = self.engine.hand_over(some.clone()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.engine.committed().await.expect("it is committed");
        }
    }

    pub async fn until(&self, is_so: impl Fn(&flowrun_engine::Status) -> bool) {
        while !is_so(&self.engine.status()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn canvas(yaml: &str) -> Arc<Canvas> {
    let source = Source { path: "bench.yaml".into(), text: yaml.into() };
    let loaded = load(source, &flowrun_steps::catalogue(), &NoFiles);
    let report = render_text(&loaded.diagnostics, &loaded.sources, false);
    Arc::new(loaded.canvas.unwrap_or_else(|| panic!("{report}")))
}

fn profile(user: usize) -> Profile {
    let json = serde_json::json!({ "first_name": format!("Name{}", user % 1000) });
    let object = Object::parse(Array::Attributes, json.as_object().expect("an object"));
    let mut profile = Profile::new(&name(user));
    let _ = object.expect("a good object").apply(&mut profile, 0);
    profile
}

pub fn name(user: usize) -> String {
    format!("user-{user:08}")
}

fn entrances(users: Range<usize>) -> Vec<Entrance> {
    let entrance =
        |user| Entrance { canvas: CANVAS, user: name(user).into_boxed_str(), context: None };
    users.map(entrance).collect()
}
