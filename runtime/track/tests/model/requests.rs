//! Requests as clients might send them, good and bad, about few users and few names so that things meet.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

pub fn body() -> impl Strategy<Value = Json> {
    let some = |objects: BoxedStrategy<Json>| prop::collection::vec(with_identifier(objects), 0..6);
    (some(attributes().boxed()), some(event().boxed()), some(purchase().boxed()))
        .prop_map(|(attributes, events, purchases)| json!({"attributes": attributes, "events": events, "purchases": purchases}))
}

fn with_identifier(object: BoxedStrategy<Json>) -> impl Strategy<Value = Json> {
    let only = prop_oneof![3 => Just(None), 1 => Just(Some(true)), 1 => Just(Some(false))];
    (identifier(), only, object).prop_map(|(identifier, only, object)| {
        let mut all = object.as_object().unwrap().clone();
        for (key, value) in identifier.as_object().unwrap() {
            all.insert(key.clone(), value.clone());
        }
        all.extend(only.map(|only| ("_update_existing_only".to_owned(), json!(only))));
        Json::Object(all)
    })
}

fn identifier() -> impl Strategy<Value = Json> {
    prop_oneof![
        6 => "[uvw]".prop_map(|id| json!({"external_id": id})),
        2 => ("[ab]", "[xy]").prop_map(|(name, label)| json!({"user_alias": {"alias_name": name, "alias_label": label}})),
        2 => email().prop_map(|email| json!({ "email": email })),
        1 => Just(json!({"phone": "+15551234567"})),
        1 => Just(json!({"external_id": "u", "braze_id": "b"})),
        1 => Just(json!({})),
    ]
}

fn email() -> impl Strategy<Value = Json> {
    prop_oneof![4 => "[abAB]@c\\.de".prop_map(Json::from), 1 => Just(json!("nope"))]
}

pub fn attributes() -> impl Strategy<Value = Json> {
    let custom = prop::collection::vec(("[pqrs]", value()), 0..4);
    let fields = prop::collection::vec(field(), 0..3);
    let merge = prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (custom, fields, merge).prop_map(|(custom, fields, merge)| {
        let mut object: Map<String, Json> = custom.into_iter().chain(fields).collect();
        object.extend(merge.map(|merge| ("_merge_objects".to_owned(), json!(merge))));
        Json::Object(object)
    })
}

fn field() -> impl Strategy<Value = (String, Json)> {
    let state = prop_oneof![
        Just(json!("opted_in")),
        Just(json!("unsubscribed")),
        Just(Json::Null),
        Just(json!("maybe"))
    ];
    prop_oneof![
        email().prop_map(|email| ("email".to_owned(), email)),
        Just(("email".to_owned(), Json::Null)),
        state.prop_map(|state| ("email_subscribe".to_owned(), state)),
        "Ada|Eve".prop_map(|name| ("first_name".to_owned(), json!(name))),
    ]
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        (-3i64..4).prop_map(Json::from),
        "[klm]".prop_map(Json::from),
        any::<bool>().prop_map(Json::from)
    ]
}

fn small_object() -> impl Strategy<Value = Json> {
    let inner = prop_oneof![
        4 => scalar(),
        1 => Just(Json::Null),
        1 => prop::collection::btree_map("[ij]", scalar(), 0..3).prop_map(|map| json!(map)),
    ];
    prop::collection::btree_map("[ijk]", inner, 0..4).prop_map(|map| json!(map))
}

fn value() -> impl Strategy<Value = Json> {
    let scalars = || prop::collection::vec(scalar(), 0..5);
    let objects = || prop::collection::vec(small_object(), 0..3);
    let which = || ("[ijk]", scalar());
    let removals = prop::collection::vec(
        which()
            .prop_map(|(key, value)| json!({"$identifier_key": key, "$identifier_value": value})),
        0..3,
    );
    let updates = prop::collection::vec(
        (which(), small_object()).prop_map(|((key, value), new)| {
            json!({"$identifier_key": key, "$identifier_value": value, "$new_object": new})
        }),
        0..3,
    );
    prop_oneof![
        3 => scalar(),
        1 => Just(Json::Null),
        2 => (-5i64..6).prop_map(|by| json!({ "inc": by })),
        1 => scalars().prop_map(Json::from),
        1 => (0usize..40).prop_map(|n| json!((0..n).collect::<Vec<_>>())),
        2 => (scalars(), scalars()).prop_map(|(add, remove)| json!({"add": add, "remove": remove})),
        1 => scalars().prop_map(|add| json!({ "add": add })),
        2 => small_object(),
        1 => objects().prop_map(Json::from),
        2 => (objects(), removals, updates).prop_map(|(add, remove, update)| json!({"$update": update, "$add": add, "$remove": remove})),
        1 => Just(json!([["bad"]])),
    ]
}

fn event() -> impl Strategy<Value = Json> {
    ("[mn]", time()).prop_map(|(name, time)| json!({"name": name, "time": time}))
}

fn purchase() -> impl Strategy<Value = Json> {
    ("[mn]", time(), 0u32..4, -300i64..300).prop_map(|(product, time, quantity, cents)| {
        json!({"product_id": product, "currency": "USD", "price": cents as f64 / 100.0, "quantity": quantity, "time": time})
    })
}

fn time() -> impl Strategy<Value = Json> {
    prop_oneof![
        6 => (10u32..40, 0u32..24).prop_map(|(year, hour)| json!(format!("20{year}-05-06T{hour:02}:00:00Z"))),
        1 => Just(json!("soon")),
    ]
}

pub fn any_json() -> impl Strategy<Value = Json> {
    let key = prop_oneof![
        3 => "attributes|events|purchases|external_id|user_alias|braze_id|email|phone|name|time|properties|price|quantity|currency|product_id",
        3 => "inc|add|remove|\\$add|\\$remove|\\$update|\\$time|\\$identifier_key|\\$identifier_value|\\$new_object|_merge_objects|push_tokens|push_token_import|subscription_groups|current_location|dob|time_zone|country|facebook|prioritization|alias_name|alias_label|external_ids|identifier_to_merge|identifier_to_keep",
        1 => any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        "[-+0-9TZ:. ]{0,30}".prop_map(Json::from),
        "[a-z]{1,3}@[a-z]{1,3}\\.de|\\+[0-9]{5,16}|a|b".prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

pub fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,60}", r#"[\[\]{}:,"\\a-c0-9 é]{0,40}"#]
}

/// Nearly valid composer text: one that is valid, damaged at one place.
pub fn composer_text() -> impl Strategy<Value = String> {
    let valid = (attributes(), event()).prop_map(|(attributes, event)| {
        json!({"é": 1, "attributes": [attributes.clone(), attributes], "events": event}).to_string()
    });
    let damage = prop_oneof![
        Just("\"a\":1,"),
        Just(","),
        Just("é"),
        Just("}"),
        Just("\"é"),
        Just("\\"),
        Just("")
    ];
    (valid, damage, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut text, damage, at, strip)| {
            if strip {
                text = text.replacen("\"é\":1,", "", 1);
            }
            let mut at = at.index(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, damage);
            text
        },
    )
}
