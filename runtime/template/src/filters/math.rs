//! Arithmetic. Texts count as the number they start with, anything else as 0.

use super::{Filter, Safety, argument};
use crate::arena::{Arena, Outcome, Refusal};
use crate::number::{Number, Undefined};
use crate::print;
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("abs", (0, 0), "the number without its sign", abs).safe(Safety::Number),
    Filter::value("at_least", (1, 1), "the number, but not below this", at_least)
        .safe(Safety::Number),
    Filter::value("at_most", (1, 1), "the number, but not above this", at_most)
        .safe(Safety::Number),
    Filter::value("ceil", (0, 0), "the next whole number", ceil).safe(Safety::Number),
    Filter::value("divided_by", (1, 1), "the quotient; whole if both are whole", divided_by)
        .safe(Safety::Number),
    Filter::value("floor", (0, 0), "the whole number before", floor).safe(Safety::Number),
    Filter::value("minus", (1, 1), "the difference", minus).safe(Safety::Number),
    Filter::value("modulo", (1, 1), "the rest of a division", modulo).safe(Safety::Number),
    Filter::value("money", (0, 0), "with two decimals", money).safe(Safety::Number),
    Filter::value("number_with_delimiter", (0, 0), "with commas between thousands", delimited),
    Filter::value("plus", (1, 1), "the sum", plus).safe(Safety::Number),
    Filter::value("round", (0, 1), "the nearest whole number, or decimal", round)
        .safe(Safety::Number),
    Filter::value("times", (1, 1), "the product", times).safe(Safety::Number),
];

fn binary<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
    operation: fn(Number, Number) -> Result<Number, Undefined>,
) -> Outcome<'r> {
    let result = operation(Number::of(input), Number::of(argument(arguments, 0)))?;
    if !matches!(result, Number::Int(_)) {
        // Decimals take several times as long.
        arena.step(1)?;
    }
    arena.number(result)
}

fn plus<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    // By far the most common sum.
    if let (Value::Int(a), Value::Int(b)) = (input, argument(arguments, 0))
        && let Some(sum) = a.checked_add(b)
    {
        return Ok(Value::Int(sum));
    }
    binary(arena, input, arguments, Number::plus)
}

fn minus<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    binary(arena, input, arguments, Number::minus)
}

fn times<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    binary(arena, input, arguments, Number::times)
}

fn divided_by<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    binary(arena, input, arguments, Number::divided_by)
}

fn modulo<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    binary(arena, input, arguments, Number::modulo)
}

fn abs<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    arena.number(Number::of(input).abs())
}

fn ceil<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    arena.number(Number::of(input).ceil()?)
}

fn floor<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    arena.number(Number::of(input).floor()?)
}

fn round<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let places = Number::of(argument(arguments, 0)).to_i64();
    arena.number(Number::of(input).round(places.clamp(-100, 100))?)
}

fn at_least<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    limited(arena, input, arguments, Ordering::Less)
}

fn at_most<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    limited(arena, input, arguments, Ordering::Greater)
}

fn limited<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    arguments: &[Value<'r>],
    beyond: Ordering,
) -> Outcome<'r> {
    let (number, limit) = (Number::of(input), Number::of(argument(arguments, 0)));
    let outside = number.order(limit) == beyond;
    arena.number(if outside { limit } else { number })
}

/// `145` is `145.00`. Braze documents no delimiter, so none is put in.
fn money<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    let cents = Number::of(input).times(Number::Int(100))?.round(0)?;
    let Number::Int(cents) = cents else {
        return Err(Refusal::from("the number is too large"));
    };
    let sign = if cents < 0 { "-" } else { "" };
    let size = cents.unsigned_abs();
    let text = format!("{sign}{}.{:02}", size / 100, size % 100);
    Ok(Value::Str(arena.text(&text)?))
}

/// `123456` is `123,456`. What is no number passes unchanged.
fn delimited<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    let mut text = String::new();
    print::write(input, &mut text);
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.as_str(), None),
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(input);
    }
    let made = arena.build(text.len() * 2, |out| {
        out.push_str(sign);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        if let Some(fraction) = fraction {
            out.push('.');
            out.push_str(fraction);
        }
    })?;
    Ok(Value::Str(made))
}
