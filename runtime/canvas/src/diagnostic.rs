//! What a person is told about a Canvas: a place, a stable code, a sentence, a way out.
//!
//! Places are bytes of the text as it was read; lines and columns are worked out once,
//! when a load ends. Invariant of everything that leaves this crate: a span lies within
//! its file's text, on character boundaries.

use std::ops::Range;

pub use flowrun_sdk::Severity;

use crate::codes::Code;

/// Bytes of a file's text.
pub type Span = Range<usize>;

/// One thing to be said about a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    /// One sentence, without a full stop.
    pub message: String,
    /// The path of a [`Source`](crate::Source).
    pub file: String,
    pub span: Span,
    /// A few words that stand under the offending text.
    pub label: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Label>,
    pub hint: Option<String>,
    /// What to write instead.
    pub suggestion: Option<Suggestion>,
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A further place of a diagnostic, with a few words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    pub file: String,
    pub span: Span,
    pub text: String,
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A change to the file that would mend the fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suggestion {
    pub span: Span,
    pub replacement: String,
}

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: String::new(),
            span,
            label: None,
            related: Vec::new(),
            hint: None,
            suggestion: None,
            start: Position::default(),
            end: Position::default(),
        }
    }

    pub(crate) fn warning(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, span, message) }
    }

    /// For a fault in another file than the Canvas itself.
    pub(crate) fn file(mut self, file: &str) -> Diagnostic {
        file.clone_into(&mut self.file);
        self
    }

    pub(crate) fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.label = Some(text.into());
        self
    }

    pub(crate) fn related(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        let (start, end) = Default::default();
        let file = String::new();
        self.related.push(Label { file, span, text: text.into(), start, end });
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn hint_if(mut self, hint: Option<String>) -> Diagnostic {
        self.hint = hint.or(self.hint);
        self
    }

    /// Says what to write in place of `span`.
    pub(crate) fn suggest(mut self, span: Span, replacement: impl Into<String>) -> Diagnostic {
        self.suggestion = Some(Suggestion { span, replacement: replacement.into() });
        self
    }

    /// Offers the nearest known name in place of the text at the span, if one is near.
    pub(crate) fn did_you_mean<'a>(
        self,
        written: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Diagnostic {
        match crate::nearest::nearest(written, known) {
            Some(name) => {
                let span = self.span.clone();
                self.hint(format!("did you mean `{name}`?")).suggest(span, name)
            }
            None => self,
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Where the offending text begins.
    pub fn start(&self) -> Position {
        self.start
    }

    /// Where it ends: the first place behind it.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Line of the beginning, from 1.
    pub fn line(&self) -> usize {
        self.start.line
    }

    /// Column of the beginning, from 1, in characters.
    pub fn column(&self) -> usize {
        self.start.column
    }
}

impl Label {
    pub fn start(&self) -> Position {
        self.start
    }

    pub fn end(&self) -> Position {
        self.end
    }
}
