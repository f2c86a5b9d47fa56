//! What a person sees when a template is wrong: the place, a code, a sentence and, where one is
//! close enough, the name that was probably meant.
//!
//! Invariant: every span of a fault lies on the source text that was handed to `compile`, also
//! when the mistake sits inside a content block (then it is the place of use).

use std::fmt;
use std::ops::Range;

/// A place in the source text, as bytes.
pub type Span = Range<usize>;

/// What kind of mistake a [`Fault`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultCode {
    /// The text inside a tag or output can't be read.
    Syntax,
    /// A tag that is opened but never closed, or closed but never opened.
    Unclosed,
    /// No such tag.
    UnknownTag,
    /// A tag that Braze has and flowrun has not.
    UnsupportedTag,
    /// No such filter.
    UnknownFilter,
    /// A filter with too few or too many arguments, or an option that can't be used.
    Argument,
    /// No content block of this name.
    UnknownBlock,
    /// Content blocks nest once; this one sits deeper.
    BlockTooDeep,
    /// An expression that is no condition.
    BadCondition,
    /// Tags or brackets nested too deeply.
    TooDeep,
    /// The source, with its content blocks, is too large.
    TooLarge,
    /// Readable, but most likely not what was meant (only among the warnings).
    Suspicious,
}

impl FaultCode {
    /// The code as written in diagnostics, for instance `unknown-filter`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Unclosed => "unclosed",
            Self::UnknownTag => "unknown-tag",
            Self::UnsupportedTag => "unsupported-tag",
            Self::UnknownFilter => "unknown-filter",
            Self::Argument => "argument",
            Self::UnknownBlock => "unknown-block",
            Self::BlockTooDeep => "block-too-deep",
            Self::BadCondition => "bad-condition",
            Self::TooDeep => "too-deep",
            Self::TooLarge => "too-large",
            Self::Suspicious => "suspicious",
        }
    }
}

/// One mistake in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is.
    pub span: Span,
    /// What kind it is.
    pub code: FaultCode,
    /// One sentence, without a final full stop.
    pub message: String,
    /// What to do about it, for instance ``did you mean `upcase`?``.
    pub hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(span: Span, code: FaultCode, message: impl Into<String>) -> Self {
        Self { span, code, message: message.into(), hint: None }
    }

    pub(crate) fn syntax(span: Span, message: impl Into<String>) -> Self {
        Self::new(span, FaultCode::Syntax, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn meant<'a>(
        mut self,
        written: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        if let Some(name) = nearest(written, known) {
            self.hint = Some(format!("did you mean `{name}`?"));
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}..{}", self.message, self.span.start, self.span.end)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// The known name closest to what was written, if it is close at all.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if written.len() > 64 {
        return None;
    }
    let allowed = (written.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|name| name.len() <= 100)
        .map(|name| (distance(written, name), name))
        .filter(|(far, _)| *far <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Edits between two short names; a swap of neighbours counts as one.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let known = ["upcase", "downcase", "date"];
        assert_eq!(nearest("upcaes", known), Some("upcase"));
        assert_eq!(nearest("Date", known), Some("date"));
        assert_eq!(nearest("frobnicate", known), None);
    }
}
