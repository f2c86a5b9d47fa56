//! What a template reads and prints, for checkers and linters.

use crate::fault::Span;
use crate::view::Root;

/// One thing a template reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Whose data it is.
    pub root: Root,
    /// Its name.
    pub name: String,
    /// The keys right after the name, as far as they are written out (`.a.b` of `x.a.b`).
    pub path: Vec<String>,
    /// Where it is read; inside a content block: where the block is put in.
    pub span: Span,
}

/// Everything a template reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// The host's data, in the order of the text. A plain name that the template sets itself
    /// somewhere is not among them.
    pub reads: Vec<Use>,
    /// Content blocks, nested ones too.
    pub blocks: Vec<(String, Span)>,
    /// `connected_content` tags.
    pub connected_content: Vec<Span>,
    /// `abort_message` tags.
    pub aborts: Vec<Span>,
}

impl Uses {
    /// What is read under one root.
    pub fn of(&self, root: Root) -> impl Iterator<Item = &Use> {
        self.reads.iter().filter(move |read| read.root == root)
    }

    /// Whether the template asks the network.
    #[must_use]
    pub fn needs_network(&self) -> bool {
        !self.connected_content.is_empty()
    }
}

/// One place where a value is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The whole `{{ … }}` or `echo` tag.
    pub span: Span,
    /// The value can't break a JSON document: its last filter is `json_escape`,
    /// `as_json_string`, or one whose result is always a number.
    pub escaped_for_json: bool,
    /// The last filter prints the quotes itself (`as_json_string`).
    pub prints_quotes: bool,
    /// `Some(true)` between the quotes of a JSON string, `Some(false)` elsewhere in a JSON
    /// document, `None` if the text does not look like JSON.
    pub inside_json_string: Option<bool>,
    /// The printed thing is a literal, so nobody else's text can get in.
    pub is_literal: bool,
}
