//! Where in a JSON text a key or an element stands. Walked only to say where a fault is, so that the parse stays fast.

/// One step from the top of a JSON text to a place in it.
pub(super) enum Part {
    Key(String),
    Index(usize),
}

impl Part {
    pub fn key(key: &str) -> Part {
        Part::Key(key.to_owned())
    }
}

/// Bytes to the key (or element) that `place` leads to; as far as the text follows it. The text is valid JSON.
pub(super) fn offset(text: &str, place: &[Part]) -> Option<usize> {
    let mut scan = Scan { text: text.as_bytes(), at: 0 };
    scan.blank();
    let mut found = scan.at;
    for part in place {
        let inner = match part {
            Part::Key(key) => scan.enter_key(key),
            Part::Index(index) => scan.enter_index(*index),
        };
        match inner {
            Some(at) => found = at,
            None => break,
        }
    }
    (found < text.len()).then_some(found)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    /// Stands before the value of `key` afterwards; returns where the key begins.
    fn enter_key(&mut self, key: &str) -> Option<usize> {
        self.expect(b'{')?;
        loop {
            self.blank();
            let start = self.at;
            if self.peek()? != b'"' {
                return None;
            }
            self.string()?;
            let written: String = serde_json::from_slice(&self.text[start..self.at]).ok()?;
            self.blank();
            self.expect(b':')?;
            self.blank();
            if written == key {
                return Some(start);
            }
            self.value()?;
            self.blank();
            self.expect(b',')?;
        }
    }

    fn enter_index(&mut self, index: usize) -> Option<usize> {
        // A single object may stand in place of an array.
        if self.peek()? == b'{' && index == 0 {
            return Some(self.at);
        }
        self.expect(b'[')?;
        self.blank();
        for _ in 0..index {
            self.value()?;
            self.blank();
            self.expect(b',')?;
            self.blank();
        }
        Some(self.at)
    }

    /// Skips a value without recursion: brackets are counted.
    fn value(&mut self) -> Option<()> {
        let mut open = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.checked_sub(1)?;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            let ends = self.peek().is_none_or(|b| matches!(b, b',' | b'}' | b']'));
            if open == 0 && ends {
                return Some(());
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_text() {
        let text = r#"{"a": [1, {"x\"": "}]", "b": {"c": [ ] }}, [[2], 3 ] ], "d" : {"e":5}}"#;
        let key = Part::key;
        for (place, wanted) in [
            (vec![], "{\"a\""),
            (vec![key("a")], "\"a\""),
            (vec![key("a"), Part::Index(1), key("b"), key("c")], "\"c\""),
            (vec![key("a"), Part::Index(2), Part::Index(1)], "3 ]"),
            (vec![key("d"), Part::Index(0), key("e")], "\"e\":5"),
            (vec![key("a"), Part::Index(1), key("no")], "{\"x"),
        ] {
            let at = offset(text, &place).unwrap();
            assert!(text[at..].starts_with(wanted), "{wanted}: {}", &text[at..]);
        }
        for broken in ["", "{", "{\"a", "{\"a\":", "[1", "\"\\"] {
            offset(broken, &[key("a"), Part::Index(3)]);
        }
    }
}
