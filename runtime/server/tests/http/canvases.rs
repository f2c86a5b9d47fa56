//! Lists and details of Canvases and Content Blocks.

use serde_json::{Value as Json, json};

use crate::stage::Stage;

fn ids(list: &Json, key: &str) -> Vec<String> {
    let ids = list.as_array().into_iter().flatten();
    ids.map(|entry| entry[key].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn canvases_are_listed_by_page_and_age() {
    let stage = Stage::new().await;
    let table: [(&str, &[&str]); 7] = [
        ("", &["welcome", "paused", "draft", "on_order"]),
        ("?include_archived=true", &["welcome", "paused", "archived", "draft", "on_order"]),
        ("?sort_direction=desc&page=0", &["on_order", "draft", "paused", "welcome"]),
        ("?page=1", &[]),
        ("?page=18446744073709551615", &[]),
        ("?last_edit.time[gt]=2026-06-01T11:59:59Z", &["welcome", "paused", "draft", "on_order"]),
        ("?last_edit.time%5Bgt%5D=2026-06-01T12:00:00", &[]),
    ];
    for (query, wanted) in table {
        let answer = stage.get(&format!("/canvas/list{query}")).await;
        assert_eq!((answer.status, answer.message()), (200, "success".into()), "{query}");
        assert_eq!(ids(&answer.json()["canvases"], "id"), wanted, "{query}");
    }
    let first = stage.get("/canvas/list").await.json()["canvases"][0].clone();
    assert_eq!(
        first,
        json!({
            "id": "welcome", "name": "welcome", "last_edited": "2026-06-01T12:00:00.000Z", "tags": ["lifecycle"]
        })
    );
    for wrong in
        ["page=-1", "page=x", "include_archived=1", "sort_direction=up", "last_edit.time[gt]=soon"]
    {
        assert_eq!(stage.get(&format!("/canvas/list?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn details_show_the_steps_and_where_they_lead() {
    let stage = Stage::new().await;
    let answer = stage.get("/canvas/details?canvas_id=welcome").await;
    assert_eq!(
        answer.json(),
        json!({
            "created_at": "2026-05-31T12:00:00.000Z",
            "updated_at": "2026-06-01T12:00:00.000Z",
            "name": "welcome",
            "description": "says what it does",
            "archived": false,
            "draft": false,
            "enabled": true,
            "has_post_launch_draft": false,
            "schedule_type": "api_triggered",
            "first_entry": null,
            "last_entry": null,
            "channels": ["email"],
            "variants": [
                {"name": "Variant 1", "id": "welcome/1", "first_step_ids": ["hello"], "first_step_id": "hello"},
            ],
            "tags": ["lifecycle"],
            "teams": [],
            "steps": [
                {
                    "name": "hello", "type": "message", "id": "hello", "next_step_ids": ["bye"],
                    "next_paths": [{"name": null, "next_step_id": "bye"}], "channels": ["email"],
                    "messages": {"welcome/hello/1": {
                        "channel": "email", "subject": "Hi", "body": "{{${first_name}}}",
                        "created_at": "2026-05-31T12:00:00.000Z", "updated_at": "2026-06-01T12:00:00.000Z",
                    }},
                },
                {
                    "name": "bye", "type": "exit", "id": "bye", "next_step_ids": [], "next_paths": [],
                    "channels": [], "messages": {},
                },
            ],
            "message": "success",
        })
    );
    for (query, message) in
        [("", "'canvas_id' is required"), ("?canvas_id=%2e%2e%2f", "Invalid Canvas ID")]
    {
        let answer = stage.get(&format!("/canvas/details{query}")).await;
        assert_eq!((answer.status, answer.message()), (400, message.into()));
    }
}

#[tokio::test]
async fn content_blocks_are_listed_and_shown() {
    let stage = Stage::new().await;
    let table: [(&str, &[&str]); 5] = [
        ("", &["block-1", "block-2", "block-3"]),
        ("?limit=1&offset=1", &["block-2"]),
        ("?offset=9", &[]),
        ("?modified_after=2026-06-01T12:00:02Z", &["block-2", "block-3"]),
        (
            "?modified_before=2026-06-01T12:00:02Z&modified_after=2026-06-01",
            &["block-1", "block-2"],
        ),
    ];
    for (query, wanted) in table {
        let list = stage.get(&format!("/content_blocks/list{query}")).await.json();
        assert_eq!(ids(&list["content_blocks"], "content_block_id"), wanted, "{query}");
        assert_eq!(list["count"], wanted.len(), "{query}");
    }
    let one = stage.get("/content_blocks/list?limit=1").await.json()["content_blocks"][0].clone();
    assert_eq!(one["liquid_tag"], "{{content_blocks.${footer_1}}}");
    assert_eq!((&one["content_type"], &one["inclusion_count"]), (&json!("html"), &json!(1)));
    for wrong in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "offset=-1",
        "modified_after=x",
        "modified_before=x",
        "modified_after=2026-06-02&modified_before=2026-06-01",
    ] {
        assert_eq!(
            stage.get(&format!("/content_blocks/list?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
    let info = "/content_blocks/info?content_block_id=block-2";
    let shown = stage.get(&format!("{info}&include_inclusion_data=true")).await.json();
    assert_eq!((&shown["content"], &shown["content_type"]), (&json!("Bye"), &json!("text")));
    assert_eq!(shown["inclusion_data"], json!([{"canvas_id": "welcome"}]));
    assert!(stage.get(info).await.json().get("inclusion_data").is_none());
    assert_eq!(stage.get("/content_blocks/info").await.message(), "Content Block cannot be found.");
}
