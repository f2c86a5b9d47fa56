//! JSON in and out.

use super::{Filter, Safety};
use crate::arena::{Arena, Outcome, Refusal};
use crate::print;
use crate::value::Value;
use serde_json::Value as Json;
use std::fmt::Write as _;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("as_json_string", (0, 0), "the value as JSON, quotes included", as_json)
        .safe(Safety::Json),
    Filter::value("json", (0, 0), "the value as JSON", as_json).safe(Safety::Json).beyond(),
    Filter::text("json_escape", "safe between the quotes of a JSON text", escape)
        .safe(Safety::Text),
    Filter::value("json_parse", (0, 0), "the value a JSON text stands for", parse),
];

/// Escapes what would end or break a JSON string.
pub(crate) fn escape(text: &str, out: &mut String) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            _ => "",
        };
        out.push_str(&text[done..at]);
        if escaped.is_empty() {
            _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escaped);
        }
        done = at + 1;
    }
    out.push_str(&text[done..]);
}

fn as_json<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    let size = arena.size_written(input)?;
    let text = arena.build(size / 2, |out| write_json(input, out, 0))?;
    Ok(Value::Str(text))
}

fn write_json(value: Value<'_>, out: &mut String, depth: u32) {
    if depth > 128 {
        return out.push_str("null");
    }
    match value {
        Value::Nil => out.push_str("null"),
        Value::Str(text) => quoted(text, out),
        Value::Bool(_) | Value::Int(_) | Value::Big(_) => print::write(value, out),
        Value::Float(f) if f.is_finite() => print::push_float(f, out),
        Value::Float(_) => out.push_str("null"),
        Value::Json(Json::Number(n)) => _ = write!(out, "{n}"),
        _ if value.is_map() => {
            out.push('{');
            for (at, (key, entry)) in value.entries().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                quoted(key, out);
                out.push(':');
                write_json(entry, out, depth + 1);
            }
            out.push('}');
        }
        _ => match value.items() {
            Some(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    write_json(item, out, depth + 1);
                }
                out.push(']');
            }
            None => {
                let mut text = String::new();
                print::write(value, &mut text);
                quoted(&text, out);
            }
        },
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    escape(text, out);
    out.push('"');
}

/// What is no JSON is nil. What is no text is a value already.
fn parse<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    let Value::Str(text) = input else {
        return Ok(input);
    };
    // A parsed value takes several times the room of its text.
    arena.reserve(text.len().saturating_mul(2))?;
    match serde_json::from_str::<Json>(text) {
        Ok(json) => Ok(kept(arena, &json)?),
        Err(_) => Ok(Value::Nil),
    }
}

/// A copy of a JSON value that lives as long as the render.
fn kept<'r>(arena: &Arena<'r>, json: &Json) -> Result<Value<'r>, Refusal> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(small), _) => Value::Int(small),
            (None, Some(big)) => Value::Big(arena.keep(i128::from(big))?),
            _ => Value::Float(n.as_f64().unwrap_or(0.0)),
        },
        Json::String(text) => Value::Str(arena.text(text)?),
        Json::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| kept(arena, item)).collect();
            arena.list_of(items?)?
        }
        Json::Object(object) => {
            let entries: Result<Vec<_>, Refusal> = object
                .iter()
                .map(|(key, value)| Ok((arena.text(key)?, kept(arena, value)?)))
                .collect();
            arena.map(&entries?)?
        }
    })
}
