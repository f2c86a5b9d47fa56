//! Filters that rewrite a text as a whole: case, white space, joining.

use super::{Filter, argument};
use crate::arena::{Arena, Outcome};
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("append", (1, 1), "with a text behind it", append),
    Filter::text("capitalize", "the first letter large, the others small", capitalize),
    Filter::text("downcase", "all letters small", downcase),
    Filter::text("lstrip", "without white space at the start", lstrip).beyond(),
    Filter::value("prepend", (1, 1), "with a text before it", prepend),
    Filter::text("rstrip", "without white space at the end", rstrip).beyond(),
    Filter::text("strip", "without white space around it", strip),
    Filter::text("strip_newlines", "without line breaks", strip_newlines),
    Filter::text("upcase", "all letters large", upcase),
];

fn is_space(c: char) -> bool {
    matches!(c, '\0' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

fn upcase(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        out[start..].make_ascii_uppercase();
    } else {
        out.push_str(&text.to_uppercase());
    }
}

fn downcase(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        out[start..].make_ascii_lowercase();
    } else {
        out.push_str(&text.to_lowercase());
    }
}

fn capitalize(text: &str, out: &mut String) {
    let mut chars = text.chars();
    if let Some(first) = chars.next() {
        titled(first, out);
        downcase(chars.as_str(), out);
    }
}

/// The letter as a word begins with it: what is two letters in one has only the first large.
fn titled(letter: char, out: &mut String) {
    match letter {
        'Ǆ'..='ǆ' => out.push('ǅ'),
        'Ǉ'..='ǉ' => out.push('ǈ'),
        'Ǌ'..='ǌ' => out.push('ǋ'),
        'Ǳ'..='ǳ' => out.push('ǲ'),
        'ß' | 'և' | 'ﬀ'..='ﬆ' | 'ﬓ'..='ﬗ' => {
            let mut letters = letter.to_uppercase();
            out.extend(letters.next());
            out.extend(letters.flat_map(char::to_lowercase));
        }
        _ => out.extend(letter.to_uppercase()),
    }
}

fn strip(text: &str, out: &mut String) {
    out.push_str(text.trim_matches(is_space));
}

fn lstrip(text: &str, out: &mut String) {
    out.push_str(text.trim_start_matches(is_space));
}

fn rstrip(text: &str, out: &mut String) {
    out.push_str(text.trim_end_matches(is_space));
}

fn strip_newlines(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('\n') {
        let line = &rest[..at];
        out.push_str(line.strip_suffix('\r').unwrap_or(line));
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

fn append<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let (first, second) = (arena.written(input)?, arena.written(argument(arguments, 0))?);
    joined(arena, first, second)
}

fn prepend<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let (first, second) = (arena.written(argument(arguments, 0))?, arena.written(input)?);
    joined(arena, first, second)
}

fn joined<'r>(arena: &Arena<'r>, first: &'r str, second: &'r str) -> Outcome<'r> {
    if second.is_empty() {
        return Ok(Value::Str(first));
    }
    if first.is_empty() {
        return Ok(Value::Str(second));
    }
    let text = arena.build(first.len() + second.len(), |out| {
        out.push_str(first);
        out.push_str(second);
    })?;
    Ok(Value::Str(text))
}
