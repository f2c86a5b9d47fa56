//! What operators do with a running engine, and what users would notice of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_engine::clock::{Anchored, Clock};
use flowrun_engine::core::batcher::{Answers, BatcherSettings};
use flowrun_engine::core::{LetterId, LetterLimits, Millis, Outcome, Replay, ShardId};
use flowrun_engine::log::Embedded;
use flowrun_engine::profile_backends::Memory;
use flowrun_engine::{Busy, Channels, Engine, Local, NoAnswers, Nobody, Options, Setup, Writes};

use crate::stage::{CANVAS, NOTE, Post, START, Stage, applied, canvas};

#[tokio::test(start_paused = true)]
async fn a_deleted_user_gets_nothing_any_more_and_comes_anew_under_new_keys() {
    let stage = Stage::new(NOTE, applied(5_000));
    stage.enter("ada").await;
    stage.until(|stage| stage.seen().len() == 1).await;
    stage.engine.delete(&["ada", "nobody"]).await.unwrap();
    let status = stage.engine.status();
    assert_eq!((status.deleted, status.held, status.users), (1, 0, 0));
    stage.pass(10_000).await;
    assert_eq!(stage.sent(), [""; 0], "the reply that came late moves nobody");
    assert!(stage.kinds().contains(&"exited ada deleted".into()), "{:?}", stage.kinds());
    stage.enter("ada").await;
    stage.until(|stage| stage.engine.status().completed == 1).await;
    let seen = stage.seen();
    assert_ne!(seen[0].keys, seen[1].keys, "a backend that remembers the first writes the second");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_request_is_withdrawn_with_its_user() {
    let batches = BatcherSettings { in_flight: 1, ..BatcherSettings::default() };
    let stage = Stage::with(NOTE, Options::default(), batches, applied(5_000));
    for user in ["ada", "bob", "eve"] {
        stage.enter(user).await;
    }
    stage.engine.delete(&["bob"]).await.unwrap();
    stage.until(|stage| stage.engine.status().completed == 2).await;
    stage.pass(60_000).await;
    let objects: usize = stage.seen().iter().map(|seen| seen.keys.len()).sum();
    assert_eq!(objects, 2, "nothing of bob's was asked for");
    assert_eq!(stage.engine.status().writes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_paused_canvas_stands_still_and_goes_on_where_it_stood() {
    let stage = Stage::new(NOTE, applied(5_000));
    stage.enter("ada").await;
    stage.engine.pause("note").await.unwrap();
    stage.enter("bob").await;
    stage.pass(60_000).await;
    let status = stage.engine.status();
    assert_eq!((status.held, status.turned_away, stage.sent().len()), (0, 1, 0));
    let steps = stage.engine.look(|shards| {
        let parked = shards.iter().flat_map(|(_, shard)| shard.steps().remove(0));
        parked.map(|step| step.parked).sum::<u64>()
    });
    assert_eq!(steps.await, Ok(1), "released by its write, and no further");
    stage.engine.pause("note").await.unwrap();
    stage.engine.resume("note").await.unwrap();
    stage.engine.resume("of nobody").await.unwrap();
    stage.until(|stage| stage.engine.status().completed == 1).await;
    assert_eq!(stage.sent(), ["ada: visits 1"]);
    stage.enter("bob").await;
    stage.until(|stage| stage.engine.status().completed == 2).await;
}

async fn letters(stage: &Stage) -> Vec<(ShardId, LetterId, Replay)> {
    let look = stage.engine.look(|shards| {
        let letters = shards.iter().flat_map(|(id, shard)| {
            shard.dead_letters().map(|letter| (*id, letter.id, letter.replay)).collect::<Vec<_>>()
        });
        letters.collect()
    });
    look.await.unwrap()
}

/// The first two requests are refused.
fn refuses_two() -> crate::stage::Script {
    Box::new(|number, _| {
        let refused = Outcome::Refused("no such attribute".into());
        (40, Answers::All(if number < 3 { refused } else { Outcome::Applied }))
    })
}

#[tokio::test(start_paused = true)]
async fn with_too_many_dead_letters_nobody_enters_until_they_are_dealt_with() {
    let most_letters = LetterLimits { count: 1, ..LetterLimits::default() };
    let options = Options { most_letters, ..Options::default() };
    let stage = Stage::with(NOTE, options, BatcherSettings::default(), refuses_two());
    stage.enter("ada").await;
    stage.until(|stage| stage.engine.status().burdened).await;
    let refused = stage.engine.enter(CANVAS, "bob", None).await;
    assert_eq!(refused, Err(Busy::Full));
    assert!(stage.engine.status().crowded);
    let first = letters(&stage).await;
    assert_eq!(first.len(), 1);
    let (shard, letter, replay) = first[0];
    assert_eq!(replay, Replay::Possible);
    // Refused again: it stays, and the user goes nowhere for it.
    stage.engine.replay(&[(shard, letter), (ShardId(99), letter)]).await.unwrap();
    stage.until(|stage| stage.seen().len() == 2).await;
    stage.pass(1_000).await;
    assert_eq!(letters(&stage).await, first);
    // Asked for twice, done once.
    stage.engine.replay(&[(shard, letter), (shard, letter)]).await.unwrap();
    stage.engine.discard(&[(shard, letter)]).await.unwrap();
    stage.until(|stage| stage.engine.status().letters == 0).await;
    let seen = stage.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|one| one.keys == seen[0].keys), "under its own key");
    let status = stage.engine.status();
    assert_eq!((status.dead_letters, status.exited, status.burdened), (1, 1, false));
    stage.enter("bob").await;
    stage.until(|stage| stage.engine.status().completed == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_discarded_letter_makes_room_too() {
    let most_letters = LetterLimits { count: 1, ..LetterLimits::default() };
    let options = Options { most_letters, ..Options::default() };
    let stage = Stage::with(NOTE, options, BatcherSettings::default(), refuses_two());
    stage.enter("ada").await;
    stage.until(|stage| stage.engine.status().burdened).await;
    let (shard, letter, _) = letters(&stage).await[0];
    stage.engine.discard(&[(shard, letter)]).await.unwrap();
    assert_eq!(letters(&stage).await, []);
    stage.engine.replay(&[(shard, letter)]).await.unwrap();
    stage.enter("bob").await;
    stage.pass(1_000).await;
    assert_eq!(stage.seen().len(), 2, "what was discarded is not replayed");
    // One that comes later has another number.
    let later = letters(&stage).await;
    assert!(later.iter().all(|(at, id, _)| (*at, *id) != (shard, letter)), "{later:?}");
}

/// Waits a minute, then tells.
const LATER: &str = r#"
canvas: later
entry: { api: true }
steps:
  - id: minute
    delay: { for: 1m }
  - id: tell
    message: { channel: email, body: "It is time" }
"#;

#[tokio::test(start_paused = true)]
async fn what_came_due_while_nobody_was_there_is_spread_and_nothing_else_waits_for_it() {
    const USERS: usize = 4_000;
    let folder = tempfile::tempdir().unwrap();
    let options = Options::default();
    let start = |at: Millis| {
        let clock = Arc::new(Anchored::at(at));
        let local = Arc::new(Local::new(Memory::default(), clock.clone()));
        let post = Post::default();
        let setup = Setup {
            canvases: vec![canvas(LATER)],
            log: Box::new(Embedded::open(folder.path(), options.shards).unwrap()),
            profiles: local.clone(),
            writes: Writes::Here(local),
            channels: Channels::all(Arc::new(post.clone())),
            fetch: Arc::new(NoAnswers),
            clock: clock.clone(),
            trace: Box::new(Nobody),
        };
        (Engine::start(options, setup).unwrap(), post, clock)
    };
    let (engine, _, clock) = start(START);
    let users: Vec<String> = (0..USERS).map(|n| format!("u{n}")).collect();
    for some in users.chunks(USERS / 4) {
        let entrance = |user: &String| flowrun_engine::Entrance {
            canvas: CANVAS,
            user: user.as_str().into(),
            context: None,
        };
        engine.hand_over(some.iter().map(entrance).collect()).unwrap();
        engine.committed().await.unwrap();
        clock.wait(Millis(1_000)).await;
    }
    engine.stop().await.unwrap();
    let (engine, post, clock) = start(START + Millis(3_600_000));
    let begin = clock.now();
    engine.enter(CANVAS, "late", None).await.unwrap();
    let mut by_second = BTreeMap::new();
    while post.0.lock().unwrap().len() < USERS {
        clock.wait(Millis(100)).await;
        let told = post.0.lock().unwrap().len();
        by_second.insert((clock.now() - begin).0 / 1_000, told);
        assert!((clock.now() - begin).0 < 60_000, "{by_second:?}");
    }
    let mut before = 0;
    for (second, told) in &by_second {
        let in_this = told - before;
        assert!(in_this <= 1_200, "second {second}: {by_second:?}");
        before = *told;
    }
    assert!((3..=8).contains(&by_second.len()), "{by_second:?}");
    // Whose wait ended first is told first, over all shards.
    let order = post.0.lock().unwrap().clone();
    let place = |user: &String| order.iter().position(|told| told.starts_with(&format!("{user}:")));
    let places: Vec<usize> = users.iter().map(|user| place(user).unwrap()).collect();
    for (earlier, later) in places.chunks(USERS / 4).zip(places.chunks(USERS / 4).skip(1)) {
        assert!(earlier.iter().max() < later.iter().min());
    }
    assert_eq!(engine.status().overdue, 0);
    // Who came meanwhile waits a minute, and not for the others.
    clock.wait(begin + Millis(61_000) - clock.now()).await;
    assert_eq!(engine.status().completed, USERS as u64 + 1);
    engine.stop().await.unwrap();
}
