//! What is written, what is refused when, and by which door users leave.

use flowrun_sdk::testing::{Trial, User};
use flowrun_sdk::{Decision, Door, Fault, Millis, Update};
use serde_json::{Value as Json, json};

use super::UserUpdate;

const EVENT: &str = r#"{"events":[{"name":"became_vip","time":"2026-01-01T00:00:00Z"}]}"#;

fn trial(settings: Json) -> Trial {
    let trial = Trial::of::<UserUpdate>(settings.clone());
    trial.unwrap_or_else(|faults| panic!("{settings}: {faults:?}"))
}

fn faults(settings: Json) -> Vec<Fault> {
    Trial::of::<UserUpdate>(settings).err().unwrap_or_default()
}

/// A decision in words: what is written, or the door.
fn said(decision: &Decision) -> String {
    match decision {
        Decision::Update(Update { objects, .. }) => objects.to_json(),
        Decision::Go(Door::NEXT) => "next".to_owned(),
        Decision::Fail { reason, .. } => format!("failed: {reason}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_is_written_is_what_the_composer_says() {
    for (text, written) in [
        (
            r#"{"attributes": [{"vip": true, "n": {"inc": 1}}, {"a": null}]}"#,
            r#"{"attributes":[{"vip":true,"n":{"inc":1}},{"a":null}]}"#,
        ),
        (EVENT, EVENT),
        (
            r#"{"attributes":[{"email":"a@example.com"}],"events":[]}"#,
            r#"{"attributes":[{"email":"a@example.com"}]}"#,
        ),
        (
            r#"{"attributes":[{"o":{"external_id":"theirs"}}]}"#,
            r#"{"attributes":[{"o":{"external_id":"theirs"}}]}"#,
        ),
        ("{}", "next"),
        ("", "next"),
        (r#"{"attributes":[]}"#, "next"),
        (r#"{"attributes":[{}]}"#, "next"),
    ] {
        let fixed = trial(json!({ "json": text })).decide_one(&User::new("u"));
        assert_eq!(said(&fixed), written, "{text}");
        assert_eq!(said(&rendered(text)), written, "rendered: {text}");
    }
}

fn rendered(text: &str) -> Decision {
    trial(json!({ "json": "{{x}}" })).decide_one(&User::new("u").given("/json", text))
}

#[test]
fn an_update_that_is_wrong_is_refused_at_load_or_fails_for_the_user() {
    for (text, code, underlined, reason) in [
        (r#"{"attributes":[{"a":}]}"#, "FR0301", "}", "invalid JSON: "),
        (r#"{"attributes":[{"a":1},]}"#, "FR0301", ",", "invalid JSON: "),
        (
            r#"{"attributes":[{"external_id":"x"}]}"#,
            "FR0302",
            r#""external_id""#,
            "forbidden field: 'external_id'",
        ),
        (
            r#"{"events":[{"braze_id":"x","name":"a","time":"2026-01-01"}]}"#,
            "FR0302",
            r#""braze_id""#,
            "forbidden field: 'braze_id'",
        ),
        (
            r#"{"attributes":[{"user_alias":{}}]}"#,
            "FR0302",
            r#""user_alias""#,
            "forbidden field: 'user_alias'",
        ),
        (r#"{"api_key":"x"}"#, "FR0302", r#""api_key""#, "forbidden field: 'api_key'"),
        (
            r#"{"attributes":[{"push_token_import":true}]}"#,
            "FR0302",
            r#""push_token_import""#,
            "forbidden field: 'push_token_import'",
        ),
        (r#"{"events":[{"name":"a"}]}"#, "FR0303", "{", "invalid object: events[0]"),
        (r#"{"users":[]}"#, "FR0303", r#""users""#, "invalid object: 'users'"),
        (r#"{"attributes":[1]}"#, "FR0303", "1", "invalid object: attributes[0]"),
        ("[]", "FR0303", "[", "invalid object: a User Update"),
    ] {
        let found = faults(json!({ "json": text }));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(
            (found[0].at.as_str(), found[0].code.as_deref()),
            ("/json", Some(code)),
            "{text}"
        );
        assert!(!found[0].message.contains("line"), "{text}: {}", found[0].message);
        let span = found[0].span.clone().unwrap_or_else(|| panic!("{text}: no place"));
        assert_eq!(&text[span], underlined, "{text}");

        let Decision::Fail { reason: why, payload } = rendered(text) else { panic!("{text}") };
        assert!(why.starts_with(reason), "{text}: {why}");
        assert_eq!(payload, text);
    }
}

#[test]
fn the_composer_holds_65536_characters() {
    let text = |length: usize| {
        let around = r#"{"attributes":[{"a":""}]}"#.len();
        format!(r#"{{"attributes":[{{"a":"{}"}}]}}"#, "é".repeat(length - around))
    };
    assert!(matches!(rendered(&text(65_536)), Decision::Update(_)));
    let Decision::Fail { reason, payload } = rendered(&text(65_537)) else { panic!() };
    assert!(reason.starts_with("too long: 65537 characters"), "{reason}");
    assert!(payload.len() <= 64 << 10 && text(65_537).starts_with(&payload));
    for source in [text(65_537), format!("{}{{{{x}}}}", text(65_536))] {
        let found = faults(json!({ "json": source }));
        assert_eq!(found[0].code.as_deref(), Some("FR0304"));
    }
    assert!(faults(json!({ "json": text(65_536) })).is_empty());
}

#[test]
fn a_forbidden_key_beside_liquid_is_seen_at_load() {
    for (source, seen) in [
        (r#"{"attributes":[{"external_id":"{{${user_id}}}"}]}"#, vec!["external_id"]),
        (
            r#"{"attributes":[{"a":{{x}}, "braze_id" : 1},{"user_alias":2}]}"#,
            vec!["braze_id", "user_alias"],
        ),
        (r#"{"api_key":"{{x}}","attributes":[]}"#, vec!["api_key"]),
        (r#"{% if ${vip} %}{"events":[{"external_id":1}]}{% endif %}"#, vec!["external_id"]),
        (r#"{"attributes":[{"a":"{{x}}","o":{"external_id":1}}]}"#, vec![]),
        (r#"{"attributes":[{"a":"external_id","b":"{{x}}"}]}"#, vec![]),
        (r#"{"attributes":[{"a":"{{ x | append: '"external_id":' }}"}]}"#, vec![]),
    ] {
        let found = faults(json!({ "json": source }));
        let keys: Vec<_> = found
            .iter()
            .map(|fault| {
                assert_eq!(fault.code.as_deref(), Some("FR0302"));
                assert!(fault.hint.is_some());
                source[fault.span.clone().unwrap()].trim_matches('"')
            })
            .collect();
        assert_eq!(keys, seen, "{source}");
    }
}

#[test]
fn structured_updates_keep_types_and_can_not_break() {
    let settings = json!({
        "attributes": [{ "name": "{{a}}", "total": "{{b}}", "plain": 7, "tags": { "add": ["{{c}}"] } }],
        "events": [{ "name": "seen", "time": "{{t}}", "properties": { "x": "{{a}}" } }],
    });
    let user = User::new("u").given("/attributes/0/name", r#"A "quoted" name"#);
    let user = user.given("/attributes/0/total", 9.5).given("/attributes/0/tags/add/0", "new");
    let user = user.given("/events/0/properties/x", json!([1]));
    let written = |time: &str| {
        said(&trial(settings.clone()).decide_one(&user.clone().given("/events/0/time", time)))
    };
    assert_eq!(
        written("2026-01-01T00:00:00Z"),
        concat!(
            r#"{"attributes":[{"name":"A \"quoted\" name","total":9.5,"plain":7,"tags":{"add":["new"]}}],"#,
            r#""events":[{"name":"seen","time":"2026-01-01T00:00:00Z","properties":{"x":[1]}}]}"#
        )
    );
    assert!(
        written("soon").starts_with("failed: invalid object: events[0]"),
        "{}",
        written("soon")
    );
}

#[test]
fn every_structured_object_that_is_wrong_is_reported_in_its_place() {
    for (settings, places) in [
        (
            json!({ "attributes": [{ "a": 1 }, { "external_id": "x" }] }),
            vec!["/attributes/1/external_id FR0302 'external_id' may not stand in a User Update"],
        ),
        (
            json!({ "attributes": { "braze_id": "{{x}}", "b": 1 } }),
            vec!["/attributes/braze_id FR0302 'braze_id' may not stand in a User Update"],
        ),
        (
            json!({ "events": [{ "name": "a" }, { "name": "{{x}}" }, 5] }),
            vec![
                "/events/0 FR0303 'time' is required",
                "/events/1 FR0303 'time' is required",
                "/events/2 FR0303 events must hold objects, not a number",
            ],
        ),
        (
            json!({ "attributes": [{ "email": "nobody" }], "purchases": "x" }),
            vec![
                "/attributes/0/email FR0303 The value provided for the 'email' field is not a valid email.",
                "/purchases FR0303 purchases must hold objects, not a string",
            ],
        ),
        (json!({ "attributes": "{{x}}" }), vec![]),
        // All faults of an object, also beside what is yet to be rendered.
        (
            json!({ "attributes": [{ "email": "x", "gender": 5, "braze_id": 1, "a": "{{x}}" }] }),
            vec![
                "/attributes/0/braze_id FR0302 'braze_id' may not stand in a User Update",
                "/attributes/0/email FR0303 The value provided for the 'email' field is not a valid email.",
                "/attributes/0/gender FR0303 'gender' is not valid",
            ],
        ),
        (
            json!({ "attributes": [{ "email": "{{x}}", "home.city": {"inc": "{{x}}"}, "n": {"inc": "x"} }] }),
            vec!["/attributes/0/n FR0303 'n' is not valid"],
        ),
        (
            json!({ "events": [{ "name": "n", "time": "{{x}}", "properties": { "time": "{{x}}", "a": "{{x}}", "b": { "$time": "{{x}}" } } }] }),
            vec![],
        ),
        (
            json!({ "events": [{ "name": "n", "time": "soon", "properties": { "time": 1, "a": "{{x}}" } }] }),
            vec![
                "/events/0/time FR0303 'time' is not valid",
                "/events/0/properties/time FR0303 Invalid 'properties' field",
            ],
        ),
    ] {
        let found: Vec<_> = faults(settings.clone())
            .iter()
            .map(|fault| {
                let code = fault.code.as_deref().unwrap_or_default();
                format!("{} {code} {}", fault.at, fault.message)
            })
            .collect();
        assert_eq!(found, places, "{settings}");
    }
}

#[test]
fn one_form_and_a_timeout_that_leaves_time() {
    for (settings, places) in [
        (json!({}), vec![""]),
        (json!({ "timeout": "10m" }), vec![""]),
        (json!({ "json": "{}", "attributes": [{ "a": 1 }] }), vec!["/json"]),
        (json!({ "json": "{}", "timeout": "soon" }), vec!["/timeout"]),
        (json!({ "json": "{", "timeout": "0s" }), vec!["/timeout", "/json"]),
        (json!({ "jsn": "{}" }), vec![""]),
    ] {
        let found = faults(settings.clone());
        let found: Vec<_> = found.iter().map(|fault| fault.at.as_str()).collect();
        assert_eq!(found, places, "{settings}");
    }
    for (timeout, expected) in [(json!("10m"), Some(Millis(600_000))), (json!(null), None)] {
        let update = trial(json!({ "json": EVENT, "timeout": timeout }));
        let Decision::Update(update) = update.decide_one(&User::new("u")) else { panic!() };
        assert_eq!(update.timeout, expected);
    }
}

#[test]
fn what_may_count_twice_is_mentioned_once() {
    let attributes = |object: Json| json!({ "attributes": [object] });
    for (settings, at) in [
        (attributes(json!({ "a": 1, "list": { "add": ["x"] } })), None),
        (attributes(json!({ "a": "{{x}}" })), None),
        (attributes(json!({ "a": { "inc": 1 }, "b": { "inc": 1 } })), Some("/attributes")),
        (attributes(json!({ "a": { "$add": [{ "k": "{{x}}" }] } })), Some("/attributes")),
        (json!({ "attributes": [{ "a": 1 }], "events": "{{x}}" }), Some("/events")),
        (json!({ "purchases": "{{x}}" }), Some("/purchases")),
        (json!({ "json": EVENT }), Some("/json")),
        (json!({ "json": r#"{"attributes":[{"events":1,"a":"{{x}}"}]}"# }), None),
        (json!({ "json": r#"{"attributes":[{"a":{"inc":{{x}}},"b":{"inc":2}}]}"# }), Some("/json")),
        (json!({ "json": r#"{"events":[{{x}}]}"# }), Some("/json")),
    ] {
        let warnings = trial(settings.clone()).warnings();
        let places: Vec<_> = warnings
            .iter()
            .map(|warning| {
                assert_eq!(warning.code.as_deref(), Some("FR0310"));
                warning.at.as_str()
            })
            .collect();
        assert_eq!(places, at.into_iter().collect::<Vec<_>>(), "{settings}");
    }
}

#[test]
fn what_is_written_in_vain_is_mentioned() {
    let attributes = |object: Json| json!({ "attributes": object });
    for (settings, expected) in [
        (json!({ "json": "" }), vec![("FR0312", "")]),
        (json!({ "json": " {} " }), vec![("FR0312", "")]),
        (attributes(json!([{}])), vec![("FR0312", "")]),
        (json!({ "json": "{{x}}" }), vec![]),
        (attributes(json!([{ "a": 1, "gender": "F", "country": "France" }])), vec![]),
        (
            attributes(json!([{ "a": 1 }, { "gender": "x", "country": "Atlantis" }])),
            vec![("FR0313", "/attributes/1/gender"), ("FR0313", "/attributes/1/country")],
        ),
        (attributes(json!({ "dob": "soon" })), vec![("FR0313", "/attributes/dob")]),
        (json!({ "json": r#"{"attributes":[{"language":"xx"}]}"# }), vec![("FR0313", "/json")]),
    ] {
        let warnings = trial(settings.clone()).warnings();
        let found: Vec<_> =
            warnings.iter().map(|one| (one.code.as_deref().unwrap_or(""), &*one.at)).collect();
        assert_eq!(found, expected, "{settings}");
    }
}

/// A million users at a step must not mean a million copies of one update.
#[test]
fn users_with_the_same_update_share_it() {
    let countries = ["a", "b", "a"];
    let composed = |country: &&str| {
        let text = format!(r#"{{"attributes":[{{"c":"{country}"}}]}}"#);
        User::new("u").given("/json", text)
    };
    let filled = |country: &&str| User::new("u").given("/attributes/0/c", *country);
    let address = |decision: &Decision| match decision {
        Decision::Update(update) => std::sync::Arc::as_ptr(&update.objects),
        other => panic!("{other:?}"),
    };
    for (settings, users, shared) in [
        (json!({ "json": "{{x}}" }), countries.iter().map(composed).collect(), [false, true]),
        (
            json!({ "attributes": [{ "c": "{{x}}", "n": 1 }] }),
            countries.iter().map(filled).collect(),
            [false, true],
        ),
        (json!({ "json": r#"{"attributes":[{"c":1}]}"# }), vec![User::new("u"); 3], [true, true]),
    ] {
        let decisions = trial(settings.clone()).decide(&users);
        let at: Vec<_> = decisions.iter().map(address).collect();
        assert_eq!([at[0] == at[1], at[0] == at[2]], shared, "{settings}");
        let alone: Vec<_> =
            users.iter().map(|user| trial(settings.clone()).decide_one(user)).collect();
        assert_eq!(decisions, alone, "{settings}");
    }
}

/// Neither does it matter whether anybody shares with anybody, nor how many they are.
#[test]
fn everybody_gets_their_own_update_in_a_large_cohort() {
    for different in [1, 3, 255, 256, 257, 1_000] {
        let users: Vec<User> = (0..1_000)
            .map(|user| User::new("u").given("/attributes/0/c", (user * 7) % different))
            .collect();
        let decisions = trial(json!({ "attributes": [{ "c": "{{x}}" }] })).decide(&users);
        for (user, decision) in decisions.iter().enumerate() {
            let written = format!(r#"{{"attributes":[{{"c":{}}}]}}"#, (user * 7) % different);
            assert_eq!(said(decision), written, "{user} of {different}");
        }
    }
}

#[test]
fn a_composer_is_told_all_faults_of_its_objects() {
    let text = r#"{"attributes":[{"email":"nope"},{"a":1},{"external_id":"a"}],"events":[{}]}"#;
    let faults = Trial::of::<UserUpdate>(json!({ "json": text })).err().unwrap_or_default();
    let codes: Vec<_> = faults.iter().filter_map(|fault| fault.code.as_deref()).collect();
    // The event lacks its name and its time.
    assert_eq!(codes, ["FR0303", "FR0302", "FR0303", "FR0303"], "{faults:#?}");
    let underlined: Vec<_> = faults.iter().filter_map(|fault| fault.span.clone()).collect();
    assert!(underlined.is_sorted_by_key(|span| span.start) && underlined.len() == 4, "{faults:#?}");
}
