//! One comparison of a custom attribute with a value.

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value as Json;

use crate::value::Value;
use crate::values::date;

/// Characters of a pattern, and bytes of what it compiles to. Our choice.
const PATTERN_CHARS: usize = 1_000;
const PATTERN_BYTES: usize = 256 * 1024;

const DAY_MS: f64 = 86_400_000.0;

#[derive(Clone, Debug)]
pub(super) enum Comparison {
    Exists,
    Missing,
    Equals(Json),
    Differs(Json),
    Matches(Regex),
    MatchesNot(Regex),
    Number(Order, f64),
    Includes(Json),
    IncludesNot(Json),
    /// A time, against a moment.
    Moment(Order, i64),
    /// A time, against so many milliseconds ago: nearer than that, or farther.
    Ago(Distance, f64),
    Ahead(Distance, f64),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Distance {
    Nearer,
    Farther,
}

impl Comparison {
    /// An error names the key at fault and what it must be.
    pub(super) fn parse(
        comparison: &str,
        value: &Json,
    ) -> Result<Comparison, (&'static str, &'static str)> {
        Ok(match comparison {
            "exists" => Comparison::Exists,
            "does_not_exist" => Comparison::Missing,
            "equals" => Comparison::Equals(scalar(value)?),
            "not_equal" | "does_not_equal" => Comparison::Differs(scalar(value)?),
            "matches_regex" => Comparison::Matches(regex(value)?),
            "does_not_match_regex" => Comparison::MatchesNot(regex(value)?),
            "less_than" => Comparison::Number(Order::Less, number(value)?),
            "less_than_or_equal_to" => Comparison::Number(Order::LessOrEqual, number(value)?),
            "greater_than" => Comparison::Number(Order::Greater, number(value)?),
            "greater_than_or_equal_to" => Comparison::Number(Order::GreaterOrEqual, number(value)?),
            "includes_value" => Comparison::Includes(scalar(value)?),
            "does_not_include_value" => Comparison::IncludesNot(scalar(value)?),
            "after" => Comparison::Moment(Order::Greater, moment(value)?),
            "before" => Comparison::Moment(Order::Less, moment(value)?),
            "less_than_x_days_ago" => Comparison::Ago(Distance::Nearer, days(value)?),
            "greater_than_x_days_ago" => Comparison::Ago(Distance::Farther, days(value)?),
            "less_than_x_days_in_the_future" => Comparison::Ahead(Distance::Nearer, days(value)?),
            "greater_than_x_days_in_the_future" => {
                Comparison::Ahead(Distance::Farther, days(value)?)
            }
            _ => return Err(("comparison", "is no comparison of a custom attribute")),
        })
    }

    pub(super) fn holds(&self, value: Option<&Value>, now_ms: i64) -> bool {
        let text = || value.and_then(Value::as_str);
        let time = || value.and_then(Value::time_ms);
        let within = |past: Option<i64>, distance: Distance, most: f64| {
            past.is_some_and(|past| {
                past >= 0
                    && match distance {
                        Distance::Nearer => (past as f64) < most,
                        Distance::Farther => (past as f64) > most,
                    }
            })
        };
        match self {
            Comparison::Exists => value.is_some(),
            Comparison::Missing => value.is_none(),
            Comparison::Equals(wanted) => value.is_some_and(|value| same(value, wanted)),
            Comparison::Differs(wanted) => !value.is_some_and(|value| same(value, wanted)),
            Comparison::Matches(regex) => text().is_some_and(|text| regex.is_match(text)),
            Comparison::MatchesNot(regex) => !text().is_some_and(|text| regex.is_match(text)),
            Comparison::Number(order, bound) => {
                value.and_then(Value::as_f64).is_some_and(|number| order.holds(number, *bound))
            }
            Comparison::Includes(wanted) => includes(value, wanted),
            Comparison::IncludesNot(wanted) => !includes(value, wanted),
            Comparison::Moment(order, bound) => {
                time().is_some_and(|time| order.holds(time as f64, *bound as f64))
            }
            Comparison::Ago(distance, most) => {
                within(time().and_then(|time| now_ms.checked_sub(time)), *distance, *most)
            }
            Comparison::Ahead(distance, most) => {
                within(time().and_then(|time| time.checked_sub(now_ms)), *distance, *most)
            }
        }
    }
}

impl Order {
    fn holds(self, one: f64, other: f64) -> bool {
        match self {
            Order::Less => one < other,
            Order::LessOrEqual => one <= other,
            Order::Greater => one > other,
            Order::GreaterOrEqual => one >= other,
        }
    }
}

/// `1` equals `1.0`; `"1"` equals neither.
fn same(value: &Value, wanted: &Json) -> bool {
    match (value, wanted) {
        (Value::Str(text), Json::String(wanted)) => text == wanted,
        (Value::Bool(on), Json::Bool(wanted)) => on == wanted,
        (Value::Int(_) | Value::Float(_), Json::Number(wanted)) => {
            value.as_f64() == wanted.as_f64()
        }
        _ => false,
    }
}

fn includes(value: Option<&Value>, wanted: &Json) -> bool {
    let list = value.and_then(Value::as_json).and_then(Json::as_array);
    list.is_some_and(|list| list.contains(wanted))
}

fn scalar(value: &Json) -> Result<Json, (&'static str, &'static str)> {
    match value {
        Json::String(_) | Json::Number(_) | Json::Bool(_) => Ok(value.clone()),
        _ => Err(("value", "must be a string, a number, true or false")),
    }
}

fn number(value: &Json) -> Result<f64, (&'static str, &'static str)> {
    value.as_f64().ok_or(("value", "must be a number"))
}

fn days(value: &Json) -> Result<f64, (&'static str, &'static str)> {
    let days = value.as_f64().filter(|days| (0.0..=1e6).contains(days));
    days.map(|days| days * DAY_MS).ok_or(("value", "must be a number of days"))
}

fn moment(value: &Json) -> Result<i64, (&'static str, &'static str)> {
    let moment = value.as_str().and_then(date::attribute);
    moment.map(|moment| moment.ms()).ok_or(("value", "must be a time"))
}

fn regex(value: &Json) -> Result<Regex, (&'static str, &'static str)> {
    let pattern = value.as_str().filter(|pattern| pattern.chars().count() <= PATTERN_CHARS);
    pattern
        .and_then(|pattern| RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().ok())
        .ok_or(("value", "must be a regular expression of at most 1,000 characters"))
}
