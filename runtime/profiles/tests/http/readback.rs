//! `applied`: what was accepted is looked for in the profiles.

use std::sync::atomic::{AtomicUsize, Ordering};

use flowrun_core::{CommitLevel, Millis};
use flowrun_profiles::http::{Notice, ReadBack};
use flowrun_profiles::{HttpSettings, ProfileBackend as _};
use serde_json::{Value as Json, json};

use super::endpoint::{Complains, braze};
use super::server::{Act, Server, json, said};
use super::{Update, backend, plain, request, words};

/// An endpoint that takes everything, and shows what a function makes of the number of the
/// look, from 1.
async fn showing(show: impl Fn(usize) -> Vec<Act> + Send + Sync + 'static) -> Server {
    let looks = AtomicUsize::new(0);
    Server::start(move |heard| match &*heard.line {
        "GET /health" => said("404 Not Found", ""),
        "POST /users/export/ids" => show(looks.fetch_add(1, Ordering::SeqCst) + 1),
        _ => braze(heard, Complains::ByPlace),
    })
    .await
}

fn settings(server: &Server) -> HttpSettings {
    let read_back = ReadBack { first: Millis(1), looks: 3 };
    HttpSettings { level: CommitLevel::Applied, read_back, ..plain(&server.url) }
}

fn users(users: &Json) -> Vec<Act> {
    json(201, &json!({ "message": "success", "users": users }))
}

fn looks(server: &Server) -> usize {
    server.heard().iter().filter(|heard| heard.line == "POST /users/export/ids").count()
}

#[tokio::test]
async fn a_value_that_shows_is_applied_and_one_that_never_does_is_written_again() {
    let a = |customs: Json| json!([{ "external_id": "a", "custom_attributes": customs }]);
    let names = json!([{ "external_id": "a", "first_name": "Ada", "custom_attributes": {} }]);
    for (objects, shown, expected, looked) in [
        (&[r#"{"n":1}"#][..], a(json!({"n": 1.0, "other": 2})), &["applied"][..], 1),
        (&[r#"{"n":true,"t":"x"}"#], a(json!({"n": true, "t": "x"})), &["applied"], 1),
        (&[r#"{"n":null}"#], a(json!({})), &["applied"], 1),
        (&[r#"{"first_name":"Ada"}"#], names, &["applied"], 1),
        (&[r#"{"n":1}"#], a(json!({"n": 2})), &["unknown"], 3),
        (&[r#"{"n":1}"#], a(json!({})), &["unknown"], 3),
        (&[r#"{"n":1}"#], json!([]), &["unknown"], 3),
        (&[r#"{"n":null}"#], a(json!({"n": 1})), &["unknown"], 3),
        // Written again it would count twice.
        (&[r#"{"n":1,"c":{"inc":1}}"#], a(json!({"n": 2})), &["accepted"], 3),
        (&[r#"{"n":1,"c":{"inc":1}}"#], a(json!({"n": 1})), &["applied"], 1),
        // Nothing that could be looked for.
        (&[r#"{"c":{"inc":1}}"#], a(json!({})), &["accepted"], 0),
        (&[r#"{"d":"2026-01-01"}"#], a(json!({})), &["accepted"], 0),
        (&[r#"{"country":"France"}"#], a(json!({})), &["accepted"], 0),
        (&[r#"{"n":1,"_update_existing_only":true}"#], json!([]), &["accepted"], 0),
        // Of two objects the last word counts.
        (
            &[r#"{"n":1,"m":1}"#, r#"{"n":2}"#],
            a(json!({"n": 2, "m": 1})),
            &["applied", "applied"],
            1,
        ),
        (&[r#"{"n":1}"#, r#"{"n":{"inc":1}}"#], a(json!({"n": 2})), &["accepted", "accepted"], 0),
    ] {
        let said = shown.clone();
        let server = showing(move |_| users(&said)).await;
        let (http, _) = backend(settings(&server));
        let request = request(&[("a", objects, &[], &[])]);
        let reply = http.commit(&request).await;
        assert_eq!(words(&request, &reply), expected, "{objects:?} {shown}");
        assert_eq!(looks(&server), looked, "{objects:?} {shown}");
    }
}

#[tokio::test]
async fn users_are_looked_for_fifty_at_a_time_until_they_show() {
    let names: Vec<String> = (0..75).map(|user| format!("u{user}")).collect();
    let shown = |from: usize, to: usize| {
        let one =
            |user| json!({ "external_id": format!("u{user}"), "custom_attributes": {"n": 1} });
        users(&(from..to).map(one).collect::<Json>())
    };
    // The first look shows some, the second the others; an answer that is none changes
    // nothing.
    let server = showing(move |look| match look {
        1 => shown(0, 75),
        2 => said("500 Oops", ""),
        _ => shown(0, 75),
    })
    .await;
    let (http, _) = backend(settings(&server));
    let updates: Vec<Update<'_>> =
        names.iter().map(|user| (&**user, &[r#"{"n":1}"#][..], &[][..], &[][..])).collect();
    let request = request(&updates);
    assert_eq!(words(&request, &http.commit(&request).await), ["applied"; 75]);
    let asked: Vec<usize> = server
        .heard()
        .iter()
        .filter(|heard| heard.line.ends_with("/ids"))
        .map(|heard| {
            let body: Json = serde_json::from_str(&heard.body).unwrap();
            body["external_ids"].as_array().unwrap().len()
        })
        .collect();
    assert_eq!(asked, [50, 25, 25]);
}

#[tokio::test]
async fn an_endpoint_that_shows_nothing_is_asked_no_more() {
    let server = showing(|_| said("403 Forbidden", r#"{"message":"Access Denied"}"#)).await;
    let (http, notices) = backend(settings(&server));
    let request = request(&[("a", &[r#"{"n":1}"#], &[], &[])]);
    for _ in 0..2 {
        assert_eq!(words(&request, &http.commit(&request).await), ["accepted"]);
    }
    assert_eq!(looks(&server), 1);
    let notices = notices.lock().unwrap();
    let blind = notices.iter().filter(|one| matches!(one, Notice::NoReadBack { .. }));
    assert_eq!(blind.count(), 1);
    assert!(notices.last().unwrap().to_string().contains("users.export.ids"));
}

#[tokio::test]
async fn what_cant_be_read_says_nothing_about_the_write() {
    for reply in [
        said("201 X", "{"),
        said("201 X", r#"{"message":"success"}"#),
        said("429 X", ""),
        said("500 X", ""),
        vec![Act::Reset],
    ] {
        let server = showing(move |_| reply.clone()).await;
        let (http, _) = backend(settings(&server));
        let request = request(&[("a", &[r#"{"n":1}"#], &[r#"{"name":"e"}"#], &[])]);
        assert_eq!(words(&request, &http.commit(&request).await), ["accepted"; 2]);
        assert_eq!(looks(&server), 3);
    }
}
