//! `GET /canvas/list` and `GET /canvas/details`.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::query::Parameters;
use crate::api::Call;
use crate::reply::success;
use crate::track::{Reply, date};
use crate::workspace::{Canvas, EntryKind, Message, State, Step};

/// Canvases of one page.
const PAGE: usize = 100;

pub(super) fn list(call: &Call<'_>) -> Reply {
    read_list(call).unwrap_or_else(|refused| refused)
}

fn read_list(call: &Call<'_>) -> Result<Reply, Reply> {
    let asked = Parameters::of(&call.parts.uri);
    let page = asked.number("page", "'page' is not valid")?.unwrap_or(0);
    let archived = asked.flag("include_archived", "'include_archived' is not valid")?;
    let after = asked.time("last_edit.time[gt]", "'last_edit.time[gt]' is not valid")?;
    let all = call.api.workspace.canvases();
    let mut shown: Vec<&Canvas> = all
        .iter()
        .filter(|canvas| archived || canvas.state != State::Archived)
        .filter(|canvas| after.is_none_or(|after| canvas.edited_ms > after))
        .collect();
    match asked.get("sort_direction") {
        None | Some("asc") => {}
        Some("desc") => shown.reverse(),
        Some(_) => return Err(Reply::new(400, "'sort_direction' is not valid")),
    }
    let page: Vec<Json> =
        shown.into_iter().skip(page.saturating_mul(PAGE)).take(PAGE).map(entry).collect();
    Ok(success(200).with("canvases", page).with("message", "success"))
}

fn entry(canvas: &Canvas) -> Json {
    json!({
        "id": canvas.id,
        "last_edited": date::iso_ms(canvas.edited_ms),
        "name": canvas.name,
        "tags": canvas.tags,
    })
}

pub(super) fn details(call: &Call<'_>) -> Reply {
    let asked = Parameters::of(&call.parts.uri);
    let Some(id) = asked.get("canvas_id") else {
        return Reply::new(400, "'canvas_id' is required");
    };
    let all = call.api.workspace.canvases();
    let Some(canvas) = all.iter().find(|canvas| canvas.id == id) else {
        return Reply::new(400, "Invalid Canvas ID");
    };
    let channels = channels(canvas.steps.iter().flat_map(|step| &step.messages));
    let first: Vec<&str> = canvas.steps.iter().take(1).map(|step| step.id.as_str()).collect();
    let time = |ms: Option<i64>| ms.map_or(Json::Null, |ms| Json::from(date::iso_ms(ms)));
    // A Canvas file has one variant: everybody takes the same way in.
    let mut variant =
        json!({"name": "Variant 1", "id": format!("{}/1", canvas.id), "first_step_ids": first});
    if let Some(first) = first.first() {
        variant["first_step_id"] = Json::from(*first);
    }
    success(200)
        .with("created_at", date::iso_ms(canvas.created_ms))
        .with("updated_at", date::iso_ms(canvas.edited_ms))
        .with("name", canvas.name.as_str())
        .with("description", canvas.description.as_str())
        .with("archived", canvas.state == State::Archived)
        .with("draft", canvas.state == State::Draft)
        .with("enabled", canvas.state == State::Active)
        .with("has_post_launch_draft", false)
        .with("schedule_type", schedule_type(canvas.entry))
        .with("first_entry", time(canvas.first_entry_ms))
        .with("last_entry", time(canvas.last_entry_ms))
        .with("channels", channels)
        .with("variants", vec![variant])
        .with("tags", canvas.tags.clone())
        .with("teams", Vec::<Json>::new())
        .with("steps", canvas.steps.iter().map(|one| step(canvas, one)).collect::<Vec<_>>())
        .with("message", "success")
}

const fn schedule_type(entry: EntryKind) -> &'static str {
    match entry {
        EntryKind::Api => "api_triggered",
        EntryKind::Event => "action_based",
        EntryKind::Schedule => "time_based",
    }
}

/// Channels that messages go by, each once.
fn channels<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<&'a str> {
    let channels: BTreeSet<&str> = messages.map(|message| message.channel.as_str()).collect();
    channels.into_iter().collect()
}

fn step(canvas: &Canvas, step: &Step) -> Json {
    let ids: Vec<&str> = step.next.iter().map(|(_, to)| to.as_str()).collect();
    let paths: Vec<Json> = step
        .next
        .iter()
        .map(|(door, to)| json!({"name": path(&step.kind, door), "next_step_id": to}))
        .collect();
    json!({
        "name": step.id,
        "type": step.kind,
        "id": step.id,
        "next_step_ids": ids,
        "next_paths": paths,
        "channels": channels(step.messages.iter()),
        "messages": step.messages.iter().map(|one| message(canvas, one)).collect::<Map<_, _>>(),
    })
}

/// A door by the name that the vendor gives it: a split's answer, a path's name, none for just going on.
fn path<'a>(kind: &str, door: &'a str) -> Option<&'a str> {
    match (kind, door) {
        ("decision_split", "then") => Some("Yes"),
        ("decision_split", "else") => Some("No"),
        (_, "next") => None,
        (_, door) => Some(door),
    }
}

fn message(canvas: &Canvas, message: &Message) -> (String, Json) {
    let texts = message.texts.iter().map(|(name, text)| (name.clone(), Json::from(text.as_str())));
    let mut shown: Map<String, Json> = texts.collect();
    shown.insert("channel".into(), message.channel.as_str().into());
    shown.insert("created_at".into(), date::iso_ms(canvas.created_ms).into());
    shown.insert("updated_at".into(), date::iso_ms(canvas.edited_ms).into());
    (message.id.clone(), Json::Object(shown))
}
