//! Equality, order and `contains`, as Ruby's objects compare.

use crate::arena::{Arena, Refusal};
use crate::number::Number;
use crate::print;
use crate::value::{Items, Value};
use std::cmp::Ordering;

const DEEPEST: u32 = 128;

/// Whether two values are equal; `empty` and `blank` ask instead of comparing.
pub(crate) fn equal(arena: &Arena<'_>, a: Value<'_>, b: Value<'_>) -> Result<bool, Refusal> {
    Ok(match (a, b) {
        (Value::Empty, Value::Blank | Value::Empty)
        | (Value::Blank, Value::Blank | Value::Empty) => false,
        (Value::Empty, other) | (other, Value::Empty) => other.is_empty(),
        (Value::Blank, other) | (other, Value::Blank) => other.is_blank(),
        _ => same(arena, a, b, 0)?,
    })
}

/// Plain equality.
pub(crate) fn same(
    arena: &Arena<'_>,
    a: Value<'_>,
    b: Value<'_>,
    depth: u32,
) -> Result<bool, Refusal> {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => {
            arena.read(a.len().min(b.len()))?;
            return Ok(a == b);
        }
        (Value::Int(a), Value::Int(b)) => return Ok(a == b),
        (Value::Nil, Value::Nil) => return Ok(true),
        (Value::Bool(a), Value::Bool(b)) => return Ok(a == b),
        (Value::Range(a, b), Value::Range(c, d)) => return Ok(a == c && b == d),
        (Value::Time(a), Value::Time(b)) => return Ok(a.instant() == b.instant()),
        (Value::Loop(a), Value::Loop(b)) => return Ok(std::ptr::eq(a, b)),
        (Value::Empty, Value::Empty) | (Value::Blank, Value::Blank) => return Ok(true),
        _ => {}
    }
    if is_number(a) && is_number(b) {
        return Ok(Number::of(a).order(Number::of(b)) == Ordering::Equal);
    }
    if depth > DEEPEST {
        return Ok(false);
    }
    if let (Some(a), Some(b)) = (a.items(), b.items()) {
        return same_items(arena, a, b, depth);
    }
    if a.is_map() && b.is_map() {
        if a.map_len() != b.map_len() {
            return Ok(false);
        }
        arena.step(a.map_len())?;
        for (key, left) in a.entries() {
            match b.entry(key) {
                Some(right) if same(arena, left, right, depth + 1)? => {}
                _ => return Ok(false),
            }
        }
        return Ok(true);
    }
    Ok(false)
}

fn same_items(arena: &Arena<'_>, a: Items<'_>, b: Items<'_>, depth: u32) -> Result<bool, Refusal> {
    if a.len() != b.len() {
        return Ok(false);
    }
    arena.step(a.len())?;
    for (left, right) in a.iter().zip(b.iter()) {
        if !same(arena, left, right, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(crate) fn is_number(value: Value<'_>) -> bool {
    use serde_json::Value as Json;
    matches!(value, Value::Int(_) | Value::Float(_) | Value::Big(_) | Value::Json(Json::Number(_)))
}

/// The order of two values that have one, as Ruby's `<=>`.
pub(crate) fn order(a: Value<'_>, b: Value<'_>, depth: u32) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => return Some(a.cmp(&b)),
        (Value::Str(a), Value::Str(b)) => return Some(a.cmp(b)),
        (Value::Nil, Value::Nil) => return Some(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) if a == b => return Some(Ordering::Equal),
        (Value::Time(a), Value::Time(b)) => return Some(a.instant().cmp(&b.instant())),
        _ => {}
    }
    if is_number(a) && is_number(b) {
        return Some(Number::of(a).order(Number::of(b)));
    }
    if depth > DEEPEST {
        return None;
    }
    let (a, b) = (a.items()?, b.items()?);
    for (left, right) in a.iter().zip(b.iter()) {
        match order(left, right, depth + 1)? {
            Ordering::Equal => {}
            decided => return Some(decided),
        }
    }
    Some(a.len().cmp(&b.len()))
}

/// `<`, `>`, `<=`, `>=`: `None` if the two have no such relation; a number against a string is an
/// error, as in Ruby.
pub(crate) fn relation(a: Value<'_>, b: Value<'_>) -> Result<Option<Ordering>, Refusal> {
    let ordered = |v| is_number(v) || matches!(v, Value::Str(_) | Value::Time(_));
    match (ordered(a), ordered(b)) {
        (true, true) => match order(a, b, 0) {
            Some(order) => Ok(Some(order)),
            None => Err(incomparable(a, b)),
        },
        _ => Ok(None),
    }
}

fn incomparable(a: Value<'_>, b: Value<'_>) -> Refusal {
    let mut message = format!("comparison of {} with ", a.kind());
    match b {
        Value::Int(_) | Value::Float(_) => print::write(b, &mut message),
        other => message.push_str(other.kind()),
    }
    message.push_str(" failed");
    Refusal(message)
}

/// `a contains b`.
pub(crate) fn contains<'r>(arena: &Arena<'r>, a: Value<'r>, b: Value<'r>) -> Result<bool, Refusal> {
    if !a.is_truthy() || !b.is_truthy() {
        return Ok(false);
    }
    match a {
        Value::Str(text) => {
            arena.read(text.len())?;
            Ok(text.contains(arena.written(b)?))
        }
        Value::Range(low, high) => Ok(match b {
            Value::Int(i) => (low..=high).contains(&i),
            _ => false,
        }),
        _ if a.is_map() => Ok(matches!(b, Value::Str(key) if a.entry(key).is_some())),
        _ => {
            let Some(items) = a.items() else {
                return Ok(false);
            };
            arena.step(items.len() / 8)?;
            for item in items.iter() {
                if same(arena, item, b, 0)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}
