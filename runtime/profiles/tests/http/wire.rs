//! What is sent.

use flowrun_profiles::http::{KEYS, WriteKeys};
use flowrun_profiles::{HttpSettings, ProfileBackend as _};
use serde_json::{Value as Json, json};

use super::endpoint::{Complains, braze};
use super::server::{Heard, Server};
use super::{KEY, Update, backend, key, plain, request};

/// What a backend sends for some updates.
async fn sent(settings: impl Fn(&str) -> HttpSettings, updates: &[Update<'_>]) -> Heard {
    let server = Server::start(|heard| braze(heard, Complains::ByPlace)).await;
    let (http, _) = backend(settings(&server.url));
    let _ = http.commit(&request(updates)).await;
    let mut heard = server.heard();
    assert_eq!(heard.len(), 1);
    heard.remove(0)
}

#[tokio::test]
async fn objects_carry_their_users_id_and_stand_in_their_arrays() {
    let event = r#"{"name":"won","time":"2026-01-01T00:00:00Z"}"#;
    let purchase = r#"{ "product_id": "p" }"#;
    for (updates, expected) in [
        (
            &[("u1", &[r#"{"vip":true}"#][..], &[][..], &[][..])][..],
            json!({"attributes":[{"external_id":"u1","vip":true}]}),
        ),
        (
            &[
                ("u1", &[r#"{"n":{"inc":1}}"#, " {} "][..], &[event][..], &[][..]),
                ("u2", &[][..], &[event][..], &[purchase][..]),
            ],
            json!({
                "attributes":[{"external_id":"u1","n":{"inc":1}},{"external_id":"u1"}],
                "events":[
                    {"external_id":"u1","name":"won","time":"2026-01-01T00:00:00Z"},
                    {"external_id":"u2","name":"won","time":"2026-01-01T00:00:00Z"},
                ],
                "purchases":[{"external_id":"u2","product_id":"p"}],
            }),
        ),
        (
            &[("a\"\\\n\u{1}é😀\u{2028}", &[][..], &[event][..], &[][..])],
            json!({"events":[{"external_id":"a\"\\\n\u{1}é😀\u{2028}","name":"won","time":"2026-01-01T00:00:00Z"}]}),
        ),
    ] {
        let heard = sent(plain, updates).await;
        assert_eq!(serde_json::from_str::<Json>(&heard.body).unwrap(), expected);
        assert_eq!(heard.line, "POST /users/track");
        assert_eq!(heard.header("content-type").as_deref(), Some("application/json"));
        assert_eq!(heard.header("authorization"), Some(format!("bearer {KEY}")));
        assert_eq!(heard.header("accept-encoding"), None);
        assert_eq!(heard.header(KEYS), None);
    }
}

#[tokio::test]
async fn an_endpoint_that_remembers_gets_a_key_for_each_object() {
    let settings = |url: &str| HttpSettings { write_keys: WriteKeys::Honoured, ..plain(url) };
    let updates: &[Update<'_>] =
        &[("u1", &["{}", "{}"], &[r#"{"name":"e"}"#], &[]), ("u2", &["{}"], &[], &[r#"{"p":1}"#])];
    let heard = sent(settings, updates).await;
    let (one, two) = (key("u1").digest(), key("u2").digest());
    let expected = format!("{one:032x}.0,{one:032x}.1,{two:032x}.0,{one:032x}.2,{two:032x}.1");
    assert_eq!(heard.header(KEYS), Some(expected));

    let users: Vec<String> = (0..75).map(|user| format!("u{user}")).collect();
    let full: Vec<Update<'_>> =
        users.iter().map(|user| (&**user, &["{}"][..], &["{}"][..], &["{}"][..])).collect();
    let heard = sent(settings, &full).await;
    let keys = heard.header(KEYS).unwrap();
    let entries: Vec<&str> = keys.split(',').collect();
    assert_eq!(entries.len(), 225);
    for (place, entry) in entries.iter().enumerate() {
        let digest = key(&users[place % 75]).digest();
        assert_eq!(*entry, format!("{digest:032x}.{}", place / 75));
    }
    let longest = heard.head.lines().map(str::len).max().unwrap();
    assert!(longest < 4 << 10, "a line of {longest} bytes");
}
