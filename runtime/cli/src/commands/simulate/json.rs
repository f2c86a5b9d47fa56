//! What a simulation has come to, for programs.

use serde_json::{Map, Value as Json, json};

use super::comparison;
use super::outcome::{Outcome, each};
use crate::core::trace::rfc3339;
use crate::core::{Millis, NodeIx};
use crate::simulation::funnel::{How, Spread};
use crate::table;

/// One object about everything.
pub fn of(outcomes: &[Outcome], command: &str) -> Json {
    let mut all = one(&outcomes[0]);
    if let [one, other] = outcomes {
        all.insert("other".into(), self::one(other).into());
        all.insert("compare".into(), comparison::as_json(one, other));
    }
    all.insert("command".into(), command.into());
    Json::Object(all)
}

fn one(outcome: &Outcome) -> Map<String, Json> {
    let course = outcome.course();
    let totals = outcome.accounted();
    let away = outcome.turned_away().map(|(name, _, count)| (name.to_owned(), count.into()));
    let json = json!({
        "canvas": outcome.name(),
        "version": course.plan.head.version.to_string(),
        "start": rfc3339(outcome.start),
        "end": rfc3339(outcome.end),
        "seed": outcome.seed,
        "users": outcome.users,
        "interrupted": outcome.interrupted,
        "totals": {
            "users": totals.users,
            "entered": totals.entered,
            "completed": totals.completed,
            "exited": totals.exited,
            "failed": course.ended_by(How::Failed),
            "waiting": totals.waiting + totals.sending,
            "held": totals.held,
            "turned_away": totals.turned_away,
            "dead_letters": totals.dead_letters,
            "objects": totals.objects,
            "requests": totals.requests,
            "messages": totals.messages,
            "crashes": totals.crashes,
        },
        "steps": steps(outcome),
        "endings": endings(outcome),
        "held": spread(&course.held),
        "requests": requests(outcome),
        "messages": outcome.funnel.channels.iter()
            .map(|(channel, count)| (channel.to_string(), Json::from(*count)))
            .collect::<Map<_, _>>(),
        "dead_letters": outcome.funnel.dead_letters.iter().map(|((step, reason), count)| {
            json!({ "step": &**step, "reason": reason, "count": count })
        }).collect::<Vec<_>>(),
        "turned_away": Map::from_iter(away),
        "days": days(outcome),
        "violations": outcome.violations.iter().map(|violation| json!({
            "rule": violation.rule,
            "at": rfc3339(violation.at),
            "user": violation.user,
            "what": violation.what,
        })).collect::<Vec<_>>(),
    });
    match json {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

fn steps(outcome: &Outcome) -> Vec<Json> {
    let course = outcome.course();
    let steps = course.steps.iter().zip(&outcome.tally.steps).enumerate();
    let steps = steps.map(|(number, (step, tally))| {
        let node = course.plan.node(NodeIx(number as u16));
        let doors = step.doors.iter().zip(&node.doors).filter(|(count, _)| **count > 0);
        let doors = doors.map(|(count, door)| (door.to_string(), Json::from(*count)));
        json!({
            "step": &*node.id,
            "kind": &*node.kind,
            "arrived": step.arrived,
            "waiting": table::waiting(tally),
            "held": tally.held,
            "advanced": step.advanced(),
            "doors": doors.collect::<Map<_, _>>(),
            "exited": step.exited,
            "failed": step.failed,
            "aborted": tally.aborted,
            "sent": step.sent,
            "held_for": spread(&step.held),
        })
    });
    steps.collect()
}

fn endings(outcome: &Outcome) -> Vec<Json> {
    let endings = outcome.course().endings.iter();
    let endings = endings.map(|ended| {
        let how = match ended.how {
            How::Completed => "completed",
            How::Exited => "exited",
            How::Failed => "failed",
        };
        json!({ "reason": &*ended.reason, "how": how, "took": spread(&ended.took) })
    });
    endings.collect()
}

fn requests(outcome: &Outcome) -> Json {
    let requests = &outcome.funnel.requests;
    let bins = requests.bins().map(|(name, bin)| {
        let json = json!({
            "objects": bin.objects,
            "requests": bin.requests,
            "limit": bin.limit,
            "objects_per_request": each(bin.objects, bin.requests),
        });
        (name.to_owned(), json)
    });
    json!({
        "count": requests.count,
        "objects": requests.objects,
        "updates": requests.updates,
        "again": requests.again,
        "largest": requests.most,
        "objects_per_request": each(requests.objects, requests.count),
        "bins": Map::from_iter(bins),
        "by_fill_in_tenths": requests.fill,
    })
}

fn days(outcome: &Outcome) -> Vec<Json> {
    let days = outcome.funnel.days.all.iter().enumerate();
    let days = days.map(|(number, day)| {
        json!({
            "day": number + 1,
            "entries": day.entries,
            "exits": day.exits,
            "messages": day.messages,
            "holds": day.holds,
            "requests": day.requests,
        })
    });
    days.collect()
}

/// Lengths of time in milliseconds.
pub fn spread(spread: &Spread) -> Json {
    let ms = |length: Option<Millis>| length.map(|length| length.0);
    json!({
        "count": spread.count(),
        "least_ms": ms(spread.least()),
        "p50_ms": ms(spread.percentile(50)),
        "p90_ms": ms(spread.percentile(90)),
        "p99_ms": ms(spread.percentile(99)),
        "most_ms": ms(spread.most()),
    })
}
