//! When the endpoint is left alone, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use flowrun_core::{Millis, Outcome};
use flowrun_profiles::http::Notice;
use flowrun_profiles::{HttpSettings, ProfileBackend as _};

use super::endpoint::{Complains, braze};
use super::server::{Server, said};
use super::{KEY, backend, of_users, outcomes, plain, words};

const SUCCESS: &str = r#"{"message":"success"}"#;

#[tokio::test]
async fn a_limit_is_obeyed_in_either_dialect() {
    let at = |seconds| SystemTime::now() + Duration::from_secs(seconds);
    let epoch = at(100).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let epoch_header = format!("X-RateLimit-Reset: {epoch}");
    let date_header = format!("Retry-After: {}", httpdate::fmt_http_date(at(100)));
    for (head, body, word, pause) in [
        ("429 X\r\nRetry-After: 7", "", "retry", Some(7_000..=7_000)),
        ("429 X\r\nX-Ratelimit-Retry-After: 3", "", "retry", Some(3_000..=3_000)),
        (&format!("429 X\r\n{epoch_header}"), "", "retry", Some(90_000..=100_000)),
        (&format!("429 X\r\n{date_header}"), "", "retry", Some(90_000..=100_000)),
        ("429 X\r\nRetry-After: -1", "", "retry", Some(1_000..=1_000)),
        ("429 X\r\nRetry-After: 999999999", "", "retry", Some(300_000..=300_000)),
        ("429 X\r\nRetry-After: soon", "", "retry", Some(1_000..=1_000)),
        ("429 X", "", "retry", Some(1_000..=1_000)),
        ("503 X\r\nRetry-After: 7", "", "retry", Some(7_000..=7_000)),
        ("503 X", "", "retry", None),
        // The window of the rate limit stands in every reply.
        ("503 X\r\nX-RateLimit-Remaining: 9\r\nX-RateLimit-Reset: 60", "", "retry", None),
        ("500 X\r\nX-RateLimit-Remaining: 9\r\nX-RateLimit-Reset: 60", "", "unknown", None),
        ("500 X\r\nRetry-After: 7", "", "unknown", Some(7_000..=7_000)),
        (
            &format!("201 X\r\nX-RateLimit-Remaining: 0\r\n{epoch_header}"),
            SUCCESS,
            "accepted",
            Some(90_000..=100_000),
        ),
        (
            "201 X\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 2",
            SUCCESS,
            "accepted",
            Some(2_000..=2_000),
        ),
        (
            &format!("201 X\r\nX-RateLimit-Remaining: 1\r\n{epoch_header}"),
            SUCCESS,
            "accepted",
            None,
        ),
        // Nobody asked for a pause after a success.
        ("201 X\r\nRetry-After: 7", SUCCESS, "accepted", None),
    ] {
        let (name, reply) = (head.to_owned(), said(head, body));
        let server = Server::start(move |_| reply.clone()).await;
        let (http, _) = backend(plain(&server.url));
        let request = of_users(3);
        let reply = http.commit(&request).await;
        assert_eq!(words(&request, &reply), [word; 3], "{name}");
        match (pause, reply.pause) {
            (None, None) => {}
            (Some(range), Some(Millis(pause))) => {
                assert!(range.contains(&pause), "{name}: {pause}")
            }
            (expected, found) => panic!("{name}: {found:?} instead of {expected:?}"),
        }
        for outcome in outcomes(&request, &reply) {
            // A wait that was asked for is no failure of the update.
            let Outcome::Retry { after, .. } = outcome else { continue };
            assert_eq!(after, reply.pause, "{name}");
        }
    }
}

#[tokio::test]
async fn limits_that_say_nothing_lengthen_the_pause() {
    let limited = Arc::new(AtomicBool::new(true));
    let now = limited.clone();
    let server = Server::start(move |_| match now.load(Ordering::SeqCst) {
        true => said("429 X", ""),
        false => said("201 X", SUCCESS),
    })
    .await;
    let (http, _) = backend(plain(&server.url));
    for pause in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
        assert_eq!(http.commit(&of_users(1)).await.pause, Some(Millis(pause)));
    }
    limited.store(false, Ordering::SeqCst);
    assert_eq!(http.commit(&of_users(1)).await.pause, None);
    limited.store(true, Ordering::SeqCst);
    assert_eq!(http.commit(&of_users(1)).await.pause, Some(Millis(1_000)));
}

#[tokio::test]
async fn isolating_stops_when_the_rate_is_used_up() {
    let server = Server::start(|_| {
        said("400 X\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 9", r#"{"message":"no"}"#)
    })
    .await;
    let (http, _) = backend(plain(&server.url));
    let request = of_users(4);
    let reply = http.commit(&request).await;
    assert_eq!((words(&request, &reply), reply.pause), (vec!["retry"; 4], Some(Millis(9_000))));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_turned_down_halts_everything_until_it_is_right() {
    let right = Arc::new(AtomicBool::new(false));
    let now = right.clone();
    let server = Server::start(move |heard| match now.load(Ordering::SeqCst) {
        true => braze(heard, Complains::ByPlace),
        false => said("401 X", &format!(r#"{{"message":"Invalid API key: {KEY}"}}"#)),
    })
    .await;
    let settings = plain(&server.url);
    let (http, notices) = backend(settings.clone());
    let request = of_users(2);
    let first = http.commit(&request).await;
    let second = http.commit(&request).await;
    assert_eq!(first.pause, Some(Millis(5_000)));
    assert!(second.pause.unwrap() <= Millis(5_000) && second.status.is_none());
    assert_eq!(server.heard().len(), 1, "the second wasn't sent");
    for outcome in outcomes(&request, &first).into_iter().chain(outcomes(&request, &second)) {
        assert!(matches!(outcome, Outcome::Retry { after: Some(_), .. }), "{outcome:?}");
    }
    let told: Vec<String> = notices.lock().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["the endpoint turns every request down: the endpoint answers 401: Invalid API key: …; \
             check the API key and that it has the right `users.track`. Nothing is lost: updates \
             are held, and the next try is in 5 s"]
    );

    // With the shortest pauses there are, until somebody has put the key right.
    let (http, notices) = backend(HttpSettings { pauses: (Millis(1), Millis(1)), ..settings });
    while server.heard().len() < 3 {
        assert_eq!(words(&request, &http.commit(&request).await), ["retry"; 2]);
    }
    right.store(true, Ordering::SeqCst);
    while words(&request, &http.commit(&request).await) != ["accepted"; 2] {}
    let notices = notices.lock().unwrap();
    assert!(matches!(notices[0], Notice::TurnedDown { pause: Millis(1), .. }));
    assert_eq!(notices.last(), Some(&Notice::Recovered));
}

#[tokio::test]
async fn nobody_there_is_given_time_after_the_third_call() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (http, notices) = backend(plain(&format!("http://{free}")));
    let mut pauses = Vec::new();
    for _ in 0..4 {
        pauses.push(http.commit(&of_users(1)).await.pause);
    }
    assert_eq!(pauses[..3], [None, None, Some(Millis(5_000))]);
    assert!(pauses[3].is_some());
    let told: Vec<String> = notices.lock().unwrap().iter().map(ToString::to_string).collect();
    let expected = format!(
        "the endpoint can't be reached: no connection could be made to http://{free}. Updates are \
         held, and the next try is in 5 s"
    );
    assert_eq!(told, [expected]);
}
