//! Two Canvases with the same users, side by side.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::outcome::{Outcome, percent};
use super::text::drawn;
use crate::console::printable;
use crate::core::{Millis, NodeIx};
use crate::moment;
use crate::simulation::funnel::How;

/// One thing that both runs have a figure for.
pub struct Row {
    /// What the row belongs to; rows of one group stand together.
    pub group: &'static str,
    pub name: String,
    pub one: Option<Figure>,
    pub other: Option<Figure>,
}

/// A figure, and how it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Figure {
    Count(u64),
    Length(Millis),
}

impl Figure {
    pub fn said(self) -> String {
        match self {
            Figure::Count(count) => count.to_string(),
            Figure::Length(length) => moment::length(length),
        }
    }

    fn json(self) -> Json {
        match self {
            Figure::Count(count) => count.into(),
            Figure::Length(length) => length.0.into(),
        }
    }
}

impl Row {
    /// How the second differs from the first.
    pub fn difference(&self) -> String {
        match (self.one, self.other) {
            (one, other) if one == other => String::new(),
            (Some(Figure::Count(one)), Some(Figure::Count(other))) => {
                let sign = if other < one { "−" } else { "+" };
                let by = one.abs_diff(other);
                match one {
                    0 => format!("{sign}{by}"),
                    _ => format!("{sign}{by} ({sign}{} %)", percent(by, one)),
                }
            }
            (Some(Figure::Length(one)), Some(Figure::Length(other))) => {
                let sign = if other < one { "−" } else { "+" };
                format!("{sign}{}", moment::length(Millis((other.0 - one.0).abs())))
            }
            _ => String::new(),
        }
    }
}

/// All rows, in the order in which they are read.
pub fn rows(one: &Outcome, other: &Outcome) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |group, name: String, figure: &dyn Fn(&Outcome) -> Option<Figure>| {
        rows.push(Row { group, name, one: figure(one), other: figure(other) });
    };
    type Counted<'a> = (&'a str, &'a dyn Fn(&Outcome) -> u64);
    let users: [Counted<'_>; 6] = [
        ("entered", &|outcome| outcome.course().entered),
        ("completed", &|outcome| outcome.course().ended_by(How::Completed)),
        ("exited", &|outcome| outcome.course().ended_by(How::Exited)),
        ("failed", &|outcome| outcome.course().ended_by(How::Failed)),
        ("under way", &|outcome| outcome.course().under_way()),
        ("dead letters", &|outcome| outcome.totals.dead_letters),
    ];
    for (name, count) in users {
        add("users", name.to_owned(), &|outcome| Some(Figure::Count(count(outcome))));
    }
    for percent in [50, 90, 99] {
        add("time to the end", format!("p{percent}"), &|outcome| {
            outcome.course().took().percentile(percent).map(Figure::Length)
        });
    }
    add("held", "p90".to_owned(), &|outcome| {
        outcome.course().held.percentile(90).map(Figure::Length)
    });
    let channels = [one, other].into_iter().flat_map(|outcome| outcome.funnel.channels.keys());
    for channel in channels.collect::<BTreeSet<_>>() {
        add("messages", printable(channel), &|outcome| {
            Some(Figure::Count(outcome.funnel.channels.get(channel).copied().unwrap_or(0)))
        });
    }
    add("backend", "requests".to_owned(), &|outcome| {
        Some(Figure::Count(outcome.funnel.requests.count))
    });
    add("backend", "objects".to_owned(), &|outcome| {
        Some(Figure::Count(outcome.funnel.requests.objects))
    });
    for step in steps(one, other) {
        add("arrived at", step.clone(), &|outcome| arrived(outcome, &step).map(Figure::Count));
    }
    rows
}

/// Steps of the first, then those that only the second has.
fn steps(one: &Outcome, other: &Outcome) -> Vec<String> {
    let ids = |outcome: &Outcome| -> Vec<String> {
        let nodes = outcome.course().plan.graph().node_weights();
        nodes.map(|node| node.id.to_string()).collect()
    };
    let mut all = ids(one);
    let known: BTreeSet<String> = all.iter().cloned().collect();
    all.extend(ids(other).into_iter().filter(|id| !known.contains(id)));
    all
}

fn arrived(outcome: &Outcome, step: &str) -> Option<u64> {
    let course = outcome.course();
    let mut numbers = 0..course.steps.len();
    let number = numbers.find(|number| *course.plan.node(NodeIx(*number as u16)).id == *step)?;
    Some(course.steps[number].arrived)
}

/// The names of both; told apart by their versions if they are the same.
pub fn names(one: &Outcome, other: &Outcome) -> (String, String) {
    let name = |outcome: &Outcome| outcome.name().to_owned();
    if name(one) != name(other) {
        return (name(one), name(other));
    }
    let version = |outcome: &Outcome| {
        let version = outcome.course().plan.head.version.to_string();
        format!("{} {}", name(outcome), &version[..6])
    };
    (version(one), version(other))
}

/// A table for people.
pub fn as_text(one: &Outcome, other: &Outcome) -> String {
    let names = names(one, other);
    let mut last = "";
    let rows = rows(one, other).into_iter().map(|row| {
        let group = if row.group == last { "" } else { row.group };
        last = row.group;
        let said = |figure: Option<Figure>| figure.map_or("–".to_owned(), Figure::said);
        let difference = row.difference();
        vec![group.to_owned(), row.name, said(row.one), said(row.other), difference]
    });
    drawn(&["", "", &names.0, &names.1, "difference"], rows.collect::<Vec<_>>(), &[1])
}

/// The same for programs.
pub fn as_json(one: &Outcome, other: &Outcome) -> Json {
    let names = names(one, other);
    let rows = rows(one, other).into_iter().map(|row| {
        let unit = match row.one.or(row.other) {
            Some(Figure::Length(_)) => "ms",
            _ => "count",
        };
        json!({
            "group": row.group,
            "name": row.name,
            "unit": unit,
            "one": row.one.map(Figure::json),
            "other": row.other.map(Figure::json),
        })
    });
    json!({ "one": names.0, "other": names.1, "figures": rows.collect::<Vec<_>>() })
}
