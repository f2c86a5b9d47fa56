//! Nothing grows without end: who can't be served is told so, and timers wait.

use std::sync::atomic::Ordering;

use flowrun_engine::core::batcher::{BatcherSettings, Limits};
use flowrun_engine::{Busy, Entrance, Options};

use crate::stage::{CANVAS, NOTE, Stage, applied};

/// Waits a minute, then writes.
const LATER: &str = r#"
canvas: later
entry: { api: true, reentry: always }
steps:
  - id: minute
    delay: { for: 1m }
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
"#;

fn entrance(user: String) -> Entrance {
    Entrance { canvas: CANVAS, user: user.into(), context: None }
}

#[tokio::test(start_paused = true)]
async fn a_slow_backend_closes_the_entrance_and_holds_timers_back() {
    let options = Options { most_writes: 2, shards: 1, ..Options::default() };
    let batches = BatcherSettings {
        limits: Limits { attributes: 1, ..Limits::USER_TRACK },
        in_flight: 1,
        ..BatcherSettings::default()
    };
    let stage = Stage::with(LATER, options, batches, applied(200_000));
    for user in ["a", "b", "c"] {
        stage.enter(user).await;
        stage.pass(1_000).await;
    }
    // Two writes are waiting when the third user's timer is due.
    stage.pass(120_000).await;
    let status = stage.engine.status();
    assert_eq!((status.crowded, status.held, status.waiting), (true, 2, 1));
    assert_eq!(stage.engine.enter(CANVAS, "d", None).await, Err(Busy::Full));
    assert_eq!(stage.engine.event("d", "e", None).await, Err(Busy::Full));
    stage.until(|stage| stage.engine.status().completed == 3).await;
    stage.enter("d").await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_all_of_a_call_or_none() {
    let options = Options { most_waiting: 3, ..Options::default() };
    let stage = Stage::with(NOTE, options, BatcherSettings::default(), applied(40));
    let many = |from: usize, to: usize| (from..to).map(|n| entrance(format!("u{n}"))).collect();
    // The engine doesn't get to run in between.
    assert_eq!(stage.engine.hand_over(many(0, 2)), Ok(()));
    assert_eq!(stage.engine.hand_over(many(2, 4)), Err(Busy::Full));
    assert_eq!(stage.engine.hand_over(many(4, 5)), Ok(()));
    assert_eq!(stage.engine.room(), Err(Busy::Full));
    stage.engine.committed().await.unwrap();
    assert_eq!(stage.engine.room(), Ok(()));
    assert_eq!(stage.engine.status().entered, 3);
    // What is larger than the whole queue enters an empty one.
    assert_eq!(stage.engine.hand_over(many(10, 30)), Ok(()));
    stage.engine.committed().await.unwrap();
    assert_eq!(stage.engine.status().entered, 23);
}

#[tokio::test(start_paused = true)]
async fn as_many_requests_are_under_way_as_the_backend_takes() {
    let batches = BatcherSettings {
        limits: Limits { attributes: 1, ..Limits::USER_TRACK },
        in_flight: 3,
        per_minute: None,
        ..BatcherSettings::default()
    };
    let stage = Stage::with(NOTE, Options::default(), batches, applied(100));
    stage.engine.hand_over((0..30).map(|n| entrance(format!("u{n}"))).collect()).unwrap();
    stage.until(|stage| stage.engine.status().completed == 30).await;
    assert_eq!(stage.backend.most_under_way.load(Ordering::SeqCst), 3);
    assert_eq!(stage.seen().len(), 30);
    assert!((1_000..1_100).contains(&stage.now()), "ten rounds of three: {}", stage.now());
}
