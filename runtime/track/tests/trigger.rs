//! Triggers of strangers: whatever stands in one, it is read or refused, in bounded time and without a panic; and what is
//! refused has changed nothing.

use flowrun_track::{Directory, Limits, Memory, Prepared, Recipients, Settled, Trigger, WriteKey};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

/// JSON of the words that triggers are made of, put together at random.
fn words() -> impl Strategy<Value = Json> {
    let word = prop::sample::select(vec![
        "canvas_id",
        "welcome",
        "broadcast",
        "recipients",
        "external_user_id",
        "user_alias",
        "alias_name",
        "alias_label",
        "email",
        "ada@example.com",
        "prioritization",
        "identified",
        "context",
        "attributes",
        "send_to_existing_only",
        "audience",
        "AND",
        "OR",
        "custom_attribute",
        "custom_attribute_name",
        "comparison",
        "value",
        "equals",
        "matches_regex",
        "(a|b)*c",
        "less_than_x_days_ago",
        "2026-01-01",
        "push_subscription_status",
        "is",
        "subscribed",
        "last_used_app",
        "after",
        "",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(Json::from),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        Just(Json::Null),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|pairs| {
                let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
                Json::Object(pairs.collect::<Map<_, _>>())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_trigger_is_read_or_refused(recipients in words(), audience in words(), context in words()) {
        let mut directory = Directory::new(Memory::default());
        for broadcast in [true, false] {
            let body = json!({
                "canvas_id": "welcome", "broadcast": broadcast, "recipients": [recipients],
                "audience": {"AND": [audience]}, "context": context,
            });
            let body = body.as_object().unwrap();
            match Trigger::parse(body, &Limits::default()) {
                Ok(Trigger { to: Recipients::Named(named), audience, .. }) => {
                    let entering = directory.recipients(&named, audience.as_ref(), 0);
                    prop_assert!(entering.len() <= named.len());
                }
                Ok(_) => {}
                Err(reply) => prop_assert_eq!(reply.status, 400),
            }
        }
    }

    /// A request that is sent again under its keys, as often as you like, leaves what one request leaves.
    #[test]
    fn a_resend_under_keys_changes_nothing(users in prop::collection::vec(0u8..4, 1..20), again in 1usize..4) {
        let objects: Vec<Json> =
            users.iter().map(|user| json!({"external_id": format!("u{user}"), "n": {"inc": 1}})).collect();
        let body = json!({ "attributes": objects });
        let prepared = Prepared::parse(body.as_object().unwrap(), &Limits::default()).unwrap();
        // One write per user, whose objects are numbered.
        let mut counts = [0u32; 4];
        let keys: Vec<WriteKey> = users.iter().map(|user| {
            let count = &mut counts[usize::from(*user)];
            *count += 1;
            WriteKey { write: u128::from(*user) + 7, object: *count - 1 }
        }).collect();
        let (mut once, mut often) = (Directory::new(Memory::default()), Directory::new(Memory::default()));
        let first = once.commit(&prepared, 0).reply();
        let mut settled = Settled::default();
        for _ in 0..=again {
            prop_assert_eq!(often.commit_once(&prepared, &keys, &mut settled, 0).reply(), first.clone());
        }
        for user in 0..4 {
            let id = format!("u{user}");
            prop_assert_eq!(once.profiles.by_external_id(&id), often.profiles.by_external_id(&id));
        }
    }
}
