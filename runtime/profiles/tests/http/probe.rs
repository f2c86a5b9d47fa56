//! What the endpoint says of itself, and what is made of it.

use std::time::Duration;

use flowrun_core::{CommitLevel, Millis};
use flowrun_profiles::http::{Endpoint, KEYS, Notice, WriteKeys};
use flowrun_profiles::{HttpSettings, ProfileBackend as _};
use tokio::task::JoinSet;

use super::endpoint::{Complains, braze};
use super::server::{Act, Heard, Server, said};
use super::{backend, of_users, plain, words};

const OURS: &str = r#"{"status":"ok","write_keys":true,"commit":"applied"}"#;

/// An endpoint that is asked how it is, and answers so.
fn asked(health: Vec<Act>) -> impl Fn(&Heard) -> Vec<Act> + Send + Sync + 'static {
    move |heard| match &*heard.line {
        "GET /health" => health.clone(),
        _ => braze(heard, Complains::ByPlace),
    }
}

fn probing(url: &str) -> HttpSettings {
    HttpSettings { write_keys: WriteKeys::Probe, ..plain(url) }
}

#[tokio::test]
async fn an_endpoint_is_what_it_says_and_else_a_plain_one() {
    let plain_one = Endpoint::default();
    let keys = |applies| Endpoint { write_keys: true, applies };
    for (head, body, expected) in [
        ("200 OK", OURS, keys(true)),
        ("200 OK", r#"{"write_keys":true,"commit":"accepted"}"#, keys(false)),
        ("200 OK", r#"{"write_keys":true}"#, keys(false)),
        ("200 OK", r#"{"commit":"applied"}"#, Endpoint { write_keys: false, applies: true }),
        ("200 OK", r#"{"status":"ok"}"#, plain_one),
        ("200 OK", r#"{"write_keys":"yes"}"#, plain_one),
        ("200 OK", "ok", plain_one),
        ("200 OK", "", plain_one),
        ("404 Not Found", OURS, plain_one),
        ("401 Unauthorized", "", plain_one),
        ("301 Moved\r\nLocation: /", OURS, plain_one),
        ("501 Not Implemented", "", plain_one),
    ] {
        let server = Server::start(asked(said(head, body))).await;
        let (http, notices) = backend(probing(&server.url));
        assert!(!http.about().remembers_keys, "nothing is known before");
        let request = of_users(2);
        for _ in 0..2 {
            let word = if expected.applies { "applied" } else { "accepted" };
            assert_eq!(words(&request, &http.commit(&request).await), [word; 2], "{head} {body}");
        }
        assert_eq!(http.about().remembers_keys, expected.write_keys, "{head} {body}");
        assert_eq!(*notices.lock().unwrap(), [Notice::Probed(expected)]);
        let heard = server.heard();
        let lines: Vec<&str> = heard.iter().map(|heard| &*heard.line).collect();
        assert_eq!(lines, ["GET /health", "POST /users/track", "POST /users/track"]);
        assert_eq!(heard[1].header(KEYS).is_some(), expected.write_keys);
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_answer_is_clear_or_given_up() {
    for health in [
        said("500 Oops", ""),
        said("503 Unavailable", ""),
        vec![Act::Stall],
        vec![Act::Reset],
        vec![Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec()), Act::Close],
    ] {
        let server = Server::start(asked(health)).await;
        let deadline = Duration::from_millis(100);
        let (http, _) = backend(HttpSettings { deadline, ..probing(&server.url) });
        let request = of_users(1);
        for word in ["retry", "retry", "accepted", "accepted"] {
            assert_eq!(words(&request, &http.commit(&request).await), [word]);
        }
        let probes = server.heard().iter().filter(|heard| heard.line == "GET /health").count();
        assert_eq!((probes, server.heard().len()), (3, 5));
        assert!(!http.about().remembers_keys);
    }
}

#[tokio::test]
async fn many_commits_at_once_ask_once() {
    let server = Server::start(asked(said("200 OK", OURS))).await;
    let (http, _) = backend(probing(&server.url));
    let http = std::sync::Arc::new(http);
    let mut commits = JoinSet::new();
    for _ in 0..20 {
        let http = http.clone();
        commits.spawn(async move {
            let request = of_users(3);
            words(&request, &http.commit(&request).await)
        });
    }
    for words in commits.join_all().await {
        assert_eq!(words, ["applied"; 3]);
    }
    let heard = server.heard();
    assert_eq!(heard.iter().filter(|heard| heard.line == "GET /health").count(), 1);
    assert!(heard.iter().skip(1).all(|heard| heard.header(KEYS).is_some()));
}

#[tokio::test]
async fn configuration_has_the_last_word() {
    for (write_keys, level, probes, keys) in [
        (WriteKeys::Honoured, CommitLevel::Accepted, 0, true),
        (WriteKeys::Ignored, CommitLevel::Accepted, 0, false),
        // Whether it applies is still to be asked.
        (WriteKeys::Honoured, CommitLevel::Applied, 1, true),
        (WriteKeys::Ignored, CommitLevel::Applied, 1, false),
    ] {
        let server = Server::start(asked(said("200 OK", OURS))).await;
        let (http, _) = backend(HttpSettings { write_keys, level, ..plain(&server.url) });
        let request = of_users(1);
        let word = if probes == 1 { "applied" } else { "accepted" };
        assert_eq!(words(&request, &http.commit(&request).await), [word]);
        assert_eq!(http.about().remembers_keys, keys);
        let heard = server.heard();
        assert_eq!((heard.len(), heard[probes].header(KEYS).is_some()), (probes + 1, keys));
    }
}

#[tokio::test]
async fn the_first_commit_that_meets_somebody_goes_through() {
    let place = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let pauses = (Millis(1), Millis(1));
    let (http, _) = backend(HttpSettings { pauses, ..probing(&format!("http://{place}")) });
    let request = of_users(1);
    for _ in 0..5 {
        assert_eq!(words(&request, &http.commit(&request).await), ["retry"]);
    }
    let server = Server::at(place, asked(said("200 OK", OURS))).await;
    while server.heard().is_empty() {
        let word = words(&request, &http.commit(&request).await);
        assert_eq!(word, [if server.heard().is_empty() { "retry" } else { "applied" }]);
    }
}

#[tokio::test]
async fn a_host_may_ask_at_its_start() {
    let server = Server::start(asked(said("200 OK", OURS))).await;
    let (http, _) = backend(probing(&server.url));
    assert_eq!(http.probe().await, Ok(Endpoint { write_keys: true, applies: true }));
    assert!(http.about().remembers_keys);
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (nobody, _) = backend(probing(&format!("http://{free}")));
    let said = nobody.probe().await.unwrap_err();
    assert_eq!(said, format!("no connection could be made to http://{free}"));
    let request = of_users(1);
    assert_eq!(words(&request, &nobody.commit(&request).await), ["retry"]);
}
