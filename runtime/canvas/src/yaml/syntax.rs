//! What the parser stumbles over, in the words of someone who writes a Canvas.

use serde_yaml::granit_parser::ErrorKind as Kind;

use crate::diagnostic::Span;

/// A sentence, and a hint where the usual cause is known.
pub(super) fn in_words(kind: &Kind) -> (String, Option<String>) {
    let (message, hint) = match kind {
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabAtBlockScalarStart
        | Kind::TabInPlainScalar => ("a tab stands where only spaces may", "indent with spaces"),
        Kind::UnclosedQuotedScalar => (
            "a quote is opened here and never closed",
            "close it; an apostrophe in text is doubled within single quotes: 'it''s'",
        ),
        Kind::MappingValueNotAllowed => (
            "a `:` stands where no key can be",
            "put text with a colon into quotes, and check the indentation",
        ),
        Kind::InvalidSimpleKey | Kind::SimpleKeyExpected => (
            "this line is neither a key with a value nor the continuation of one",
            "write `key: value`; check the indentation",
        ),
        Kind::ExpectedBlockMappingKey => (
            "a key was expected here",
            "keys of one map stand exactly below each other; put text with braces or quotes in \
             it into quotes as a whole",
        ),
        Kind::ExpectedBlockSequenceEntry => (
            "a list item was expected here",
            "items of one list begin with `- ` exactly below each other",
        ),
        Kind::ExpectedFlowMappingSeparator => {
            ("`,` or `}` was expected here", "put text with braces or commas into quotes")
        }
        Kind::ExpectedFlowSequenceSeparator => {
            ("`,` or `]` was expected here", "put text with brackets or commas into quotes")
        }
        Kind::UnclosedFlowCollection { open } => {
            let hint = "close it, or put the whole text into quotes";
            return (format!("`{open}` is opened here and never closed"), Some(hint.to_owned()));
        }
        Kind::MismatchedFlowCollectionEnd { open, close } => {
            let hint = "put text with brackets or braces into quotes";
            return (format!("`{open}` is closed by `{close}`"), Some(hint.to_owned()));
        }
        Kind::UnknownQuotedScalarEscape => {
            ("there is no such escape in double quotes", "double the backslash: `\\\\`")
        }
        Kind::UnexpectedCharacter { character } => {
            let message = format!("`{}` can't stand here", character.escape_default());
            return (message, Some("put the text into quotes".to_owned()));
        }
        other => {
            let hint = "put the text into quotes, and check the indentation";
            return (format!("this is not YAML: {other}"), Some(hint.to_owned()));
        }
    };
    (message.to_owned(), Some(hint.to_owned()))
}

/// The character at the place; at the end of a line or of the text, the last one before it.
pub(super) fn place(text: &str, at: usize) -> Span {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    match text[at..].chars().next() {
        Some(next) if next != '\n' && next != '\r' => at..at + next.len_utf8(),
        _ => match text[..at].chars().next_back() {
            Some(last) if last != '\n' => at - last.len_utf8()..at,
            _ => at..at,
        },
    }
}

/// The usual cause: `body: {{${first_name}}}` without quotes, on this line or the one before.
pub(super) fn is_near_liquid(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rmatch_indices('\n').nth(1).map_or(0, |(newline, _)| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    // A line may be the whole file; what is far away is not the cause.
    let near = text.get(start.max(at.saturating_sub(400))..end.min(at + 400)).unwrap_or_default();
    [": {{", ": {%", "- {{", "- {%"].iter().any(|liquid| near.contains(liquid))
}
