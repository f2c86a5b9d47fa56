//! What is sent.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use flowrun_profiles::http::{KEYS, WriteKeys};
use flowrun_profiles::{HttpSettings, ProfileBackend as _};
use serde_json::{Value as Json, json};

use super::endpoint::{Complains, braze};
use super::server::{Act, Heard, Server};
use super::{KEY, Update, backend, key, plain, request, words};

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
}

#[tokio::test]
async fn what_is_sent_again_after_a_lost_reply_is_applied_once_where_keys_are_honoured() {
    for (write_keys, expected) in [(WriteKeys::Honoured, 6), (WriteKeys::Ignored, 12)] {
        let applied = Arc::new(Mutex::new((HashSet::new(), 0)));
        let state = applied.clone();
        // It applies everything, and the first reply gets lost.
        let server = Server::start(move |heard| {
            let (settled, effects) = &mut *state.lock().unwrap();
            let lost = *effects == 0;
            let new = |key: &&str| settled.insert((*key).to_owned());
            *effects += match heard.header(KEYS) {
                Some(keys) => keys.split(',').filter(new).count(),
                None => heard.body.matches("external_id").count(),
            };
            if lost { vec![Act::Reset] } else { braze(heard, Complains::ByPlace) }
        })
        .await;
        let (http, _) = backend(HttpSettings { write_keys, ..plain(&server.url) });
        let (attributes, events) = (&["{}"][..], &[r#"{"name":"e"}"#][..]);
        let request = request(&["a", "b", "c"].map(|user| (user, attributes, events, &[][..])));
        assert_eq!(words(&request, &http.commit(&request).await), ["unknown"; 6]);
        assert_eq!(words(&request, &http.commit(&request).await), ["accepted"; 6]);
        assert_eq!(applied.lock().unwrap().1, expected);
    }
}
