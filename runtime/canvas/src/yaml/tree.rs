//! The tree: nodes with their places.

use std::borrow::Cow;

use super::plain::Plain;
use crate::diagnostic::Span;

pub(crate) struct Node<'s> {
    pub(crate) span: Span,
    pub(crate) value: Value<'s>,
}

pub(crate) enum Value<'s> {
    Scalar(Scalar<'s>),
    List(Vec<Node<'s>>),
    Map(Map<'s>),
    /// Something that was refused already; nothing more is to be said about it.
    Broken,
}

pub(crate) struct Scalar<'s> {
    /// After unescaping and folding.
    pub(crate) text: Cow<'s, str>,
    pub(crate) style: Style,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// Entries in the order of the file; every key once.
#[derive(Default)]
pub(crate) struct Map<'s> {
    pub(crate) entries: Vec<Entry<'s>>,
    /// Something was refused and left out, so that a missing key may not be missing.
    pub(crate) partial: bool,
}

pub(crate) struct Entry<'s> {
    pub(crate) key: Cow<'s, str>,
    pub(crate) key_span: Span,
    pub(crate) value: Node<'s>,
}

impl<'s> Map<'s> {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry<'s>> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Scalar<'_> {
    /// What YAML's core schema takes an unquoted scalar for; quoted ones are text.
    pub(crate) fn plain(&self) -> Plain {
        match self.style {
            Style::Plain => Plain::of(&self.text),
            _ => Plain::Text,
        }
    }
}

impl<'s> Node<'s> {
    pub(crate) fn map(&self) -> Option<&Map<'s>> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar<'s>> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// True for nothing at all after a key, and for `null` and `~`.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.plain() == Plain::Null)
    }

    /// What it is, in the words of a message.
    pub(crate) fn noun(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => match scalar.plain() {
                Plain::Null => "nothing",
                Plain::Flag(_) => "true or false",
                Plain::Int(_) | Plain::Float(_) | Plain::Huge => "a number",
                Plain::Clock => "a clock time without quotes",
                Plain::Text => "text",
            },
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Broken => "something else",
        }
    }
}
