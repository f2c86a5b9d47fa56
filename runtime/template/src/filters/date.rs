//! Times and zones.

use super::{Filter, argument};
use crate::arena::{Arena, Outcome};
use crate::moment;
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("date", (1, 1), "a time in a format, as Ruby's `strftime`", date),
    Filter::value("time_zone", (1, 1), "a time in another zone", time_zone),
];

/// What is no time passes unchanged, as does anything under an empty format.
fn date<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let format = arena.written(argument(arguments, 0))?;
    if format.is_empty() {
        return Ok(input);
    }
    let Some(moment) = moment::read(input, arena.now_ms()) else {
        return Ok(input);
    };
    // Each directive may ask for up to 1024 characters.
    let directives = format.matches('%').count();
    arena.step(format.len() / 8 + directives.saturating_mul(16))?;
    let text = arena.build(format.len(), |out| moment::strftime(&moment, format, out))?;
    Ok(Value::Str(text))
}

fn time_zone<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let name = arena.written(argument(arguments, 0))?;
    arena.step(16)?;
    let Some(moment) = moment::read(input, arena.now_ms()) else {
        return Ok(input);
    };
    if name.is_empty() {
        return Ok(input);
    }
    let Some(zone) = moment::zone(name) else {
        return Err(format!("there is no time zone `{name}`").into());
    };
    let moment = moment.in_zone(&zone, |name| arena.text(name))?;
    Ok(Value::Time(arena.keep(moment)?))
}
