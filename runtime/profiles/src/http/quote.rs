//! A server's words, fit to be shown: short, on one line, without the API key.

use flowrun_outbound::Secret;

/// The most of a server's text that is quoted, in characters.
const LONGEST: usize = 300;
/// The most that is looked at.
const LONGEST_READ: usize = 4 << 10;

/// Quotes servers that were given a key.
pub(super) struct Quote(Option<Secret>);

impl Quote {
    pub fn without(key: Option<Secret>) -> Quote {
        Quote(key)
    }

    pub fn text(&self, text: &str) -> String {
        let start: String = text.chars().take(LONGEST_READ).collect();
        // The key goes before the text is cut, so that no half of it stays; line breaks
        // and the like go first, so that none hides in the middle of it.
        let plain: String = start.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = match &self.0 {
            Some(key) => key.redact(&words),
            None => words,
        };
        match words.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None => words,
        }
    }

    pub fn bytes(&self, bytes: &[u8]) -> String {
        self.text(&String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_READ)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_short_and_holds_no_key() {
        let quote = Quote::without(Some(Secret::new("k3y-0123456789")));
        let long = "é ".repeat(3_000);
        for (text, expected) in [
            ("Invalid API key: k3y-0123456789", "Invalid API key: …"),
            ("Invalid API key: k3y-01\u{7}23456789", "Invalid API key: …"),
            ("two\r\n  lines\u{1b}[31m", "two lines[31m"),
            ("", ""),
        ] {
            assert_eq!(quote.text(text), expected);
        }
        let said = quote.text(&long);
        assert_eq!((said.chars().count(), said.ends_with('…')), (LONGEST + 1, true));
        let across = format!("{}k3y-0123456789", "x".repeat(LONGEST - 3));
        assert!(!quote.text(&across).contains("k3y"));
        assert_eq!(quote.bytes(b"a\xffb"), "a\u{fffd}b");
    }
}
