//! `/users/track`: what is applied, what is refused, and how the answer says it.

use flowrun_server::track::Limits;
use serde_json::{Value as Json, json};

use crate::stage::{NOON, Stage, options};

const NOTHING: &str =
    "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields.";

fn attributes(count: usize) -> Json {
    (0..count).map(|n| json!({"external_id": format!("u{n}"), "n": n})).collect()
}

#[tokio::test]
async fn counts_stand_for_the_arrays_that_were_sent() {
    let stage = Stage::new().await;
    let event = json!({"external_id": "u", "name": "e", "time": "2026-05-01T00:00:00Z"});
    let bought = json!({
        "external_id": "u", "product_id": "p", "currency": "USD", "price": 1, "time": "2026-05-01T00:00:00Z"
    });
    let table = [
        (json!({"attributes": attributes(2)}), json!({"attributes_processed": 2})),
        (json!({"events": [event]}), json!({"events_processed": 1})),
        (
            json!({"attributes": attributes(1), "events": [event, event], "purchases": [bought]}),
            json!({"attributes_processed": 1, "events_processed": 2, "purchases_processed": 1}),
        ),
        (
            json!({"attributes": attributes(1), "events": [], "purchases": [], "partner": "x"}),
            json!({"attributes_processed": 1, "events_processed": 0, "purchases_processed": 0}),
        ),
    ];
    for (body, mut wanted) in table {
        wanted["message"] = "success".into();
        let answer = stage.post("/users/track", body).await;
        assert_eq!((answer.status, answer.json()), (201, wanted));
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    }
    assert_eq!(stage.attribute("u1", "n"), 1);
}

#[tokio::test]
async fn a_refused_object_keeps_no_other_from_being_applied() {
    let stage = Stage::new().await;
    let body = json!({
        "attributes": [
            {"external_id": "a", "n": 1},
            {"external_id": "a", "braze_id": "b"},
            {"n": 1},
            {"external_id": "b", "email_subscribe": "maybe"},
            {"external_id": "c", "n": 1},
        ],
        "purchases": [
            {"external_id": "a", "product_id": "p", "currency": "USD", "price": 1, "time": "2026-05-01T00:00:00Z",
             "quantity": 101},
        ],
    });
    let answer = stage.post("/users/track", body).await;
    let error = |array: &str, index: usize, said: &str| json!({"type": said, "input_array": array, "index": index});
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.json(),
        json!({
            "message": "success",
            "attributes_processed": 2,
            "purchases_processed": 0,
            "errors": [
                error("attributes", 1, "You must specify only one of 'external_id', 'user_alias' or 'braze_id'"),
                error("attributes", 2, "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"),
                error("attributes", 3, "'email_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'"),
                error("purchases", 0, "'quantity' is not valid"),
            ],
        })
    );
    assert_eq!((stage.attribute("a", "n"), stage.attribute("c", "n")), (json!(1), json!(1)));
}

#[tokio::test]
async fn nothing_valid_is_400_with_the_reasons() {
    let stage = Stage::new().await;
    for body in [json!({}), json!({"attributes": []}), json!({"attributes": null, "events": []})] {
        let answer = stage.post("/users/track", body).await;
        assert_eq!(
            (answer.status, answer.json()),
            (400, json!({"message": NOTHING, "errors": []}))
        );
    }
    let answer = stage.post("/users/track", json!({"events": [{"external_id": "u"}]})).await;
    assert_eq!((answer.status, answer.message()), (400, NOTHING.into()));
    assert_eq!(answer.json()["errors"][0]["input_array"], "events");
    let answer = stage.post("/users/track", json!({"events": {"external_id": "u"}})).await;
    assert_eq!((answer.status, answer.message()), (400, NOTHING.into()));
    assert_eq!(stage.users(), 0);
}

#[tokio::test]
async fn seventy_five_pass_and_one_more_does_not() {
    let stage = Stage::new().await;
    assert_eq!(stage.post("/users/track", json!({"attributes": attributes(75)})).await.status, 201);
    let answer = stage.post("/users/track", json!({"attributes": attributes(76)})).await;
    assert_eq!((answer.status, answer.message()), (400, "Max Input Length Exceeded".into()));
    let three = json!({"attributes": attributes(75), "events": attributes(75), "purchases": attributes(75)});
    assert_eq!(stage.post("/users/track", three.clone()).await.status, 201);
    let combined = Limits { combined: Some(75), ..Limits::default() };
    let stage = Stage::holding(options(), combined).await;
    assert_eq!(stage.post("/users/track", three).await.status, 400);
    assert_eq!(stage.users(), 0);
    let both = json!({"attributes": attributes(74), "events": attributes(1)});
    assert_eq!(stage.post("/users/track", both).await.status, 201);
}

#[tokio::test]
async fn journeys_hear_of_events_after_they_were_applied() {
    let stage = Stage::new().await;
    let body = json!({
        "events": [
            {"external_id": "u", "name": "order", "time": "2026-05-01T00:00:00Z", "properties": {"total": 5}},
            {"external_id": "u", "name": "unheard", "time": "2026-05-01T00:00:00Z"},
            {"external_id": "u", "name": "refused"},
            {"external_id": "u", "name": "order", "time": "2036-05-01T00:00:00Z"},
        ],
        "purchases": [
            {"external_id": "u", "product_id": "p", "currency": "USD", "price": 1, "time": "2026-05-01T00:00:00Z"},
        ],
    });
    assert_eq!(stage.post("/users/track", body).await.status, 201);
    let events = stage.journeys.events.lock().unwrap();
    let heard: Vec<_> = events.iter().map(|event| (event.kind.name(), &*event.name)).collect();
    assert_eq!(heard, [("events", "order"), ("events", "order"), ("purchases", "p")]);
    assert_eq!(json!(events[0].properties), json!({"total": 5}));
    assert_eq!(events[0].user.external_id.as_deref(), Some("u"));
    // A time in the future becomes now.
    assert_eq!(events[1].time_ms, NOON);
}

#[tokio::test]
async fn a_maintenance_queues_what_comes_and_applies_it_afterwards() {
    let stage = Stage::new().await;
    stage.memory.begin_maintenance();
    assert_eq!(stage.get("/health").await.json()["status"], "maintenance");
    for n in 1..=3 {
        let body = json!({"attributes": [{"external_id": "u", "last": n, "sum": {"inc": n}}]});
        let answer = stage.post("/users/track", body).await;
        assert_eq!((answer.status, answer.json()), (202, json!({"message": "queued"})));
    }
    let event = json!({"external_id": "u", "name": "order", "time": "2026-05-01T00:00:00Z"});
    assert_eq!(stage.post("/users/track", json!({"events": [event]})).await.status, 202);
    // What would overtake the queue has to wait outside.
    let answer = stage.post("/users/delete", json!({"external_ids": ["u"]})).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(stage.users(), 0);
    stage.memory.end_maintenance();
    assert_eq!((stage.attribute("u", "last"), stage.attribute("u", "sum")), (json!(3), json!(6)));
    assert_eq!(stage.journeys.events.lock().unwrap().len(), 1);
    assert_eq!(stage.post("/users/track", json!({"attributes": attributes(1)})).await.status, 201);
}

#[tokio::test]
async fn a_queue_that_is_full_says_so() {
    let stage = Stage::new().await;
    stage.memory.begin_maintenance();
    let body = json!({"attributes": vec![json!({}); 75], "events": vec![json!({}); 75], "purchases": vec![json!({}); 75]});
    let mut taken = 0;
    loop {
        match stage.post("/users/track", body.clone()).await.status {
            202 => taken += 225,
            status => break assert_eq!(status, 503),
        }
    }
    assert_eq!(taken, 100_000 / 225 * 225);
}
