//! What is bounded, at the bound and beyond it.

use flowrun_track::{Array, Limits, Object, Profile, Reason, Value, track_batch};
use serde_json::{Map, Value as Json, json};

fn parse(array: Array, object: Json) -> Result<Object, flowrun_track::ItemError> {
    Object::parse(array, object.as_object().unwrap())
}

fn applied(object: Json) -> (Profile, Vec<Reason>) {
    let mut profile = Profile::new("u");
    let applied = parse(Array::Attributes, object).unwrap().apply(&mut profile, 0);
    (profile, applied.warnings.into_iter().map(|warning| warning.reason).collect())
}

#[test]
fn strings_are_cut_at_255_characters_not_bytes() {
    for (length, kept, reasons) in [(255, 255, vec![]), (256, 255, vec![Reason::Cut])] {
        for name in ["custom", "first_name"] {
            let (profile, warned) = applied(json!({ name: "é".repeat(length) }));
            let value = profile.attribute(name).and_then(Value::as_str).unwrap();
            assert_eq!((value.chars().count(), &warned), (kept, &reasons), "{name}");
        }
        let (profile, warned) =
            applied(json!({"set": ["é".repeat(length)], "object": {"k": "é".repeat(length)}}));
        assert_eq!(warned.len(), 2 * reasons.len());
        let inner = &profile.custom("object").unwrap().as_json().unwrap()["k"];
        assert_eq!(inner.as_str().unwrap().chars().count(), kept);
    }
}

#[test]
fn names_of_255_characters_and_no_more() {
    let name = |length: usize| "é".repeat(length);
    let event = |length| json!({"name": name(length), "time": "2020-01-01"});
    let property = |length: usize| json!({"name": "n", "time": "2020-01-01", "properties": Map::from_iter([(name(length), json!(1))])});
    let nested = |length: usize| json!({"a": Map::from_iter([(name(length), json!(1))])});
    let attribute = |length: usize| json!(Map::from_iter([(name(length), json!(1))]));
    assert!(parse(Array::Events, event(255)).is_ok());
    assert_eq!(parse(Array::Events, event(256)).unwrap_err().message, "'name' is not valid");
    assert!(parse(Array::Events, property(255)).is_ok());
    assert_eq!(
        parse(Array::Events, property(256)).unwrap_err().message,
        "Invalid 'properties' field"
    );
    assert!(
        parse(Array::Attributes, nested(255)).is_ok()
            && parse(Array::Attributes, nested(256)).is_err()
    );
    assert!(parse(Array::Attributes, attribute(255)).is_ok());
    let message = parse(Array::Attributes, attribute(256)).unwrap_err().message;
    assert!(message.len() < 300, "a long name isn't repeated in full: {message}");
}

#[test]
fn the_first_256_properties_are_kept() {
    for (count, kept) in [(256, 256), (257, 256)] {
        let properties: Map<String, Json> =
            (0..count).map(|n| (format!("p{n:03}"), json!(n))).collect();
        let object = parse(
            Array::Events,
            json!({"name": "n", "time": "2020-01-01", "properties": properties}),
        )
        .unwrap();
        let event = object.event().unwrap();
        assert_eq!(event.properties.len(), kept);
        assert_eq!(event.properties.get("p255"), Some(&json!(255)));
        assert_eq!(object.warnings().iter().any(|w| w.reason == Reason::Properties), count > 256);
    }
}

#[test]
fn hundred_kilobytes_of_object() {
    // {"k":["…",…]}: each element 255 characters and 3 of quotes and comma.
    let list = |bytes: usize| {
        let mut list = vec!["x".repeat(255); (bytes - 8) / 258];
        list.push("x".repeat((bytes - 8) % 258 - 2));
        json!({ "k": list })
    };
    assert_eq!(list(102_400).to_string().len(), 102_400);
    let (profile, warned) = applied(json!({"o": list(102_400), "a": [{"k": 1}]}));
    assert!(profile.custom("o").is_some() && warned.is_empty());
    let (profile, warned) = applied(json!({"o": list(102_401), "b": 1}));
    assert_eq!((profile.custom("o"), warned), (None, vec![Reason::Size]));
    assert!(profile.custom("b").is_some(), "the rest of the object is applied");

    let mut profile = applied(json!({"a": [list(60_000)], "m": list(60_000)})).0;
    let before = profile.clone();
    for update in [
        json!({"a": {"$add": [list(60_000)]}}),
        json!({"_merge_objects": true, "m": {"other": list(60_000)["k"]}}),
    ] {
        let applied = parse(Array::Attributes, update).unwrap().apply(&mut profile, 0);
        assert_eq!(applied.warnings[0].reason, Reason::Size);
        assert!(!applied.changed && profile == before);
    }
}

#[test]
fn a_small_update_of_many_elements_is_stopped_before_it_grows() {
    let many: Vec<Json> = (0..5_000).map(|_| json!({"i": 1})).collect();
    let mut profile = applied(json!({ "a": many })).0;
    let new = json!({"i": 1, "text": vec!["x".repeat(255); 300]});
    let update = json!({"a": {"$update": [{"$identifier_key": "i", "$identifier_value": 1, "$new_object": new}]}});
    let applied = parse(Array::Attributes, update).unwrap().apply(&mut profile, 0);
    assert_eq!(applied.warnings[0].reason, Reason::Size);
    let operations: Vec<Json> = (0..251).map(|n| json!({ "i": n })).collect();
    assert!(parse(Array::Attributes, json!({"a": {"$remove": operations}})).is_err());
}

#[test]
fn depth_is_bounded() {
    // Built by hand: the macro itself walks what it is given.
    let object = |key: &str, value: Json| Json::Object(Map::from_iter([(key.to_owned(), value)]));
    let nested = |depth: usize| {
        (0..depth)
            .fold(json!(1), |inner, _| Json::Object(Map::from_iter([("k".to_owned(), inner)])))
    };
    assert!(parse(Array::Attributes, json!({"a": nested(32)})).is_ok());
    assert!(parse(Array::Attributes, json!({"a": nested(33)})).is_err());
    assert!(parse(Array::Attributes, object("a", nested(1_000))).is_err());
    assert!(parse(Array::Attributes, object("a", Json::Array(vec![nested(1_000)]))).is_err());
    let mut merging = json!({"_merge_objects": true});
    merging["a"] = nested(1_000);
    assert!(parse(Array::Attributes, merging).is_err());
    assert!(
        parse(
            Array::Events,
            json!({"name": "n", "time": "2020-01-01", "properties": nested(1_000)})
        )
        .is_err()
    );
}

#[test]
fn limits_are_settings() {
    let limits = Limits { elements: 3, string_chars: 2, ..Limits::default() };
    let object = json!({"x": ["aaa", "b", "c", "d"]});
    let mut profile = Profile::new("u");
    let _ = Object::parse_within(Array::Attributes, object.as_object().unwrap(), &limits)
        .unwrap()
        .apply(&mut profile, 0);
    assert_eq!(profile.custom("x").unwrap().to_json(), json!(["b", "c", "d"]));
}

#[test]
fn seventy_five_objects_an_array() {
    let body = |a: usize, e: usize| {
        let event = json!({"external_id": "u", "name": "n", "time": "2020-01-01"});
        json!({"attributes": vec![json!({"external_id": "u", "a": 1}); a], "events": vec![event; e]})
    };
    let track = |body: Json, combined| {
        let mut directory = flowrun_track::Directory::new(flowrun_track::Memory::default());
        directory.limits.combined = combined;
        match track_batch(&mut directory, body.as_object().unwrap(), 0) {
            Ok(batch) => (batch.reply().status, "success".into()),
            Err(reply) => (reply.status, reply.body["message"].as_str().unwrap().to_owned()),
        }
    };
    let too_many = (400, "Max Input Length Exceeded".to_owned());
    assert_eq!(track(body(75, 75), None).0, 201);
    assert_eq!(track(body(76, 0), None), too_many);
    assert_eq!(track(body(0, 76), None), too_many);
    assert_eq!(track(body(40, 35), Some(75)).0, 201);
    assert_eq!(track(body(40, 36), Some(75)), too_many);
}

#[test]
fn an_external_id_of_987_bytes() {
    let object =
        |length: usize| json!({"external_id": "x".repeat(length)}).as_object().unwrap().clone();
    assert!(flowrun_track::identify(&object(987)).is_ok());
    assert_eq!(
        flowrun_track::identify(&object(988)).unwrap_err().code,
        Some("EXTERNAL_USER_ID_TOO_LARGE")
    );
}

#[test]
fn a_million_profiles_fit() {
    let object = json!({"first_name": "Ada", "email": "ada.lovelace@example.com", "country": "FR", "time_zone": "Europe/Paris",
        "tier": "gold", "vip_member": true});
    let object = parse(Array::Attributes, object).unwrap();
    let mut profile = Profile::new("user-0000001");
    let _ = object.apply(&mut profile, 0);
    let bytes = profile.footprint();
    assert!(bytes < 450, "{bytes} bytes");
}

#[test]
fn what_counts_twice() {
    let one = |from: i64, to: i64| json!({"$identifier_key": "i", "$identifier_value": from, "$new_object": {"i": to}});
    let updates = |a, b, c, d| json!({"list": {"$update": [one(a, b), one(c, d)]}});
    for (array, object, twice) in [
        (
            Array::Attributes,
            json!({"a": 1, "b": {"add": ["x"]}, "c": [1], "d": null, "e": {"x": 1}}),
            false,
        ),
        (Array::Attributes, json!({"a": 1, "b": {"inc": 1}}), true),
        (Array::Attributes, json!({"b": {"inc": 0}}), false),
        (Array::Attributes, json!({"b": {"$add": [{"x": 1}]}}), true),
        (Array::Attributes, json!({"b": {"$remove": [{"x": 1}]}}), false),
        (Array::Attributes, updates(1, 2, 2, 3), false),
        (Array::Attributes, updates(2, 3, 1, 2), true),
        (Array::Events, json!({"name": "n", "time": "2020-01-01"}), true),
        (
            Array::Purchases,
            json!({"product_id": "p", "currency": "USD", "price": 1, "time": "2020-01-01"}),
            true,
        ),
    ] {
        assert_eq!(parse(array, object.clone()).unwrap().counts_twice(), twice, "{object}");
    }
}
