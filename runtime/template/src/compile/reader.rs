//! Reads the tokens of one tag or output from left to right.

use super::Compiler;
use crate::fault::{Fault, FaultCode, Span};
use crate::token::{self, Kind, Token};

/// What the words `empty` and `blank` mean: a question in conditions, an empty text elsewhere.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Words {
    Ask,
    Text,
}

/// The tokens of one tag or output, read from left to right.
pub(crate) struct Reader<'x, 'c> {
    pub(crate) compiler: &'x mut Compiler<'c>,
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: u32,
    pub(super) words: Words,
}

impl<'c> Compiler<'c> {
    pub(crate) fn reader(&mut self, markup: Span, words: Words) -> Result<Reader<'_, 'c>, Fault> {
        let tokens = token::tokens(self.source, markup, true)?;
        Ok(Reader { compiler: self, tokens, at: 0, depth: 0, words })
    }
}

impl<'c> Reader<'_, 'c> {
    pub(crate) fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn ahead(&self, by: usize) -> Option<&Token> {
        self.tokens.get(self.at + by)
    }

    pub(crate) fn look(&self, kind: Kind) -> bool {
        self.token().kind == kind
    }

    pub(crate) fn looks_ahead(&self, kinds: &[Kind]) -> bool {
        kinds.iter().enumerate().all(|(by, kind)| self.ahead(by).is_some_and(|t| t.kind == *kind))
    }

    pub(crate) fn text(&self, span: &Span) -> &'c str {
        self.compiler.slice(span)
    }

    pub(crate) fn advance(&mut self) -> Token {
        let token = self.token().clone();
        self.at += 1;
        token
    }

    pub(crate) fn take(&mut self, kind: Kind) -> Option<Token> {
        self.look(kind).then(|| self.advance())
    }

    /// Takes a name if it is this one.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let token = self.token();
        let found = token.kind == Kind::Name && self.text(&token.span) == word;
        if found {
            self.at += 1;
        }
        found
    }

    pub(crate) fn expect(&mut self, kind: Kind, what: &str) -> Result<Token, Fault> {
        match self.take(kind) {
            Some(token) => Ok(token),
            None => Err(self.unexpected(what)),
        }
    }

    /// Where the next token starts, for texts put together from tokens.
    pub(crate) fn mark(&self) -> usize {
        self.at
    }

    /// The tokens since a mark, without white space.
    pub(crate) fn written_since(&self, mark: usize) -> String {
        self.tokens[mark..self.at].iter().map(|token| self.text(&token.span)).collect()
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> Fault {
        let token = self.token();
        match token.kind {
            Kind::End => {
                let end = token.span.start;
                let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
                let span = before.map_or(end..end, |t| t.span.clone());
                Fault::syntax(span, format!("expected {wanted} after this"))
            }
            _ => {
                let found = self.text(&token.span);
                let message = format!("expected {wanted} but found `{found}`");
                Fault::syntax(token.span.clone(), message)
            }
        }
    }

    /// Everything must have been read.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        if self.look(Kind::End) {
            return Ok(());
        }
        let fault = self.unexpected("nothing more");
        Err(match self.token().kind {
            Kind::Compare(_) => fault.hint("comparisons belong into `if`, `elsif` and `unless`"),
            Kind::Name if matches!(self.text(&self.token().span), "and" | "or") => {
                fault.hint("`and` and `or` belong into `if`, `elsif` and `unless`")
            }
            Kind::Name | Kind::Field | Kind::Text | Kind::Number => {
                fault.hint("two values stand side by side; is a `|` or a `.` missing?")
            }
            Kind::Other => fault.hint("for arithmetic use filters: `| minus: 1`"),
            _ => fault,
        })
    }

    pub(super) fn finish_condition(&self) -> Result<(), Fault> {
        if self.look(Kind::End) {
            return Ok(());
        }
        let mut fault = self.unexpected("`and`, `or` or the end of the condition");
        fault.code = FaultCode::BadCondition;
        let found = self.text(&self.token().span);
        Err(match (self.token().kind, found) {
            (Kind::Pipe, _) => fault.hint("filters can't stand in a condition: `assign` it first"),
            (Kind::Name, "in" | "startswith" | "includes" | "has") => {
                fault.hint("use `contains`: `list contains value`")
            }
            (Kind::Name, "not") => fault.hint("use `unless`, or `!=`"),
            _ => fault.meant(found, ["and", "or", "contains", "=="]),
        })
    }
}
