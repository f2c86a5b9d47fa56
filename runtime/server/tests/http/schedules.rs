//! `/canvas/trigger/schedule/…`: entering at a time, for all at once or by each user's clock.

use flowrun_server::Workspace;
use serde_json::{Value as Json, json};

use crate::stage::{NOON, Stage};

const HOUR: i64 = 3_600_000;

async fn with_users() -> Stage {
    let stage = Stage::new().await;
    let zone = |id: &str, zone: &str| json!({"external_id": id, "time_zone": zone});
    let users = json!([
        zone("berlin", "Europe/Berlin"),
        zone("tokyo", "Asia/Tokyo"),
        zone("hawaii", "Pacific/Honolulu"),
        {"external_id": "nowhere"},
    ]);
    assert_eq!(stage.post("/users/track", json!({ "attributes": users })).await.status, 201);
    stage
}

async fn create(stage: &Stage, to: Json, schedule: Json) -> String {
    let mut body = json!({"canvas_id": "welcome", "schedule": schedule});
    body.as_object_mut().unwrap().extend(to.as_object().unwrap().clone());
    let answer = stage.post("/canvas/trigger/schedule/create", body).await;
    assert_eq!((answer.status, answer.message()), (201, "success".into()), "{}", answer.body);
    assert_eq!(answer.json()["dispatch_id"].as_str().unwrap().len(), 32);
    answer.json()["schedule_id"].as_str().unwrap().to_owned()
}

fn named() -> Json {
    let users = ["berlin", "tokyo", "hawaii", "nowhere", "nobody"];
    json!({"recipients": users.map(|user| json!({"external_user_id": user})), "context": {"n": 1}})
}

/// Wakes the workspace hour by hour, and tells who entered when, in hours from noon.
async fn day(stage: &Stage, hours: std::ops::RangeInclusive<i64>) -> Vec<String> {
    let mut seen = Vec::new();
    for hour in hours {
        let _ = stage.memory.wake(NOON + hour * HOUR).await;
        seen.extend(stage.journeys.entered().iter().map(|entry| format!("{hour}: {entry}")));
    }
    seen
}

#[tokio::test]
async fn at_a_moment_all_enter_at_once() {
    let stage = with_users().await;
    let to = json!({"recipients": [{"external_user_id": "tokyo"}, {"external_user_id": "berlin"}]});
    create(&stage, to, json!({"time": "2026-06-01T15:00:00Z"})).await;
    create(&stage, json!({"broadcast": true}), json!({"time": "2026-06-01T16:00:00+02:00"})).await;
    assert_eq!(
        day(&stage, 1..=5).await,
        [
            "2: welcome/berlin",
            "2: welcome/tokyo",
            "2: welcome/hawaii",
            "2: welcome/nowhere",
            "3: welcome/tokyo",
            "3: welcome/berlin",
        ]
    );
    assert_eq!(stage.memory.wake(NOON).await, None);
}

#[tokio::test]
async fn by_their_clocks_users_enter_one_after_the_other() {
    // 18:00 on 2 June is 09:00 UTC in Tokyo, 16:00 UTC in Berlin, and 04:00 UTC of the next day in Hawaii.
    let wanted = |context: &str| {
        [(21, "tokyo"), (28, "berlin"), (30, "nowhere"), (40, "hawaii")]
            .map(|(hour, user)| format!("{hour}: welcome/{user}{context}"))
    };
    let local = json!({"time": "2026-06-02T18:00:00", "in_local_time": true});
    let stage = with_users().await;
    create(&stage, named(), local.clone()).await;
    assert_eq!(day(&stage, 0..=50).await, wanted(r#" {"n":1}"#));
    assert_eq!(stage.memory.wake(NOON).await, None);
    let stage = with_users().await;
    create(&stage, json!({"broadcast": true}), local).await;
    assert_eq!(day(&stage, 0..=50).await, wanted(""));
    assert_eq!(stage.memory.wake(NOON).await, None);
}

#[tokio::test]
async fn a_schedule_can_be_moved_and_taken_back() {
    let stage = with_users().await;
    let to = || json!({"recipients": [{"external_user_id": "tokyo"}]});
    let moved = create(&stage, to(), json!({"time": "2026-06-01T13:00:00Z"})).await;
    let gone = create(&stage, to(), json!({"time": "2026-06-01T13:00:00Z"})).await;
    let later = json!({"time": "2026-06-01T15:00:00Z"});
    let update =
        |id: &str, canvas: &str| json!({"canvas_id": canvas, "schedule_id": id, "schedule": later});
    let delete = |id: &str| json!({"canvas_id": "welcome", "schedule_id": id});
    let table = [
        ("update", update(&moved, "welcome"), 200, "success"),
        ("update", update(&moved, "paused"), 400, "Invalid Schedule ID"),
        ("update", update("../../etc/passwd\n", "welcome"), 400, "Invalid Schedule ID"),
        (
            "update",
            json!({"canvas_id": "welcome", "schedule_id": moved}),
            400,
            "'schedule' must be an object with a 'time'",
        ),
        ("delete", delete(&gone), 200, "success"),
        ("delete", delete(&gone), 400, "Invalid Schedule ID"),
        ("delete", json!({"canvas_id": "welcome"}), 400, "'schedule_id' is required"),
    ];
    for (verb, body, status, message) in table {
        let answer = stage.post(&format!("/canvas/trigger/schedule/{verb}"), body).await;
        assert_eq!((answer.status, answer.message()), (status, message.into()), "{verb}");
    }
    assert_eq!(day(&stage, 0..=9).await, ["3: welcome/tokyo"]);
}

#[tokio::test]
async fn a_schedule_that_journeys_have_no_room_for_waits() {
    use std::sync::atomic::Ordering::Relaxed;
    let stage = with_users().await;
    create(&stage, named(), json!({"time": "2026-06-01T13:00:00Z"})).await;
    stage.journeys.full.store(true, Relaxed);
    assert_eq!(stage.memory.wake(NOON + HOUR).await, Some(NOON + HOUR + 1_000));
    stage.journeys.full.store(false, Relaxed);
    assert_eq!(stage.memory.wake(NOON + HOUR + 1_000).await, None);
    assert_eq!(stage.journeys.entered().len(), 4);
}

#[tokio::test]
async fn the_server_wakes_for_what_is_due() {
    let stage = with_users().await;
    let soon = json!({"time": "2026-06-01T12:00:00Z"});
    create(&stage, json!({"recipients": [{"external_user_id": "tokyo"}]}), soon).await;
    // The alarm runs beside us; it needs no call of ours.
    let entered = async |stage: &Stage| !stage.journeys.entries.lock().unwrap().is_empty();
    stage.until("the alarm rings", entered).await;
    assert_eq!(stage.journeys.entered(), ["welcome/tokyo"]);
}
