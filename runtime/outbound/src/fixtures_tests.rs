//! Which row answers, and what is said of a wrong file.

use flowrun_core::template::Caching;

use super::*;

fn request(method: Method, url: &str) -> Request {
    Request {
        method,
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

const FILE: &str = r#"
- url: https://api.example.com/users/42
  json: { tier: gold, orders: [1, 2] }
- { url: "https://api.example.com/orders", method: post, status: 503, body: later }
- { url: "https://api.example.com/orders", method: GET, body: "[]" }
- { url: "https://slow.example.com/*", error: timeout }
- { url: "https://*.example.com/gone", status: 404, body: not here }
- { url: "https://old.example.com/*", status: 301, body: moved }
- { url: "https://api.example.com/*" }
"#;

#[test]
fn the_first_row_that_fits_answers() {
    use Method::{Get, Post};
    let fixtures = Fixtures::parse(FILE).unwrap();
    for (method, url, expected) in [
        (Get, "https://api.example.com/users/42", Some((200, r#"{"tier":"gold","orders":[1,2]}"#))),
        (
            Post,
            "https://api.example.com/users/42",
            Some((200, r#"{"tier":"gold","orders":[1,2]}"#)),
        ),
        (Get, "https://api.example.com/users/421", Some((200, ""))),
        (Post, "https://api.example.com/orders", Some((503, "later"))),
        (Get, "https://api.example.com/orders", Some((200, "[]"))),
        (Get, "https://slow.example.com/a/b?c", Some((598, ""))),
        (Get, "https://slow.example.com", None),
        (Get, "https://x.y.example.com/gone", Some((404, ""))),
        (Get, "https://old.example.com/", Some((301, ""))),
        (Get, "https://other.example.org/", None),
        (Get, "", None),
    ] {
        let answer = fixtures.answer(&request(method, url));
        let found = answer.as_ref().map(|answer| (answer.status(), answer.body()));
        assert_eq!(found, expected, "{method:?} {url}");
    }
}

#[test]
fn files_are_yaml_or_json_and_are_asked_in_order() {
    for text in ["", " \n", "[]", "# nothing yet\n[]", "\u{feff}[]"] {
        assert!(Fixtures::parse(text).unwrap().is_empty(), "{text:?}");
    }
    let mut first = Fixtures::parse("[\n\t{\"url\": \"a*\", \"json\": [true]}\n]").unwrap();
    first.append(Fixtures::parse("- url: '*'\n  body: rest").unwrap());
    let answer = |url| first.answer(&request(Method::Get, url)).unwrap().body().to_owned();
    assert_eq!((answer("ab"), answer("b")), ("[true]".into(), "rest".into()));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, line, expected) in [
        ("- url: a\n- url: ''", 2, "`url` is empty"),
        ("- url: a\n- ulr: b", 2, "unknown field `ulr`"),
        ("- url: a\n- body: b", 2, "missing field `url`"),
        ("- url: a\n\n- url: a\n  status: 99", 3, "a number from 200 to 599"),
        ("- url: a\n  status: 600", 1, "a number from 200 to 599"),
        ("- url: a\n  status: soon", 1, "a number from 200 to 599"),
        ("- url: a\n  status: 70000", 1, "a number from 200 to 599"),
        ("- url: a\n  method: put", 2, "put"),
        ("- url: a\n  json: {}\n  body: b", 1, "either `json` or `body`"),
        ("- url: a\n  error: timeout\n  body: b", 1, "no answer comes"),
        ("- url: a\n  error: timeout\n  status: 200", 1, "no `status` either"),
        ("- url: a\n  error: tomorrow", 2, "tomorrow"),
        ("- url: a\n- [", 2, ""),
        ("url: a", 1, ""),
        ("[{\"url\": \"a\"", 1, ""),
        ("- just text", 1, ""),
        ("\0", 1, ""),
    ] {
        let wrong = Fixtures::parse(text).expect_err(text);
        assert!(wrong.message.contains(expected), "{text:?}: {wrong}");
        assert!(
            !wrong.message.is_empty()
                && !wrong.message.contains(['\n'])
                && !wrong.message.contains(" at line"),
            "{text:?}: {wrong}"
        );
        assert!(wrong.line == line || expected.is_empty(), "{text:?}: {wrong}");
    }
}

#[test]
fn a_pattern_is_held_against_any_text_in_little_time() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("a*", "a", true),
        ("*a", "ba", true),
        ("*a", "ab", false),
        ("a*b*c", "a1b2b3c", true),
        ("a*b*c", "a1c2b", false),
        ("a**b", "ab", true),
        ("é*", "éa", true),
        ("a?b", "axb", false),
    ] {
        assert_eq!(like(pattern, text), expected, "{pattern} {text}");
    }
    assert!(!like(&"*a".repeat(1_000), &"b".repeat(16_000)));
    assert!(!like(&format!("{}c", "a*".repeat(1_000)), &"a".repeat(16_000)));
}
