//! A value that nobody reads by accident.

use std::fmt;

use serde::Deserialize;
use zeroize::Zeroizing;

/// A password or a token. It prints as `…`, and its memory is wiped when it is dropped.
///
/// Configuration names where a secret comes from; whoever reads the configuration resolves
/// it, so that what arrives here is the value. Only the door looks at it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Hides a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(value.into()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text without the secret, or any telling piece of it: servers quote in their
    /// complaints what they were sent, and some cut it short or change its case.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let (secret, text) = (self.0.as_bytes(), text.as_bytes());
        let telling = secret.len().min(TELLING);
        let mut left = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let same = longest_piece(secret, &text[at..]);
            if telling > 0 && same >= telling {
                left.extend_from_slice("…".as_bytes());
                at += same;
            } else {
                left.push(text[at]);
                at += 1;
            }
        }
        String::from_utf8_lossy(&left).into_owned()
    }
}

/// A piece of a secret of so many bytes tells something of it.
const TELLING: usize = 8;

/// How many of the first bytes of a text are a piece of the secret.
fn longest_piece(secret: &[u8], text: &[u8]) -> usize {
    let same = |from: usize| {
        let pairs = secret[from..].iter().zip(text);
        pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
    };
    (0..secret.len()).map(same).max().unwrap_or(0)
}

impl From<String> for Secret {
    fn from(value: String) -> Secret {
        Secret::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:#?}", Some(&secret)), "… … Some(\n    …,\n)");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn a_text_that_quotes_a_secret_loses_it() {
        for (secret, text, expected) in [
            ("hunter2", "no hunter2 here, hunter2", "no … here, …"),
            ("hunter2", "hunter", "hunter"),
            ("", "nothing to hide", "nothing to hide"),
            ("abcdefgh-12345678", "Invalid API key: abcdefgh-12345678", "Invalid API key: …"),
            ("abcdefgh-12345678", "Invalid API key: ABCDEFGH-1234", "Invalid API key: …"),
            ("abcdefgh-12345678", "ends in 12345678.", "ends in …."),
            ("abcdefgh-12345678", "abcd-1234", "abcd-1234"),
            ("schlüssel-1", "é schlüssel-1 é", "é … é"),
        ] {
            assert_eq!(Secret::new(secret).redact(text), expected, "{secret} in {text}");
        }
    }
}
