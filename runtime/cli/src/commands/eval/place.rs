//! Where in a template something is wrong, drawn for people.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use crate::console::printable;

/// The longest part of a line that is drawn on each side of the place, in characters.
const AROUND: usize = 60;

/// The line of the place with the place underlined.
pub fn draw(name: &str, text: &str, span: &Range<usize>) -> String {
    let start = floor(text, span.start);
    let end = floor(text, span.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let line = text[..start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count() + 1;
    let before: Vec<char> = text[line_start..start].chars().collect();
    let before: String = before[before.len().saturating_sub(AROUND)..].iter().collect();
    let marked: String = text[start..end.min(line_end)].chars().take(AROUND).collect();
    let after = &text[(start + marked.len()).min(line_end)..line_end];
    let after: String = after.chars().take(AROUND).collect();
    let (before, marked, after) = (printable(&before), printable(&marked), printable(&after));
    let gap = " ".repeat(line.to_string().len());
    let indent = " ".repeat(before.width());
    let marks = "^".repeat(marked.width().max(1));
    format!(
        "{gap}--> {name}:{line}:{column}\n{gap} |\n{line} | {before}{marked}{after}\n{gap} | {indent}{marks}\n"
    )
}

/// The nearest character boundary that is not behind the byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_underlined() {
        let drawn = draw("template", "one\nthé {{ x | upcaes }}", &(16..22));
        assert_eq!(
            drawn,
            " --> template:2:12\n  |\n2 | thé {{ x | upcaes }}\n  |            ^^^^^^\n"
        );
    }

    #[test]
    fn any_span_of_any_text_can_be_drawn() {
        let text = "絵\n美 {{ x }}";
        for start in 0..20 {
            for end in 0..20 {
                assert!(draw("t", text, &(start..end)).contains('^'));
            }
        }
        assert!(draw("t", "", &(0..0)).contains("t:1:1"));
    }
}
