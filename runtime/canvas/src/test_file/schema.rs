//! The JSON Schema of test files: what an editor completes, and what the reader walks along.

use std::sync::LazyLock;

use flowrun_sdk::settings::format;
use serde_json::{Value as Json, json};

/// The most users that are made alike.
pub(super) const MOST_ALIKE: u32 = 100_000;

/// The schema of test files, for editors.
pub fn schema() -> Json {
    let mut schema = along().clone();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("Tests of a Canvas");
    crate::editor::tidy(&mut schema, 0);
    schema
}

/// The same as the reader walks along it.
pub(super) fn along() -> &'static Json {
    static SCHEMA: LazyLock<Json> = LazyLock::new(made);
    &SCHEMA
}

fn object(required: &[&str], properties: Json) -> Json {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn text(description: &str) -> Json {
    json!({ "type": "string", "description": description })
}

fn count(description: &str) -> Json {
    json!({ "type": "integer", "minimum": 0, "description": description })
}

fn length(description: &str) -> Json {
    json!({ "type": "string", "format": format::DURATION, "description": description })
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn made() -> Json {
    let mut file = object(
        &["canvas", "tests"],
        json!({
            "canvas": text("The Canvas under test: a path, seen from this file."),
            "start": text("When every test starts. Default: 2026-01-05T09:00:00Z, a Monday."),
            "seed": count("What chance is drawn from. Default: 0."),
            "users": { "description": "Who takes part, unless a test says otherwise. With an event Canvas they enter by events, else at the start.", "anyOf": cast(&reference("user")) },
            "fixtures": { "description": "What answers Connected Content and webhooks: rows of `{ url, method?, status?, json? or body? or error? }`, or the path of a file of them. Default: NAME.fixtures.yaml beside the Canvas.", "anyOf": [
                { "type": "array", "items": { "type": "object" } }, { "type": "string" },
            ] },
            "tests": { "type": "array", "minItems": 1, "items": reference("test"), "description": "The tests. Each starts from the beginning." },
        }),
    );
    file["$defs"] = json!({
        "user": {
            "type": "object",
            "description": "A user as in a users file: attributes, and perhaps `entry_properties` and `enter_at`.",
            "required": ["external_id"],
            "properties": { "external_id": text("The user's id.") },
            "additionalProperties": true,
        },
        "test": test(),
        "fault": fault(),
        "expected of a user": of_a_user(),
        "step and time": object(&[], json!({
            "at": text("At this moment, to the second unless it is written with a fraction."),
            "after": length("So long after the user entered."),
        })),
        "message": message(),
    });
    file
}

/// The forms of `users`.
fn cast(item: &Json) -> Json {
    json!([
        { "type": "array", "items": item },
        { "type": "string", "description": "A users file (NDJSON, JSON, CSV, YAML), seen from this file." },
        object(&["count"], json!({
            "count": { "type": "integer", "minimum": 1, "maximum": MOST_ALIKE, "description": "So many users, all alike." },
            "prefix": text("They are called so, with a number from 1. Default: u."),
            "attributes": { "type": "object", "description": "The attributes of each." },
        })),
    ])
}

fn test() -> Json {
    let known = json!({ "anyOf": [
        { "type": "string", "description": "A user of the file, by id." },
        reference("user"),
    ] });
    object(
        &["name", "expect"],
        json!({
            "name": { "type": "string", "minLength": 1, "description": "What is expected, in a sentence." },
            "users": { "description": "Who takes part, in place of the file's users: ids of those, or users of its own.", "anyOf": cast(&known) },
            "events": { "type": "array", "description": "What users do.", "items": object(&["user", "name"], json!({
                "user": text("Who does it: an `external_id`; somebody new if there is no such user."),
                "name": { "type": "string", "minLength": 1, "description": "The event." },
                "properties": { "type": "object", "description": "Its properties." },
                "at": text("When: a moment. Default: at the start."),
                "after": length("When: so long after the start."),
            })) },
            "faults": { "type": "array", "description": "What goes wrong. The first rule that fits a write or a message decides; what none fits goes well.", "items": reference("fault") },
            "until": text("Stop at this moment. Default: when nothing more happens."),
            "for": length("Stop so long after the start."),
            "expect": {
                "type": "object",
                "description": "What is to come of it, by user id; `all`, `count`, `requests`, `objects` and `dead_letters` are of the whole test.",
                "properties": {
                    "all": { "description": "Expected of every user of the test.", "allOf": [reference("expected of a user")] },
                    "count": counts(),
                    "requests": count("So many requests to the backend."),
                    "objects": { "description": "So many objects sent, again where they were sent again.", "anyOf": [
                        { "type": "integer", "minimum": 0 },
                        object(&[], json!({ "attributes": count("Attribute objects."), "events": count("Event objects."), "purchases": count("Purchase objects.") })),
                    ] },
                    "dead_letters": count("So many dead letters."),
                },
                "additionalProperties": { "anyOf": [
                    reference("expected of a user"),
                    { "type": "array", "description": "One for each entry of the user.", "items": reference("expected of a user") },
                ] },
            },
            "trace": text("The trace that is to come of it, byte for byte, in this file; `flowrun test --update` writes it."),
        }),
    )
}

fn fault() -> Json {
    object(
        &["reply"],
        json!({
            "step": text("Only at this User Update, message or webhook."),
            "user": text("Only for this user."),
            "attempt": { "type": "integer", "minimum": 1, "maximum": 1000, "description": "Only this attempt; the first is 1." },
            "times": { "type": "integer", "minimum": 1, "maximum": 1_000_000, "description": "So often and no more." },
            "from": text("Only from then on: a moment, or a length after the start."),
            "until": text("Only before then: a moment, or a length after the start."),
            "reply": object(&[], json!({
                "status": { "type": "integer", "minimum": 200, "maximum": 599, "description": "2xx writes. 4xx refuses the writes that fit and no others. 401, 403, 408, 429 and 5xx hit the whole request." },
                "timeout": { "enum": ["with_effect", "without_effect"], "description": "No answer comes; the request was written, or it was not." },
                "refuse": { "enum": ["attributes", "events", "purchases"], "description": "Refuses the objects of this array; the others are written." },
                "index": count("With `refuse`: only the object of this number, from 0."),
                "reason": text("The reason that is given."),
                "retry_after": length("With 429 and 503: when to come again."),
                "delay": length("The reply comes so much later."),
                "copies": { "type": "integer", "minimum": 1, "maximum": 100, "description": "The reply comes again so often." },
            })),
        }),
    )
}

fn of_a_user() -> Json {
    let attributes = |description: &str| json!({ "type": "object", "description": description });
    object(
        &[],
        json!({
            "path": { "type": "array", "items": { "type": "string" }, "description": "All steps that the user comes to, in order." },
            "exit": { "type": ["string", "null"], "description": "The reason with which the journey ends; null: it hasn't ended." },
            "entries": count("How often the user has entered; 0: never."),
            "profile": attributes("Attributes as steps read them; those not named may be anything, null: there is none."),
            "written": attributes("Attributes as the backend has them."),
            "messages": { "description": "A number: exactly so many. A list: these in this order, others may come between; an empty list: none.", "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "array", "items": reference("message") },
            ] },
            "at": text("The step at which the user is when the test stops."),
            "waiting": object(&[], json!({ "step": text("Waits at this step."), "until": text("Until this moment.") })),
            "held": object(&[], json!({ "step": text("Held at this User Update."), "attempt": count("So many attempts were made.") })),
            "arrived": { "type": "object", "additionalProperties": reference("step and time"), "description": "When the user comes to steps: `mark_vip: { after: 2d }`." },
            "never_before": { "type": "object", "additionalProperties": { "type": "string" }, "description": "`gold_fr: mark_vip`: no message of `gold_fr` before the update of `mark_vip` is written." },
            "dead_letters": count("So many dead letters of the user."),
        }),
    )
}

fn counts() -> Json {
    let steps = |description: &str| json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 }, "description": description });
    let mut counts = object(
        &[],
        json!({
            "entered": count("Journeys begun."),
            "completed": count("Journeys ended with `completed`."),
            "exited": count("Journeys ended with another reason."),
            "failed": count("Journeys ended because a step failed and nothing is wired to `on_failure`."),
            "waiting": count("Users who wait."),
            "held": count("Users who are held."),
            "messages": count("Messages sent."),
            "arrived": steps("Users who came to a step: `gold: 3`."),
            "exits": steps("Journeys ended with a reason: `completed: 3`."),
        }),
    );
    counts["description"] = json!("How many, over all users.");
    counts
}

fn message() -> Json {
    object(
        &[],
        json!({
            "step": text("The step that sends it."),
            "channel": text("Its channel."),
            "subject": text("Its subject, exactly."),
            "body": text("Its body, exactly, but for white space around it."),
            "contains": text("A piece of the subject or the body."),
            "count": count("So many like this, wherever they stand among the others; without it, one at this place in the order."),
        }),
    )
}
