//! Why a render ended without text.

use crate::fault::Span;
use crate::request::Request;
use std::fmt;

/// Why a render ended without text.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// The template aborted on purpose, with this reason.
    Abort(String),
    /// Answers are missing: fetch them and render again.
    Needs(Vec<Request>),
    /// The render failed.
    Error(RenderError),
}

/// A failure at render time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderError {
    /// Where it happened: in the template's text, or in the text of `block`.
    pub span: Span,
    /// One sentence, without a final full stop.
    pub message: String,
    /// The content block whose text `span` points into.
    pub block: Option<String>,
    /// Where a person finds it, if the template knows where it comes from.
    pub written: Option<String>,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Abort(reason) => write!(f, "aborted: {reason}"),
            Stop::Needs(requests) => {
                write!(f, "needs answers from")?;
                requests.iter().try_for_each(|request| write!(f, " {}", request.url))
            }
            Stop::Error(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(written) = &self.written {
            return write!(f, "{} at {written}", self.message);
        }
        write!(f, "{} at {}..{}", self.message, self.span.start, self.span.end)?;
        match &self.block {
            Some(block) => write!(f, " of content block `{block}`"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Stop {}
impl std::error::Error for RenderError {}
