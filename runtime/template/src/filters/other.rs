//! `default` and `property_accessor`.

use super::{Filter, argument};
use crate::arena::{Arena, Outcome};
use crate::evaluate;
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("default", (0, 1), "another value if there is none", default)
        .named("allow_false"),
    Filter::value("property_accessor", (1, 1), "one entry of an object", property_accessor),
];

/// Nil, false and what is empty give way; with `allow_false: true` false stays.
fn default<'r>(_: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let instead = arguments.first().copied().unwrap_or(Value::Str(""));
    let missing = match input {
        Value::Bool(false) => !argument(arguments, 1).is_truthy(),
        _ => input.is_nil() || input.is_empty(),
    };
    Ok(if missing { instead } else { input })
}

fn property_accessor<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
) -> Outcome<'r> {
    let key = argument(arguments, 0);
    if let (Some(_), Value::Int(_)) = (input.items(), key) {
        return Ok(evaluate::by_index(input, key));
    }
    let key = arena.written(key)?;
    Ok(evaluate::by_index(input, Value::Str(key)))
}
