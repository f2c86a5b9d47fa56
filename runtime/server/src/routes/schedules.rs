//! `POST /canvas/trigger/schedule/…`: users enter a Canvas at a time.

use serde_json::{Map, Value as Json};

use super::triggers::{answer, read};
use crate::api::{Api, Call};
use crate::reply::{Fault, refused, success};
use crate::track::{Reply, date};
use crate::workspace::{Dispatch, Planned, ScheduleId, Timing};

/// How far the first and the last clock on earth are behind UTC.
const LAST_ZONE_MS: i64 = 12 * 3_600_000;

pub(super) async fn create(mut call: Call<'_>) -> Result<Reply, Fault> {
    let timing = match timing(&call.said.json, call.said.at_ms) {
        Ok(timing) => timing,
        Err(refused) => return Ok(refused),
    };
    let (trigger, notice) = match read(&mut call)? {
        Ok(read) => read,
        Err(refused) => return Ok(refused),
    };
    let (dispatch, schedule) = (Dispatch::random()?, ScheduleId::random()?);
    let (workspace, at_ms) = (call.api.workspace.clone(), call.said.at_ms);
    let planned = Planned { trigger, written: call.said.json };
    let kept = (dispatch.clone(), schedule.clone());
    // A Canvas that takes nobody today may do so by then: the schedule is kept.
    let scheduled = Api::whole(async move {
        let (dispatch, schedule) = kept;
        workspace.schedule(planned, &dispatch, &schedule, timing, at_ms).await
    });
    if let Err(refusal) = scheduled.await? {
        return refused(refusal);
    }
    call.api.rescheduled.notify_one();
    let reply = answer(notice).with("dispatch_id", dispatch.0).with("schedule_id", schedule.0);
    Ok(reply.with("message", "success"))
}

pub(super) async fn update(call: Call<'_>) -> Result<Reply, Fault> {
    let (canvas, schedule) = match named(&call.said.json) {
        Ok(named) => named,
        Err(refused) => return Ok(refused),
    };
    let timing = match timing(&call.said.json, call.said.at_ms) {
        Ok(timing) => timing,
        Err(refused) => return Ok(refused),
    };
    let (workspace, at_ms) = (call.api.workspace.clone(), call.said.at_ms);
    let known =
        Api::whole(async move { workspace.reschedule(&canvas, &schedule, timing, at_ms).await });
    let reply = known.await?.map(found).or_else(refused)?;
    call.api.rescheduled.notify_one();
    Ok(reply)
}

pub(super) async fn delete(call: Call<'_>) -> Result<Reply, Fault> {
    let (canvas, schedule) = match named(&call.said.json) {
        Ok(named) => named,
        Err(refused) => return Ok(refused),
    };
    let workspace = call.api.workspace.clone();
    let known = Api::whole(async move { workspace.unschedule(&canvas, &schedule).await });
    known.await?.map(found).or_else(refused)
}

fn found(known: bool) -> Reply {
    match known {
        true => success(200).with("message", "success"),
        false => Reply::new(400, "Invalid Schedule ID"),
    }
}

fn named(body: &Map<String, Json>) -> Result<(String, ScheduleId), Reply> {
    let text = |key: &str| {
        let text = body.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
        let text = text.filter(|text| text.len() <= 255);
        text.map(str::to_owned).ok_or_else(|| Reply::new(400, &format!("'{key}' is required")))
    };
    Ok((text("canvas_id")?, ScheduleId(text("schedule_id")?)))
}

/// `schedule`: a time, with a zone or for all users in their own. Our choice for `at_optimal_time`: the time where the
/// user is, as for a user of whom the vendor knows no better one.
fn timing(body: &Map<String, Json>, now_ms: i64) -> Result<Timing, Reply> {
    let invalid = |key: &str, message: &str| Reply::new(400, &format!("'schedule{key}' {message}"));
    let schedule = body.get("schedule").and_then(Json::as_object);
    let schedule = schedule.ok_or_else(|| invalid("", "must be an object with a 'time'"))?;
    let flag = |key: &str| match schedule.get(key) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(on)) => Ok(*on),
        Some(_) => Err(invalid(&format!(".{key}"), "must be true or false")),
    };
    let local = flag("in_local_time")? | flag("at_optimal_time")?;
    let text = schedule.get("time").and_then(Json::as_str).unwrap_or_default();
    let ms = date::attribute(text).map(date::Instant::ms);
    let ms = ms.ok_or_else(|| invalid(".time", "must be a time in ISO 8601"))?;
    if local && has_zone(text) {
        let message = "can't have a zone with 'in_local_time' or 'at_optimal_time'";
        return Err(invalid(".time", message));
    }
    let last_ms = if local { ms.saturating_add(LAST_ZONE_MS) } else { ms };
    if last_ms < now_ms {
        return Err(invalid(".time", "is in the past"));
    }
    Ok(if local { Timing::Local { civil_ms: ms } } else { Timing::At { ms } })
}

/// A zone follows the time of the day: `Z`, or an offset.
fn has_zone(text: &str) -> bool {
    let clock = text.split_once([':']).map_or("", |(_, clock)| clock);
    clock.contains(['Z', 'z', '+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schedule_has_one_time_and_says_what_is_wrong_with_it() {
        let now = date::event("2026-06-01T12:00:00Z").unwrap().ms();
        let read = |schedule: Json| {
            let body = json!({ "schedule": schedule });
            timing(body.as_object().unwrap(), now)
                .map_err(|reply| reply.body["message"].to_string())
        };
        let ms = |text| date::event(text).unwrap().ms();
        let later = "2026-06-02T09:00:00";
        let civil_ms = ms("2026-06-02T09:00:00Z");
        assert_eq!(read(json!({"time": later})), Ok(Timing::At { ms: civil_ms }));
        assert_eq!(
            read(json!({"time": "2026-06-02T09:00:00+02:00"})),
            Ok(Timing::At { ms: ms("2026-06-02T07:00:00Z") })
        );
        for key in ["in_local_time", "at_optimal_time"] {
            assert_eq!(read(json!({"time": later, key: true})), Ok(Timing::Local { civil_ms }));
            let zoned = read(json!({"time": format!("{later}Z"), key: true}));
            assert!(zoned.unwrap_err().contains("zone"));
            assert!(read(json!({"time": later, key: 1})).unwrap_err().contains(key));
        }
        // Somewhere it isn't that late yet.
        let today = json!({"time": "2026-06-01T01:00:00", "in_local_time": true});
        assert!(read(today).is_ok());
        for wrong in [json!(null), json!({}), json!({"time": "soon"}), json!({"time": 5})] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(read(json!({"time": "2026-06-01T11:59:59Z"})).unwrap_err().contains("past"));
    }
}
