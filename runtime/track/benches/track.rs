//! `cargo bench -p flowrun-track`: nanoseconds per object, medians of many short runs, beside the time that serde_json takes
//! to parse the same text in the same run. Quote the ratio: it holds on other machines.

use std::hint::black_box;
use std::time::Instant;

use flowrun_track::{Array, Directory, Memory, Object, Profile, compose, track_batch};
use serde_json::{Map, Value as Json, json};

/// Median nanoseconds of one call.
fn median(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 2_000;
    let mut runs: Vec<f64> = (0..41)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            start.elapsed().as_nanos() as f64 / f64::from(CALLS)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn line(what: &str, ns: f64, base: f64) {
    println!("{what:<44} {ns:>9.0} ns  {:>6.2} × parsing its JSON", ns / base);
}

fn object(array: Array, text: &str) {
    let map: Map<String, Json> = serde_json::from_str(text).unwrap();
    let parsed = Object::parse(array, &map).unwrap();
    let mut profile = Profile::new("u1");
    for (field, value) in
        [("first_name", "Ada"), ("country", "FR"), ("email", "ada@example.com"), ("tier", "gold")]
    {
        let set = json!({ field: value });
        let _ = Object::parse(Array::Attributes, set.as_object().unwrap())
            .unwrap()
            .apply(&mut profile, 0);
    }
    let base = median(|| {
        drop(black_box(serde_json::from_str::<Map<String, Json>>(black_box(text)).unwrap()))
    });
    println!("\n{text}");
    line("serde_json", base, base);
    line(
        "Object::parse",
        median(|| drop(black_box(Object::parse(array, black_box(&map)).unwrap()))),
        base,
    );
    line(
        "Object::apply",
        median(|| drop(black_box(parsed.apply(black_box(&mut profile), 1)))),
        base,
    );
    line(
        "  to a fresh copy of the profile",
        median(|| {
            let mut copy = black_box(&profile).clone();
            drop(black_box(parsed.apply(&mut copy, 1)));
        }),
        base,
    );
}

fn composer(text: &str) {
    let base = median(|| drop(black_box(serde_json::from_str::<Json>(black_box(text)).unwrap())));
    println!("\n{text}");
    line("serde_json", base, base);
    line("compose", median(|| drop(black_box(compose(black_box(text)).unwrap()))), base);
}

/// Bodies of 75/75/75 about as many users, into a memory store of `users` profiles.
fn batches(users: usize) {
    let mut directory = Directory::new(Memory::default());
    let body = |number: usize| {
        let id = |n: usize| format!("user-{:07}", (number * 75 + n) * 7919 % users);
        let all = |object: &dyn Fn(usize) -> Json| (0..75).map(object).collect::<Vec<_>>();
        json!({
            "attributes": all(&|n| json!({"external_id": id(n), "vip_member": true, "orders": {"inc": 1}})),
            "events": all(&|n| json!({"external_id": id(n), "name": "became_vip", "time": "2026-01-01T00:00:00Z"})),
            "purchases": all(&|n| json!({"external_id": id(n), "product_id": "p1", "currency": "USD", "price": 9.99, "time": "2026-01-01T00:00:00Z"})),
        })
    };
    for number in 0..users.div_ceil(75) {
        let _ = track_batch(&mut directory, body(number).as_object().unwrap(), 0).unwrap();
    }
    let bodies: Vec<Json> = (0..200).map(|n| body(n * 31)).collect();
    let texts: Vec<String> = bodies.iter().map(Json::to_string).collect();
    let mut runs: Vec<(f64, f64)> = (0..9)
        .map(|_| {
            let start = Instant::now();
            for text in &texts {
                black_box(serde_json::from_str::<Json>(text).unwrap());
            }
            let parsing = start.elapsed().as_nanos() as f64;
            let start = Instant::now();
            for body in &bodies {
                black_box(track_batch(&mut directory, body.as_object().unwrap(), 1).unwrap());
            }
            let objects = (bodies.len() * 225) as f64;
            (start.elapsed().as_nanos() as f64 / objects, parsing / objects)
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ns, base) = runs[runs.len() / 2];
    println!("\n75/75/75 bodies into {users} profiles, per object");
    line("serde_json", base, base);
    line("track_batch", ns, base);
    let bytes: usize = directory.profiles.iter().map(|(_, profile)| profile.footprint()).sum();
    println!("{:<44} {:>9} bytes a profile", "footprint", bytes / directory.profiles.len());
}

fn main() {
    object(Array::Attributes, r#"{"vip_member": true, "orders": {"inc": 1}}"#);
    object(
        Array::Attributes,
        r#"{"first_name": "Ada", "country": "FR", "time_zone": "Europe/Paris", "email": "ada@example.com"}"#,
    );
    object(
        Array::Attributes,
        r#"{"wishlist": {"add": ["a", "b"], "remove": ["c"]}, "pet": {"name": "Rex", "born": {"$time": "2020-01-01"}}}"#,
    );
    object(
        Array::Events,
        r#"{"name": "became_vip", "time": "2026-01-01T00:00:00Z", "properties": {"score": 3}}"#,
    );
    object(
        Array::Purchases,
        r#"{"product_id": "p1", "currency": "USD", "price": 9.99, "time": "2026-01-01T00:00:00Z"}"#,
    );
    composer(
        r#"{"attributes": [{"vip_member": true, "orders": {"inc": 1}}], "events": [{"name": "became_vip", "time": "2026-01-01T00:00:00Z"}]}"#,
    );
    batches(10_000);
    batches(500_000);
}
