//! The three arrays of an update as editors see them: names, types and what may not be there.
//!
//! Only what can be told without rendering, and never more than the endpoint's own rules
//! (`flowrun_track`): a text with Liquid may become anything. The loader takes the arrays as
//! trees and has them judged by `track`; a test over both keeps them of one mind.

use flowrun_sdk::settings::format;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use crate::rules::{liquid, or_liquid};

/// What names a user, a key or a way to import; see `track::compose`.
const FORBIDDEN: [&str; 6] =
    ["external_id", "braze_id", "user_alias", "push_token_import", "push_tokens", "api_key"];

pub fn attributes(_: &mut SchemaGenerator) -> Schema {
    let mut fields = forbidden();
    let text = ["first_name", "last_name", "home_city", "image_url"];
    let read = ["country", "language", "gender", "dob", "time_zone"];
    for name in text.into_iter().chain(read) {
        fields.insert(name.to_owned(), json!({ "type": ["string", "null"] }));
    }
    for (name, pattern) in [("email", "@"), ("phone", r"^\+[0-9]")] {
        let pattern = or_liquid(pattern);
        fields.insert(name.to_owned(), json!({ "type": ["string", "null"], "pattern": pattern }));
    }
    for name in ["date_of_first_session", "date_of_last_session", "marked_email_as_spam_at"] {
        fields.insert(name.to_owned(), json!({ "type": ["string", "object", "null"] }));
    }
    let flags = ["email_open_tracking_disabled", "email_click_tracking_disabled"];
    for name in flags.into_iter().chain(["_update_existing_only", "_merge_objects"]) {
        fields.insert(name.to_owned(), or(json!({ "type": ["boolean", "null"] })));
    }
    for name in ["email_subscribe", "push_subscribe"] {
        let states = json!({ "enum": ["opted_in", "subscribed", "unsubscribed", null] });
        fields.insert(name.to_owned(), or(states));
    }
    let place = json!({
        "type": ["object", "null"],
        "required": ["longitude", "latitude"],
        "properties": { "longitude": degrees(180), "latitude": degrees(90) },
    });
    fields.insert("current_location".to_owned(), or(place));
    let group = json!({
        "type": "object",
        "required": ["subscription_group_id", "subscription_state"],
        "properties": {
            "subscription_group_id": { "type": "string" },
            "subscription_state": or(json!({ "enum": ["subscribed", "unsubscribed"] })),
            "use_double_opt_in_logic": or(json!({ "type": ["boolean", "null"] })),
        },
    });
    let groups = json!({ "type": ["array", "null"], "items": or(group) });
    fields.insert("subscription_groups".to_owned(), or(groups));
    for name in ["facebook", "twitter"] {
        fields.insert(name.to_owned(), or(json!({ "type": ["object", "null"] })));
    }
    let counter = json!({
        "if": { "required": ["inc"], "maxProperties": 1 },
        "then": { "properties": { "inc": or(json!({ "type": "integer" })) } },
    });
    array(
        "Attributes objects: `[{ vip_member: true, orders: { inc: 1 } }]`.",
        json!({
            "properties": fields,
            "propertyNames": { "pattern": "^[^$]", "maxLength": 255 },
            "additionalProperties": counter,
        }),
    )
}

pub fn events(_: &mut SchemaGenerator) -> Schema {
    let mut fields = forbidden();
    fields.insert("name".to_owned(), json!({ "type": "string", "minLength": 1 }));
    fields.insert("time".to_owned(), time());
    fields.insert("properties".to_owned(), properties(&["time", "event_name"]));
    array(
        "Event objects, each with a `name` and a `time`.",
        json!({ "properties": fields, "required": ["name", "time"] }),
    )
}

pub fn purchases(_: &mut SchemaGenerator) -> Schema {
    let mut fields = forbidden();
    let quantity = json!({ "type": ["integer", "null"], "minimum": 1, "maximum": 100 });
    let price = json!({ "type": "number", "minimum": -1e10, "maximum": 1e10 });
    let currency = json!({ "type": "string", "pattern": or_liquid("^[A-Za-z]{3}$") });
    fields.insert("product_id".to_owned(), json!({ "type": "string", "minLength": 1 }));
    fields.insert("currency".to_owned(), currency);
    fields.insert("price".to_owned(), or(price));
    fields.insert("quantity".to_owned(), or(quantity));
    fields.insert("time".to_owned(), time());
    let reserved = ["time", "product_id", "quantity", "event_name", "price", "currency"];
    fields.insert("properties".to_owned(), properties(&reserved));
    array(
        "Purchase objects, each with `product_id`, `currency`, `price` and `time`.",
        json!({ "properties": fields, "required": ["product_id", "currency", "price", "time"] }),
    )
}

/// One object, several, or a template that gives some of them.
fn array(description: &str, object: Json) -> Schema {
    let mut schema = object;
    let mut element = schema.clone();
    element["type"] = json!(["object", "string"]);
    element["pattern"] = liquid()["pattern"].clone();
    schema["type"] = json!(["array", "object", "string", "null"]);
    schema["pattern"] = element["pattern"].clone();
    schema["items"] = element;
    schema["format"] = json!(format::TREE);
    schema["description"] = json!(description);
    schema.try_into().expect("an object is a schema")
}

fn forbidden() -> Map<String, Json> {
    FORBIDDEN.into_iter().map(|name| (name.to_owned(), json!(false))).collect()
}

fn or(schema: Json) -> Json {
    json!({ "anyOf": [schema, liquid()] })
}

fn degrees(most: i32) -> Json {
    or(json!({ "type": "number", "minimum": -most, "maximum": most }))
}

fn time() -> Json {
    json!({ "type": ["string", "object"], "pattern": or_liquid("[0-9]") })
}

fn properties(reserved: &[&str]) -> Json {
    or(json!({
        "type": ["object", "null"],
        "propertyNames": { "pattern": "^[^$]", "maxLength": 255, "not": { "enum": reserved } },
    }))
}
