//! Nothing leaves before it is in the log, and what is in the log is done after a crash.

use std::sync::atomic::Ordering;

use flowrun_engine::core::batcher::BatcherSettings;
use flowrun_engine::{Busy, Error, Options};

use crate::stage::{CANVAS, NOTE, Shared, Stage, applied};

#[tokio::test(start_paused = true)]
async fn an_entry_is_told_of_after_its_commit() {
    let stage = Stage::new(NOTE, applied(40));
    assert_eq!(stage.log.records(), 0);
    stage.enter("ada").await;
    assert!(stage.log.records() > 0);
    assert_eq!(stage.engine.status().entered, 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_committed_is_not_done() {
    let stage = Stage::new(NOTE, applied(40));
    stage.log.left.store(0, Ordering::SeqCst);
    assert_eq!(stage.engine.enter(CANVAS, "ada", None).await, Err(Busy::Failed));
    let ended = stage.engine.ended().await;
    assert!(matches!(ended, Err(Error::Log(_))), "{ended:?}");
    assert_eq!(stage.engine.room(), Err(Busy::Failed));
    stage.pass(10_000).await;
    assert_eq!((stage.seen().len(), stage.sent().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn held_writes_are_sent_again_after_a_crash_under_their_keys() {
    let log = Shared::new();
    let (options, batches) = (Options::default(), BatcherSettings::default());
    let died = Stage::on(log.clone(), NOTE, options, batches, applied(3_600_000));
    for user in ["ada", "bob"] {
        died.enter(user).await;
    }
    died.until(|stage| !stage.seen().is_empty()).await;
    // Its log refuses it from now on: another owner has come.
    let stage = Stage::on(log, NOTE, options, batches, applied(40));
    stage.until(|stage| stage.engine.status().completed == 2).await;
    let keys = |stage: &Stage| -> std::collections::BTreeSet<u128> {
        stage.seen().into_iter().flat_map(|seen| seen.keys).collect()
    };
    assert!(keys(&stage).is_superset(&keys(&died)));
    assert_eq!(keys(&stage).len(), 2);
    let fenced = died.engine.enter(CANVAS, "eve", None).await;
    assert_eq!(fenced, Err(Busy::Failed));
}
