//! How long everybody stands while an operator looks at a million journeys:
//! `cargo test --release -p flowrun-tests --test engine looking -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flowrun_engine::clock::System;
use flowrun_engine::core::batcher::BatcherSettings;
use flowrun_engine::log::{Keep, Memory as MemoryLog};
use flowrun_engine::profile_backends::Memory;
use flowrun_engine::{
    Channels, Engine, Entrance, Local, NoAnswers, Nobody, Options, Setup, Writes,
};

use crate::stage::{CANVAS, Post, Scripted, applied, canvas};

const WAIT: &str = r#"
canvas: wait
entry: { api: true }
steps:
  - id: hours
    delay: { for: 5h }
  - id: tell
    message: { channel: push, body: "hello" }
"#;

const USERS: usize = 1_000_000;
const AT_ONCE: usize = 16_384;

/// From here on shards would have to be looked at one by one; the architecture page has what was measured.
const MOST: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a million journeys: for a release build"]
async fn a_look_at_a_million_journeys_is_brief() {
    let options = Options { snapshot_after: None, ..Options::default() };
    let backend = Arc::new(Scripted::new(BatcherSettings::default(), applied(0)));
    let clock = Arc::new(System::new());
    let setup = Setup {
        canvases: vec![canvas(WAIT)],
        log: Box::new(MemoryLog::new(Keep::Nothing)),
        profiles: Arc::new(Local::new(Memory::default(), clock.clone())),
        writes: Writes::Elsewhere(backend),
        channels: Channels::all(Arc::new(Post::default())),
        fetch: Arc::new(NoAnswers),
        clock,
        trace: Box::new(Nobody),
    };
    let engine = Engine::start(options, setup).unwrap();
    for first in (0..USERS).step_by(AT_ONCE) {
        let entrance = |number: usize| Entrance {
            canvas: CANVAS,
            user: format!("user-{number}").into(),
            context: None,
        };
        let users = (first..USERS.min(first + AT_ONCE)).map(entrance).collect();
        engine.hand_over(users).unwrap();
        engine.committed().await.unwrap();
    }
    assert_eq!(engine.status().waiting, USERS as u64);
    let mut took = Vec::new();
    for _ in 0..9 {
        let look = engine.look(|shards| {
            let began = Instant::now();
            let all: u64 = shards.iter().map(|(_, shard)| shard.steps()[0][0].waiting).sum();
            (all, began.elapsed())
        });
        let (all, elapsed) = look.await.unwrap();
        assert_eq!(all, USERS as u64);
        took.push(elapsed);
    }
    took.sort_unstable();
    println!("a look at {USERS} journeys: {:?} (9 looks: {took:?})", took[4]);
    assert!(took[4] < MOST, "{took:?}");
}
