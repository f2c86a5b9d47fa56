//! A token, which never prints, and its hash, which is all that is kept.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Error;

/// Characters without which a text is surely no key.
const SHORTEST: usize = 8;
/// Characters that 256 bits take, in the densest alphabet in use.
const STRONG: usize = 43;
/// Longer is no token, whatever it is, and not worth hashing.
const LONGEST: usize = 4096;

/// A secret that opens the API. Wiped when dropped.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A token that was chosen elsewhere (`FLOWRUN_SERVE_KEY`). Use [`Token::random`] where there is a choice: 256 bits
    /// can't be guessed, and how many a given text has nobody can tell.
    pub fn new(text: &str) -> Result<Token, Error> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        match visible && (SHORTEST..=LONGEST).contains(&text.len()) {
            true => Ok(Token(Zeroizing::new(text.to_owned()))),
            false => Err(Error::Weak("the key", SHORTEST)),
        }
    }

    /// 256 random bits, in 43 characters that need no quoting anywhere.
    pub fn random() -> Result<Token, Error> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *bytes).map_err(|error| Error::Random(error.to_string()))?;
        Ok(Token(Zeroizing::new(letters(&bytes[..]))))
    }

    /// Too short to hold 256 bits: fit for trying things out, and worth a warning.
    pub fn is_weak(&self) -> bool {
        self.0.len() < STRONG
    }

    /// The token itself, to be printed once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(token: &[u8]) -> Digest {
        // Something that is no token hashes to something that is no token's hash.
        let token = &token[..token.len().min(LONGEST + 1)];
        Digest(Sha256::digest(token).into())
    }

    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn from_hex(hex: &str) -> Result<Digest, Error> {
        let wrong = || Error::Digest(hex.chars().take(8).collect::<String>() + "…");
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Digest(bytes))
    }

    /// In time that doesn't depend on where the two differ.
    pub(super) fn equals(&self, other: &Digest) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        let differing = pairs.fold(0u8, |bits, (one, two)| bits | std::hint::black_box(one ^ two));
        std::hint::black_box(differing) == 0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// URL-safe base 64 without padding.
fn letters(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut text) = (0u32, 0, String::with_capacity(bytes.len() * 4 / 3 + 1));
    for byte in bytes {
        (bits, count) = (bits << 8 | u32::from(*byte), count + 8);
        while count >= 6 {
            count -= 6;
            text.push(char::from(ALPHABET[(bits >> count & 63) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(ALPHABET[(bits << (6 - count) & 63) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, two) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.reveal().len(), 43);
        assert_ne!(one.reveal(), two.reveal());
        assert!(!Token::new(one.reveal()).unwrap().is_weak());
        assert!(Token::new("for-trying-it-out").unwrap().is_weak());
        assert_eq!(letters(b"hello world!?"), "aGVsbG8gd29ybGQhPw");
    }

    #[test]
    fn a_digest_is_written_and_read() {
        let digest = Digest::of(b"abc");
        assert_eq!(
            digest.hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Digest::from_hex(&digest.hex()).unwrap(), digest);
        assert!(digest.equals(&Digest::of(b"abc")) && !digest.equals(&Digest::of(b"abd")));
        for wrong in ["", "ba78", &"é".repeat(32), &"+1".repeat(32)] {
            assert!(Digest::from_hex(wrong).is_err(), "{wrong}");
        }
        for weak in ["", "short", "7-signs", "long enough but with blanks", "längerals16zeichen"] {
            assert!(Token::new(weak).is_err(), "{weak}");
        }
    }
}
