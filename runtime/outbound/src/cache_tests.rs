//! What is kept, how long, and how much of it, in virtual time.

use super::*;

fn request(method: Method, caching: Caching, url: &str) -> Request {
    Request {
        method,
        url: url.into(),
        headers: Vec::new(),
        body: None,
        content_type: None,
        basic_auth: None,
        auth_credentials: None,
        caching,
        retry: false,
    }
}

fn get(url: &str) -> Request {
    request(Method::Get, Caching::Usual, url)
}

#[test]
fn an_answer_is_good_for_its_time_and_not_a_millisecond_longer() {
    use Caching::{Never, Seconds, Usual};
    use Method::{Get, Post};
    for (method, caching, status, good_ms) in [
        (Get, Usual, 200, 300_000),
        (Get, Usual, 204, 300_000),
        (Get, Usual, 302, 300_000),
        (Get, Usual, 404, 300_000),
        (Get, Seconds(300), 200, 300_000),
        (Get, Seconds(900), 200, 900_000),
        (Get, Seconds(14_400), 200, 14_400_000),
        (Get, Seconds(0), 200, 300_000),
        (Get, Seconds(u32::MAX), 200, 14_400_000),
        (Get, Never, 200, 0),
        (Post, Usual, 200, 0),
        (Post, Seconds(900), 200, 0),
        (Get, Usual, 408, 0),
        (Get, Usual, 429, 0),
        (Get, Usual, 500, 0),
        (Get, Usual, 503, 0),
        (Get, Usual, 598, 0),
    ] {
        let request = request(method, caching, "https://a.com/");
        let start = Millis(1_000_000);
        let mut cache = Cache::default();
        cache.put(start, &request, &Answer::new(status, "x"));
        let good = |ms: i64| cache.get(start + Millis(ms), &request).is_some();
        let row = format!("{method:?} {caching:?} {status}");
        assert_eq!(good(0), good_ms > 0, "{row}");
        assert_eq!(good(good_ms - 1), good_ms > 0, "{row}");
        assert!(!good(good_ms) && !good(good_ms + 1), "{row}");
    }
}

#[test]
fn only_an_equal_request_has_the_answer() {
    let one = Request { headers: vec![("X".into(), "1".into())], ..get("https://a.com/") };
    let mut cache = Cache::default();
    cache.put(Millis(0), &one, &Answer::new(200, "one"));
    for other in [
        get("https://a.com/"),
        get("https://a.com/x"),
        Request { headers: vec![("X".into(), "2".into())], ..one.clone() },
        Request { basic_auth: Some("shop".into()), ..one.clone() },
        Request { caching: Caching::Never, ..one.clone() },
    ] {
        assert_eq!(cache.get(Millis(0), &other), None, "{other:?}");
    }
    assert_eq!(cache.get(Millis(0), &one).map(Answer::body), Some("one"));
}

#[test]
fn a_new_answer_takes_the_place_of_the_old() {
    let mut cache = Cache::default();
    cache.put(Millis(0), &get("u"), &Answer::new(200, "old"));
    cache.put(Millis(1), &get("u"), &Answer::new(200, "new"));
    assert_eq!(cache.get(Millis(300_000), &get("u")).map(Answer::body), Some("new"));
    assert_eq!((cache.entries.len(), cache.ends.len(), cache.bytes), (1, 1, 5));
}

#[test]
fn the_cache_never_holds_more_than_it_may() {
    let mut cache = Cache::new(10, 1_000);
    for number in 0..1_000_i64 {
        let body = "x".repeat((number * 37 % 400) as usize);
        cache.put(
            Millis(number),
            &get(&format!("https://a.com/{number}")),
            &Answer::new(200, body),
        );
        assert!(cache.entries.len() <= 10 && cache.bytes <= 1_000, "{number}");
        assert_eq!(cache.entries.len(), cache.ends.len());
        let sum: usize = cache.entries.values().map(|entry| entry.bytes).sum();
        assert_eq!(sum, cache.bytes);
    }
    assert!(cache.get(Millis(1_000), &get("https://a.com/999")).is_some(), "the last is kept");
    assert!(cache.get(Millis(1_000), &get("https://a.com/1")).is_none(), "the first had to go");
    let before = cache.entries.len();
    cache.put(Millis(1_000), &get("large"), &Answer::new(200, "x".repeat(2_000)));
    assert_eq!(cache.entries.len(), before, "one that can't fit drives nobody out");
}

#[test]
fn what_has_ended_makes_room_first() {
    let mut cache = Cache::new(2, 1_000);
    let long = request(Method::Get, Caching::Seconds(900), "long");
    cache.put(Millis(0), &long, &Answer::new(200, ""));
    cache.put(Millis(0), &get("short"), &Answer::new(200, ""));
    cache.put(Millis(300_000), &get("next"), &Answer::new(200, ""));
    assert!(cache.get(Millis(300_000), &long).is_some());
    assert!(!cache.entries.contains_key(&get("short")));
}
