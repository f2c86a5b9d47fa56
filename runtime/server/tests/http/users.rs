//! The neighbours of `/users/track`: their shapes, over one story.

use serde_json::{Value as Json, json};

use crate::stage::Stage;

/// Posts a table of bodies in order, and compares status and answer.
async fn story(stage: &Stage, table: Vec<(&str, Json, u16, Json)>) {
    for (path, body, status, wanted) in table {
        let answer = stage.post(path, body.clone()).await;
        assert_eq!((answer.status, answer.json()), (status, wanted), "{path} {body}");
    }
}

fn alias(name: &str) -> Json {
    json!({"alias_name": name, "alias_label": "shop"})
}

#[tokio::test]
async fn a_user_is_tracked_named_merged_shown_and_deleted() {
    let stage = Stage::new().await;
    let ok = |key: &str, count: usize| json!({key: count, "message": "success"});
    story(
        &stage,
        vec![
            ("/users/alias/new", json!({"user_aliases": [alias("a1")]}), 201, ok("aliases_processed", 1)),
            (
                "/users/track",
                json!({"attributes": [{"user_alias": alias("a1"), "tier": "gold"}]}),
                201,
                ok("attributes_processed", 1),
            ),
            (
                "/users/identify",
                json!({"aliases_to_identify": [{"external_id": "u1", "user_alias": alias("a1")}]}),
                201,
                ok("aliases_processed", 1),
            ),
            (
                "/users/track/sync",
                json!({"attributes": [{"external_id": "u2", "orders": {"inc": 2}}]}),
                201,
                json!({"users": [{"external_id": "u2", "custom_attributes": {"orders": 2}}], "message": "success"}),
            ),
            (
                "/users/track/sync",
                json!({"attributes": [{"external_id": "no", "_update_existing_only": true, "n": 1}]}),
                201,
                json!({"users": [], "message": "success"}),
            ),
            (
                "/users/track/sync",
                json!({"attributes": [{"external_id": "u2"}, {"external_id": "u2"}]}),
                400,
                json!({"message": "Max Input Length Exceeded"}),
            ),
            (
                "/users/merge",
                json!({"merge_updates": [
                    {"identifier_to_merge": {"external_id": "u2"}, "identifier_to_keep": {"external_id": "u1"}},
                ]}),
                202,
                json!({"message": "success"}),
            ),
            (
                "/users/export/ids",
                json!({"external_ids": ["u1", "u2"], "fields_to_export": ["external_id", "custom_attributes", "user_aliases"]}),
                200,
                json!({
                    "message": "success",
                    "users": [{
                        "external_id": "u1",
                        "user_aliases": [alias("a1")],
                        "custom_attributes": {"orders": 2, "tier": "gold"},
                    }],
                    "invalid_user_ids": ["u2"],
                }),
            ),
            ("/users/delete", json!({"external_ids": ["u1", "u2"]}), 200, ok("deleted", 1)),
            ("/users/delete", json!({"external_ids": ["u1"]}), 200, ok("deleted", 0)),
        ],
    )
    .await;
    assert_eq!(stage.users(), 0);
    let gone = stage.journeys.gone.lock().unwrap();
    assert_eq!(
        gone.iter().map(|user| user.external_id.as_deref()).collect::<Vec<_>>(),
        [Some("u2"), Some("u1")],
        "the first was merged, the second deleted"
    );
}

#[tokio::test]
async fn fifty_one_are_too_many() {
    let stage = Stage::new().await;
    let ids: Vec<String> = (0..51).map(|n| format!("u{n}")).collect();
    let aliases: Vec<Json> = ids.iter().map(|id| alias(id)).collect();
    let pair = |id: &String| json!({"identifier_to_merge": {"external_id": id}, "identifier_to_keep": {"external_id": "k"}});
    let users = "The max number of external_ids and aliases per request was exceeded";
    let table = [
        (
            "/users/delete",
            json!({"external_ids": ids}),
            "The max number of ids per request was exceeded",
        ),
        ("/users/export/ids", json!({"external_ids": ids}), users),
        ("/users/alias/new", json!({"user_aliases": aliases}), users),
        (
            "/users/merge",
            json!({"merge_updates": ids.iter().map(pair).collect::<Vec<_>>()}),
            "a single request may not contain more than 50 merge updates",
        ),
    ];
    for (path, body, message) in table {
        let answer = stage.post(path, body).await;
        assert_eq!((answer.status, answer.message()), (400, message.into()), "{path}");
    }
}

#[tokio::test]
async fn a_sync_write_is_heard_of_too() {
    let stage = Stage::new().await;
    let event = json!({"external_id": "u", "name": "order", "time": "2026-05-01T00:00:00Z"});
    let answer = stage.post("/users/track/sync", json!({"events": [event]})).await;
    let seen = json!({
        "name": "order", "first": "2026-05-01T00:00:00.000Z", "last": "2026-05-01T00:00:00.000Z", "count": 1
    });
    assert_eq!(answer.json()["users"], json!([{"external_id": "u", "custom_events": [seen]}]));
    assert_eq!(stage.journeys.events.lock().unwrap().len(), 1);
}
