//! Calls to a directory and the users afterwards: rows of `cases/directory*.json`.
//!
//! A row has `calls`, each `{"TO": BODY, "at"?: seconds, "status"?: n, "reply"?: body}`, and `users`: the export of all
//! profiles in order of creation, without their braze_id.

use flowrun_track::{
    Directory, Id, Memory, Profiles, Reply, export, neighbours, track_batch, track_sync,
};
use serde_json::{Map, Value as Json, json};

fn call(
    directory: &mut Directory<Memory>,
    to: &str,
    body: &Map<String, Json>,
    now_ms: i64,
) -> Reply {
    match to {
        "track" => match track_batch(directory, body, now_ms) {
            Ok(batch) => batch.reply(),
            Err(reply) => reply,
        },
        "sync" => track_sync(directory, body, now_ms),
        "identify" => neighbours::identify(directory, body),
        "merge" => neighbours::merge(directory, body),
        "delete" => neighbours::delete(directory, body),
        "alias" => neighbours::new_aliases(directory, body),
        "export" => export::export(directory, body),
        "session" => {
            let anonymous = Id(body["anonymous"].as_u64().unwrap());
            let id = directory.legacy_import(anonymous, body["external_id"].as_str().unwrap());
            Reply { status: 200, body: Map::from_iter([("id".into(), json!(id.map(|id| id.0)))]) }
        }
        "block" => {
            directory.blocked.insert(body["external_id"].as_str().unwrap().into());
            Reply { status: 200, body: Map::new() }
        }
        _ => panic!("no call {to}"),
    }
}

fn fault(row: &Json) -> Option<String> {
    let mut directory = Directory::new(Memory::with_seed(7));
    for (number, step) in row["calls"].as_array().unwrap().iter().enumerate() {
        let step = step.as_object().unwrap();
        let (to, body) = step.iter().next().unwrap();
        let at = step.get("at").map_or(1_000 + number as i64, |at| at.as_i64().unwrap());
        let reply = call(&mut directory, to, body.as_object().unwrap(), at * 1000);
        let shown = Json::Object(without_braze_id(reply.body));
        if let Some(status) = step.get("status")
            && *status != json!(reply.status)
        {
            return Some(format!("call {number}: status {} {shown}", reply.status));
        }
        if let Some(wanted) = step.get("reply")
            && *wanted != shown
        {
            return Some(format!("call {number}: {shown}"));
        }
    }
    let ids: Vec<Id> = directory.profiles.iter().map(|(id, _)| id).collect();
    for id in &ids {
        let braze_id = directory.braze_id(*id).unwrap();
        let found =
            directory.resolve(&flowrun_track::Identifier::BrazeId(braze_id.as_str().into()));
        assert_eq!(found, Some(*id), "a profile is found by its braze_id");
    }
    let users: Vec<Json> = ids
        .iter()
        .map(|id| Json::Object(without_braze_id(export::user(&directory, *id, None).unwrap())))
        .collect();
    match row.get("users") {
        Some(wanted) if *wanted != json!(users) => Some(format!("users {}", json!(users))),
        _ => None,
    }
}

fn without_braze_id(mut body: Map<String, Json>) -> Map<String, Json> {
    body.remove("braze_id");
    if let Some(Json::Array(users)) = body.get_mut("users") {
        for user in users {
            user.as_object_mut().unwrap().remove("braze_id");
        }
    }
    body
}

fn check(rows: &str) {
    let rows: Vec<Json> = serde_json::from_str(rows).unwrap();
    let faults: Vec<_> =
        rows.iter().filter_map(|row| Some(format!("{}: {}", row["say"], fault(row)?))).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn who_is_updated_and_who_comes_into_being() {
    check(include_str!("cases/directory-track.json"));
}

#[test]
fn identify_merge_delete_alias_export() {
    check(include_str!("cases/directory-neighbours.json"));
}

#[test]
fn a_removed_profile_is_found_no_more() {
    let mut directory = Directory::new(Memory::default());
    let body = json!({"attributes": [{"external_id": "u", "email": "a@b.de", "phone": "+15551234567",
        "push_tokens": [{"app_id": "a", "token": "t"}]}]});
    track_batch(&mut directory, body.as_object().unwrap(), 0).unwrap();
    directory.profiles.remove(Id(0)).unwrap();
    assert!(directory.profiles.is_empty());
    for key in [
        flowrun_track::Key::ExternalId("u"),
        flowrun_track::Key::Email("a@b.de"),
        flowrun_track::Key::Phone("+15551234567"),
        flowrun_track::Key::PushToken { app_id: "a", token: "t" },
    ] {
        assert_eq!(directory.profiles.find(key), []);
    }
}

#[test]
fn refusals_carry_the_vendors_codes() {
    let mut directory = Directory::new(Memory::default());
    directory.blocked.insert("nobody".into());
    let rows = [
        (json!({"external_id": "nobody"}), "BLACKLISTED_EXTERNAL_USER_ID"),
        (json!({"external_id": "x".repeat(988)}), "EXTERNAL_USER_ID_TOO_LARGE"),
        (json!({"email": "nope"}), "EMAIL_BAD_FORMAT"),
        (json!({"push_token_import": true}), "BAD_PUSH_TOKEN_IMPORT"),
        (
            json!({"external_id": "u", "push_token_import": true, "push_tokens": [{"app_id": "a", "token": "t"}]}),
            "BAD_PUSH_TOKEN_IMPORT",
        ),
        (json!({"external_id": "u", "current_location": 5}), "BAD_LOCATION_UPDATE"),
    ];
    for (object, code) in rows {
        let body = json!({ "attributes": [object] });
        let batch = track_batch(&mut directory, body.as_object().unwrap(), 0).unwrap();
        let codes: Vec<_> = batch.refused().map(|(_, _, error)| error.code).collect();
        assert_eq!(codes, [Some(code)], "{body}");
    }
}
