//! Text for a page: escaped, so that nothing that users or files contain becomes markup.

/// Text as it may stand between tags and in quoted attributes.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            // Marks that turn text around could make a reader see another word.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A count with narrow spaces between thousands.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// How a column of a table is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Text,
    Number,
}

/// A table whose cells are markup already. The first cell of a row names it.
pub fn table(caption: &str, columns: &[(&str, Column)], rows: &[Vec<String>]) -> String {
    let class = |column: Column| if column == Column::Number { " class=\"number\"" } else { "" };
    let mut text =
        String::from("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    text.push_str(&escaped(caption));
    text.push_str("\">\n<table>\n<caption>");
    text.push_str(&escaped(caption));
    text.push_str("</caption>\n<thead><tr>");
    for (name, column) in columns {
        text.push_str(&format!("<th scope=\"col\"{}>{}</th>", class(*column), escaped(name)));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        text.push_str("<tr>");
        for (number, (cell, (_, column))) in row.iter().zip(columns).enumerate() {
            match number {
                0 => text.push_str(&format!("<th scope=\"row\">{cell}</th>")),
                _ => text.push_str(&format!("<td{}>{cell}</td>", class(*column))),
            }
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n</div>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(
            escaped("<script>'\"&\u{7}\u{202e}"),
            "&lt;script&gt;&#39;&quot;&amp;\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn counts_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1 000"), (1234567, "1 234 567")]
        {
            assert_eq!(count(number).replace('\u{202f}', " "), expected);
        }
    }
}
