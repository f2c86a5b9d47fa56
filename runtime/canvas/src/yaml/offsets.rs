//! From bytes of a scalar's value to bytes of the file.
//!
//! A template reports places within its text; that text went through quotes, escapes and
//! indentation first. Where the way back is certain it is taken, otherwise the whole
//! scalar is the place.

use super::tree::{Scalar, Style};
use crate::diagnostic::Span;

/// Runs of bytes that are the same in value and file: `(start in value, start in file)`.
type Runs = Vec<(usize, usize)>;

/// The way back for one scalar. Made once for all faults of a text, since it reads it whole.
#[derive(Debug)]
pub(crate) struct Offsets {
    /// Where the scalar stands, with its quotes; of a block its first line.
    whole: Span,
    start: usize,
    length: usize,
    runs: Option<Runs>,
}

impl Offsets {
    /// `whole` is where the scalar stands.
    pub(crate) fn of(file: &str, whole: &Span, scalar: &Scalar<'_>) -> Offsets {
        let raw = file.get(whole.clone()).unwrap_or_default();
        let runs = match scalar.style {
            Style::Plain => (raw == scalar.text).then(|| vec![(0, 0)]),
            Style::SingleQuoted => single_quoted(raw),
            Style::DoubleQuoted => double_quoted(raw),
            Style::Literal => block(raw, indent(file, whole), &scalar.text, Joint::Kept),
            Style::Folded => block(raw, indent(file, whole), &scalar.text, Joint::Folded),
        };
        let end = raw.find('\n').unwrap_or(raw.len());
        let first_line = whole.start..whole.start + raw[..end].trim_end().len();
        Offsets { whole: first_line, start: whole.start, length: scalar.text.len(), runs }
    }

    /// The place in the file of a part of the value.
    pub(crate) fn place(&self, part: &Span) -> Span {
        let Some(runs) = &self.runs else { return self.whole.clone() };
        let end = part.end.min(self.length);
        let start = part.start.min(end);
        let from = self.start + at(runs, start);
        // The end is where the last byte is, plus one: what follows may be another run.
        let to = if end > start { self.start + at(runs, end - 1) + 1 } else { from };
        from..to.max(from)
    }

    /// The whole scalar; of a long one its first line.
    pub(crate) fn whole(self) -> Span {
        self.whole
    }
}

fn at(runs: &Runs, byte: usize) -> usize {
    let run = runs.partition_point(|(start, _)| *start <= byte).saturating_sub(1);
    let (value, raw) = runs[run];
    raw + byte.saturating_sub(value)
}

fn single_quoted(raw: &str) -> Option<Runs> {
    let inner = inner(raw, '\'')?;
    let mut runs = vec![(0, 1)];
    let (mut value, mut at) = (0, 0);
    while let Some(quote) = inner[at..].find("''") {
        value += quote + 1;
        at += quote + 2;
        runs.push((value, at + 1));
    }
    Some(runs)
}

fn double_quoted(raw: &str) -> Option<Runs> {
    let inner = inner(raw, '"')?;
    let mut runs = vec![(0, 1)];
    let (mut value, mut at) = (0, 0);
    while let Some(slash) = inner[at..].find('\\') {
        value += slash;
        at += slash;
        runs.push((value, at + 1));
        let (written, meant) = escape(&inner[at..])?;
        value += meant;
        at += written;
        runs.push((value, at + 1));
    }
    Some(runs)
}

/// What stands between the quotes, if that is one line.
fn inner(raw: &str, quote: char) -> Option<&str> {
    let inner = raw.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(['\n', '\r'])).then_some(inner)
}

/// How many bytes an escape is written in, and how many it stands for.
fn escape(text: &str) -> Option<(usize, usize)> {
    let digits = match text.as_bytes().get(1)? {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        b'N' => return Some((2, 2)),
        b'_' => return Some((2, 2)),
        b'L' | b'P' => return Some((2, 3)),
        byte if byte.is_ascii() => return Some((2, 1)),
        _ => return None,
    };
    let code = u32::from_str_radix(text.get(2..2 + digits)?, 16).ok()?;
    if (0xD800..0xDC00).contains(&code) {
        // The other half of the pair is an escape of the same length.
        return Some((2 * (2 + digits), 4));
    }
    Some((2 + digits, char::from_u32(code)?.len_utf8()))
}

/// What became of the line breaks of a block scalar.
#[derive(Clone, Copy, PartialEq)]
enum Joint {
    Kept,
    Folded,
}

/// How far the lines of a block scalar are indented: it begins behind that.
fn indent(file: &str, whole: &Span) -> usize {
    let line = file[..whole.start].rfind('\n').map_or(0, |newline| newline + 1);
    whole.start - line
}

/// `raw` begins with the first line that is not blank, behind its indentation.
fn block(raw: &str, indent: usize, value: &str, joint: Joint) -> Option<Runs> {
    let mut runs = Vec::new();
    let mut done = value.len() - value.trim_start_matches('\n').len();
    let mut start = 0;
    for line in raw.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = if start == 0 { 0 } else { indent.min(content.len()) };
        let stripped = content.get(indent..)?;
        if !value.get(done..).is_some_and(|rest| rest.starts_with(stripped)) {
            // Blank lines at the end, which the value does not keep.
            return (stripped.is_empty() && !runs.is_empty()).then_some(runs);
        }
        runs.push((done, start + indent));
        done += stripped.len();
        done += match joint {
            Joint::Kept => 1,
            Joint::Folded => joint_bytes(&value[done..], stripped),
        };
        start += line.len();
    }
    (!runs.is_empty()).then_some(runs)
}

/// How many bytes of the value stand for the end of a folded line: a space, or one
/// newline for each line that is empty.
fn joint_bytes(rest: &str, line: &str) -> usize {
    let ends = rest.starts_with('\n') || (rest.starts_with(' ') && !line.is_empty());
    usize::from(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Value, parse};

    /// Where `part` of the value of `v` stands, as text of the file.
    fn found<'a>(file: &'a str, part: &str) -> &'a str {
        let root = parse(file, &mut Vec::new()).expect("a tree");
        let node = &root.map().expect("a map").get("v").expect("the key").value;
        let Value::Scalar(scalar) = &node.value else { panic!("a scalar") };
        let start = scalar.text.find(part).expect("the part");
        let span = Offsets::of(file, &node.span, scalar).place(&(start..start + part.len()));
        &file[span]
    }

    #[test]
    fn a_part_of_a_value_is_found_as_written() {
        for (file, part, expected) in [
            ("v: one two\n", "two", "two"),
            ("v: 'it''s {{x}}'\n", "{{x}}", "{{x}}"),
            ("v: 'it''s'\n", "'s", "''s"),
            (r#"v: "a\tb {{x}}""#, "{{x}}", "{{x}}"),
            (r#"v: "\u00e4 \U0001F600 {{x}}""#, "{{x}}", "{{x}}"),
            (r#"v: "say \"hi\" {{x}}""#, "{{x}}", "{{x}}"),
            (r#"v: "say \"hi\"""#, "\"h", "\\\"h"),
            ("v: |\n  one\n  two {{x}}\n", "{{x}}", "{{x}}"),
            ("a: 1\nv: |-\n    one\n\n      two {{x}}\n    three\n", "{{x}}", "{{x}}"),
            ("v: |2\n    ä one\n  two {{x}}\n", "{{x}}", "{{x}}"),
            ("v: |\r\n  one\r\n  two {{x}}\r\n", "{{x}}", "{{x}}"),
            ("v: |\n\n\n  one\n  two {{x}}\n", "{{x}}", "{{x}}"),
            ("v: >\n  one\n  two {{x}}\n  three\n", "{{x}}", "{{x}}"),
            ("v: >\n  one\n\n  two\n\n\n  {{x}}\n", "{{x}}", "{{x}}"),
            ("v: >\n  one\n    more {{x}}\n  less\n", "{{x}}", "{{x}}"),
        ] {
            assert_eq!(found(file, part), expected, "{file:?}");
        }
    }

    #[test]
    fn where_the_way_back_is_unsure_the_scalar_stands_for_its_part() {
        assert_eq!(found("v: \"one\n  two\"\n", "two"), "\"one");
    }
}
