//! Rate limits in both dialects, and stopping.

use std::time::Duration;

use flowrun_server::{Dialect, Rate, Rates};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::stage::{KEY, NOON, Stage, options, read, request};

const THREE: [&str; 3] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];

fn told(answer: &crate::stage::Answer) -> [Option<&str>; 3] {
    THREE.map(|name| answer.header(name))
}

fn slow() -> Rates {
    Rates {
        track: vec![Rate::per_minute(2)],
        broadcasts: vec![Rate::per_minute(1)],
        ..Rates::default()
    }
}

#[tokio::test]
async fn the_usual_dialect_stands_on_every_answer() {
    let stage = Stage::with(flowrun_server::Options { rates: slow(), ..options() }).await;
    let track = || json!({"attributes": [{"external_id": "u"}]});
    let reset = (NOON / 1000 + 60).to_string();
    let wanted = |left: &'static str| {
        [Some("2"), Some(left), Some(&*reset)].map(|one| one.map(str::to_owned))
    };
    let owned = |answer: &crate::stage::Answer| told(answer).map(|one| one.map(str::to_owned));
    let stranger = request("/users/track", "", "{}").replace(KEY, "x");
    assert_eq!(owned(&stage.raw(stranger).await), wanted("2"));
    assert_eq!(owned(&stage.post("/users/track", track()).await), wanted("1"));
    // A refused body has been counted all the same.
    let refused = stage.post("/users/track", json!({})).await;
    assert_eq!((refused.status, owned(&refused)), (400, wanted("0")));
    let answer = stage.post("/users/track", track()).await;
    assert_eq!((answer.status, answer.message()), (429, "Rate limit exceeded".into()));
    assert_eq!((owned(&answer), answer.header("retry-after")), (wanted("0"), Some("60")));
    // Other endpoints have limits of their own, and so has what is no endpoint.
    for path in ["/users/delete", "/users/export/ids", "/nowhere"] {
        assert!(told(&stage.post(path, json!({})).await).iter().all(Option::is_some), "{path}");
    }
    stage.set_now(NOON + 60_000);
    assert_eq!(stage.post("/users/track", track()).await.status, 201);
}

#[tokio::test]
async fn the_newer_dialect_counts_seconds() {
    let rates =
        flowrun_server::Options { rates: slow(), dialect: Dialect::SecondsLeft, ..options() };
    let stage = Stage::with(rates).await;
    stage.set_now(NOON + 18_001);
    let answer = stage.post("/users/track", json!({})).await;
    assert_eq!(told(&answer), [Some("2"), Some("1"), Some("42")]);
    stage.post("/users/track", json!({})).await;
    let answer = stage.post("/users/track", json!({})).await;
    assert_eq!((answer.status, told(&answer)), (429, [None; 3]));
    assert_eq!(answer.header("x-ratelimit-retry-after"), Some("42"));
}

#[tokio::test]
async fn broadcasts_have_a_limit_of_their_own() {
    let stage = Stage::with(flowrun_server::Options { rates: slow(), ..options() }).await;
    let broadcast = || json!({"canvas_id": "welcome", "broadcast": true});
    assert_eq!(stage.post("/canvas/trigger/send", broadcast()).await.status, 201);
    let second = stage.post("/canvas/trigger/send", broadcast()).await;
    assert_eq!((second.status, second.header("x-ratelimit-limit")), (429, Some("1")));
    let named = json!({"canvas_id": "welcome", "recipients": [{"external_user_id": "u"}]});
    let named = stage.post("/canvas/trigger/send", named).await;
    assert_eq!((named.status, named.header("x-ratelimit-limit")), (201, Some("250000")));
}

#[tokio::test]
async fn what_is_under_way_is_finished_when_the_server_stops() {
    let mut stage = Stage::new().await;
    let text =
        request("/users/track", "", &json!({"attributes": [{"external_id": "u"}]}).to_string());
    let (first, rest) = text.split_at(text.len() - 5);
    let mut busy = stage.connect().await;
    busy.write_all(first.as_bytes()).await.unwrap();
    let idle = stage.connect().await;
    // Both are known to the server once a later one is answered.
    assert_eq!(stage.get("/health").await.status, 200);
    stage.stop();
    // The idle one is let go; then only the busy one is waited for.
    let mut idle = idle;
    assert!(read(&mut idle).await.is_none());
    busy.write_all(rest.as_bytes()).await.unwrap();
    let answer = read(&mut busy).await.expect("it is answered");
    assert_eq!((answer.status, answer.header("connection")), (201, Some("close")));
    drop(busy);
    let ended = tokio::time::timeout(Duration::from_secs(20), &mut stage.server).await;
    ended.expect("the server ends").unwrap();
    assert_eq!(stage.users(), 1);
    assert!(tokio::net::TcpStream::connect(stage.address).await.is_err());
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_ever() {
    let mut settings = options();
    settings.limits.drain_deadline = Duration::from_millis(100);
    let mut stage = Stage::with(settings).await;
    let mut stuck = stage.connect().await;
    let text = request("/users/track", "", "{}");
    stuck.write_all(&text.as_bytes()[..text.len() - 1]).await.unwrap();
    assert_eq!(stage.get("/health").await.status, 200);
    stage.stop();
    let ended = tokio::time::timeout(Duration::from_secs(20), &mut stage.server).await;
    ended.expect("the server ends").unwrap();
}
