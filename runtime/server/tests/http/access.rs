//! Who is let in, and what everybody else is told.

use flowrun_server::keys::{Digest, Key};
use flowrun_server::{Keys, Options, Permissions};
use serde_json::{Value as Json, json};

use crate::stage::{KEY, Stage, request};

const PATH: &str = "/users/track";

fn body() -> String {
    json!({"attributes": [{"external_id": "u", "n": 1}]}).to_string()
}

fn with_head(head: &str) -> String {
    request(PATH, head, &body()).replacen(&format!("Authorization: Bearer {KEY}\r\n"), "", 1)
}

#[tokio::test]
async fn whoever_has_no_key_gets_one_answer() {
    let stage = Stage::new().await;
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let wrong = format!("{}x", &KEY[..KEY.len() - 1]);
    let table = [
        String::new(),
        bearer(""),
        bearer("x"),
        bearer(&wrong),
        bearer(&KEY.to_uppercase()),
        bearer(&format!("{KEY} {KEY}")),
        bearer(KEY).repeat(2),
        bearer(KEY) + &bearer("x"),
        format!("Authorization: Basic {KEY}\r\n"),
        format!("Authorization: {KEY}\r\n"),
        "Authorization: \r\n".into(),
        bearer(&"k".repeat(20_000)),
    ];
    for head in table {
        let answer = stage.raw(with_head(&head)).await;
        assert_eq!(
            (answer.status, answer.json()),
            (401, json!({"message": "Invalid API key"})),
            "{head:.80}"
        );
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert!(!answer.body.contains(&KEY[..8]));
    }
    // A head that no server need read is no answer's subject, but has one.
    let huge = stage.raw(with_head(&bearer(&"k".repeat(200_000)))).await;
    assert_eq!(huge.status, 431);
    assert_eq!(stage.users(), 0);
    assert_eq!(stage.raw(with_head(&format!("authorization: bearer {KEY}\r\n"))).await.status, 201);
}

#[tokio::test]
async fn older_clients_send_the_key_in_the_body() {
    let stage = Stage::new().await;
    let post = |key: Json| {
        let body = json!({"api_key": key, "attributes": [{"external_id": "u", "api_key": "mine"}]});
        request(PATH, "", &body.to_string()).replacen(
            &format!("Authorization: Bearer {KEY}\r\n"),
            "",
            1,
        )
    };
    for wrong in [json!("x"), json!(""), json!(5), json!([KEY]), json!(null)] {
        let answer = stage.raw(post(wrong)).await;
        assert_eq!((answer.status, answer.message()), (401, "Invalid API key".into()));
    }
    assert_eq!(stage.raw(post(KEY.into())).await.status, 201);
    // In an object it is an attribute like any other.
    assert_eq!(stage.attribute("u", "api_key"), "mine");
    // A body that can't be read tells a stranger nothing.
    let broken = with_head("").replacen("{\"attributes\"", "{,attributes\"", 1);
    assert_eq!(stage.raw(broken).await.status, 401);
    // A key in the header is the one that counts.
    let both =
        stage.post(PATH, json!({"api_key": "x", "attributes": [{"external_id": "u"}]})).await;
    assert_eq!(both.status, 201);
}

#[tokio::test]
async fn a_key_opens_what_it_was_made_for() {
    let key = |name: &str, tokens: &[&str], permissions: &[&str]| {
        let digests = tokens.iter().map(|token| Digest::of(token.as_bytes())).collect();
        Key::new(name, digests, Permissions::named(permissions).unwrap()).unwrap()
    };
    let keys = vec![
        key("shop", &["shop-old", "shop-new"], &["users.track"]),
        key("bi", &["bi"], &["users.export.ids", "canvas.list"]),
    ];
    let stage = Stage::with(Options::new(Keys::new(keys).unwrap())).await;
    let get = |path: &str, token: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
    };
    let post = |path: &str, token: &str| request(path, "", &body()).replace(KEY, token);
    let table = [
        (post(PATH, "shop-old"), 201),
        (post(PATH, "shop-new"), 201),
        (post(PATH, "bi"), 403),
        (post("/users/track/sync", "shop-new"), 403),
        (post("/users/export/ids", "shop-new"), 403),
        (post("/users/export/ids", "bi"), 400),
        (get("/canvas/list", "bi"), 200),
        (get("/canvas/list", "shop-new"), 403),
        (get("/canvas/list", "nobody"), 401),
        (get("/canvas/details", "bi"), 403),
    ];
    for (text, status) in table {
        let answer = stage.raw(&text).await;
        assert_eq!(answer.status, status, "{text}");
        if status == 403 {
            assert_eq!(answer.message(), "Provided API key not authorized for this endpoint");
        }
    }
}

#[tokio::test]
async fn what_anybody_may_see_tells_of_no_user() {
    let stage = Stage::new().await;
    let track =
        json!({"attributes": [{"external_id": "someone", "email": "someone@example.com"}, {}]});
    assert_eq!(stage.post(PATH, track).await.status, 201);
    let health = stage.raw("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let wanted = json!({
        "status": "ok", "write_keys": true, "durable": false, "commit": "applied", "version": env!("CARGO_PKG_VERSION")
    });
    assert_eq!((health.status, health.json()), (200, wanted));
    let metrics = stage.raw("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "flowrun_http_requests_total{endpoint=\"/users/track\",status=\"201\"} 1",
        "flowrun_track_objects_total{array=\"attributes\",outcome=\"processed\"} 1",
        "flowrun_track_objects_total{array=\"attributes\",outcome=\"refused\"} 1",
        "flowrun_http_request_seconds_count{endpoint=\"/users/track\"} 1",
    ] {
        assert!(metrics.body.lines().any(|known| known == line), "{line}\n{}", metrics.body);
    }
    assert!(!metrics.body.contains("someone") && !metrics.body.contains(&KEY[..8]));
    for line in metrics.body.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn whoever_guesses_keys_has_to_wait_and_known_clients_do_not() {
    let key = |name: &str, token: &str| {
        let digests = vec![Digest::of(token.as_bytes())];
        Key::new(name, digests, Permissions::named(&["*"]).unwrap()).unwrap()
    };
    let keys = Keys::new(vec![key("old", KEY), key("late", "another-key")]).unwrap();
    let mut options = Options::new(keys);
    options.limits.wrong_keys = 5;
    let stage = Stage::with(options).await;
    let ask = async |token: &str| {
        stage.raw(with_head(&format!("Authorization: Bearer {token}\r\n"))).await
    };
    assert_eq!(ask(KEY).await.status, 201);
    for number in 0..5 {
        assert_eq!(ask(&format!("guess-{number}")).await.status, 401);
    }
    for token in ["guess-again", "another-key"] {
        let answer = ask(token).await;
        assert_eq!((answer.status, answer.message()), (429, "Rate limit exceeded".into()));
        let wait: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=61).contains(&wait), "{wait}");
    }
    let older = json!({"api_key": "guess", "attributes": []}).to_string();
    let older =
        request(PATH, "", &older).replacen(&format!("Authorization: Bearer {KEY}\r\n"), "", 1);
    assert_eq!(stage.raw(older).await.status, 429, "in the body it is a guess, too");
    assert_eq!(ask(KEY).await.status, 201, "a client that was known is served");
    stage.set_now(crate::stage::NOON + 60_000);
    assert_eq!(ask("another-key").await.status, 201);
}
