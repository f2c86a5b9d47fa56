//! Every reply that a server can think of, to requests of 1, 74 and 75 objects.
//!
//! `{n}`, `{last}` and `{key}` in a body stand for the number of objects, the place of the
//! last, and the API key, which some servers quote.

use std::time::Duration;

use flowrun_core::Millis;
use flowrun_profiles::{HttpSettings, ProfileBackend as _};
use tokio::task::JoinSet;

use super::server::{Act, Server, bytes};
use super::{KEY, backend, of_users, outcomes, plain, words};

const SIZES: [usize; 3] = [1, 74, 75];

/// What becomes of the objects.
#[derive(Clone, Copy, Debug)]
enum Then {
    All(&'static str),
    /// Of an object that is alone in its request, and of each of many.
    Alone(&'static str, &'static str),
    /// Of the first object, and of the others.
    First(&'static str, &'static str),
}
use Then::{All, Alone, First};

impl Then {
    fn words(self, objects: usize) -> Vec<&'static str> {
        let (first, others) = match self {
            All(word) => (word, word),
            Alone(alone, _) if objects == 1 => (alone, alone),
            Alone(_, many) => (many, many),
            First(first, others) => (first, others),
        };
        (0..objects).map(|place| if place == 0 { first } else { others }).collect()
    }
}

/// What the endpoint says, by name.
type Row = (&'static str, &'static str, &'static str, Then);

const JSON: &str = "Content-Type: application/json";

/// Rows: name, status and headers, body, outcome. A head without a type is JSON.
const ROWS: &[Row] = &[
    // Taken.
    ("201", "201 Created", r#"{"message":"success","attributes_processed":{n}}"#, All("accepted")),
    ("200", "200 OK", r#"{"message":"success","attributes_processed":{n}}"#, All("accepted")),
    ("no counts", "201 Created", r#"{"message":"success"}"#, All("accepted")),
    ("no word", "201 Created", r#"{"attributes_processed":{n}}"#, All("accepted")),
    (
        "others at zero",
        "201 Created",
        r#"{"message":"success","attributes_processed":{n},"events_processed":0}"#,
        All("accepted"),
    ),
    (
        "unknown fields",
        "201 Created",
        r#"{"message":"success","attributes_processed":{n},"x":[{"y":null}]}"#,
        All("accepted"),
    ),
    (
        "no errors",
        "201 Created",
        r#"{"message":"success","attributes_processed":{n},"errors":[]}"#,
        All("accepted"),
    ),
    ("null errors", "201 Created", r#"{"message":"success","errors":null}"#, All("accepted")),
    ("no type", "201 Created\r\nX: y", r#"{"message":"success"}"#, All("accepted")),
    (
        "problem type",
        "201 Created\r\nContent-Type: Application/Vnd.Api+JSON; charset=utf-8",
        r#"{"message":"success"}"#,
        All("accepted"),
    ),
    ("202", "202 Accepted", r#"{"message":"queued"}"#, All("accepted")),
    // Per object.
    (
        "first by place",
        "201 Created",
        r#"{"message":"success","attributes_processed":{last},"errors":[{"type":"no","input_array":"attributes","index":0}]}"#,
        First("refused", "accepted"),
    ),
    (
        "first, no counts",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes","index":0}]}"#,
        First("refused", "accepted"),
    ),
    (
        "first twice, counted once",
        "201 Created",
        r#"{"message":"success","attributes_processed":{last},"errors":[{"type":"no","input_array":"attributes","index":0},{"type":"nor this","input_array":"attributes","index":0}]}"#,
        First("refused", "accepted"),
    ),
    (
        "first twice, not counted",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes","index":0},{"type":"no","input_array":"attributes","index":0}]}"#,
        First("refused", "unknown"),
    ),
    (
        "key in a reason",
        "201 Created",
        r#"{"message":"success","attributes_processed":{last},"errors":[{"type":"{key} says no","input_array":"attributes","index":0}]}"#,
        First("refused", "accepted"),
    ),
    (
        "errors missing",
        "201 Created",
        r#"{"message":"success","attributes_processed":0}"#,
        All("unknown"),
    ),
    (
        "out of range",
        "201 Created",
        r#"{"message":"success","attributes_processed":{last},"errors":[{"type":"no","input_array":"attributes","index":{n}}]}"#,
        All("unknown"),
    ),
    (
        "far out of range",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes","index":18446744073709551615}]}"#,
        All("unknown"),
    ),
    (
        "negative place",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes","index":-1}]}"#,
        All("unknown"),
    ),
    (
        "place as text",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes","index":"0"}]}"#,
        All("unknown"),
    ),
    (
        "place in half",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes","index":0.5}]}"#,
        All("unknown"),
    ),
    (
        "no place",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"attributes"}]}"#,
        Alone("refused", "unknown"),
    ),
    (
        "no array",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","index":0}]}"#,
        Alone("refused", "unknown"),
    ),
    (
        "unknown array",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"users","index":0}]}"#,
        All("unknown"),
    ),
    (
        "array not sent",
        "201 Created",
        r#"{"message":"success","errors":[{"type":"no","input_array":"events","index":0}]}"#,
        All("unknown"),
    ),
    (
        "errors as texts",
        "201 Created",
        r#"{"message":"success","errors":["'quantity' is not valid"]}"#,
        Alone("refused", "unknown"),
    ),
    (
        "errors as one text",
        "201 Created",
        r#"{"message":"success","errors":"no"}"#,
        Alone("refused", "unknown"),
    ),
    (
        "errors, all counted",
        "201 Created",
        r#"{"message":"success","attributes_processed":{n},"errors":["a hint"]}"#,
        All("accepted"),
    ),
    (
        "error, all counted",
        "201 Created",
        r#"{"message":"success","attributes_processed":{n},"errors":[{"type":"no","input_array":"attributes","index":0}]}"#,
        All("unknown"),
    ),
    (
        "no place, all counted",
        "201 Created",
        r#"{"message":"success","attributes_processed":{n},"errors":[{"type":"no","input_array":"attributes"}]}"#,
        All("unknown"),
    ),
    (
        "too many counted",
        "201 Created",
        r#"{"message":"success","attributes_processed":76}"#,
        All("unknown"),
    ),
    (
        "others counted",
        "201 Created",
        r#"{"message":"success","events_processed":{n}}"#,
        All("unknown"),
    ),
    (
        "nothing counted",
        "201 Created",
        r#"{"message":"success","events_processed":0}"#,
        All("unknown"),
    ),
    (
        "count as text",
        "201 Created",
        r#"{"message":"success","attributes_processed":"{n}"}"#,
        All("unknown"),
    ),
    (
        "count negative",
        "201 Created",
        r#"{"message":"success","attributes_processed":-1}"#,
        All("unknown"),
    ),
    (
        "count twice",
        "201 Created",
        r#"{"message":"success","attributes_processed":{n},"attributes_processed":0}"#,
        All("unknown"),
    ),
    // Malformed.
    ("empty body", "201 Created", "", All("unknown")),
    ("empty 202", "202 Accepted", "", All("unknown")),
    ("204", "204 No Content", "", All("unknown")),
    ("206", "206 Partial Content", r#"{"message":"success"}"#, All("unknown")),
    ("empty object", "201 Created", "{}", All("unknown")),
    ("other word", "201 Created", r#"{"message":"hello"}"#, All("unknown")),
    ("no object", "201 Created", "[]", All("unknown")),
    ("a text", "201 Created", r#""success""#, All("unknown")),
    ("cut JSON", "201 Created", r#"{"message":"success","attributes_proc"#, All("unknown")),
    (
        "more than JSON",
        "201 Created",
        r#"{"message":"success"}{"message":"success"}"#,
        All("unknown"),
    ),
    (
        "wrong type",
        "201 Created\r\nContent-Type: text/html",
        r#"{"message":"success"}"#,
        All("unknown"),
    ),
    ("packed", "201 Created\r\nContent-Encoding: gzip", r#"{"message":"success"}"#, All("unknown")),
    ("login page", "200 OK\r\nContent-Type: text/html", "<html>Sign in</html>", All("unknown")),
    // Refused altogether.
    (
        "400 naming all",
        "400 Bad Request",
        r#"{"message":"Valid data must be provided","errors":{all}}"#,
        All("refused"),
    ),
    ("400 naming none", "400 Bad Request", r#"{"message":"Bad Request"}"#, All("refused")),
    ("400 in text", "400 Bad Request\r\nContent-Type: text/plain", "no {key}", All("refused")),
    (
        "400 out of range",
        "400 Bad Request",
        r#"{"message":"no","errors":[{"type":"no","input_array":"attributes","index":75}]}"#,
        All("refused"),
    ),
    (
        "400 that counts",
        "400 Bad Request",
        r#"{"message":"no","attributes_processed":1}"#,
        All("unknown"),
    ),
    ("400 about the key", "400 Bad Request", r#"{"message":"Invalid API Key"}"#, All("retry")),
    (
        "400 naming a key of an object",
        "400 Bad Request",
        r#"{"message":"Invalid API key","errors":{all}}"#,
        All("refused"),
    ),
    (
        "400 in text about a key",
        "400 Bad Request\r\nContent-Type: text/plain",
        "Invalid API key",
        All("refused"),
    ),
    ("409", "409 Conflict", r#"{"message":"no"}"#, All("refused")),
    ("413", "413 Request Entity Too Large", "", All("refused")),
    ("422", "422 Unprocessable", r#"{"message":"no","errors":["no"]}"#, All("refused")),
    ("418", "418 I'm a teapot", "", All("refused")),
    ("501", "501 Not Implemented", "", All("refused")),
    // Again.
    ("408", "408 Request Timeout", "", All("retry")),
    ("425", "425 Too Early", "", All("retry")),
    ("503", "503 Unavailable", "<html>{key}</html>", All("retry")),
    ("500", "500 Oops", r#"{"message":"Internal Server Error"}"#, All("unknown")),
    ("502", "502 Bad Gateway\r\nContent-Type: text/html", "<html></html>", All("unknown")),
    ("504", "504 Gateway Timeout", "", All("unknown")),
    ("505", "505 Version", "", All("unknown")),
    ("507", "507 Storage", "", All("unknown")),
    ("529", "529 Overloaded", "", All("unknown")),
    ("599", "599 Odd", "", All("unknown")),
    // Turned down: no object is to blame.
    ("401", "401 Unauthorized", r#"{"message":"Invalid API key: {key}"}"#, All("retry")),
    ("402", "402 Payment Required", "", All("retry")),
    ("403", "403 Forbidden", r#"{"message":"Access Denied"}"#, All("retry")),
    ("404", "404 Not Found", "<html>{key}</html>", All("retry")),
    ("405", "405 Method Not Allowed", "", All("retry")),
    ("415", "415 Unsupported Media Type", "", All("retry")),
    ("301", "301 Moved\r\nLocation: http://127.0.0.1:1/{key}", "", All("retry")),
    ("307", "307 Elsewhere\r\nLocation: http://169.254.169.254/", "", All("retry")),
    ("429", "429 Too Many Requests", r#"{"message":"Rate limited"}"#, All("retry")),
];

/// What a server does that isn't a whole reply.
fn acts() -> Vec<(&'static str, Vec<Act>, Then)> {
    let say = |text: &str| Act::Say(text.as_bytes().to_vec());
    let head = format!("HTTP/1.1 201 Created\r\n{JSON}\r\n");
    let begun = || say(&format!("{head}Content-Length: 99\r\n\r\n{{\"message\""));
    let chunked = || say(&format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let large = format!("X: {}\r\n", "y".repeat(1 << 20));
    let success = r#"{"message":"success"}"#;
    let padded = format!("{success}{}", " ".repeat(10 << 20));
    let deep = format!(r#"{{"message":"success","errors":{}"#, "[".repeat(100_000));
    let whole = || Act::Say(bytes(&format!("201 Created\r\n{JSON}"), success));
    let close = format!("HTTP/1.1 201 Created\r\n{JSON}\r\nConnection: close\r\n\r\n{success}");
    let ok_chunk = format!("{:x}\r\n{success}\r\n0\r\n\r\n", success.len());
    vec![
        ("closes at once", vec![Act::Close], All("unknown")),
        ("resets at once", vec![Act::Reset], All("unknown")),
        ("resets in the head", vec![say("HTTP/1.1 20"), Act::Reset], All("unknown")),
        ("closes in the body", vec![begun(), Act::Close], All("unknown")),
        ("resets in the body", vec![begun(), Act::Reset], All("unknown")),
        ("stalls at once", vec![Act::Stall], All("unknown")),
        ("stalls in the head", vec![say("HTTP/1.1 201 Cre"), Act::Stall], All("unknown")),
        ("stalls in the body", vec![begun(), Act::Stall], All("unknown")),
        (
            "trickles its head",
            vec![say("HTTP/1.1 201 X\r\nA: "), Act::Trickle(b"b")],
            All("unknown"),
        ),
        ("trickles its body", vec![begun(), Act::Trickle(b" ")], All("unknown")),
        ("trickles chunks", vec![chunked(), Act::Trickle(b"1\r\n \r\n")], All("unknown")),
        ("chunks without end", vec![chunked(), Act::Flood(b"4\r\n    \r\n")], All("unknown")),
        ("a chunk of no size", vec![chunked(), say("zz\r\n")], All("unknown")),
        ("a chunk of every size", vec![chunked(), say("ffffffffffffffff1\r\n")], All("unknown")),
        (
            "headers without end",
            vec![say("HTTP/1.1 201 X\r\n"), Act::Flood(b"A: b\r\n")],
            All("unknown"),
        ),
        ("many headers", vec![say(&format!("HTTP/1.1 201 X\r\n{many}\r\n"))], All("unknown")),
        ("a large header", vec![say(&format!("HTTP/1.1 201 X\r\n{large}\r\n"))], All("unknown")),
        (
            "informs without end",
            vec![Act::Trickle(b"HTTP/1.1 100 Continue\r\n\r\n")],
            All("unknown"),
        ),
        ("no HTTP", vec![say("SSH-2.0-OpenSSH_9.6\r\n")], All("unknown")),
        ("zeros", vec![Act::Say(vec![0; 1_000])], All("unknown")),
        (
            "two lengths",
            vec![say(&format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}} "))],
            All("unknown"),
        ),
        ("10 MB", vec![Act::Say(bytes(&format!("201 X\r\n{JSON}"), &padded))], All("unknown")),
        ("deep JSON", vec![Act::Say(bytes(&format!("201 X\r\n{JSON}"), &deep))], All("unknown")),
        (
            "a 429 that breaks off",
            vec![say("HTTP/1.1 429 X\r\nContent-Length: 9\r\n\r\n"), Act::Reset],
            All("retry"),
        ),
        (
            "a 400 that breaks off",
            vec![say("HTTP/1.1 400 X\r\nContent-Length: 9\r\n\r\n"), Act::Close],
            All("refused"),
        ),
        ("a reply that comes twice", vec![whole(), whole()], All("accepted")),
        ("until the end", vec![say(&close), Act::Close], All("accepted")),
        ("in a chunk", vec![chunked(), say(&ok_chunk)], All("accepted")),
        ("informs first", vec![say("HTTP/1.1 100 Continue\r\n\r\n"), whole()], All("accepted")),
    ]
}

fn written(row: &Row, objects: usize) -> Vec<Act> {
    let (_, head, body, _) = row;
    let all: Vec<String> = (0..objects)
        .map(|at| format!(r#"{{"type":"no","input_array":"attributes","index":{at}}}"#))
        .collect();
    let fill = |text: &str| {
        text.replace("{n}", &objects.to_string())
            .replace("{last}", &(objects - 1).to_string())
            .replace("{all}", &format!("[{}]", all.join(",")))
            .replace("{key}", KEY)
    };
    let typed = head.contains("\r\n");
    let head = if typed { fill(head) } else { format!("{head}\r\n{JSON}") };
    vec![Act::Say(bytes(&head, &fill(body)))]
}

/// Commits one request to a server that acts so, and checks what came of it.
async fn check(name: &'static str, acts: Vec<Act>, objects: usize, then: Then) {
    let slow = acts.iter().any(|act| matches!(act, Act::Stall | Act::Trickle(_)));
    let server = Server::start(move |_| acts.clone()).await;
    let settings = plain(&server.url);
    let deadline = if slow { Duration::from_millis(150) } else { settings.deadline };
    let (http, notices) = backend(HttpSettings { deadline, ..settings });
    let request = of_users(objects);
    let reply = http.commit(&request).await;
    let seen = format!("{reply:?} {:?}", notices.lock().unwrap());
    assert_eq!(words(&request, &reply), then.words(objects), "{name}, {objects} objects: {seen}");
    // Not even a piece of it.
    assert!(!seen.contains("b7c1a6de") && !seen.contains("0123456789ab"), "{name}: {seen}");
    let heard = server.heard();
    assert!(heard.iter().all(|one| one.line == "POST /users/track"), "{name}: {heard:?}");
    let most = if then.words(objects)[0] == "refused" { 2 * objects } else { 1 };
    assert!(heard.len() <= most, "{name}: {} requests for {objects}", heard.len());
    for outcome in outcomes(&request, &reply) {
        let text = format!("{outcome:?}");
        assert!(text.len() < 600 && !text.contains("<html>\n"), "{name}: {text}");
        // What comes again at the endpoint's own wish says when.
        let turned_down = reply.pause.is_some_and(|pause| pause > Millis(0));
        assert_eq!(text.contains("after: Some"), turned_down, "{name}: {text}");
    }
}

#[tokio::test]
async fn every_reply_becomes_an_outcome_for_every_object() {
    let mut rows = JoinSet::new();
    for objects in SIZES {
        for row in ROWS {
            rows.spawn(check(row.0, written(row, objects), objects, row.3));
        }
        for (name, acts, then) in acts() {
            rows.spawn(check(name, acts, objects, then));
        }
    }
    assert!(rows.len() >= 180, "{} cases", rows.len());
    while let Some(row) = rows.join_next().await {
        row.unwrap();
    }
}

#[tokio::test]
async fn doubt_about_one_array_leaves_the_others_alone() {
    for (body, expected) in [
        // The text can only be about events: attributes and purchases are all counted.
        (
            r#"{"message":"success","attributes_processed":2,"events_processed":1,"purchases_processed":1,"errors":["no"]}"#,
            ["accepted", "accepted", "unknown", "unknown", "accepted"],
        ),
        (
            r#"{"message":"success","attributes_processed":1,"events_processed":2,"purchases_processed":0,"errors":[{"type":"no","input_array":"purchases","index":0},{"type":"no","input_array":"attributes","index":1}]}"#,
            ["accepted", "refused", "accepted", "accepted", "refused"],
        ),
        (
            r#"{"message":"success","attributes_processed":2,"events_processed":2}"#,
            ["accepted", "accepted", "accepted", "accepted", "unknown"],
        ),
        (
            r#"{"message":"success","errors":[{"type":"no","input_array":"events","index":2}]}"#,
            ["accepted", "accepted", "unknown", "unknown", "accepted"],
        ),
    ] {
        let server = Server::start(move |_| super::server::said("201 X", body)).await;
        let (http, _) = backend(plain(&server.url));
        let request = super::request(&[
            ("a", &["{}"], &[r#"{"name":"e"}"#], &[]),
            ("b", &["{}"], &[r#"{"name":"e"}"#], &[r#"{"product_id":"p"}"#]),
        ]);
        assert_eq!(words(&request, &http.commit(&request).await), expected, "{body}");
    }
}

#[tokio::test]
async fn nobody_there_is_known_not_to_have_had_it() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (http, _) = backend(plain(&format!("http://{free}")));
    let request = of_users(2);
    let reply = http.commit(&request).await;
    assert_eq!((words(&request, &reply), reply.pause), (vec!["retry", "retry"], None));
}
