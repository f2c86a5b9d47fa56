//! Requests that nobody means well with: each gets its answer, and nothing of it stays.
//!
//! | what is sent | answer | test |
//! |---|---|---|
//! | 76 objects | 400 | `tracking::seventy_five_pass_and_one_more_does_not` |
//! | 0 objects | 400 | `tracking::nothing_valid_is_400_with_the_reasons` |
//! | 4 MB + 1, with a length and in chunks | 413 | `four_megabytes_pass_and_one_byte_more_does_not` |
//! | chunks without end | 413 | `a_body_without_end_is_cut_off` |
//! | a slow head | closed | `the_slow_are_cut_off`, `flood::slow_heads_and_bodies_make_room_as_well` |
//! | a slow body | 408 | the same |
//! | deep JSON, a key twice, bad UTF-8, two million values | 400 | `what_is_no_json_is_refused_with_its_place_and_without_its_words` |
//! | a wrong method, type, encoding, path | 405, 415, 415, 404 | `the_wrong_method_type_encoding_and_path` |
//! | a gzip bomb | 415 | `a_bomb_is_not_unpacked` |
//! | 10,000 idle connections | the quietest are closed | `flood::ten_thousand_silent_connections_keep_nobody_out` |
//!
//! All of these rows once more against the program, each beside a good client that goes on being served, and with the most memory
//! that the process takes: `abuse::each_gets_its_answer_in_bounded_memory_beside_a_good_client` of `cargo test -p flowrun --test served`.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::stage::{KEY, Stage, options, read, request};

const PATH: &str = "/users/track";
const LARGEST: usize = 4 * 1024 * 1024;

/// A body of exactly so many bytes: a good object, and blanks.
fn body_of(bytes: usize) -> String {
    let body = json!({"attributes": [{"external_id": "u", "n": 1}]}).to_string();
    " ".repeat(bytes - body.len()) + &body
}

/// The same request in chunks, without a length.
fn chunked(body: &str) -> String {
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {KEY}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let chunks = body.as_bytes().chunks(100_000);
    let chunks =
        chunks.map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)));
    head + &chunks.collect::<String>() + "0\r\n\r\n"
}

#[tokio::test]
async fn four_megabytes_pass_and_one_byte_more_does_not() {
    let stage = Stage::new().await;
    let large = body_of(LARGEST + 1);
    for text in [request(PATH, "", &large), chunked(&large)] {
        let answer = stage.raw(text).await;
        assert_eq!((answer.status, answer.message()), (413, "Request Entity Too Large".into()));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(stage.users(), 0);
    let most = body_of(LARGEST);
    for text in [request(PATH, "", &most), chunked(&most)] {
        assert_eq!(stage.raw(text).await.status, 201);
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let stage = Stage::new().await;
    let mut stream = stage.connect().await;
    let head = chunked("").replacen("0\r\n\r\n", "", 1);
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    let mut sent = 0;
    // Until the server won't have any more.
    while sent < 40 * LARGEST && stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 40 * LARGEST, "the server read {sent} bytes");
    let metrics = stage.get("/metrics").await.body;
    assert!(
        metrics.contains("status=\"413\"} 1") && metrics.contains("reading_bytes 0"),
        "{metrics}"
    );
}

#[tokio::test]
async fn bodies_together_have_a_limit_too() {
    let mut settings = options();
    settings.limits.reading_bytes = 200_000;
    let stage = Stage::with(settings).await;
    let text = request(PATH, "", &body_of(150_000));
    let mut first = stage.connect().await;
    first.write_all(&text.as_bytes()[..text.len() - 10]).await.unwrap();
    // Until the server has it in its hands.
    let held =
        async |stage: &Stage| stage.get("/metrics").await.body.contains("reading_bytes 1499");
    stage.until("the server reads", held).await;
    let second = stage.raw(&text).await;
    assert_eq!((second.status, second.header("retry-after")), (503, Some("1")));
    first.write_all(&text.as_bytes()[text.len() - 10..]).await.unwrap();
    assert_eq!(read(&mut first).await.unwrap().status, 201);
    assert_eq!(stage.raw(&text).await.status, 201);
}

#[tokio::test]
async fn the_slow_are_cut_off() {
    let mut settings = options();
    settings.limits.head_deadline = Duration::from_millis(150);
    settings.limits.body_deadline = Duration::from_millis(150);
    let stage = Stage::with(settings).await;
    let text = request(PATH, "", &body_of(1000));
    // Nothing at all, half a head, a request line: closed without a word.
    for part in [0, 40, 20] {
        let mut stream = stage.connect().await;
        stream.write_all(&text.as_bytes()[..part]).await.unwrap();
        let answer = read(&mut stream).await;
        assert!(answer.is_none_or(|answer| answer.status == 408), "{part}");
    }
    // A body that stops, and one that drips.
    let mut stream = stage.connect().await;
    stream.write_all(&text.as_bytes()[..text.len() - 1]).await.unwrap();
    let answer = read(&mut stream).await.unwrap();
    assert_eq!((answer.status, answer.message()), (408, "Request Timeout".into()));
    assert_eq!(answer.header("connection"), Some("close"));
    let (mut stream, mut sent) = (stage.connect().await, text.len() - 900);
    stream.write_all(&text.as_bytes()[..sent]).await.unwrap();
    let mut drip = tokio::time::interval(Duration::from_millis(5));
    let answer = loop {
        tokio::select! {
            answer = read(&mut stream) => break answer.unwrap(),
            _ = drip.tick() => sent += 1,
        }
        stream.write_all(&text.as_bytes()[sent - 1..sent]).await.unwrap();
    };
    assert_eq!(answer.status, 408);
    assert_eq!(stage.users(), 0);
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_its_place_and_without_its_words() {
    let stage = Stage::new().await;
    let deep = format!("{{\"attributes\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let twice = r#"{"attributes":[{"external_id":"secret-id","external_id":"b"}]}"#;
    let table: [(&[u8], &str); 8] = [
        (b"", "EOF while parsing a value at line 1 column 0"),
        (b"[]", "the body must be an object"),
        (b"null", "the body must be an object"),
        (
            b"{\"attributes\":[{\"external_id\":\"secret-id\"},]}",
            "trailing comma at line 1 column 44",
        ),
        (
            b"{\"attributes\":[{\"external_id\":\"\xff\xfe\"}]}",
            "invalid unicode code point at line 1 column 32",
        ),
        (deep.as_bytes(), "objects and arrays are nested too deeply at line 1 column 78"),
        (twice.as_bytes(), "a key stands twice in one object at line 1 column 60"),
        (b"{\"events\":[],\"events\":[]}", "a key stands twice in one object at line 1 column 25"),
    ];
    for (body, said) in table {
        let mut text = request(PATH, "", &"x".repeat(body.len())).into_bytes();
        text.truncate(text.len() - body.len());
        text.extend_from_slice(body);
        let answer = stage.raw(text).await;
        let wanted = json!({
            "message": "Bad Request",
            "error": "Error while parsing request body. Please check your syntax.",
            "errors": [said],
        });
        assert_eq!((answer.status, answer.json()), (400, wanted));
    }
    // Two million values in four megabytes would be hundreds in memory.
    let many = format!("{{\"attributes\":[{}0]}}", "0,".repeat(2_000_000));
    let answer = stage.post_with(PATH, "", &many).await;
    assert_eq!((answer.status, answer.message()), (400, "Max Input Length Exceeded".into()));
    assert_eq!(stage.users(), 0);
}

#[tokio::test]
async fn the_wrong_method_type_encoding_and_path() {
    let stage = Stage::new().await;
    let plain = request(PATH, "", "{}");
    let kind = "Content-Type: application/json\r\n";
    let with = |lines: &str| plain.replacen(kind, lines, 1);
    let at = |path: &str| plain.replacen(PATH, path, 1);
    let table = [
        (plain.replacen("POST", "GET", 1), 405, "Method Not Allowed"),
        (plain.replacen("POST", "PUT", 1), 405, "Method Not Allowed"),
        (plain.replacen("POST", "OPTIONS", 1), 405, "Method Not Allowed"),
        (at("/canvas/list"), 405, "Method Not Allowed"),
        (at("/health"), 405, "Method Not Allowed"),
        (with(""), 415, "Unsupported Media Type"),
        (with("Content-Type: \r\n"), 415, "Unsupported Media Type"),
        (with("Content-Type: text/plain\r\n"), 415, "Unsupported Media Type"),
        (with("Content-Type: application/jsonp\r\n"), 415, "Unsupported Media Type"),
        (with(&kind.repeat(2)), 415, "Unsupported Media Type"),
        (with(&format!("{kind}Content-Encoding: gzip\r\n")), 415, "Unsupported Media Type"),
        (
            with(&format!("{kind}Content-Encoding: identity\r\nContent-Encoding: br\r\n")),
            415,
            "Unsupported Media Type",
        ),
        (at("/users/track/"), 404, "Not Found"),
        (at("//users/track"), 404, "Not Found"),
        (at("/users/./track"), 404, "Not Found"),
        (at("/users/track/../delete"), 404, "Not Found"),
        (at("/users/%74rack"), 404, "Not Found"),
        (at("/users/track%00"), 404, "Not Found"),
        (at("/users/track%0d%0aX:1"), 404, "Not Found"),
        (at("/USERS/TRACK"), 404, "Not Found"),
        (at("/users/tra\u{0441}k"), 404, "Not Found"),
        (at(&format!("/{}", "x".repeat(10_000))), 404, "Not Found"),
    ];
    for (text, status, message) in table {
        let answer = stage.raw(&text).await;
        // Bytes that no request line may have are refused before there is a path.
        let refused = answer.status == 400 && !text.is_ascii();
        assert!(
            refused || (answer.status, &*answer.message()) == (status, message),
            "{text:.200}\n{answer:?}"
        );
        let allow = answer.header("allow");
        assert_eq!(allow.is_some(), status == 405, "{text:.100} {allow:?}");
    }
    let answer = stage
        .raw(with(
            "Content-Type: Application/JSON; charset=UTF-8\r\nContent-Encoding: identity\r\n",
        ))
        .await;
    assert_eq!(answer.message().split(' ').next(), Some("Valid"));
}

#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let stage = Stage::new().await;
    // A kilobyte of gzip's magic and zeros; whatever it would unpack to, it isn't.
    let body = format!("\u{1f}{}", "\0".repeat(1000));
    let answer = stage.post_with(PATH, "Content-Encoding: gzip\r\n", &body).await;
    assert_eq!((answer.status, answer.header("accept-encoding")), (415, Some("identity")));
}

#[tokio::test]
async fn ids_are_data_and_nothing_else() {
    let stage = Stage::new().await;
    let ids = [
        "../../etc/passwd",
        "a\nb",
        "a\u{0}b",
        "\u{202e}drow",
        "аda",
        "ada",
        "{{7*7}}",
        "'; --",
        " ",
    ];
    let attributes: Vec<_> = ids.iter().map(|id| json!({"external_id": id, "n": id})).collect();
    let answer = stage.post(PATH, json!({ "attributes": attributes })).await;
    assert_eq!((answer.status, stage.users()), (201, ids.len()));
    for id in ids {
        assert_eq!(stage.attribute(id, "n"), id);
    }
    let long = json!({"attributes": [{"external_id": "x".repeat(10_000)}, {"external_id": ["x"]}, {"external_id": {}}]});
    let answer = stage.post(PATH, long).await;
    assert_eq!((answer.status, stage.users()), (400, ids.len()));
    assert!(answer.body.len() < 1_000, "{}", answer.body);
}

#[tokio::test]
async fn what_was_sent_whole_is_applied_though_the_client_has_gone() {
    let stage = Stage::new().await;
    for n in 0..50 {
        let body = json!({"attributes": [{"external_id": format!("u{n}"), "n": 1}]}).to_string();
        let mut stream = stage.connect().await;
        stream.write_all(request(PATH, "", &body).as_bytes()).await.unwrap();
        drop(stream);
    }
    // Nobody can know when; but it happens, and the server lives.
    stage.until("all are applied", async |stage| stage.users() == 50).await;
    assert_eq!(stage.get("/health").await.status, 200);
}

#[tokio::test]
async fn broken_requests_are_no_ones_problem() {
    let stage = Stage::new().await;
    let half = &request(PATH, "", &body_of(5_000))[..3_000];
    for text in [
        half,
        "\r\n\r\n\r\n",
        "GET",
        "\0\0\0\0",
        "POST / HTTP/9.9\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0",
        "GET / HTTP/1.1\r\n: x\r\n\r\n",
    ] {
        let mut stream = stage.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read(&mut stream).await;
        assert!(answer.is_none_or(|answer| (400..600).contains(&answer.status)), "{text:.40}");
    }
    let both = request(PATH, "Transfer-Encoding: chunked\r\n", "0\r\n\r\n");
    let lengths = request(PATH, "Content-Length: 7\r\n", "{}");
    for text in [both, lengths] {
        assert_eq!(stage.raw(&text).await.status, 400, "{text}");
    }
    assert_eq!((stage.get("/health").await.status, stage.users()), (200, 0));
}
