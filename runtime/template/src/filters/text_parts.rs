//! Filters that look for parts of a text: replace, remove, split, truncate.

use super::{Filter, argument};
use crate::arena::{Arena, Outcome, Refusal};
use crate::number::strict_int;
use crate::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter::value("remove", (1, 1), "without a text, wherever it is", remove),
    Filter::value("remove_first", (1, 1), "without the first such text", remove_first),
    Filter::value("remove_last", (1, 1), "without the last such text", remove_last).beyond(),
    Filter::value("replace", (1, 2), "one text in place of another", replace),
    Filter::value("replace_first", (1, 2), "the same, for the first one", replace_first),
    Filter::value("replace_last", (2, 2), "the same, for the last one", replace_last).beyond(),
    Filter::value("split", (1, 1), "a list of what is between a text", split),
    Filter::value("truncate", (0, 2), "cut to so many characters", truncate),
    Filter::value("truncatewords", (0, 2), "cut to so many words", truncatewords),
];

fn replace<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    all(arena, input, argument(arguments, 0), Replacement::of(arena, arguments)?)
}

fn remove<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    all(arena, input, argument(arguments, 0), Replacement::Plain(""))
}

fn replace_first<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let replacement = Replacement::of(arena, arguments)?;
    one(arena, input, argument(arguments, 0), replacement, |t, p| t.find(p))
}

fn remove_first<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    one(arena, input, argument(arguments, 0), Replacement::Plain(""), |t, p| t.find(p))
}

fn replace_last<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let replacement = Replacement::Plain(arena.written(argument(arguments, 1))?);
    one(arena, input, argument(arguments, 0), replacement, |t, p| t.rfind(p))
}

fn remove_last<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    one(arena, input, argument(arguments, 0), Replacement::Plain(""), |t, p| t.rfind(p))
}

/// What is put in place of a text.
#[derive(Clone, Copy)]
enum Replacement<'r> {
    Plain(&'r str),
    /// With backslashes, which Ruby's `sub` and `gsub` read: `\\` is one backslash, `\0` and `\&`
    /// the text that was found, `` \` `` and `\'` what is before and behind it, `\1` nothing.
    Escaped(&'r str),
}

impl<'r> Replacement<'r> {
    fn of(arena: &Arena<'r>, arguments: &[Value<'r>]) -> Result<Self, Refusal> {
        let text = arena.written(argument(arguments, 1))?;
        Ok(if text.contains('\\') { Self::Escaped(text) } else { Self::Plain(text) })
    }

    /// The most bytes it has in place of one match.
    fn size(self, text: &str, pattern: &str) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Escaped(escaped) => {
                let escapes = escaped.matches('\\').count();
                let around = ["\\`", "\\'"].map(|mark| escaped.matches(mark).count());
                let around: usize = around.iter().sum();
                escaped.len() + escapes * pattern.len() + around * text.len()
            }
        }
    }

    fn write(self, text: &str, at: usize, pattern: &str, out: &mut String) {
        let escaped = match self {
            Self::Plain(text) => return out.push_str(text),
            Self::Escaped(escaped) => escaped,
        };
        let mut rest = escaped;
        while let Some(slash) = rest.find('\\') {
            out.push_str(&rest[..slash]);
            let mut behind = rest[slash + 1..].chars();
            match behind.next() {
                Some('\\') | None => out.push('\\'),
                Some('0' | '&') => out.push_str(pattern),
                Some('1'..='9' | '+') => {}
                Some('`') => out.push_str(&text[..at]),
                Some('\'') => out.push_str(&text[at + pattern.len()..]),
                Some(other) => out.extend(['\\', other]),
            }
            rest = behind.as_str();
        }
        out.push_str(rest);
    }
}

fn all<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    pattern: Value<'r>,
    replacement: Replacement<'r>,
) -> Outcome<'r> {
    let text = arena.written(input)?;
    let pattern = arena.written(pattern)?;
    arena.read(text.len())?;
    let count = text.matches(pattern).count();
    if count == 0 {
        return Ok(Value::Str(text));
    }
    let made = count.saturating_mul(replacement.size(text, pattern));
    let size = (text.len() - count * pattern.len()).saturating_add(made);
    let made = arena.build(size, |out| {
        let mut done = 0;
        for (at, found) in text.match_indices(pattern) {
            out.push_str(&text[done..at]);
            replacement.write(text, at, found, out);
            done = at + found.len();
        }
        out.push_str(&text[done..]);
    })?;
    Ok(Value::Str(made))
}

fn one<'r>(
    arena: &Arena<'r>,
    input: Value<'r>,
    pattern: Value<'r>,
    replacement: Replacement<'r>,
    find: fn(&str, &str) -> Option<usize>,
) -> Outcome<'r> {
    let text = arena.written(input)?;
    let pattern = arena.written(pattern)?;
    arena.read(text.len())?;
    let Some(at) = find(text, pattern) else {
        return Ok(Value::Str(text));
    };
    let made = arena.build(text.len() + replacement.size(text, pattern), |out| {
        out.push_str(&text[..at]);
        replacement.write(text, at, pattern, out);
        out.push_str(&text[at + pattern.len()..]);
    })?;
    Ok(Value::Str(made))
}

/// As Ruby's `split`: a single space splits at any white space, an empty text between all
/// characters, and empty parts at the end are dropped.
fn split<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    let text = arena.written(input)?;
    let pattern = arena.written(argument(arguments, 0))?;
    arena.read(text.len())?;
    let count = match pattern {
        " " => text.split_ascii_whitespace().count(),
        "" => text.chars().count(),
        _ => text.matches(pattern).count() + 1,
    };
    arena.reserve(count.saturating_mul(size_of::<Value<'_>>()))?;
    let mut parts: Vec<Value<'r>> = match pattern {
        " " => words(text).map(Value::Str).collect(),
        "" => text.char_indices().map(|(at, c)| Value::Str(&text[at..at + c.len_utf8()])).collect(),
        _ => text.split(pattern).map(Value::Str).collect(),
    };
    while parts.last().is_some_and(Value::is_empty) {
        parts.pop();
    }
    arena.list_of(parts)
}

fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

fn count(value: Option<&Value<'_>>, usual: i64) -> Result<i64, Refusal> {
    match value {
        None => Ok(usual),
        Some(value) => strict_int(*value).ok_or_else(|| "invalid integer".into()),
    }
}

fn ending<'r>(arena: &Arena<'r>, value: Option<&Value<'r>>) -> Result<&'r str, Refusal> {
    value.map_or(Ok("..."), |value| arena.written(*value))
}

fn truncate<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    if input.is_nil() {
        return Ok(Value::Nil);
    }
    let text = arena.written(input)?;
    let length = count(arguments.first(), 50)?;
    let ending = ending(arena, arguments.get(1))?;
    arena.read(text.len() + ending.len())?;
    let characters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if characters <= length {
        return Ok(Value::Str(text));
    }
    let kept = length.saturating_sub(i64::try_from(ending.chars().count()).unwrap_or(i64::MAX));
    let kept = usize::try_from(kept).unwrap_or(0);
    let end = text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at);
    let made = arena.build(end + ending.len(), |out| {
        out.push_str(&text[..end]);
        out.push_str(ending);
    })?;
    Ok(Value::Str(made))
}

fn truncatewords<'r>(arena: &Arena<'r>, input: Value<'r>, arguments: &[Value<'r>]) -> Outcome<'r> {
    if input.is_nil() {
        return Ok(Value::Nil);
    }
    let text = arena.written(input)?;
    let most = usize::try_from(count(arguments.first(), 15)?.max(1)).unwrap_or(usize::MAX);
    let ending = ending(arena, arguments.get(1))?;
    arena.read(text.len())?;
    // White space behind the last word counts as one more, as in Ruby's `split(" ", n)`.
    let cut = words(text).nth(most - 1).is_some_and(|last| !text.ends_with(last))
        || words(text).nth(most).is_some();
    if !cut {
        return Ok(Value::Str(text));
    }
    let made = arena.build(text.len() + ending.len(), |out| {
        for (at, word) in words(text).take(most).enumerate() {
            if at > 0 {
                out.push(' ');
            }
            out.push_str(word);
        }
        out.push_str(ending);
    })?;
    Ok(Value::Str(made))
}
