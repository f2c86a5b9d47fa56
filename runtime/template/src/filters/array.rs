//! Filters over lists as wholes.

use super::{Filter, Safety, argument};
use crate::arena::{Arena, Outcome, Refusal};
use crate::compare;
use crate::evaluate;
use crate::number::strict_int;
use crate::print;
use crate::value::{Items, Value};

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("concat", (1, 1), "one list after the other", concat),
    Filter::value("first", (0, 0), "the first element", first),
    Filter::value("join", (0, 1), "the elements with a text between them", join),
    Filter::value("last", (0, 0), "the last element", last),
    Filter::value("reverse", (0, 0), "the elements from last to first", reverse),
    Filter::value("size", (0, 0), "how many elements or characters", size).safe(Safety::Number),
    Filter::value("slice", (1, 2), "a part, from a place and of a length", slice),
];

/// The elements a list filter works on: nested lists are opened, anything else is a list of one.
pub(super) fn elements<'r>(arena: &Arena<'r>, input: Value<'r>) -> Result<Items<'r>, Refusal> {
    match input {
        Value::Nil => Ok(Items::Made(&[])),
        Value::Range(a, b) => {
            let items = Items::Range(a, b);
            arena.step(items.len())?;
            Ok(items)
        }
        _ => match input.items() {
            Some(items) => {
                arena.step(items.len() / 4)?;
                if items.iter().all(|item| item.items().is_none()) {
                    return Ok(items);
                }
                let mut flat = Vec::new();
                flatten(arena, items, &mut flat, 0)?;
                match arena.list_of(flat)? {
                    Value::List(flat) => Ok(Items::Made(flat)),
                    _ => Ok(Items::Made(&[])),
                }
            }
            None => Ok(Items::One(input)),
        },
    }
}

fn flatten<'r>(
    arena: &Arena<'r>,
    items: Items<'r>,
    flat: &mut Vec<Value<'r>>,
    depth: u32,
) -> Result<(), Refusal> {
    if depth > 128 {
        return Err("the list is nested too deeply".into());
    }
    arena.step(items.len() / 4)?;
    for item in items.iter() {
        match item.items() {
            Some(inner) => flatten(arena, inner, flat, depth + 1)?,
            None => flat.push(item),
        }
    }
    Ok(())
}

fn first<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    if input.is_map() {
        return evaluate::first_entry(arena, input);
    }
    Ok(evaluate::first(input))
}

fn last<'r>(_: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    Ok(evaluate::last(input))
}

fn size<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    if let Value::Str(text) = input {
        arena.read(text.len())?;
    }
    Ok(evaluate::size(input).unwrap_or(Value::Int(0)))
}

fn join<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let glue = match arguments.first() {
        Some(glue) => arena.written(*glue)?,
        None => " ",
    };
    let items = elements(arena, input)?;
    let mut size = glue.len().saturating_mul(items.len());
    for item in items.iter() {
        size = size.saturating_add(arena.size_written(item)?);
    }
    // Measured generously for objects; only what is really written is charged.
    let text = arena.build(size / 4, |out| {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.push_str(glue);
            }
            print::write(item, out);
        }
    })?;
    Ok(Value::Str(text))
}

fn reverse<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    let items = elements(arena, input)?;
    let count = items.len();
    arena.list((0..count).map(|at| items.get(count - 1 - at)))
}

fn concat<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let Some(more) = argument(arguments, 0).items() else {
        return Err("`concat` requires a list as its argument".into());
    };
    let items = elements(arena, input)?;
    arena.reserve((items.len() + more.len()) * size_of::<Value<'_>>() / 2)?;
    arena.list_of(items.iter().chain(more.iter()).collect())
}

fn slice<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let invalid = || Refusal::from("invalid integer");
    let from = strict_int(argument(arguments, 0)).ok_or_else(invalid)?;
    let length = match argument(arguments, 1) {
        Value::Nil | Value::Bool(false) => 1,
        length => strict_int(length).ok_or_else(invalid)?,
    };
    if let Some(items) = input.items() {
        let Some((start, end)) = part(items.len(), from, length) else {
            return arena.list([].into_iter());
        };
        return arena.list((start..end).map(|at| items.get(at)));
    }
    let text = arena.written(input)?;
    arena.read(text.len())?;
    let Some((start, end)) = part(text.chars().count(), from, length) else {
        return Ok(Value::Str(""));
    };
    let offset = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at);
    Ok(Value::Str(&text[offset(start)..offset(end)]))
}

/// The part of a sequence Ruby's `slice` takes; a negative start counts from the end.
fn part(count: usize, from: i64, length: i64) -> Option<(usize, usize)> {
    let length = usize::try_from(length).ok()?;
    let start = match usize::try_from(from) {
        Ok(start) => start,
        Err(_) => count.checked_sub(usize::try_from(from.unsigned_abs()).ok()?)?,
    };
    (start <= count).then(|| (start, start.saturating_add(length).min(count)))
}

/// Whether two elements count as one for `uniq`: `1` and `1.0` are two.
pub(super) fn identical(arena: &Arena<'_>, a: Value<'_>, b: Value<'_>) -> Result<bool, Refusal> {
    let float = |v| matches!(v, Value::Float(_));
    Ok(float(a) == float(b) && compare::same(arena, a, b, 0)?)
}
