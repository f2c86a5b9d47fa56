//! A stop takes nothing more, finishes what it can, and ends in any case.

use flowrun_engine::core::Outcome;
use flowrun_engine::core::batcher::{Answers, BatcherSettings};
use flowrun_engine::{Busy, Options};

use crate::stage::{CANVAS, NOTE, Stage, applied};

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_finished() {
    let stage = Stage::new(NOTE, applied(4_000));
    stage.enter("ada").await;
    stage.pass(100).await;
    let (stopped, late) = tokio::join!(stage.engine.stop(), async {
        stage.pass(100).await;
        stage.engine.enter(CANVAS, "bob", None).await
    });
    assert_eq!(stopped.clone().map(|ended| ended.unfinished), Ok(0));
    assert_eq!(late, Err(Busy::Stopping));
    // Released by the reply, ada went on to the end.
    assert_eq!(stage.sent(), ["ada: visits 1"]);
    assert_eq!(stage.engine.status().completed, 1);
    assert_eq!(stage.engine.enter(CANVAS, "eve", None).await, Err(Busy::Stopping));
    assert_eq!(stage.engine.stop().await, stopped);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_stops_nobody_from_stopping() {
    let options = Options::default();
    let stage = Stage::with(NOTE, options, BatcherSettings::default(), applied(3_600_000));
    stage.enter("ada").await;
    stage.pass(100).await;
    let before = stage.now();
    assert_eq!(stage.engine.stop().await.map(|ended| ended.unfinished), Ok(1));
    let took = stage.now() - before;
    assert!((10_000..11_000).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_timers() {
    let script = |_: u64, _: &flowrun_engine::core::batcher::Request| {
        (40, Answers::All(Outcome::Unknown("gone".into())))
    };
    let stage = Stage::new(NOTE, Box::new(script));
    stage.enter("ada").await;
    stage.until(|stage| stage.seen().len() == 2).await;
    stage.pass(100).await;
    let before = stage.now();
    assert_eq!(stage.engine.stop().await.map(|ended| ended.unfinished), Ok(0));
    assert!(stage.now() - before < 1_000, "the next attempt is a timer of the shard");
}
