//! Filters over lists that look at a property of each element.

use super::array::{elements, identical};
use super::{Filter, Safety, argument};
use crate::arena::{Arena, Outcome, Refusal};
use crate::compare;
use crate::evaluate;
use crate::number::Number;
use crate::value::{Items, Value};
use std::cmp::Ordering;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("compact", (0, 1), "without the elements that are nil", compact),
    Filter::value("find", (1, 2), "the first element with such a property", find).beyond(),
    Filter::value("find_index", (1, 2), "where that element is", find_index).beyond(),
    Filter::value("has", (1, 2), "whether an element has such a property", has).beyond(),
    Filter::value("map", (1, 1), "one property of every element", map),
    Filter::value("reject", (1, 2), "without the elements that have such a property", reject)
        .beyond(),
    Filter::value("sort", (0, 1), "in order; capital letters first", sort),
    Filter::value("sort_natural", (0, 1), "in order, whatever the case", sort_natural),
    Filter::value("sum", (0, 1), "all elements, or one property of each, added up", sum)
        .beyond()
        .safe(Safety::Number),
    Filter::value("uniq", (0, 1), "without repetitions", uniq),
    Filter::value("where", (1, 2), "only the elements that have such a property", select),
];

/// Why an element has no such property.
enum NoProperty {
    /// It can't be asked; the filter's result is then nil.
    NotAsked,
    /// It can be asked, but not for this.
    Wrong,
}

/// A property of an element, as Ruby's `element[property]`.
fn property<'r>(element: Value<'r>, name: Value<'r>) -> Result<Value<'r>, NoProperty> {
    match (element, name) {
        // A missing name finds nothing, in whatever it is looked for.
        (_, Value::Nil) if !element.is_nil() => Ok(Value::Nil),
        (Value::Str(text), Value::Str(part)) => Ok(match text.find(part) {
            Some(at) => Value::Str(&text[at..at + part.len()]),
            None => Value::Nil,
        }),
        (Value::Str(text), Value::Int(at)) => {
            let count = text.chars().count();
            let at = if at < 0 {
                count.checked_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX))
            } else {
                usize::try_from(at).ok()
            };
            let found = at.and_then(|at| text.char_indices().nth(at));
            Ok(found.map_or(Value::Nil, |(at, c)| Value::Str(&text[at..at + c.len_utf8()])))
        }
        (Value::Str(_), _) => Err(NoProperty::Wrong),
        (Value::Int(number), Value::Int(bit)) => Ok(Value::Int((number >> bit.clamp(0, 63)) & 1)),
        (Value::Int(_) | Value::Big(_), _) => Err(NoProperty::Wrong),
        (Value::Loop(_), Value::Str(_)) => Ok(evaluate::by_index(element, name)),
        _ if element.is_map() => Ok(match name {
            Value::Str(key) => element.entry(key).unwrap_or(Value::Nil),
            _ => Value::Nil,
        }),
        _ if element.items().is_some() => match name {
            Value::Int(_) => Ok(evaluate::by_index(element, name)),
            _ => Err(NoProperty::Wrong),
        },
        _ => Err(NoProperty::NotAsked),
    }
}

fn wrong_property(name: Value<'_>) -> Refusal {
    let mut text = String::new();
    crate::print::write(name, &mut text);
    Refusal(format!("cannot select the property '{text}'"))
}

/// Asks one element after the other until `keep` has enough; `None` if one can't be asked.
fn ask<'r>(
    arena: &Arena<'r>,
    items: Items<'r>,
    arguments: &[Value<'r>],
    mut answer: impl FnMut(usize, Value<'r>, bool) -> bool,
) -> Result<Option<()>, Refusal> {
    let name = argument(arguments, 0);
    let wanted = argument(arguments, 1);
    arena.step(items.len() / 4)?;
    for (at, element) in items.iter().enumerate() {
        let found = match property(element, name) {
            Ok(found) if wanted.is_nil() => found.is_truthy(),
            Ok(found) => compare::same(arena, found, wanted, 0)?,
            Err(NoProperty::NotAsked) => return Ok(None),
            Err(NoProperty::Wrong) => return Err(wrong_property(name)),
        };
        if !answer(at, element, found) {
            break;
        }
    }
    Ok(Some(()))
}

fn select<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    keep(arena, input, arguments, true)
}

fn reject<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    if argument(arguments, 0).is_nil() && !elements(arena, input)?.iter().all(|e| e.is_map()) {
        // Texts can't be asked for a missing name; Shopify ends up with nothing.
        return arena.list([].into_iter());
    }
    keep(arena, input, arguments, false)
}

fn keep<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
    with: bool,
) -> Outcome<'r> {
    let items = elements(arena, input)?;
    let mut kept = Vec::new();
    let asked = ask(arena, items, arguments, |_, element, found| {
        if found == with {
            kept.push(element);
        }
        true
    })?;
    match asked {
        Some(()) => arena.list_of(kept),
        None => Ok(Value::Nil),
    }
}

fn has<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let mut any = false;
    let asked = ask(arena, elements(arena, input)?, arguments, |_, _, found| {
        any = found;
        !found
    })?;
    Ok(asked.map_or(Value::Nil, |()| Value::Bool(any)))
}

fn find<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let mut first = Value::Nil;
    ask(arena, elements(arena, input)?, arguments, |_, element, found| {
        if found {
            first = element;
        }
        !found
    })?;
    Ok(first)
}

fn find_index<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let mut first = Value::Nil;
    ask(arena, elements(arena, input)?, arguments, |at, _, found| {
        if found {
            first = Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
        }
        !found
    })?;
    Ok(first)
}

/// The property of each element that a filter with an optional property goes by.
fn keys<'r>(items: Items<'r>, name: Value<'r>) -> Result<Option<Vec<Value<'r>>>, Refusal> {
    if name.is_nil() {
        return Ok(Some(items.iter().collect()));
    }
    let mut keys = Vec::with_capacity(items.len());
    for element in items.iter() {
        match property(element, name) {
            Ok(key) => keys.push(key),
            Err(NoProperty::NotAsked) => return Ok(None),
            Err(NoProperty::Wrong) => return Err(wrong_property(name)),
        }
    }
    Ok(Some(keys))
}

fn compact<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let items = elements(arena, input)?;
    let Some(keys) = keys(items, argument(arguments, 0))? else {
        return Ok(Value::Nil);
    };
    let kept = items.iter().zip(keys).filter(|(_, key)| !key.is_nil());
    arena.list_of(kept.map(|(element, _)| element).collect())
}

fn uniq<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let items = elements(arena, input)?;
    let Some(keys) = keys(items, argument(arguments, 0))? else {
        return Ok(Value::Nil);
    };
    let mut seen: Vec<Value<'r>> = Vec::new();
    let mut texts = std::collections::BTreeSet::new();
    let mut kept = Vec::new();
    for (element, key) in items.iter().zip(keys) {
        let new = match key {
            Value::Str(text) => texts.insert(text),
            other => {
                arena.step(seen.len() / 8)?;
                let mut known = false;
                for old in &seen {
                    known = known || identical(arena, *old, other)?;
                }
                if !known {
                    seen.push(other);
                }
                !known
            }
        };
        if new {
            kept.push(element);
        }
    }
    arena.list_of(kept)
}

fn map<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let items = elements(arena, input)?;
    let name = argument(arguments, 0);
    let mut found = Vec::with_capacity(items.len());
    for element in items.iter() {
        found.push(match property(element, name) {
            Ok(value) => value,
            Err(NoProperty::NotAsked) => Value::Nil,
            Err(NoProperty::Wrong) => return Err(wrong_property(name)),
        });
    }
    arena.list_of(found)
}

fn sum<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let name = argument(arguments, 0);
    let mut total = Number::Int(0);
    for element in elements(arena, input)?.iter() {
        let value = match property(element, name) {
            _ if name.is_nil() => element,
            Ok(value) => value,
            Err(NoProperty::NotAsked) => Value::Int(0),
            Err(NoProperty::Wrong) => return Err(wrong_property(name)),
        };
        for part in elements(arena, value)?.iter() {
            total = total.plus(Number::of(part))?;
        }
    }
    arena.number(total)
}

fn sort<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    sorted(arena, input, arguments, Keys::AsTheyAre, |a, b| compare::order(*a, *b, 0))
}

fn sort_natural<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    sorted(arena, input, arguments, Keys::Written, |a, b| match (a, b) {
        (Value::Nil, _) | (_, Value::Nil) => None,
        (Value::Str(a), Value::Str(b)) => Some(caseless(a, b)),
        // `sorted` has written everything else out.
        _ => Some(Ordering::Equal),
    })
}

/// The order of two texts whose ASCII letters have no case, as Ruby's `casecmp`.
fn caseless(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower))
}

/// In which form `sorted` compares its keys.
#[derive(PartialEq)]
enum Keys {
    AsTheyAre,
    Written,
}

/// Sorts by the elements or by a property of each; nil comes last.
fn sorted<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
    form: Keys,
    order: impl Fn(&Value<'r>, &Value<'r>) -> Option<Ordering>,
) -> Outcome<'r> {
    let items = elements(arena, input)?;
    let Some(mut keys) = keys(items, argument(arguments, 0))? else {
        return Ok(Value::Nil);
    };
    let mut weight = items.len();
    for key in &mut keys {
        if form == Keys::Written && !key.is_nil() {
            *key = Value::Str(arena.written(*key)?);
        }
        weight += match key {
            Value::Str(text) => text.len() / 64,
            other => other.items().map_or(0, |items| items.len()),
        };
    }
    arena.step(weight.saturating_mul(items.len().max(1).ilog2() as usize + 1) / 4)?;
    let mut pairs: Vec<(Value<'r>, Value<'r>)> = keys.into_iter().zip(items.iter()).collect();
    let mut clash = false;
    merge_sort(&mut pairs, |(a, _), (b, _)| {
        order(a, b).unwrap_or_else(|| match (a.is_nil(), b.is_nil()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                clash = true;
                Ordering::Equal
            }
        })
    });
    if clash {
        return Err("cannot sort values of incompatible types".into());
    }
    arena.list_of(pairs.into_iter().map(|(_, element)| element).collect())
}

/// A stable sort. The standard one may panic when an order contradicts itself, and what a template
/// sorts may well do that.
fn merge_sort<T: Copy>(items: &mut [T], mut order: impl FnMut(&T, &T) -> Ordering) {
    let mut merged = items.to_vec();
    let mut width = 1;
    while width < items.len() {
        for start in (0..items.len()).step_by(2 * width) {
            let middle = (start + width).min(items.len());
            let end = (start + 2 * width).min(items.len());
            let (mut left, mut right) = (start, middle);
            for slot in &mut merged[start..end] {
                let takes_left =
                    left < middle && (right >= end || order(&items[left], &items[right]).is_le());
                let from = if takes_left { &mut left } else { &mut right };
                *slot = items[*from];
                *from += 1;
            }
        }
        items.copy_from_slice(&merged);
        width *= 2;
    }
}
