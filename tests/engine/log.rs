//! Nothing leaves before it is in the log, and what is in the log is done after a crash.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use flowrun_engine::clock::Anchored;
use flowrun_engine::core::Millis;
use flowrun_engine::core::batcher::BatcherSettings;
use flowrun_engine::log::{Embedded, ShardLog};
use flowrun_engine::profile_backends::Memory;
use flowrun_engine::{
    Busy, Channels, Engine, Error, Local, NoAnswers, Nobody, Options, Setup, Writes,
};

use crate::stage::{CANVAS, NOTE, Post, START, Shared, Stage, applied, canvas};

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
async fn a_full_disk_refuses_entries_lets_out_what_was_committed_and_recovers() {
    let stage = Stage::new(NOTE, applied(40));
    stage.enter("ada").await;
    stage.log.full.store(true, Ordering::SeqCst);
    // Whoever is under way when it fills up is told, and is kept for later.
    assert_eq!(stage.engine.enter(CANVAS, "bob", None).await, Err(Busy::Unsaved));
    assert_eq!(stage.engine.enter(CANVAS, "eve", None).await, Err(Busy::NoSpace));
    stage.until(|stage| stage.seen().len() == 1).await;
    assert!(stage.engine.status().disk_full);
    assert_eq!((stage.sent().len(), stage.log.records() > 0), (0, true));
    stage.log.full.store(false, Ordering::SeqCst);
    stage.until(|stage| stage.engine.status().completed == 2).await;
    assert!(!stage.engine.status().disk_full);
    stage.enter("eve").await;
    stage.until(|stage| stage.engine.status().completed == 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_disk_is_full_ends() {
    let stage = Stage::new(NOTE, applied(40));
    stage.log.full.store(true, Ordering::SeqCst);
    assert_eq!(stage.engine.enter(CANVAS, "ada", None).await, Err(Busy::Unsaved));
    let before = stage.now();
    assert_eq!(stage.engine.stop().await, Err(Error::NoSpace));
    assert!((9_000..11_500).contains(&(stage.now() - before)), "{}", stage.now() - before);
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

/// Waits a minute, then writes and tells.
const LATER: &str = r#"
canvas: later
entry: { api: true, reentry: always }
steps:
  - id: minute
    delay: { for: 1m }
  - id: note
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
  - id: tell
    message: { channel: email, body: "visits {{custom_attribute.${visits}}}" }
"#;

fn on_disk(folder: &Path, start: Millis, options: Options) -> (Engine, Post) {
    let clock = Arc::new(Anchored::at(start));
    let local = Arc::new(Local::new(Memory::default(), clock.clone()));
    let post = Post::default();
    let setup = Setup {
        canvases: vec![canvas(LATER)],
        log: Box::new(Embedded::open(folder, options.shards).unwrap()),
        profiles: local.clone(),
        writes: Writes::Here(local),
        channels: Channels::all(Arc::new(post.clone())),
        fetch: Arc::new(NoAnswers),
        clock,
        trace: Box::new(Nobody),
    };
    (Engine::start(options, setup).unwrap(), post)
}

#[tokio::test(start_paused = true)]
async fn a_log_on_disk_brings_everybody_back_with_snapshots_and_without() {
    for snapshot_after in [None, Some(1), Some(40)] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { snapshot_after, ..Options::default() };
        let (engine, _) = on_disk(folder.path(), START, options);
        let users: Vec<String> = (0..20).map(|n| format!("u{n}")).collect();
        for user in &users {
            engine.enter(CANVAS, user, None).await.unwrap();
        }
        let before = engine.status();
        engine.stop().await.unwrap();
        let size = Embedded::open(folder.path(), 1).unwrap().size().unwrap();
        let stands = if snapshot_after.is_some() { 0 } else { size.records };
        assert_eq!(size.records, stands, "a stop leaves snapshots in place of records");
        assert_eq!((before.entered, before.waiting), (20, 20));
        // Nobody was there when the minute was over.
        let (engine, post) = on_disk(folder.path(), START + Millis(3_600_000), options);
        engine.enter(CANVAS, "late", None).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        let status = engine.status();
        assert_eq!((status.entered, status.completed, status.waiting), (21, 20, 1));
        let mut told = post.0.lock().unwrap().clone();
        told.sort();
        let mut expected: Vec<_> = users.iter().map(|user| format!("{user}: visits 1")).collect();
        expected.sort();
        assert_eq!(told, expected, "snapshots after {snapshot_after:?}");
        engine.stop().await.unwrap();
    }
}
