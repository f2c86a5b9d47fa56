//! What is sent for what a template asks.

use std::collections::BTreeMap;

use flowrun_core::template::Caching;

use super::*;
use crate::egress::HostPattern;
use crate::late::LateSecret;
use crate::secret::Secret;

fn egress() -> Egress {
    let basic = |hosts: &[&str]| Credential::Basic {
        user: "ada".into(),
        password: Secret::new("love:lace").into(),
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
    };
    let header = |name: &str, value: &str| Credential::Header {
        name: name.into(),
        value: Secret::new(value).into(),
        hosts: Vec::new(),
    };
    Egress {
        allow_hosts: vec![HostPattern::parse("a.com").unwrap()],
        credentials: BTreeMap::from([
            ("shop".into(), basic(&[])),
            ("own".into(), basic(&["b.com", "a.com"])),
            ("other".into(), basic(&["b.com", "*.a.com"])),
            (
                "lost".into(),
                Credential::Header {
                    name: "X-Key".into(),
                    value: LateSecret::new(|| Err("the variable `X` is not set".to_owned())),
                    hosts: Vec::new(),
                },
            ),
            ("crm".into(), header("X-Api-Key", "k1")),
            ("broken".into(), header("X-Api-Key", "k1\r\nHost: evil.org")),
            ("framing".into(), header("Transfer-Encoding", "chunked")),
        ]),
        ..Egress::default()
    }
}

fn get() -> Request {
    Request {
        method: Method::Get,
        url: "https://a.com/x?y=z".into(),
        headers: Vec::new(),
        body: None,
        content_type: None,
        basic_auth: None,
        auth_credentials: None,
        caching: Caching::Usual,
        retry: false,
    }
}

fn post() -> Request {
    Request { method: Method::Post, body: Some("a=b".into()), ..get() }
}

fn sent(request: &Request) -> Result<hyper::Request<String>, Error> {
    let egress = egress();
    call(request, &Target::of(&request.url, &egress)?, &egress)
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn headers_are_those_of_braze_unless_the_template_says_otherwise() {
    let agent = format!("flowrun/{}", env!("CARGO_PKG_VERSION"));
    let form = "application/x-www-form-urlencoded";
    for (request, name, expected) in [
        (get(), "host", Some("a.com")),
        (get(), "user-agent", Some(&*agent)),
        (get(), "accept", Some("*/*")),
        (get(), "content-type", Some("application/json")),
        (get(), "accept-encoding", None),
        (get(), "cookie", None),
        (get(), "authorization", None),
        (post(), "content-type", Some(form)),
        (post(), "accept", Some("*/*")),
        (
            Request { content_type: Some("text/xml".into()), ..get() },
            "content-type",
            Some("text/xml"),
        ),
        (
            Request { content_type: Some("application/json".into()), ..post() },
            "content-type",
            Some("application/json"),
        ),
        (
            Request { headers: headers(&[("content-TYPE", "a/b")]), ..post() },
            "content-type",
            Some("a/b"),
        ),
        (
            Request { headers: headers(&[("Accept", "a/b"), ("X-One", "1")]), ..get() },
            "accept",
            Some("a/b"),
        ),
        (Request { headers: headers(&[("X-One", "é")]), ..get() }, "x-one", Some("é")),
        (
            Request { basic_auth: Some("shop".into()), ..get() },
            "authorization",
            Some("Basic YWRhOmxvdmU6bGFjZQ=="),
        ),
        (Request { auth_credentials: Some("crm".into()), ..post() }, "x-api-key", Some("k1")),
        // The credential is the door's word, and the last one.
        (
            Request {
                basic_auth: Some("shop".into()),
                headers: headers(&[("Authorization", "x")]),
                ..get()
            },
            "authorization",
            Some("Basic YWRhOmxvdmU6bGFjZQ=="),
        ),
    ] {
        let call = sent(&request).unwrap();
        let found = call.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        assert_eq!(found.as_deref(), expected, "{name} of {request:?}");
        assert_eq!(call.uri().to_string(), "/x?y=z");
    }
    assert!(sent(&Request { basic_auth: Some("own".into()), ..get() }).is_ok());
    assert_eq!(sent(&post()).unwrap().into_body(), "a=b");
    assert_eq!(sent(&Request { body: Some("a=b".into()), ..get() }).unwrap().into_body(), "");
}

#[test]
fn a_credential_does_not_show_in_the_request() {
    let call = sent(&Request { basic_auth: Some("shop".into()), ..get() }).unwrap();
    let shown = format!("{call:?}");
    assert!(!shown.contains("YWRh") && !shown.contains("lace"), "{shown}");
}

#[test]
fn a_request_that_breaks_a_rule_says_which() {
    let with = |pairs: &[(&str, &str)]| Request { headers: headers(pairs), ..get() };
    let large = "x".repeat(LARGEST_HEADERS);
    for (request, expected) in [
        (with(&[("Host", "evil.org")]), "the header `host` is written by flowrun"),
        (with(&[("TRANSFER-ENCODING", "chunked")]), "`transfer-encoding` is written by flowrun"),
        (with(&[("Content-Length", "0")]), "`content-length` is written"),
        (with(&[("Connection", "upgrade")]), "`connection` is written"),
        (with(&[("Accept-Encoding", "gzip")]), "`accept-encoding` is written"),
        (with(&[("Proxy-Authorization", "x")]), "`proxy-authorization` is written"),
        (with(&[("a b", "x")]), "`a b` can't be sent"),
        (with(&[("", "x")]), "`` can't be sent"),
        (with(&[("x", "a\r\nHost: evil.org")]), "`x` can't be sent"),
        (with(&[("x", "a\0")]), "`x` can't be sent"),
        (with(&[("x", &large)]), "the headers of the request to `a.com` is too large"),
        (Request { content_type: Some("a\nb".into()), ..get() }, "`content-type` can't be sent"),
        (Request { body: Some("x".repeat(LARGEST_BODY + 1)), ..post() }, "the body of the request"),
        (
            Request { basic_auth: Some("none".into()), ..get() },
            ":basic_auth names the credential `none`, which is not configured",
        ),
        (
            Request { basic_auth: Some("other".into()), ..get() },
            "the credential `other` is not for `a.com`: add the host to its `hosts`",
        ),
        (
            Request { auth_credentials: Some("none".into()), ..get() },
            ":auth_credentials names the credential `none`",
        ),
        (
            Request { auth_credentials: Some("lost".into()), ..get() },
            "the credential `lost` can't be had: the variable `X` is not set",
        ),
        (Request { basic_auth: Some("crm".into()), ..get() }, "name it with :auth_credentials"),
        (Request { auth_credentials: Some("shop".into()), ..get() }, "name it with :basic_auth"),
        (
            Request { auth_credentials: Some("broken".into()), ..get() },
            "the credential `broken` can't be sent",
        ),
        (
            Request { auth_credentials: Some("framing".into()), ..get() },
            "the credential `framing` can't be sent",
        ),
    ] {
        let said = sent(&request).expect_err(expected).to_string();
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("k1"), "{said}");
    }
    assert!(sent(&Request { body: Some("x".repeat(LARGEST_BODY)), ..post() }).is_ok());
}

#[test]
fn every_character_of_a_url_is_sent_or_refused_and_never_splits_the_request() {
    for code in 0..0x250_u32 {
        let Some(letter) = char::from_u32(code) else { continue };
        for url in [format!("https://a.com/{letter}x"), format!("https://a.com/?{letter}x")] {
            if let Ok(call) = sent(&Request { url: url.clone(), ..get() }) {
                let line = call.uri().to_string();
                assert!(line.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}: {line}");
            }
        }
    }
}
