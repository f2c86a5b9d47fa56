//! Parameters of a GET, and the times that answers show.

use axum::extract::Query;
use axum::http::Uri;

use crate::track::{Reply, date};

/// Parameters of a query, in order.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn of(uri: &Uri) -> Parameters {
        let read = Query::<Vec<(String, String)>>::try_from_uri(uri);
        Parameters(read.map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// The last value of that name that isn't empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().rev().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).find(|value| !value.is_empty())
    }

    /// `true` or `false`, false when absent; another word is refused with the message.
    pub(super) fn flag(&self, name: &str, message: &str) -> Result<bool, Reply> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Reply::new(400, message)),
        }
    }

    /// A time; an unreadable one is refused with the message.
    pub(super) fn time(&self, name: &str, message: &str) -> Result<Option<i64>, Reply> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let time = date::attribute(text).ok_or_else(|| Reply::new(400, message))?;
        Ok(Some(time.ms()))
    }

    /// A whole number; anything else is refused with the message.
    pub(super) fn number(&self, name: &str, message: &str) -> Result<Option<usize>, Reply> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Reply::new(400, message))
    }
}
