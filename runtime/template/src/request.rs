//! Connected Content as values: what a template asks for, and what came back.
//!
//! A template never fetches. It stops with the [`Request`]s it lacks; the host fetches them and
//! renders again with the [`Answer`]s, keyed by the request.

use serde_json::Value as Json;

/// The method of a request; Braze knows these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `:method get`, and the default.
    Get,
    /// `:method post`
    Post,
}

/// How long an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caching {
    /// Nothing said: 300 seconds for GET, none for POST.
    Usual,
    /// `:cache_max_age`, in seconds, between 300 and 14,400.
    Seconds(u32),
    /// `:no_cache`
    Never,
}

/// One request a template asks for. Equal requests have equal answers within a render.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    /// GET or POST.
    pub method: Method,
    /// The address with every value filled in.
    pub url: String,
    /// Headers in the order written.
    pub headers: Vec<(String, String)>,
    /// The body of a POST.
    pub body: Option<String>,
    /// `:content_type`; the usual one of the method if `None`.
    pub content_type: Option<String>,
    /// Name of a stored credential (`:basic_auth`).
    pub basic_auth: Option<String>,
    /// Name of a stored credential (`:auth_credentials`).
    pub auth_credentials: Option<String>,
    /// How long the answer may be kept.
    pub caching: Caching,
    /// `:retry` was given; a Canvas step has its own retries instead.
    pub retry: bool,
}

/// What came back for a [`Request`].
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    status: u16,
    body: String,
    json: Option<Json>,
}

impl Answer {
    /// An answer with its HTTP status and text; the text is parsed as JSON once, here.
    #[must_use]
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        let json = serde_json::from_str(&body).ok();
        Self { status, body, json }
    }

    /// No answer came: too late, refused, or unreachable. The tag then inserts nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::new(598, "")
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The text as it came.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The text as JSON, if it is an object or a list.
    #[must_use]
    pub fn json(&self) -> Option<&Json> {
        self.json.as_ref().filter(|json| json.is_object() || json.is_array())
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
