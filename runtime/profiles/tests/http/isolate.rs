//! A refused object leaves its neighbours alone, however the endpoint complains.

use flowrun_core::Outcome;
use flowrun_profiles::ProfileBackend as _;

use super::endpoint::{Complains, braze, objects};
use super::server::{Act, Server, said};
use super::{Update, backend, of_users, outcomes, plain, request, words};

/// Users of whom some are bad.
fn some_bad(users: usize, bad: &[usize]) -> Vec<(String, &'static str)> {
    let text = |user| if bad.contains(&user) { r#"{"tier":"bad"}"# } else { r#"{"tier":"ok"}"# };
    (0..users).map(|user| (format!("u{user}"), text(user))).collect()
}

#[tokio::test]
async fn exactly_the_bad_objects_are_refused() {
    for complains in [Complains::ByPlace, Complains::ByPlaceAltogether, Complains::InGeneral] {
        for (users, bad) in [
            (1, &[0][..]),
            (75, &[0]),
            (75, &[74]),
            (75, &[3, 37, 38]),
            (74, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (2, &[0, 1]),
        ] {
            let server = Server::start(move |heard| braze(heard, complains)).await;
            let (http, _) = backend(plain(&server.url));
            let list = some_bad(users, bad);
            let texts: Vec<[&str; 1]> = list.iter().map(|(_, text)| [*text]).collect();
            let updates: Vec<Update<'_>> = list
                .iter()
                .zip(&texts)
                .map(|((user, _), text)| (&**user, &text[..], &[][..], &text[..]))
                .collect();
            let request = request(&updates);
            let reply = http.commit(&request).await;
            let expected = |user| if bad.contains(&user) { "refused" } else { "accepted" };
            let one: Vec<&str> = (0..users).map(expected).collect();
            assert_eq!(words(&request, &reply), [one.clone(), one].concat(), "{bad:?}");
            for outcome in outcomes(&request, &reply) {
                let Outcome::Refused(reason) = outcome else { continue };
                let told = match complains {
                    Complains::InGeneral => "Bad Request",
                    _ => "is bad",
                };
                assert!(reason.contains(told), "{reason}");
            }
            // Every good object arrived in a request that was taken exactly once.
            let taken: usize = server
                .heard()
                .iter()
                .filter(|heard| {
                    !matches!(complains, Complains::ByPlace) && !heard.body.contains("bad")
                })
                .map(|heard| objects(heard, "attributes").len())
                .sum();
            if !matches!(complains, Complains::ByPlace) {
                assert_eq!(taken, users - bad.len());
            }
            assert!(server.heard().len() < 2 + 20 * bad.len(), "{} requests", server.heard().len());
        }
    }
}

#[tokio::test]
async fn objects_of_one_update_arrive_in_order_even_alone() {
    // The server takes one object at a time, and the third not now.
    let server = Server::start(|heard| {
        let count: usize = super::endpoint::ARRAYS.iter().map(|a| objects(heard, a).len()).sum();
        match count {
            1 if heard.body.contains("\"n\":3") => said("503 Busy", "later"),
            1 => braze(heard, Complains::ByPlace),
            _ => said("413 Too Large", ""),
        }
    })
    .await;
    let (http, _) = backend(plain(&server.url));
    let request = request(&[
        ("a", &[r#"{"n":1}"#, r#"{"n":2}"#], &[], &[]),
        ("b", &[r#"{"n":3}"#, r#"{"n":4}"#], &[r#"{"n":5}"#], &[]),
    ]);
    let reply = http.commit(&request).await;
    assert_eq!(words(&request, &reply), ["accepted", "accepted", "retry", "retry", "retry"]);
    let alone: Vec<String> = server
        .heard()
        .iter()
        .map(|heard| heard.body.clone())
        .filter(|body| body.matches("external_id").count() == 1)
        .collect();
    assert!(alone[0].contains("\"n\":1") && alone[1].contains("\"n\":2"), "{alone:?}");
    assert_eq!(alone.len(), 3, "after the third nothing is sent: {alone:?}");
}

#[tokio::test]
async fn what_follows_a_doubtful_object_of_the_same_update_waits_for_it() {
    let server = Server::start(|heard| match objects(heard, "attributes").len() {
        2 => said("201 X", r#"{"message":"success","attributes_processed":1}"#),
        _ => said("413 Too Large", ""),
    })
    .await;
    let (http, _) = backend(plain(&server.url));
    let request = request(&[("a", &[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, "{}"], &[], &[])]);
    let reply = http.commit(&request).await;
    assert_eq!(words(&request, &reply), ["unknown", "unknown", "retry", "retry"]);
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_request_is_split_between_updates_before_one_is() {
    let server = Server::start(|heard| braze(heard, Complains::InGeneral)).await;
    let (http, _) = backend(plain(&server.url));
    let request =
        request(&[("a", &[r#"{"t":"bad"}"#], &[], &[]), ("b", &["{}", "{}", "{}"], &[], &[])]);
    let reply = http.commit(&request).await;
    assert_eq!(words(&request, &reply), ["refused", "accepted", "accepted", "accepted"]);
    let sizes: Vec<usize> =
        server.heard().iter().map(|heard| objects(heard, "attributes").len()).collect();
    assert_eq!(sizes, [4, 1, 3]);
}

#[tokio::test]
async fn a_request_over_the_limit_is_split_before_it_is_sent() {
    let server = Server::start(|heard| braze(heard, Complains::ByPlace)).await;
    let settings = plain(&server.url);
    let (http, _) = backend(flowrun_profiles::HttpSettings { largest_body: 1_000, ..settings });
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_000));
    let small: Vec<String> = (0..40).map(|user| format!("u{user}")).collect();
    let mut updates: Vec<Update<'_>> =
        small.iter().map(|user| (&**user, &[r#"{"vip":true}"#][..], &[][..], &[][..])).collect();
    let texts = [&*large];
    updates.insert(20, ("large", &texts, &[], &[]));
    let request = request(&updates);
    let reply = http.commit(&request).await;
    let words = words(&request, &reply);
    assert_eq!(words.iter().filter(|word| **word == "accepted").count(), 40);
    assert_eq!(words[20], "refused");
    let reason = format!("{:?}", outcomes(&request, &reply)[20]);
    assert!(reason.contains("at most 1000 bytes"), "{reason}");
    assert!(server.heard().iter().all(|heard| heard.body.len() <= 1_000));
}

#[tokio::test]
async fn isolating_ends_when_the_endpoint_is_lost() {
    // Halves are taken until the connection breaks; what wasn't sent is known not to be in.
    let server = Server::start(|heard| match objects(heard, "attributes").len() {
        8 | 4 => said("400 Bad Request", "no"),
        _ => vec![Act::Reset],
    })
    .await;
    let (http, _) = backend(plain(&server.url));
    let request = of_users(8);
    let reply = http.commit(&request).await;
    let expected = [["unknown"; 2].as_slice(), &["retry"; 6]].concat();
    assert_eq!(words(&request, &reply), expected);
    assert_eq!(server.heard().len(), 3);
}
