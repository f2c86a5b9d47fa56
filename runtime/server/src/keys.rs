//! Who may do what: keys with their permissions.
//!
//! A key is a token of 256 bits or more. Only its SHA-256 is kept; a token that is presented is hashed and compared with
//! every hash there is, in time that doesn't depend on what was found. Whoever presents none, an unknown one or a wrong one
//! gets the same answer. A name may have two tokens at once, so that one can be replaced while clients still use it.

mod permission;
mod stored;
mod token;

pub use permission::{Permission, Permissions};
pub use stored::Stored;
pub use token::{Digest, Token};

/// The keys of a server.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

/// One key: a name for logs, up to two tokens, and what they open.
#[derive(Clone, Debug)]
pub struct Key {
    name: String,
    digests: Vec<Digest>,
    permissions: Permissions,
}

/// Tokens of one name: the present one and its successor.
const LIVE: usize = 2;

/// Why keys can't be used. Never quotes a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("key '{0}' has {1} tokens; one is needed, and two while it is being replaced")]
    Tokens(String, usize),
    #[error("two keys have the name '{0}'")]
    Name(String),
    #[error("keys '{0}' and '{1}' have a token in common")]
    Shared(String, String),
    #[error(
        "key '{0}' may do nothing: give it permissions such as \"users.track\", or \"*\" for all"
    )]
    Nothing(String),
    #[error("'{0}' is no permission; there are: {1}")]
    Permission(String, String),
    #[error("{0} is too short or has blanks in it; a token needs at least {1} visible characters")]
    Weak(&'static str, usize),
    #[error("'{0}' is no SHA-256: 64 hexadecimal digits are needed")]
    Digest(String),
    #[error("cannot use the stored key in {path}: {cause}")]
    Stored { path: String, cause: String },
    #[error("the system gave no randomness for a key: {0}")]
    Random(String),
}

impl Key {
    pub fn new(
        name: impl Into<String>,
        digests: Vec<Digest>,
        permissions: Permissions,
    ) -> Result<Key, Error> {
        let name = name.into();
        if digests.is_empty() || digests.len() > LIVE {
            return Err(Error::Tokens(name, digests.len()));
        }
        if permissions.is_empty() {
            return Err(Error::Nothing(name));
        }
        Ok(Key { name, digests, permissions })
    }

    /// What logs may say of a request's sender.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contain(permission)
    }
}

impl Keys {
    pub fn new(keys: Vec<Key>) -> Result<Keys, Error> {
        for (at, key) in keys.iter().enumerate() {
            for other in &keys[..at] {
                if key.name == other.name {
                    return Err(Error::Name(key.name.clone()));
                }
                if key.digests.iter().any(|digest| other.digests.contains(digest)) {
                    return Err(Error::Shared(other.name.clone(), key.name.clone()));
                }
            }
        }
        Ok(Keys(keys))
    }

    /// One key that may do everything, as `FLOWRUN_SERVE_KEY` gives it.
    pub fn full(token: &Token) -> Keys {
        let key = Key {
            name: "full".into(),
            digests: vec![token.digest()],
            permissions: Permissions::all(),
        };
        Keys(vec![key])
    }

    /// Both together: keys of a configuration beside one from the environment.
    pub fn and(self, more: Keys) -> Result<Keys, Error> {
        Keys::new([self.0, more.0].concat())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    fn of(&self, presented: &[u8]) -> Option<&Key> {
        self.numbered(presented).map(|(_, key)| key)
    }

    /// Whose token this is, and the number of the key. Looks at every token, whatever it finds.
    pub(crate) fn numbered(&self, presented: &[u8]) -> Option<(usize, &Key)> {
        let digest = Digest::of(presented);
        let mut found = None;
        for (number, key) in self.0.iter().enumerate() {
            for known in &key.digests {
                if known.equals(&digest) {
                    found = Some((number, key));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, tokens: &[&str], permissions: &[&str]) -> Result<Key, Error> {
        let digests = tokens.iter().map(|token| Digest::of(token.as_bytes())).collect();
        Key::new(name, digests, Permissions::named(permissions)?)
    }

    #[test]
    fn a_key_opens_what_it_says_with_either_token() {
        let keys = Keys::new(vec![
            key("shop", &["one", "two"], &["users.track"]).unwrap(),
            key("bi", &["three"], &["*"]).unwrap(),
        ])
        .unwrap();
        for (token, name) in [("one", "shop"), ("two", "shop"), ("three", "bi")] {
            assert_eq!(keys.of(token.as_bytes()).map(Key::name), Some(name));
        }
        assert!(keys.of(b"four").is_none() && keys.of(b"").is_none());
        let shop = keys.of(b"one").unwrap();
        assert!(shop.may(Permission::UsersTrack) && !shop.may(Permission::UsersDelete));
        assert!(keys.of(b"three").unwrap().may(Permission::UsersDelete));
    }

    #[test]
    fn keys_that_make_no_sense_are_refused_with_a_reason() {
        let all = ["*"];
        let of = |keys: Vec<Key>| Keys::new(keys).unwrap_err().to_string();
        assert!(key("a", &[], &all).unwrap_err().to_string().contains("0 tokens"));
        assert!(key("a", &["1", "2", "3"], &all).unwrap_err().to_string().contains("3 tokens"));
        assert!(key("a", &["1"], &[]).unwrap_err().to_string().contains("may do nothing"));
        assert!(
            key("a", &["1"], &["users.tracks"]).unwrap_err().to_string().contains("users.track,")
        );
        let a = || key("a", &["1"], &all).unwrap();
        assert_eq!(of(vec![a(), a()]), "two keys have the name 'a'");
        let b = key("b", &["2", "1"], &all).unwrap();
        assert_eq!(of(vec![a(), b]), "keys 'a' and 'b' have a token in common");
    }

    #[test]
    fn nothing_prints_a_token_or_its_hash() {
        let token = Token::new("a-token-that-nobody-may-ever-see-in-a-log").unwrap();
        let shown = format!("{token:?} {:?}", Keys::full(&token));
        assert!(!shown.contains("nobody") && !shown.contains(&token.digest().hex()), "{shown}");
    }
}
