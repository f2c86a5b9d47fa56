//! Parser events to the tree, within limits, refusing what a Canvas has no use for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_yaml::granit_parser::{
    self as yaml, ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle,
};

use super::tree::{Entry, Map, Node, Scalar, Style, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Span};
use crate::load::MAX_DIAGNOSTICS;

/// The longest file that is read.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// How deep lists and maps may stand in each other.
const MAX_DEPTH: usize = 64;
/// How many values a file may have: twenty for each of ten thousand steps.
const MAX_NODES: usize = 200_000;

/// The tree of a text, if it has one, and all that is wrong with its shape.
///
/// There is no tree where what is wrong leaves no certainty about the rest.
pub(crate) fn parse<'s>(text: &'s str, faults: &mut Vec<Diagnostic>) -> Option<Node<'s>> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; a Canvas has at most 1 MiB", text.len());
        faults.push(Diagnostic::error(codes::TOO_LARGE, 0..0, message));
        return None;
    }
    if let Some(at) = text.find('\0') {
        let message = "the file holds a NUL character, so it is no text";
        faults.push(Diagnostic::error(codes::NOT_YAML, at..at + 1, message));
        return None;
    }
    Builder { text, faults, open: Vec::new(), nodes: 0, root: None, documents: 0 }.run()
}

struct Builder<'s, 'f> {
    text: &'s str,
    faults: &'f mut Vec<Diagnostic>,
    open: Vec<Open<'s>>,
    nodes: usize,
    root: Option<Node<'s>>,
    documents: usize,
}

/// A list or map that is being read.
struct Open<'s> {
    start: usize,
    style: StructureStyle,
    content: Content<'s>,
}

enum Content<'s> {
    List(Vec<Node<'s>>),
    Map { map: Map<'s>, key: Option<Node<'s>>, places: BTreeMap<Cow<'s, str>, Span> },
}

/// Nothing sensible can follow.
struct Stop;

impl<'s> Builder<'s, '_> {
    fn run(mut self) -> Option<Node<'s>> {
        let options = yaml::options! {
            emit_comments: false,
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            // One more than ours, so that ours speaks.
            flow_nesting_limit: MAX_DEPTH + 1,
            block_nesting_limit: MAX_DEPTH + 1,
        };
        for event in Parser::new_from_str_with_options(self.text, options) {
            let result = match event {
                Ok((event, span)) => self.event(event, &span),
                Err(error) => self.error(&error),
            };
            if result.is_err() {
                return None;
            }
        }
        if self.root.is_none() {
            let message = "the file is empty";
            let hint = "a Canvas begins with `canvas: NAME` and has a list of `steps:`";
            self.faults.push(Diagnostic::error(codes::EMPTY, 0..0, message).hint(hint));
        }
        self.root
    }

    fn event(&mut self, event: Event<'s>, place: &yaml::Span) -> Result<(), Stop> {
        let span = place.byte_range().unwrap_or(0..0);
        if self.faults.len() > 2 * MAX_DIAGNOSTICS {
            // Nobody reads on, and each of them takes memory.
            return Err(Stop);
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a Canvas file holds one document";
                    self.fault(
                        Diagnostic::error(codes::DOCUMENTS, self.dashes(span), message)
                            .hint("put each Canvas into a file of its own"),
                    );
                    // What stands in the first document can still be checked.
                    return if self.root.is_some() { Ok(()) } else { Err(Stop) };
                }
            }
            _ if self.documents > 1 => {}
            Event::Scalar(text, style, _, _) => {
                self.tag(place);
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                // Nothing after a key is called `~` by the parser.
                let text = if span.is_empty() && style == Style::Plain { "".into() } else { text };
                self.node(Node { span, value: Value::Scalar(Scalar { text, style }) })?;
            }
            Event::SequenceStart(style, _, _) => {
                self.tag(place);
                self.open(Open { start: span.start, style, content: Content::List(Vec::new()) })?;
            }
            Event::MappingStart(style, _, _) => {
                self.tag(place);
                let (map, key, places) = Default::default();
                let content = Content::Map { map, key, places };
                self.open(Open { start: span.start, style, content })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&span)?,
            Event::Anchor(..) => self.anchor(span, "an anchor"),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.anchor(span.clone(), "an alias");
                self.node(Node { span, value: Value::Broken })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, open: Open<'s>) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            let at = open.start..(open.start + 1).min(self.text.len());
            let message = format!("lists and maps stand more than {MAX_DEPTH} deep in each other");
            self.fault(Diagnostic::error(codes::TOO_DEEP, at, message));
            return Err(Stop);
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, span: &Span) -> Result<(), Stop> {
        let Some(Open { start, style, content }) = self.open.pop() else { return Ok(()) };
        let last = match &content {
            Content::List(items) => items.last().map(|item| item.span.end),
            Content::Map { map, .. } => map.entries.last().map(|entry| entry.value.span.end),
        };
        let end = match style {
            StructureStyle::Flow => span.end,
            // A block has no closing sign: it ends with its last value.
            StructureStyle::Block => last.unwrap_or(start),
        };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map { map, .. } => Value::Map(map),
        };
        self.node(Node { span: start..end.max(start), value })
    }

    /// Puts a finished node where it belongs.
    fn node(&mut self, node: Node<'s>) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the file has more than {MAX_NODES} values");
            self.fault(Diagnostic::error(codes::TOO_MANY, node.span, message));
            return Err(Stop);
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { key: key @ None, .. }) => *key = Some(node),
            Some(Content::Map { map, key, places }) => {
                let key = key.take().expect("a value follows a key");
                if let Some(fault) = enter(map, places, key, node) {
                    self.fault(fault);
                }
            }
        }
        Ok(())
    }

    fn fault(&mut self, fault: Diagnostic) {
        self.faults.push(fault);
    }

    fn anchor(&mut self, span: Span, what: &str) {
        let message = format!("{what} has no place in a Canvas");
        self.fault(
            Diagnostic::error(codes::ANCHOR, span, message)
                .hint("write the value out where it is used"),
        );
    }

    fn tag(&mut self, place: &yaml::Span) {
        let Some(start) = place.tag_start() else { return };
        let whole = place.tag_span().and_then(|span| span.byte_range());
        let span = whole.unwrap_or_else(|| {
            let at = start.byte_offset().unwrap_or(0);
            at..at + 1
        });
        let message = "a tag has no place in a Canvas";
        self.fault(
            Diagnostic::error(codes::TAG, span, message)
                .hint("leave it out; put text into quotes where its kind matters"),
        );
    }

    /// The `---` of a document, wherever the parser says that it begins.
    fn dashes(&self, span: Span) -> Span {
        match self.text.get(span.start..) {
            Some(rest) if rest.starts_with("---") => span.start..span.start + 3,
            _ => span,
        }
    }

    fn error(&mut self, error: &ScanError) -> Result<(), Stop> {
        let at = error.marker().byte_offset().unwrap_or(0);
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            let message = format!("lists and maps stand more than {MAX_DEPTH} deep in each other");
            self.fault(Diagnostic::error(codes::TOO_DEEP, at..at + 1, message));
            return Err(Stop);
        }
        let (message, mut hint) = super::syntax::in_words(error.kind());
        let span = super::syntax::place(self.text, at);
        if super::syntax::is_near_liquid(self.text, span.start) {
            hint = Some("put text with `{{ … }}` or `{% … %}` into quotes as a whole".to_owned());
        }
        self.fault(Diagnostic::error(codes::NOT_YAML, span, message).hint_if(hint));
        Err(Stop)
    }
}

/// Enters a key with its value, or says why not.
fn enter<'s>(
    map: &mut Map<'s>,
    places: &mut BTreeMap<Cow<'s, str>, Span>,
    key: Node<'s>,
    value: Node<'s>,
) -> Option<Diagnostic> {
    let key_span = key.span;
    let key = match key.value {
        Value::Scalar(Scalar { text, style }) if style != Style::Plain || !text.is_empty() => text,
        broken => {
            map.partial = true;
            let fault = Diagnostic::error(codes::BAD_KEY, key_span, "a key is a word");
            return (!matches!(broken, Value::Broken)).then(|| {
                fault.hint("text with braces at its beginning must be quoted: \"{{ … }}\"")
            });
        }
    };
    if key == "<<" {
        map.partial = true;
        let message = "a merge key has no place in a Canvas";
        return Some(
            Diagnostic::error(codes::MERGE, key_span, message)
                .hint("write the keys out where they are used"),
        );
    }
    if let Some(first) = places.get(&key) {
        return Some(
            Diagnostic::error(codes::DUPLICATE_KEY, key_span, format!("`{key}` stands here twice"))
                .label("this one is not read")
                .related(first.clone(), "the first one"),
        );
    }
    places.insert(key.clone(), key_span.clone());
    map.entries.push(Entry { key, key_span, value });
    None
}
