//! Values as text, the way Ruby prints them: `3.0`, `{"foo"=>"bar"}`, nothing for nil.
//!
//! Two forms exist, as in Shopify Liquid. *Shown*: an array prints its elements one after the
//! other. *Written* (the input of string filters): an array prints like Ruby's `inspect`.

use crate::value::Value;
use serde_json::Value as Json;
use std::fmt::Write as _;

/// Deeper than this, a value prints as `...`; only a host's own data can be that deep.
const DEEPEST: u32 = 128;

/// Appends a value as an output tag prints it.
#[inline]
pub(crate) fn show(value: Value<'_>, out: &mut String) {
    match value {
        Value::Str(s) => out.push_str(s),
        Value::Int(i) => push_int(i, out),
        Value::Nil => {}
        other => show_other(other, out, 0),
    }
}

fn show_other(value: Value<'_>, out: &mut String, depth: u32) {
    if let Some(items) = value.items() {
        if depth > DEEPEST {
            return out.push_str("...");
        }
        for item in items.iter() {
            show_other(item, out, depth + 1);
        }
    } else {
        write(value, out);
    }
}

/// Appends a value as a string filter sees it.
pub(crate) fn write(value: Value<'_>, out: &mut String) {
    match value {
        Value::Nil | Value::Empty | Value::Blank => {}
        Value::Str(s) => out.push_str(s),
        other => inspect(other, out, 0),
    }
}

/// Appends a value as Ruby's `inspect` does.
pub(crate) fn inspect(value: Value<'_>, out: &mut String, depth: u32) {
    if depth > DEEPEST {
        return out.push_str("...");
    }
    match value {
        Value::Nil => out.push_str("nil"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(i) => push_int(i, out),
        Value::Float(f) => push_float(f, out),
        Value::Big(n) => _ = write!(out, "{n}"),
        Value::Str(s) => inspect_text(s, out),
        Value::Json(Json::Number(n)) => _ = write!(out, "{n}"),
        Value::Json(Json::Array(_) | Json::Object(_)) | Value::List(_) | Value::Map(_) => {
            inspect_collection(value, out, depth)
        }
        Value::Json(scalar) => inspect(Value::json(scalar), out, depth),
        Value::Range(a, b) => _ = write!(out, "{a}..{b}"),
        Value::Time(moment) => moment.show(out),
        Value::Loop(l) => out.push_str(if l.table.is_some() {
            "Liquid::TablerowloopDrop"
        } else {
            "Liquid::ForloopDrop"
        }),
        Value::Empty | Value::Blank => out.push_str("\"\""),
    }
}

fn inspect_collection(value: Value<'_>, out: &mut String, depth: u32) {
    if let Some(items) = value.items() {
        out.push('[');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            inspect(item, out, depth + 1);
        }
        return out.push(']');
    }
    out.push('{');
    for (at, (key, item)) in value.entries().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        inspect_text(key, out);
        out.push_str("=>");
        inspect(item, out, depth + 1);
    }
    out.push('}');
}

fn inspect_text(text: &str, out: &mut String) {
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{7}' => out.push_str("\\a"),
            '\u{1b}' => out.push_str("\\e"),
            // Ruby escapes `#` only where it would start an interpolation.
            '#' if matches!(chars.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => _ = write!(out, "\\x{:02X}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a whole number without going through the formatting machinery.
#[inline]
pub(crate) fn push_int(number: i64, out: &mut String) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push('-');
    }
    out.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// Appends a float as Ruby does: shortest digits, always a fraction, an exponent outside
/// `1e-4 ..< 1e16`.
pub(crate) fn push_float(number: f64, out: &mut String) {
    if number.is_nan() {
        return out.push_str("NaN");
    }
    if number.is_infinite() {
        return out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        out.push_str(digits);
        if !digits.contains('.') {
            out.push_str(".0");
        }
        let (sign, power) = match exponent.strip_prefix('-') {
            Some(power) => ('-', power),
            None => ('+', exponent),
        };
        _ = write!(out, "e{sign}{power:0>2}");
        return;
    }
    let before = out.len();
    _ = write!(out, "{number}");
    if !out[before..].contains('.') {
        out.push_str(".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_like_ruby() {
        for (number, text) in [
            (3.0, "3.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1.0e+16"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (-2.5e300, "-2.5e+300"),
        ] {
            let mut out = String::new();
            push_float(number, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn objects_print_like_ruby() {
        let json = serde_json::json!({"foo": "b\"ar\n", "n": [1, 2.0, null, true]});
        let mut out = String::new();
        show(Value::json(&json), &mut out);
        assert_eq!(out, r#"{"foo"=>"b\"ar\n", "n"=>[1, 2.0, nil, true]}"#);
    }
}
