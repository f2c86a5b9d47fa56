//! A user leaves a User Update after the write's outcome, by the door that it opens, and reads what was written.

use flowrun_engine::core::batcher::Answers;
use flowrun_engine::core::{Millis, Outcome};

use crate::stage::{NOTE, Stage, applied};

#[tokio::test(start_paused = true)]
async fn nobody_goes_on_before_the_write_is_in_and_then_they_read_it() {
    let stage = Stage::new(NOTE, applied(5_000));
    stage.enter("ada").await;
    stage.pass(4_990).await;
    assert_eq!(stage.engine.status().held, 1);
    assert_eq!(stage.sent(), Vec::<String>::new());
    stage.until(|stage| stage.engine.status().completed == 1).await;
    assert_eq!(stage.sent(), ["ada: visits 1"]);
    let expected = [
        "entered ada",
        "arrived ada",
        "held ada",
        "request -",
        "reply -",
        "released ada",
        "advanced ada next",
        "arrived ada",
        "sent ada",
        "advanced ada next",
        "arrived ada",
        "exited ada completed",
    ];
    assert_eq!(stage.kinds(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_refused_object_hurts_no_neighbour() {
    let script = |_: u64, request: &flowrun_engine::core::batcher::Request| {
        let users = request.parts.iter().map(|part| &*part.write.key.user);
        let attributes = users.map(|user| match user {
            "bob" => Outcome::Refused("bob is not wanted".into()),
            _ => Outcome::Applied,
        });
        let attributes = attributes.collect();
        (40, Answers::Each { attributes, events: Vec::new(), purchases: Vec::new() })
    };
    let stage = Stage::new(NOTE, Box::new(script));
    for user in ["ada", "bob", "eve"] {
        stage.enter(user).await;
    }
    stage.until(|stage| stage.engine.status().completed == 2).await;
    let mut sent = stage.sent();
    sent.sort();
    assert_eq!(sent, ["ada: visits 1", "eve: visits 1"]);
    let kinds = stage.kinds();
    assert!(kinds.contains(&"advanced bob on_failure".into()), "{kinds:?}");
    assert!(kinds.contains(&"exited bob not_noted".into()), "{kinds:?}");
    assert_eq!(stage.engine.status().dead_letters, 1);
    assert_eq!(*stage.lines.1.lock().unwrap(), ["bob: bob is not wanted"]);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_is_sent_again_under_the_same_key() {
    let script = |number: u64, _: &flowrun_engine::core::batcher::Request| match number {
        1 => (30_000, Answers::All(Outcome::Unknown("no answer in time".into()))),
        2 => {
            (40, Answers::All(Outcome::Retry { after: Some(Millis(9_000)), cause: "busy".into() }))
        }
        _ => (40, Answers::All(Outcome::Applied)),
    };
    let stage = Stage::new(NOTE, Box::new(script));
    stage.enter("ada").await;
    stage.until(|stage| stage.engine.status().completed == 1).await;
    let seen = stage.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|one| one.keys == seen[0].keys), "{seen:?}");
    assert_eq!(stage.sent(), ["ada: visits 1"]);
    assert!(stage.now() >= 39_000, "the wait that was asked for is kept: {}", stage.now());
}
