//! Where a template stands as a person wrote it.
//!
//! A template reports places in its own text. That text may be a few lines of a larger file,
//! behind quotes and indentation; whoever took it from there knows the way back.

use crate::fault::Span;
use std::fmt;

/// The way back from places in a template's text.
pub trait Origin: fmt::Debug + Send + Sync {
    /// Where a place is, as `file:line:column` or however people find it. With `block`, the
    /// place is in the text of that content block.
    fn written(&self, block: Option<&str>, span: &Span) -> String;
}

/// Line and column of a byte of a text, both from 1; columns count characters. A byte within a
/// character, or behind the text, is the last character boundary before it.
#[must_use]
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::line_and_column;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        for (text, at, expected) in [
            ("", 0, (1, 1)),
            ("ab", 1, (1, 2)),
            ("a\nb", 1, (1, 2)),
            ("a\nb", 2, (2, 1)),
            ("\u{e4}b", 2, (1, 2)),
            ("\u{e4}b", 1, (1, 1)),
            ("a\r\nb", 3, (2, 1)),
            ("a\n", 99, (2, 1)),
        ] {
            assert_eq!(line_and_column(text, at), expected, "{text:?} {at}");
        }
    }
}
