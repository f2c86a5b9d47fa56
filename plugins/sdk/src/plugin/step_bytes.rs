//! Cohorts and decisions as bytes, on both sides.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{Answer, Answered, Ask, Asked, CellBytes, Malformed, Record};
use crate::{
    Cell, Cohort, CohortBuilder, Decision, Delivery, Door, Message, Millis, Objects, Update,
};

/// Kinds of records that answer for a visit.
pub mod decision_kind {
    /// What a forgotten record says: the visit fails.
    pub const NONE: u32 = 0;
    /// By `door`.
    pub const GO: u32 = 1;
    /// Until `moment`, then by `door`.
    pub const WAIT: u32 = 2;
    /// `first` is a composer's JSON, `moment` the timeout.
    pub const UPDATE: u32 = 3;
    /// `first` is the message as JSON.
    pub const SEND: u32 = 4;
    /// `first` is a JSON object of variables; then by `door`.
    pub const REMEMBER: u32 = 5;
    /// With `first` as the reason.
    pub const EXIT: u32 = 6;
    /// With `first` as the reason and `second` as the payload.
    pub const FAIL: u32 = 7;
}

/// Lays these visits of a cohort out; with a hash for each, if the plugin wants that.
pub fn lay_cohort(
    cohort: &Cohort<'_>,
    rows: Range<usize>,
    hashes: bool,
) -> Result<Vec<u8>, Malformed> {
    let columns = cohort.slots + cohort.reads.len();
    let Cohort { now, seed, place, company_zone, slots, .. } = *cohort;
    let mut ask = Ask::new(now, seed, place, company_zone, slots, columns);
    ask.reserve(rows.len(), cohort.text.len() + rows.len() * 16);
    for row in rows.clone() {
        ask.row(cohort.users[row]);
        for cell in &cohort.cells[row * columns..(row + 1) * columns] {
            match cell {
                Cell::Empty => ask.cell(CellBytes::Empty),
                Cell::Text { start, end } => {
                    ask.cell(CellBytes::Text(&cohort.text[*start as usize..*end as usize]));
                }
                Cell::Flag(flag) => ask.cell(CellBytes::Flag(*flag)),
                Cell::Int(number) => ask.cell(CellBytes::Int(*number)),
                Cell::Float(number) => ask.cell(CellBytes::Float(*number)),
                Cell::Value(json) => ask.cell(CellBytes::Json(&json.to_string())),
            }
        }
    }
    if hashes {
        cohort.visits().skip(rows.start).take(rows.len()).for_each(|visit| ask.hash(visit.hash()));
    }
    ask.finish()
}

/// The cohort of a request, for a step that reads these attributes.
pub fn read_cohort<'a>(asked: &Asked<'a>, reads: &'a [String]) -> Result<Cohort<'a>, Malformed> {
    if asked.columns != asked.slots + reads.len() {
        return Err(Malformed("the request has other columns than the step reads"));
    }
    let mut cohort =
        CohortBuilder::new(asked.now, asked.seed, asked.place, asked.zone, asked.slots, reads);
    cohort.reserve(asked.rows);
    for row in 0..asked.rows {
        for column in 0..asked.columns {
            match asked.cell(row, column)? {
                CellBytes::Empty => cohort.cell(Cell::Empty),
                CellBytes::Text(text) => cohort.text(text),
                CellBytes::Flag(flag) => cohort.cell(Cell::Flag(flag)),
                CellBytes::Int(number) => cohort.cell(Cell::Int(number)),
                CellBytes::Float(number) => cohort.cell(Cell::Float(number)),
                CellBytes::Json(text) => {
                    let json = serde_json::from_str(text)
                        .map_err(|_| Malformed("the request has a value that is no JSON"))?;
                    cohort.cell(Cell::Value(Box::new(json)));
                }
            }
        }
        cohort.visit(asked.user(row)?);
    }
    Ok(cohort.build())
}

/// Decisions in the order of the visits. What several share is laid once.
pub fn lay_decisions(decisions: &[Decision]) -> Result<Vec<u8>, Malformed> {
    use decision_kind as kind;
    const NOTHING: (u32, u32) = (0, 0);
    let mut answer = Answer::new(decisions.len());
    let mut update: Option<(&Arc<Objects>, (u32, u32))> = None;
    let mut message: Option<(&Arc<Message>, (u32, u32))> = None;
    for decision in decisions {
        match decision {
            Decision::Go(door) => answer.record(kind::GO, door.0.into(), -1, NOTHING, NOTHING),
            Decision::WaitUntil { until, then } => {
                answer.record(kind::WAIT, then.0.into(), until.0, NOTHING, NOTHING);
            }
            Decision::Update(Update { objects, timeout }) => {
                let text = match update {
                    Some((known, text)) if Arc::ptr_eq(known, objects) => text,
                    _ => answer.text(&objects.to_json()),
                };
                update = Some((objects, text));
                let timeout = timeout.map_or(-1, |timeout| timeout.0.max(0));
                answer.record(kind::UPDATE, 0, timeout, text, NOTHING);
            }
            Decision::Send(content) => {
                let text = match message {
                    Some((known, text)) if Arc::ptr_eq(known, content) => text,
                    _ => {
                        let json = serde_json::to_string(&**content);
                        answer.text(&json.map_err(|_| Malformed("the message is no JSON"))?)
                    }
                };
                message = Some((content, text));
                answer.record(kind::SEND, 0, -1, text, NOTHING);
            }
            Decision::Remember { variables, then } => {
                let variables: serde_json::Map<String, Json> = variables.iter().cloned().collect();
                let text = answer.text(&Json::Object(variables).to_string());
                answer.record(kind::REMEMBER, then.0.into(), -1, text, NOTHING);
            }
            Decision::Exit(reason) => {
                let reason = answer.text(reason);
                answer.record(kind::EXIT, 0, -1, reason, NOTHING);
            }
            Decision::Fail { reason, payload } => {
                let record = Record {
                    first: reason.into(),
                    second: payload.into(),
                    ..Record::of(kind::FAIL)
                };
                answer.push(&record);
            }
        }
    }
    answer.finish(None)
}

/// Turns a composer's JSON into objects, or says what is wrong with it.
pub type Compose = dyn Fn(&str) -> Result<Objects, String> + Send + Sync;

/// Reads decisions one by one.
pub struct Decisions<'a> {
    answered: &'a Answered<'a>,
    compose: &'a Compose,
    update: Option<((u32, u32), Arc<Objects>)>,
    message: Option<((u32, u32), Arc<Message>)>,
}

impl<'a> Decisions<'a> {
    pub fn of(answered: &'a Answered<'a>, compose: &'a Compose) -> Decisions<'a> {
        Decisions { answered, compose, update: None, message: None }
    }

    /// The decision for a row, or what is wrong with it.
    pub fn read(&mut self, row: usize) -> Result<Decision, String> {
        use decision_kind as kind;
        let answered = self.answered;
        let text = |text: Result<&'a str, Malformed>| text.map_err(|why| why.to_string());
        let door = || {
            let door = answered.door(row);
            u16::try_from(door).map(Door).map_err(|_| format!("there is no door {door}"))
        };
        Ok(match answered.kind(row) {
            kind::GO => Decision::Go(door()?),
            kind::WAIT => {
                Decision::WaitUntil { until: Millis(answered.moment(row)), then: door()? }
            }
            kind::UPDATE => {
                let place = answered.place_of_first(row);
                let objects = match &self.update {
                    Some((known, objects)) if *known == place => objects.clone(),
                    _ => Arc::new((self.compose)(text(answered.first(row))?)?),
                };
                self.update = Some((place, objects.clone()));
                let timeout = Some(Millis(answered.moment(row))).filter(|timeout| timeout.0 >= 0);
                Decision::Update(Update { objects, timeout })
            }
            kind::SEND => {
                let place = answered.place_of_first(row);
                let message = match &self.message {
                    Some((known, message)) if *known == place => message.clone(),
                    _ => Arc::new(message(text(answered.first(row))?)?),
                };
                self.message = Some((place, message.clone()));
                Decision::Send(message)
            }
            kind::REMEMBER => {
                let json = text(answered.first(row))?;
                let variables: serde_json::Map<String, Json> = serde_json::from_str(json)
                    .map_err(|error| format!("the variables are no JSON object: {error}"))?;
                let variables = variables.into_iter().collect();
                Decision::Remember { variables, then: door()? }
            }
            kind::EXIT => Decision::Exit(text(answered.first(row))?.to_owned()),
            kind::FAIL => Decision::Fail {
                reason: text(answered.first(row))?.to_owned(),
                payload: text(answered.second(row))?.to_owned(),
            },
            kind::NONE => return Err("no decision was made".to_owned()),
            other => return Err(format!("{other} is no kind of decision")),
        })
    }
}

/// A message as a plugin writes it; what is missing has a default.
fn message(json: &str) -> Result<Message, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        channel: String,
        subject: Option<String>,
        body: String,
        #[serde(default)]
        fields: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        delivery: Delivery,
    }
    let written: Written =
        serde_json::from_str(json).map_err(|error| format!("the message is wrong: {error}"))?;
    let Written { channel, subject, body, fields, delivery } = written;
    let (channel, body) = (channel.into(), body.into());
    Ok(Message { channel, subject: subject.map(Into::into), body, fields, delivery })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compose(json: &str) -> Result<Objects, String> {
        match json.contains("vip") {
            true => Ok(Objects { attributes: vec!["{\"vip\":1}".into()], ..Objects::default() }),
            false => Err("no vip".to_owned()),
        }
    }

    #[test]
    fn a_cohort_arrives_as_it_was_sent() {
        let reads = ["tier".to_owned(), "tags".to_owned()];
        let mut cohort = CohortBuilder::new(Millis(5), 9, "c/s", "UTC", 1, &reads);
        for (user, tier) in
            [("ada", Cell::Int(-1)), ("bo ✓", Cell::Empty), ("cy", Cell::Float(0.5))]
        {
            cohort.text(&format!("Hello {user}"));
            cohort.cell(tier);
            cohort.cell(Cell::Value(Box::new(serde_json::json!(["a", { "b": null }]))));
            cohort.visit(user);
        }
        let cohort = cohort.build();
        let bytes = lay_cohort(&cohort, 0..3, true).unwrap();
        let asked = Asked::read(&bytes).unwrap();
        let there = read_cohort(&asked, &reads).unwrap();
        assert_eq!(there.users, cohort.users);
        assert_eq!(there.text, cohort.text);
        assert_eq!(there.cells, cohort.cells);
        for (here, there) in cohort.visits().zip(there.visits()) {
            assert_eq!((here.bucket(1000), here.now()), (there.bucket(1000), there.now()));
        }
        let part = lay_cohort(&cohort, 1..2, false).unwrap();
        let asked = Asked::read(&part).unwrap();
        assert_eq!(read_cohort(&asked, &reads).unwrap().users, ["bo ✓"]);
        assert!(read_cohort(&asked, &reads[..1]).is_err(), "other columns");
    }

    #[test]
    fn decisions_arrive_as_they_were_made() {
        let objects =
            Arc::new(Objects { attributes: vec!["{\"vip\":1}".into()], ..Objects::default() });
        let message = Arc::new(Message {
            channel: "email".into(),
            body: "é".into(),
            delivery: Delivery::AtMostOnce,
            ..Message::default()
        });
        let update = |timeout| Decision::Update(Update { objects: objects.clone(), timeout });
        let made = [
            Decision::Go(Door(4)),
            Decision::WaitUntil { until: Millis(-7), then: Door::NEXT },
            update(Some(Millis(5))),
            update(None),
            Decision::Send(message.clone()),
            Decision::Send(message),
            Decision::Remember {
                variables: vec![("z".into(), 1.into()), ("a".into(), Json::Null)],
                then: Door(3),
            },
            Decision::Exit("done".into()),
            Decision::Fail { reason: "why".into(), payload: "what".into() },
        ];
        let bytes = lay_decisions(&made).unwrap();
        let answered = Answered::read(&bytes).unwrap();
        let mut decisions = Decisions::of(&answered, &compose);
        let read: Vec<_> = (0..answered.rows).map(|row| decisions.read(row).unwrap()).collect();
        assert_eq!(read, made);
    }

    #[test]
    fn a_record_that_is_wrong_says_so_and_spoils_no_other() {
        let record =
            |kind: u32, first: &'static str| Record { first: first.into(), ..Record::of(kind) };
        let rows = [
            (record(0, ""), "no decision was made"),
            (record(99, ""), "99 is no kind of decision"),
            (Record { door: 70_000, ..record(1, "") }, "there is no door 70000"),
            (record(3, "{}"), "no vip"),
            (record(4, "{\"channel\": \"a\"}"), "the message is wrong: missing field `body`"),
            (record(4, "{\"channel\": \"a\", \"body\": \"\", \"to\": 1}"), "unknown field `to`"),
            (record(5, "[1]"), "no JSON object"),
        ];
        let mut answer = Answer::new(rows.len());
        rows.iter().for_each(|(record, _)| answer.push(record));
        answer.push(&record(1, ""));
        let bytes = answer.finish(None).unwrap();
        let answered = Answered::read(&bytes).unwrap();
        let mut decisions = Decisions::of(&answered, &compose);
        for (row, (record, expected)) in rows.iter().enumerate() {
            let said = decisions.read(row).unwrap_err();
            assert!(said.contains(expected), "{record:?}: {said}");
        }
        assert_eq!(decisions.read(rows.len()), Ok(Decision::Go(Door::NEXT)));
    }
}
