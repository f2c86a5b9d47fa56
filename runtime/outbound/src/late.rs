//! A secret that is looked up when a request first needs it.
//!
//! A run that is answered by fixtures alone needs no credential, and must not fail for want of
//! one. What was found, or why it wasn't, is kept: a variable is read once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use crate::secret::Secret;

type Find = dyn Fn() -> Result<Secret, String> + Send + Sync;

/// Where a secret comes from, and then the secret. Prints as `…`.
#[derive(Clone, Deserialize)]
#[serde(from = "Secret")]
pub struct LateSecret {
    find: Arc<Find>,
    found: Arc<OnceLock<Result<Secret, String>>>,
}

impl LateSecret {
    /// `find` is called at most once. Its message is a sentence that names no secret.
    pub fn new(find: impl Fn() -> Result<Secret, String> + Send + Sync + 'static) -> LateSecret {
        LateSecret { find: Arc::new(find), found: Arc::default() }
    }

    /// The secret, or why there is none.
    pub fn get(&self) -> Result<&Secret, &str> {
        self.found.get_or_init(|| (self.find)()).as_ref().map_err(String::as_str)
    }
}

impl From<Secret> for LateSecret {
    fn from(secret: Secret) -> LateSecret {
        LateSecret::new(move || Ok(secret.clone()))
    }
}

impl fmt::Debug for LateSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_secret_is_looked_up_once_and_not_before_it_is_used() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        let late = LateSecret::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            Err("the variable `X` is not set".to_owned())
        });
        let copy = late.clone();
        assert_eq!(asked.load(Ordering::Relaxed), 0);
        assert_eq!(late.get(), Err("the variable `X` is not set"));
        assert_eq!(copy.get(), Err("the variable `X` is not set"));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let known = LateSecret::from(Secret::new("hunter2"));
        assert_eq!(
            (known.get(), format!("{known:?}").as_str()),
            (Ok(&Secret::new("hunter2")), "…")
        );
    }
}
