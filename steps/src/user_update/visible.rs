//! The keys of a composer that can be seen before it is rendered.
//!
//! A composer is Liquid first and JSON only once rendered, so it can't be parsed at load.
//! But most of it is JSON to look at, and a forbidden key is better found while the file
//! is written than by the first user at the step. This reads what stands outside Liquid
//! tags and keeps count of brackets. It may miss a key (one that Liquid puts together);
//! then rendering finds it.

use std::ops::Range;

/// A key that stands in the text, with the brackets that are open around it.
pub struct Key {
    pub name: String,
    /// The bytes of the source, quotes included.
    pub span: Range<usize>,
    pub place: Place,
}

/// How deep a key stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// `attributes`, `events`, `purchases`.
    Top,
    /// The key of an object of one of the three arrays.
    Object,
    /// Deeper: somebody's own names.
    Inside,
}

/// The keys in the order in which they stand.
pub fn keys(source: &str) -> Vec<Key> {
    let text = without_liquid(source);
    let mut keys = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'{' | b'[' => open.push(byte),
            b'}' | b']' => drop(open.pop()),
            b'"' => {
                let end = string_end(&text, at);
                let after = text[end..].iter().find(|byte| !byte.is_ascii_whitespace());
                if after == Some(&b':') {
                    let place = match open.as_slice() {
                        b"{" => Place::Top,
                        b"{[{" | b"{{" => Place::Object,
                        _ => Place::Inside,
                    };
                    let written = &source[at..end];
                    let name = serde_json::from_str(written)
                        .unwrap_or_else(|_| written.trim_matches('"').to_owned());
                    keys.push(Key { name, span: at..end, place });
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

/// The end of the JSON token that begins here, for underlining it.
pub fn token_end(source: &str, start: usize) -> usize {
    let text = source.as_bytes();
    match text.get(start) {
        Some(b'"') => string_end(text, start),
        Some(byte) if byte.is_ascii_alphanumeric() || *byte == b'-' => {
            let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
            start + text[start..].iter().take_while(|byte| word(byte)).count()
        }
        _ => {
            start
                + source.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
        }
    }
}

/// One past the closing quote, or the end of the text.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 1,
            b'"' => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The text with blanks for Liquid, every byte in its place.
fn without_liquid(source: &str) -> Vec<u8> {
    let mut text = source.as_bytes().to_vec();
    let mut from = 0;
    while let Some(start) = find(source, from, "{").filter(|start| start + 1 < source.len()) {
        let end = match source.as_bytes()[start + 1] {
            b'{' => tag_end(source, start + 2, "}}"),
            b'%' => {
                let end = tag_end(source, start + 2, "%}");
                let word = source[start + 2..end].trim_start_matches(['-', ' ']);
                // What stands in a comment is never rendered.
                match word.starts_with("comment") {
                    true => find(source, end, "endcomment")
                        .map_or(source.len(), |close| tag_end(source, close, "%}")),
                    false => end,
                }
            }
            _ => {
                from = start + 1;
                continue;
            }
        };
        text[start..end].fill(b' ');
        from = end;
    }
    text
}

/// One past the closing braces; those of `${name}` don't close the tag.
fn tag_end(source: &str, from: usize, close: &str) -> usize {
    let mut at = from;
    loop {
        let Some(end) = find(source, at, close) else { return source.len() };
        match source[at..end].find("${") {
            Some(name) => match find(source, at + name, "}") {
                Some(brace) => at = brace + 1,
                None => return source.len(),
            },
            None => return end + close.len(),
        }
    }
}

fn find(source: &str, from: usize, what: &str) -> Option<usize> {
    source[from..].find(what).map(|index| index + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_seen_between_liquid() {
        for (source, expected) in [
            (r#"{"attributes":[{"a":1}]}"#, "top attributes, object a"),
            (r#"{"attributes" : {"a":{"b":1}}}"#, "top attributes, object a, inside b"),
            (
                r#"{"events":[{"name":"x:y","a\u0062":"q\":"}]}"#,
                "top events, object name, object ab",
            ),
            (
                r#"{"attributes":[{"{{${x}}}":1, "b":{{custom_attribute.${y}}}}]}"#,
                "top attributes, object {{${x}}}, object b",
            ),
            (
                r#"{"attributes":[{"a":{{custom_attribute.${x}}},"b":1}]}"#,
                "top attributes, object a, object b",
            ),
            (
                r#"{% if ${x} == '"k":' %}{"attributes":[{"a":1}]}{% endif %}"#,
                "top attributes, object a",
            ),
            (
                r#"{"attributes":[{% comment %}{"external_id":1}{% endcomment %}{"a":1}]}"#,
                "top attributes, object a",
            ),
            (r#"{"attributes":[{"a":"{{ x"#, "top attributes, object a"),
            (r#"{"é":1}{"#, "top é"),
            (r#"}}]] "a": "b"#, "inside a"),
            ("{", ""),
            ("{{${", ""),
        ] {
            let seen: Vec<_> = keys(source)
                .iter()
                .map(|key| format!("{} {}", format!("{:?}", key.place).to_lowercase(), key.name))
                .collect();
            assert_eq!(seen.join(", "), expected, "{source}");
        }
    }

    #[test]
    fn a_token_ends_where_a_reader_would_say() {
        for (source, start, token) in [
            (r#"{"a\"b": 1}"#, 1, r#""a\"b""#),
            ("[-1.5e3, 2]", 1, "-1.5e3"),
            ("[nul]", 1, "nul"),
            ("[é]", 1, "é"),
            ("[,]", 1, ","),
            ("[", 1, ""),
        ] {
            assert_eq!(&source[start..token_end(source, start)], token);
        }
    }
}
