//! Bytes of a text to lines and columns.

use crate::diagnostic::{Position, Span};

/// Where the lines of a text begin.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Lines<'a> {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Lines { text, starts }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn position(&self, byte: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts[line - 1];
        Position { line, column: self.text[start..byte].chars().count() + 1 }
    }

    /// Forces a span into the text and onto character boundaries.
    ///
    /// Spans come from a parser, from templates and from plugins; none of them may make
    /// the printing of its own fault fail.
    pub(crate) fn within(&self, span: &Span) -> Span {
        let mut start = span.start.min(self.text.len());
        let mut end = span.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let lines = Lines::of("ab\nä b\n");
        for (byte, line, column) in [(0, 1, 1), (2, 1, 3), (3, 2, 1), (5, 2, 2), (8, 3, 1)] {
            assert_eq!(lines.position(byte), Position { line, column }, "{byte}");
        }
    }

    #[test]
    fn a_wild_span_is_brought_home() {
        let lines = Lines::of("aä");
        assert_eq!(lines.within(&(2..2)), 1..3);
        assert_eq!(lines.within(&Span { start: 7, end: 3 }), 3..3);
        assert_eq!(lines.within(&(0..99)), 0..3);
    }
}
