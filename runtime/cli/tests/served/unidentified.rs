//! Users who are known by an alias, an address or a number only: they enter like all others.

use serde_json::{Value as Json, json};

use crate::stage::{Served, external, folder, until};

const LEADS: &str = r#"
canvas: leads
entry: { api: true, event: lead, reentry: always }
steps:
  - id: count
    user_update:
      json: '{"attributes": [{"visits": {"inc": 1}}]}'
  - id: tell
    message: { channel: email, body: "visit {{custom_attribute.${visits}}} of {{${email_address}}}" }
  - id: wait
    delay: { for: 2s }
  - id: late
    user_update:
      json: '{"attributes": [{"late": "{{custom_attribute.${visits}}}"}]}'
"#;

const TRIGGER: &str = "/canvas/trigger/send";

fn alias(name: &str) -> Json {
    json!({ "alias_label": "lead", "alias_name": name })
}

fn by_alias(name: &str) -> Json {
    json!({ "user_aliases": [alias(name)] })
}

fn served() -> (tempfile::TempDir, Served) {
    let folder = folder(&[("leads.yaml", LEADS)]);
    let served = Served::start(folder.path(), &["--trace", "trace.ndjson"]);
    let known = json!({ "attributes": [
        { "user_alias": alias("ann"), "_update_existing_only": false, "first_name": "Ann" },
        { "user_alias": alias("sam"), "_update_existing_only": false },
        { "email": "mail@example.com", "first_name": "Mel" },
        { "phone": "+33612345678", "first_name": "Phil" },
        { "external_id": "known" },
    ]});
    assert_eq!(served.post("/users/track", &known).0, 201);
    (folder, served)
}

#[test]
fn they_enter_by_the_api_by_schedules_and_by_events_and_are_written_to() {
    let (folder, served) = served();
    let named = json!({ "canvas_id": "leads", "recipients": [
        { "user_alias": alias("ann") }, { "email": "mail@example.com" },
    ]});
    assert_eq!(served.post(TRIGGER, &named).0, 201);
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(1);
    let later = json!({ "canvas_id": "leads", "recipients": [{ "user_alias": alias("sam") }],
        "schedule": { "time": soon.to_string() } });
    let (status, said) = served.post("/canvas/trigger/schedule/create", &later);
    assert_eq!(status, 201, "{said}");
    let event = json!({ "events": [{
        "phone": "+33612345678", "name": "lead", "time": "2026-03-27T10:00:00Z",
    }]});
    assert_eq!(served.post("/users/track", &event).0, 201);
    let whom = [
        by_alias("ann"),
        json!({ "email_address": "mail@example.com" }),
        json!({ "phone": "+33612345678" }),
        by_alias("sam"),
    ];
    for whom in whom {
        served.attribute(whom.clone(), "visits", &json!(1));
        served.attribute(whom, "late", &json!("1"));
    }
    until("the end", || match served.figure("flowrun_journeys_completed_total") {
        done if done == 4 => Ok(()),
        done => Err(done.to_string()),
    });
    assert_eq!(served.figure("flowrun_dead_letters_total"), 0, "{}", served.told());
    assert!(served.shown().contains("visit 1 of mail@example.com"), "{}", served.shown());
    let trace = std::fs::read_to_string(folder.path().join("trace.ndjson")).expect("a trace");
    assert!(trace.contains("\"user\":\"braze_id:"), "{trace}");
}

#[test]
fn who_is_identified_on_the_way_goes_on_and_who_is_merged_has_gone() {
    let (_folder, served) = served();
    let named = json!({ "canvas_id": "leads", "recipients": [
        { "user_alias": alias("ann") }, { "user_alias": alias("sam") },
    ]});
    assert_eq!(served.post(TRIGGER, &named).0, 201);
    served.attribute(by_alias("ann"), "visits", &json!(1));
    served.attribute(by_alias("sam"), "visits", &json!(1));
    let identify = json!({ "aliases_to_identify": [
        { "external_id": "new", "user_alias": alias("ann") },
        { "external_id": "known", "user_alias": alias("sam") },
    ]});
    assert_eq!(served.post("/users/identify", &identify).0, 201);
    served.attribute(external("new"), "late", &json!("1"));
    // The other profile is not there any more, and its journey neither.
    until("the end of both", || {
        let figures = served.get("/health")["figures"].clone();
        let done = figures["flowrun_journeys_completed_total"] == 1
            && figures["flowrun_journeys_waiting"] == 0
            && figures["flowrun_journeys_held"] == 0;
        if done { Ok(()) } else { Err(figures.to_string()) }
    });
    let (_, kept) = served.post("/users/export/ids", &external("known"));
    assert_eq!(kept["users"][0]["custom_attributes"], json!({ "visits": 1 }));
}

#[test]
fn no_external_id_reads_like_one_of_them() {
    let (_folder, served) = served();
    let (status, said) =
        served.post("/users/track", &json!({ "attributes": [{ "external_id": "braze_id:1" }] }));
    assert_eq!(status, 400, "{said}");
    assert_eq!(said["errors"][0]["type"], "'external_id' is not valid");
    let entering = json!({ "canvas_id": "leads", "recipients": [{
        "external_user_id": "braze_id:1", "send_to_existing_only": false, "attributes": {"a": 1},
    }]});
    assert_eq!(served.post(TRIGGER, &entering).0, 400);
}

#[test]
fn where_updates_go_elsewhere_they_are_refused_in_words() {
    let (_other, backend) = served();
    let folder = folder(&[("leads.yaml", LEADS)]);
    let url = format!("http://{}", backend.address);
    let served = Served::start(folder.path(), &["--backend", &url]);
    let known = json!({ "attributes": [
        { "user_alias": alias("ann"), "_update_existing_only": false },
        { "external_id": "known" },
    ]});
    assert_eq!(served.post("/users/track", &known).0, 201);
    let both = json!({ "canvas_id": "leads", "recipients": [
        { "external_user_id": "known" }, { "user_alias": alias("ann") },
    ]});
    for path in [TRIGGER, "/canvas/trigger/schedule/create"] {
        let mut both = both.clone();
        both["schedule"] = json!({ "time": "2099-01-01T00:00:00Z" });
        let (status, said) = served.post(path, &both);
        assert_eq!((status, &said["errors"][0]["index"]), (400, &json!(1)), "{said}");
        assert!(said["message"].as_str().is_some_and(|text| text.contains("identify")), "{said}");
    }
    // Of everybody those enter who can.
    let all = json!({ "canvas_id": "leads", "broadcast": true });
    assert_eq!(served.post(TRIGGER, &all).0, 201);
    backend.attribute(external("known"), "visits", &json!(1));
    assert_eq!(served.figure("flowrun_journeys_entered_total"), 1);
}
