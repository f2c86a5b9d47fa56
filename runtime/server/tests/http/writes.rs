//! `X-Flowrun-Keys`: a resend changes nothing twice.

use serde_json::json;

use crate::stage::{Stage, read, request};
use tokio::io::AsyncWriteExt;

fn keys(keys: &[(u128, u32)]) -> String {
    let all: Vec<_> = keys.iter().map(|(write, object)| format!("{write:032x}.{object}")).collect();
    format!("X-Flowrun-Keys: {}\r\n", all.join(", "))
}

fn body(users: &[&str]) -> String {
    let each: Vec<_> = users.iter().map(|u| json!({"external_id": u, "n": {"inc": 1}})).collect();
    json!({"attributes": each, "events": [{"external_id": users[0], "name": "e", "time": "2026-05-01T00:00:00Z"}]})
        .to_string()
}

#[tokio::test]
async fn a_resend_is_a_success_that_changes_nothing() {
    let stage = Stage::new().await;
    let head = keys(&[(1, 0), (2, 0), (1, 1)]);
    for _ in 0..3 {
        let answer = stage.post_with("/users/track", &head, &body(&["a", "b"])).await;
        assert_eq!(
            (answer.status, answer.json()),
            (201, json!({"message": "success", "attributes_processed": 2, "events_processed": 1}))
        );
    }
    assert_eq!((stage.attribute("a", "n"), stage.attribute("b", "n")), (json!(1), json!(1)));
    assert_eq!(stage.journeys.events.lock().unwrap().len(), 1);
    // The next write of the same user is another.
    let head = keys(&[(3, 0), (2, 0), (3, 1)]);
    assert_eq!(stage.post_with("/users/track", &head, &body(&["a", "b"])).await.status, 201);
    assert_eq!((stage.attribute("a", "n"), stage.attribute("b", "n")), (json!(2), json!(1)));
    // Without keys everything counts, as ever.
    assert_eq!(stage.post_with("/users/track", "", &body(&["a", "b"])).await.status, 201);
    assert_eq!((stage.attribute("a", "n"), stage.attribute("b", "n")), (json!(3), json!(2)));
}

#[tokio::test]
async fn a_resend_composed_otherwise_applies_what_is_missing() {
    let stage = Stage::new().await;
    let one = json!({"attributes": [{"external_id": "a", "n": {"inc": 1}}]}).to_string();
    assert_eq!(stage.post_with("/users/track", &keys(&[(1, 0)]), &one).await.status, 201);
    let more = json!({"attributes": [
        {"external_id": "b", "n": {"inc": 1}},
        {"external_id": "a", "n": {"inc": 1}},
        {"external_id": "a", "n": {"inc": 10}},
    ]});
    let head = keys(&[(9, 0), (1, 0), (1, 1)]);
    assert_eq!(stage.post_with("/users/track", &head, &more.to_string()).await.status, 201);
    assert_eq!((stage.attribute("a", "n"), stage.attribute("b", "n")), (json!(11), json!(1)));
}

#[tokio::test]
async fn a_write_of_300_objects_counts_once_however_it_is_cut() {
    let stage = Stage::new().await;
    let send = async |numbers: std::ops::Range<u32>| {
        let head = keys(&numbers.clone().map(|number| (1, number)).collect::<Vec<_>>());
        let each: Vec<_> = numbers.map(|_| json!({"external_id": "a", "n": {"inc": 1}})).collect();
        let body = json!({ "attributes": each }).to_string();
        assert_eq!(stage.post_with("/users/track", &head, &body).await.status, 201);
    };
    for first in [0, 75, 150, 225] {
        send(first..first + 75).await;
    }
    assert_eq!(stage.attribute("a", "n"), 300);
    for first in [0, 40, 225, 256, 299] {
        send(first..(first + 75).min(300)).await;
    }
    assert_eq!(stage.attribute("a", "n"), 300);
}

#[tokio::test]
async fn a_delayed_duplicate_is_known_for_three_later_writes_of_its_user() {
    for (later, applied_again) in [(0, false), (3, false), (4, true)] {
        let stage = Stage::new().await;
        let send = async |write| {
            let one = json!({"attributes": [{"external_id": "a", "n": {"inc": 1}}]}).to_string();
            assert_eq!(
                stage.post_with("/users/track", &keys(&[(write, 0)]), &one).await.status,
                201
            );
        };
        for write in 1..=1 + later {
            send(write).await;
        }
        send(1).await;
        let writes = 1 + later + u128::from(applied_again);
        assert_eq!(stage.attribute("a", "n"), json!(writes as u64), "{later} later");
    }
}

#[tokio::test]
async fn a_refused_object_has_no_key() {
    let stage = Stage::new().await;
    let bad = json!({"attributes": [{"external_id": "a", "email": 5}]}).to_string();
    assert_eq!(stage.post_with("/users/track", &keys(&[(1, 0)]), &bad).await.status, 400);
    let good = json!({"attributes": [{"external_id": "a", "n": 1}]}).to_string();
    assert_eq!(stage.post_with("/users/track", &keys(&[(1, 0)]), &good).await.status, 201);
    assert_eq!(stage.attribute("a", "n"), 1);
}

#[tokio::test]
async fn a_header_that_does_not_fit_is_refused_and_nothing_is_applied() {
    let stage = Stage::new().await;
    let good = keys(&[(1, 0), (1, 1)]);
    let table = [
        keys(&[(1, 0)]),
        keys(&[(1, 0), (1, 1), (1, 2)]),
        good.repeat(2),
        "X-Flowrun-Keys: \r\n".into(),
        "X-Flowrun-Keys: 1.0, 1.1\r\n".into(),
        good.replace(".1", ".4294967296"),
        good.replace(".1", ""),
        good.replace(',', ";"),
    ];
    for head in table {
        let answer = stage.post_with("/users/track", &head, &body(&["a"])).await;
        assert_eq!(answer.status, 400, "{head}");
        assert!(answer.message().contains("X-Flowrun-Keys"), "{head}");
    }
    assert_eq!(stage.users(), 0);
    assert_eq!(stage.post_with("/users/track", &good, &body(&["a"])).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_counts_once() {
    let stage = Stage::new().await;
    let text = request("/users/track", &keys(&[(1, 0), (2, 0), (1, 1)]), &body(&["a", "b"]));
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(stage.connect().await);
    }
    let sends: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            let text = text.clone();
            tokio::spawn(async move {
                stream.write_all(text.as_bytes()).await.unwrap();
                read(&mut stream).await.unwrap().status
            })
        })
        .collect();
    for send in sends {
        assert_eq!(send.await.unwrap(), 201);
    }
    assert_eq!((stage.attribute("a", "n"), stage.attribute("b", "n")), (json!(1), json!(1)));
}

#[tokio::test]
async fn keys_of_deleted_users_are_forgotten() {
    let stage = Stage::new().await;
    let one = json!({"attributes": [{"external_id": "a", "n": {"inc": 1}}]}).to_string();
    for _ in 0..2 {
        assert_eq!(stage.post_with("/users/track", &keys(&[(1, 0)]), &one).await.status, 201);
        assert_eq!(stage.attribute("a", "n"), 1);
        stage.post("/users/delete", json!({"external_ids": ["a"]})).await;
    }
}
