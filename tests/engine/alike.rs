//! One logic: the simulation and the engine tell the same story of the same inputs and replies.

use std::sync::Arc;

use flowrun_engine::clock::Anchored;
use flowrun_engine::core::Millis;
use flowrun_engine::core::batcher::{BatcherSettings, Limits, Reply, Request};
use flowrun_engine::core::trace::{Line, What};
use flowrun_engine::log::{Keep, Memory as Log};
use flowrun_engine::profile_backends::{About, Memory, ProfileBackend};
use flowrun_engine::{Channels, Engine, Local, NoAnswers, Options, Setup, Writes};
use flowrun_simulation::{
    self as simulation, Arrival, NoAnswers as NoFixtures, Outside, Silent, Simulation, Watcher,
};

use crate::stage::{CANVAS, Lines, Post, START, canvas};

/// Branches, waits, two writes, an event in one of them, messages.
const STORY: &str = r#"
canvas: story
time_zone: Europe/Paris
entry: { api: true, reentry: always }
steps:
  - id: hello
    message: { channel: email, body: "Hello {{${first_name} | default: 'you'}}" }
  - id: night
    delay: { for: 1d, at: "09:00", zone: user }
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}], "events": [{"name": "noted", "time": "2026-03-27T10:00:00Z"}]}'
  - id: sort
    decision_split:
      if: "{{custom_attribute.${visits}}} > 1"
      then: again
      else: first
  - id: again
    message: { channel: push, body: "again" }
    next: last
  - id: first
    message: { channel: push, body: "first" }
    next: last
  - id: last
    user_update:
      json: '{"attributes": [{"told": true}]}'
"#;

const LATENCY: Millis = Millis(40);
const USERS: usize = 200;

/// Answers after the simulation's latency.
struct Slow(Local);

#[async_trait::async_trait]
impl ProfileBackend for Slow {
    fn about(&self) -> &About {
        self.0.about()
    }

    async fn commit(&self, request: &Request) -> Reply {
        let reply = self.0.commit(request).await;
        tokio::time::sleep(std::time::Duration::from_millis(LATENCY.0 as u64)).await;
        reply
    }
}

#[derive(Default)]
struct Told(Vec<Line>);

impl Watcher for Told {
    fn line(&mut self, line: &Line) {
        self.0.push(line.clone());
    }
}

/// Each write in a request of its own: who shares one with whom depends on how fast messages go out, which takes no time
/// in a simulation, and threads in the engine.
fn store() -> Memory {
    Memory::new(BatcherSettings {
        limits: Limits { attributes: 1, events: 1, purchases: 1, combined: None },
        in_flight: 2 * USERS,
        per_minute: None,
        ..BatcherSettings::default()
    })
}

fn users() -> Vec<String> {
    // Some come twice.
    (0..USERS).map(|n| format!("u{}", n % (USERS - 20))).collect()
}

fn simulated() -> Vec<Line> {
    let options = simulation::Options {
        start: START,
        shards: 4,
        latency: LATENCY,
        threads: 1,
        ..simulation::Options::default()
    };
    let mut run = Simulation::new(options, store());
    run.add_canvas(canvas(STORY));
    run.add_arrivals(users().into_iter().map(|user| Arrival {
        at: START,
        canvas: CANVAS,
        user: user.into(),
        context: None,
    }));
    let mut told = Told::default();
    run.run(&mut Outside { channel: &mut Silent, fetch: &mut NoFixtures }, &mut told);
    told.0
}

async fn lived() -> Vec<Line> {
    let clock = Arc::new(Anchored::at(START));
    let local = Arc::new(Local::new(Memory::default(), clock.clone()));
    let lines = Lines::default();
    let slow = Slow(Local::new(store(), clock.clone()));
    let setup = Setup {
        canvases: vec![canvas(STORY)],
        log: Box::new(Log::new(Keep::Nothing)),
        profiles: local,
        writes: Writes::Elsewhere(Arc::new(slow)),
        channels: Channels::all(Arc::new(Post::default())),
        fetch: Arc::new(NoAnswers),
        clock,
        trace: Box::new(lines.clone()),
    };
    let engine = Engine::start(Options::default(), setup).unwrap();
    let entrances = users().into_iter().map(|user| flowrun_engine::Entrance {
        canvas: CANVAS,
        user: user.into(),
        context: None,
    });
    engine.hand_over(entrances.collect()).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3 * 86_400)).await;
    assert_eq!(engine.status().completed, USERS as u64);
    lines.0.lock().unwrap().clone()
}

/// What happened to each user, in order; who shares a request with whom is no user's business.
fn by_user(lines: &[Line]) -> Vec<String> {
    let mut told: Vec<(Option<&str>, usize, String)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !matches!(line.what, What::Request { .. } | What::Reply { .. }) {
            told.push((line.user.as_deref(), at, serde_json::to_string(line).unwrap()));
        }
    }
    told.sort();
    told.into_iter().map(|(_, _, text)| text).collect()
}

#[tokio::test(start_paused = true)]
async fn the_same_story_is_told_to_the_millisecond() {
    let (one, other) = (by_user(&simulated()), by_user(&lived().await));
    assert!(one.len() > USERS * 10);
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}
