//! `/canvas/trigger/send`: who enters, with what, and what is refused.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value as Json, json};

use crate::stage::Stage;

const SEND: &str = "/canvas/trigger/send";

async fn with_users() -> Stage {
    let stage = Stage::new().await;
    let attributes = json!([
        {"external_id": "ada", "email": "ada@example.com", "tier": "gold", "age": 36, "since": "2026-05-30T00:00:00Z"},
        {"external_id": "bob", "email": "bob@example.com", "tier": "silver", "age": 20, "tags": ["x", "y"],
         "email_subscribe": "unsubscribed"},
        {"external_id": "eve", "tier": "gold", "vip": true, "date_of_last_session": "2026-05-31T00:00:00Z"},
        {"user_alias": {"alias_name": "al", "alias_label": "l"}, "_update_existing_only": false, "tier": "lead"},
    ]);
    let answer = stage.post("/users/track", json!({ "attributes": attributes })).await;
    assert_eq!((answer.status, stage.users()), (201, 4));
    stage
}

#[tokio::test]
async fn recipients_enter_with_their_properties() {
    let stage = with_users().await;
    let body = json!({
        "canvas_id": "welcome",
        "context": {"plan": "free", "source": "web"},
        "recipients": [
            {"external_user_id": "bob"},
            {"external_user_id": "nobody"},
            {"email": "ada@example.com", "prioritization": ["identified"], "context": {"plan": "pro"}},
            {"user_alias": {"alias_name": "al", "alias_label": "l"}, "canvas_entry_properties": {"old": 1}},
        ],
    });
    let answer = stage.post(SEND, body).await;
    assert_eq!(answer.status, 201);
    let said = answer.json();
    assert_eq!((&said["message"], said.as_object().unwrap().len()), (&json!("success"), 2));
    assert_eq!(said["dispatch_id"].as_str().unwrap().len(), 32);
    assert_eq!(
        stage.journeys.entered(),
        [
            r#"welcome/bob {"plan":"free","source":"web"}"#,
            r#"welcome/ada {"plan":"pro","source":"web"}"#,
            r#"welcome/? {"plan":"free","source":"web","old":1}"#,
        ]
    );
}

#[tokio::test]
async fn attributes_are_written_before_entering() {
    let stage = with_users().await;
    let gold = json!({"custom_attribute": {"custom_attribute_name": "tier", "comparison": "equals", "value": "gold"}});
    let body = json!({
        "canvas_id": "welcome",
        "audience": {"AND": [gold]},
        "recipients": [
            {"external_user_id": "bob", "attributes": {"tier": "gold"}},
            {"external_user_id": "new", "send_to_existing_only": false, "attributes": {"tier": "gold"}},
            {"external_user_id": "other", "send_to_existing_only": false, "attributes": {"tier": "iron"}},
            {"external_user_id": "nobody", "attributes": {"tier": "gold"}},
            {"email": "new@example.com", "send_to_existing_only": false, "attributes": {"tier": "gold"}},
        ],
    });
    assert_eq!(stage.post(SEND, body).await.status, 201);
    assert_eq!(stage.journeys.entered(), ["welcome/bob", "welcome/new", "welcome/?"]);
    assert_eq!(stage.attribute("bob", "tier"), "gold");
    // Outside the audience, but written.
    assert_eq!((stage.attribute("other", "tier"), stage.users()), (json!("iron"), 7));
}

#[tokio::test]
async fn an_audience_chooses_among_all() {
    let stage = with_users().await;
    let custom = |name: &str, comparison: &str, value: Json| json!({"custom_attribute": {"custom_attribute_name": name, "comparison": comparison, "value": value}});
    let table: Vec<(Json, &[&str])> = vec![
        (json!({"AND": [custom("tier", "equals", json!("gold"))]}), &["ada", "eve"]),
        (json!({"AND": [custom("tier", "not_equal", json!("gold"))]}), &["bob", "?"]),
        (
            json!({"OR": [custom("age", "less_than", json!(21)), custom("vip", "equals", json!(true))]}),
            &["bob", "eve"],
        ),
        (custom("age", "greater_than_or_equal_to", json!(36.0)), &["ada"]),
        (custom("age", "exists", json!(null)), &["ada", "bob"]),
        (custom("age", "does_not_exist", json!(null)), &["eve", "?"]),
        (custom("vip", "does_not_equal", json!(true)), &["ada", "bob", "?"]),
        (custom("tier", "matches_regex", json!("^(gold|lead)$")), &["ada", "eve", "?"]),
        (custom("tier", "does_not_match_regex", json!("^g")), &["bob", "?"]),
        (custom("tags", "includes_value", json!("x")), &["bob"]),
        (custom("tags", "does_not_include_value", json!("x")), &["ada", "eve", "?"]),
        (custom("since", "less_than_x_days_ago", json!(3)), &["ada"]),
        (custom("since", "greater_than_x_days_ago", json!(3)), &[]),
        (custom("since", "less_than_x_days_in_the_future", json!(3)), &[]),
        (custom("since", "after", json!("2026-05-01")), &["ada"]),
        (custom("since", "before", json!("2026-05-01")), &[]),
        (
            json!({"email_subscription_status": {"comparison": "is", "value": "unsubscribed"}}),
            &["bob"],
        ),
        (
            json!({"email_subscription_status": {"comparison": "is_not", "value": "unsubscribed"}}),
            &["ada", "eve", "?"],
        ),
        (json!({"push_subscription_status": {"comparison": "is", "value": "opted_in"}}), &[]),
        (json!({"last_used_app": {"comparison": "after", "value": "2026-05-30"}}), &["eve"]),
        (json!({"last_used_app": {"comparison": "before", "value": "2026-05-30"}}), &[]),
    ];
    for (audience, wanted) in table {
        let body = json!({"canvas_id": "welcome", "broadcast": true, "audience": audience});
        let answer = stage.post(SEND, body).await;
        assert_eq!(answer.status, 201, "{audience} {}", answer.body);
        let wanted: Vec<String> = wanted.iter().map(|user| format!("welcome/{user}")).collect();
        assert_eq!(stage.journeys.entered(), wanted, "{audience}");
    }
    assert_eq!(
        stage.post(SEND, json!({"canvas_id": "welcome", "broadcast": true})).await.status,
        201
    );
    assert_eq!(stage.journeys.entered().len(), 4);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_as_a_whole() {
    let stage = with_users().await;
    let to = |recipient: Json| json!({"canvas_id": "welcome", "recipients": [{"external_user_id": "ada"}, recipient]});
    let within =
        |audience: Json| json!({"canvas_id": "welcome", "broadcast": true, "audience": audience});
    let mut deep =
        json!({"AND": [{"last_used_app": {"comparison": "after", "value": "2026-01-01"}}]});
    for _ in 0..10 {
        deep = json!({ "OR": [deep] });
    }
    let one = json!({"last_used_app": {"comparison": "after", "value": "2026-01-01"}});
    let many = json!({"OR": vec![one; 101]});
    let large = "x".repeat(51 * 1024);
    let regex = |value: Json| json!({"custom_attribute": {"custom_attribute_name": "t", "comparison": "matches_regex", "value": value}});
    let fifty_one: Vec<Json> =
        (0..51).map(|n| json!({"external_user_id": format!("u{n}")})).collect();
    let table = [
        (json!({"broadcast": true}), "'canvas_id' is required"),
        (json!({"canvas_id": 5, "broadcast": true}), "Invalid Canvas ID"),
        (json!({"canvas_id": "unknown", "broadcast": true}), "Invalid Canvas ID"),
        (json!({"canvas_id": "on_order", "broadcast": true}), "Invalid Canvas ID"),
        (json!({"canvas_id": "draft", "broadcast": true}), "Invalid Canvas ID"),
        (json!({"canvas_id": "welcome"}), "No Recipients"),
        (json!({"canvas_id": "welcome", "recipients": []}), "No Recipients"),
        (json!({"canvas_id": "welcome", "recipients": "ada"}), "'recipients' is not valid"),
        (json!({"canvas_id": "welcome", "broadcast": "yes"}), "'broadcast' is not valid"),
        (
            json!({"canvas_id": "welcome", "broadcast": true, "recipients": [{"external_user_id": "ada"}]}),
            "'broadcast' can't be true when 'recipients' are given",
        ),
        (
            json!({"canvas_id": "welcome", "recipients": fifty_one}),
            "The max number of external_ids and aliases per request was exceeded",
        ),
        (
            json!({"canvas_id": "welcome", "broadcast": true, "context": [1]}),
            "'context' is not valid",
        ),
        (
            json!({"canvas_id": "welcome", "broadcast": true, "context": {"x": large}}),
            "'context' is larger than 50 KB",
        ),
        (to(json!({})), "'external_user_id', 'user_alias' or 'email' is required"),
        (
            to(json!({"external_user_id": "bob", "email": "b@example.com"})),
            "You must specify only one of 'external_user_id', 'user_alias' or 'email'",
        ),
        (
            to(json!({"email": "bob"})),
            "The value provided for the 'email' field is not a valid email.",
        ),
        (
            to(json!({"external_user_id": "x".repeat(10_000)})),
            "'external_id' is larger than 987 bytes",
        ),
        (
            to(json!({"external_user_id": "new", "send_to_existing_only": false})),
            "'attributes' are required when 'send_to_existing_only' is false",
        ),
        (
            to(
                json!({"user_alias": {"alias_name": "n", "alias_label": "l"}, "send_to_existing_only": false, "attributes": {}}),
            ),
            "'send_to_existing_only' must be true with a 'user_alias'",
        ),
        (
            to(json!({"external_user_id": "bob", "attributes": {"push_subscribe": "no"}})),
            "'push_subscribe' must be 'subscribed', 'unsubscribed', or 'opted_in'",
        ),
        (
            to(json!({"external_user_id": "bob", "context": {"x": large}})),
            "'context' is larger than 50 KB",
        ),
        (within(json!({})), "'audience' must be an object with one filter"),
        (within(json!([])), "'audience' must be an object with one filter"),
        (within(json!({"AND": [], "OR": []})), "'audience' must be an object with one filter"),
        (within(json!({"AND": []})), "'audience.AND' must be an array of filters"),
        (within(deep), "'audience' is nested too deeply"),
        (within(many), "'audience' has more than 100 filters"),
        (
            within(regex(json!("("))),
            "'audience.custom_attribute.value' must be a regular expression of at most 1,000 characters",
        ),
        (
            within(regex(json!("x".repeat(1001)))),
            "'audience.custom_attribute.value' must be a regular expression of at most 1,000 characters",
        ),
        (
            within(regex(json!("(x{1000}){1000}"))),
            "'audience.custom_attribute.value' must be a regular expression of at most 1,000 characters",
        ),
    ];
    for (body, message) in table {
        let answer = stage.post(SEND, body).await;
        assert_eq!(
            (answer.status, answer.message()),
            (400, message.into()),
            "{:.300}",
            answer.body
        );
    }
    assert_eq!(stage.journeys.entered(), Vec::<String>::new());
    assert_eq!(stage.users(), 4);
}

#[tokio::test]
async fn a_canvas_that_takes_nobody_says_so() {
    let stage = with_users().await;
    let body = |canvas: &str| json!({"canvas_id": canvas, "recipients": [{"external_user_id": "bob", "attributes": {"tier": "gold"}}]});
    for (canvas, doing) in [("paused", "is paused. Resume"), ("archived", "is archived. Unarchive")]
    {
        let answer = stage.post(SEND, body(canvas)).await;
        let wanted =
            format!("The Canvas {doing} the Canvas to ensure trigger requests will take effect.");
        assert_eq!((answer.status, answer.json()["notice"].as_str()), (201, Some(&*wanted)));
    }
    assert_eq!(stage.journeys.entered(), Vec::<String>::new());
    assert_eq!(stage.attribute("bob", "tier"), "silver");
    stage.journeys.full.store(true, Relaxed);
    let answer = stage.post(SEND, body("welcome")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}
