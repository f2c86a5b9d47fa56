//! Percent-encoding.

use super::Filter;
use crate::arena::{Arena, Outcome};
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("url_decode", (0, 0), "undoes `url_encode`", decode).beyond(),
    Filter::text("url_encode", "safe inside a query; a space is `+`", encode).keeps_nil(),
    Filter::text("url_escape", "safe as an address; keeps `&`, `/`, `?`", url_escape).keeps_nil(),
    Filter::text("url_param_escape", "safe as a parameter; `&` is escaped", param_escape)
        .keeps_nil(),
];

fn percent(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(HEX[usize::from(byte >> 4)] as char);
    out.push(HEX[usize::from(byte & 15)] as char);
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            plain if is_plain(plain) => out.push(plain as char),
            other => percent(other, out),
        }
    }
}

fn url_escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            plain if is_plain(plain) => out.push(plain as char),
            b'!' | b'*' | b'\'' | b'(' | b')' | b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'='
            | b'+' | b'$' | b',' | b'[' | b']' => out.push(byte as char),
            other => percent(other, out),
        }
    }
}

fn param_escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        url_escape(&rest[..at], out);
        out.push_str("%26");
        rest = &rest[at + 1..];
    }
    url_escape(rest, out);
}

fn decode<'r>(arena: &Arena<'r>, input: Value<'r>, _: &[Value<'r>]) -> Outcome<'r> {
    if input.is_nil() {
        return Ok(Value::Nil);
    }
    let text = arena.written(input)?;
    arena.reserve(text.len())?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|b| (*b as char).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
                continue;
            }
            (b'+', ..) => bytes.push(b' '),
            (other, ..) => bytes.push(*other),
        }
        rest = after;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Value::Str(arena.text(&text)?)),
        Err(_) => Err("invalid byte sequence in UTF-8".into()),
    }
}
