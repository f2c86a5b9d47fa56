//! The door against real servers on this machine that behave badly, each in its own way.
//!
//! Servers run on the loopback, which configuration opens. Time is real only where a server
//! is slow; nothing sleeps.

pub mod certificate;
mod names;
mod server;
mod transport;

use std::sync::Arc;
use std::time::Instant;

use flowrun_core::Millis;
use flowrun_core::template::{Answer, Caching, Method, Request};

use self::server::Server;
use crate::egress::{Egress, HostPattern};
use crate::{Blocking, Door, Error, System};

fn get(url: &str) -> Request {
    Request {
        method: Method::Get,
        url: url.into(),
        headers: Vec::new(),
        body: None,
        content_type: None,
        basic_auth: None,
        auth_credentials: None,
        caching: Caching::Usual,
        retry: false,
    }
}

/// What opens the loopback, http, and the ports given.
fn egress(ports: &[u16]) -> Egress {
    let host = |name: &str| HostPattern::parse(name).unwrap();
    Egress {
        allow_hosts: vec![host("127.0.0.1"), host("*.test")],
        allow_cidrs: vec!["127.0.0.0/8".parse().unwrap()],
        http: true,
        ports: ports.to_vec(),
        ..Egress::default()
    }
}

fn blocking(egress: Egress) -> Blocking {
    Blocking::over(Door::with_resolver(egress, Arc::new(System))).unwrap()
}

/// What the door makes of a server that answers every connection with these bytes.
fn answered(bytes: impl Into<Vec<u8>>) -> Answer {
    let server = Server::saying(bytes);
    let answer = blocking(egress(&[server.port])).answer(Millis(0), &get(&server.url("/")));
    answer.expect("no rule is broken")
}

fn http(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn answers_are_those_of_braze() {
    let mebibyte = "x".repeat(1 << 20);
    let more = format!("{mebibyte}x");
    let chunked = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    let closed = |body: &str| format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    let flood: String = (0..2_000).map(|n| format!("X-{n}: {}\r\n", "y".repeat(50))).collect();
    let many: String = (0..101).map(|n| format!("X-{n}: y\r\n")).collect();
    for (bytes, status, body) in [
        (http("200 OK", "{\"a\":1}"), 200, "{\"a\":1}"),
        (http("200 OK", ""), 200, ""),
        (http("201 Created", "x"), 201, "x"),
        (http("404 Not Found", "no such page"), 404, ""),
        (http("400 Bad Request", "why"), 400, "why"),
        (http("503 Unavailable", "later"), 503, "later"),
        (http("302 Found\r\nLocation: http://169.254.169.254/", "go there"), 302, ""),
        (http("301 Moved\r\nLocation: /elsewhere", ""), 301, ""),
        (http("200 OK\r\nContent-Encoding: identity", "x"), 200, "x"),
        (chunked("abc"), 200, "abc"),
        (closed("abc"), 200, "abc"),
        (http("200 OK", &mebibyte), 200, &mebibyte),
        (chunked(&mebibyte), 200, &mebibyte),
        // Nothing is inserted.
        (http("200 OK", &more), 598, ""),
        (chunked(&more), 598, ""),
        (closed(&more), 598, ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc".into(), 598, ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc".into(), 598, ""),
        (http("200 OK\r\nContent-Encoding: gzip", "x"), 598, ""),
        (format!("HTTP/1.1 200 OK\r\n{flood}\r\n"), 598, ""),
        (format!("HTTP/1.1 200 OK\r\n{many}\r\n"), 598, ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".into(), 598, ""),
        ("SSH-2.0-OpenSSH_9.6\r\n".into(), 598, ""),
        ("HTTP/1.1".into(), 598, ""),
        (String::new(), 598, ""),
        ("\0".repeat(1_000), 598, ""),
    ] {
        let shown: String = bytes.chars().take(60).collect();
        let answer = answered(bytes);
        assert_eq!(answer.status(), status, "{shown:?}");
        assert!(answer.body() == body, "{shown:?}: {} bytes", answer.body().len());
    }
    let broken = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\xffb".to_vec());
    assert_eq!(broken.body(), "a\u{fffd}b");
}

#[test]
fn what_is_sent_is_one_plain_request() {
    let server = Server::saying(http("200 OK\r\nSet-Cookie: a=b", "x"));
    let door = blocking(egress(&[server.port]));
    let post = Request {
        method: Method::Post,
        body: Some("a=b".into()),
        url: server.url("/p?q=1#f"),
        ..get("")
    };
    assert_eq!(door.answer(Millis(0), &post).unwrap().body(), "x");
    assert_eq!(door.answer(Millis(0), &post).unwrap().body(), "x");
    let heard = server.heard();
    assert_eq!(heard.len(), 2, "a POST is not kept");
    for request in heard {
        let request = request.to_lowercase();
        assert!(request.starts_with("post /p?q=1 http/1.1\r\n"), "{request}");
        assert!(request.contains(&format!("\r\nhost: 127.0.0.1:{}\r\n", server.port)), "{request}");
        assert!(request.contains("\r\ncontent-length: 3\r\n"), "{request}");
        assert!(!request.contains("cookie") && !request.contains("accept-encoding"), "{request}");
    }
}

#[test]
fn an_answer_is_kept_and_a_host_is_halted_by_the_time_of_the_journey() {
    let server = Server::saying(http("200 OK", "x"));
    let door = blocking(egress(&[server.port]));
    for (now, calls) in [(0, 1), (299_999, 1), (300_000, 2), (0, 2)] {
        assert_eq!(door.answer(Millis(now), &get(&server.url("/"))).unwrap().body(), "x");
        assert_eq!(server.heard().len(), calls, "at {now}");
    }
    let server = Server::saying(http("503 Unavailable", "later"));
    let door = blocking(egress(&[server.port]));
    for (now, status, calls) in
        (1..=20).map(|n| (0, 503, n)).chain([(0, 598, 20), (59_999, 598, 20), (60_000, 503, 21)])
    {
        assert_eq!(door.answer(Millis(now), &get(&server.url("/"))).unwrap().status(), status);
        assert_eq!(server.heard().len(), calls, "at {now}");
    }
}

#[test]
fn a_server_has_two_seconds_for_everything() {
    let slow = [
        ("silent", Server::silent()),
        ("trickles its headers", Server::trickling("HTTP/1.1 200 OK\r\nX: ", "y")),
        (
            "trickles its body",
            Server::trickling("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "y"),
        ),
        (
            "never ends informing",
            Server::trickling("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"),
        ),
    ];
    // Side by side, so that the test takes as long as one of them.
    std::thread::scope(|scope| {
        for (name, server) in &slow {
            scope.spawn(move || {
                let begun = Instant::now();
                let answer =
                    blocking(egress(&[server.port])).answer(Millis(0), &get(&server.url("/")));
                let took = begun.elapsed().as_millis();
                assert_eq!(answer, Ok(Answer::none()), "{name}");
                assert!((1_900..6_000).contains(&took), "{name} took {took} ms");
            });
        }
    });
}

#[test]
fn a_body_without_end_is_cut_off() {
    let server = Server::endless("HTTP/1.1 200 OK\r\n\r\n");
    let begun = Instant::now();
    let answer = blocking(egress(&[server.port])).answer(Millis(0), &get(&server.url("/")));
    assert_eq!(answer, Ok(Answer::none()));
    assert!(begun.elapsed().as_millis() < 6_000);
    let sent = server.sent();
    assert!(sent < 32 << 20, "the connection is closed soon after a mebibyte, not after {sent}");
}

#[test]
fn nobody_there_is_no_answer() {
    let port = Server::silent().port;
    let door = blocking(egress(&[port]));
    assert_eq!(
        door.answer(Millis(0), &get(&format!("http://127.0.0.1:{port}/"))),
        Ok(Answer::none())
    );
}

#[test]
fn a_broken_rule_is_said_before_anything_is_sent() {
    let server = Server::saying(http("200 OK", "x"));
    let strict = Egress { allow_cidrs: Vec::new(), ..egress(&[server.port]) };
    let said = blocking(strict).answer(Millis(0), &get(&server.url("/"))).unwrap_err();
    assert!(matches!(&said, Error::Address { what: "loopback", .. }), "{said}");
    assert!(said.to_string().contains("--allow-cidr 127.0.0.1"), "{said}");
    let closed = blocking(Egress::default()).answer(Millis(0), &get(&server.url("/")));
    assert!(matches!(closed, Err(Error::Scheme { .. })));
    assert!(server.heard().is_empty());
}
