//! From source text to tree, in one pass, collecting every fault on the way.
//!
//! Names are resolved here: a loop variable becomes a slot, a name that the template sets becomes
//! a slot with the host's data behind it, and everything else stays a question to the host.
//!
//! Invariants: nesting is bounded before recursion, content blocks are bounded in number and size,
//! and compiling never panics, whatever the text.

mod expression;
mod filter_call;
mod json_text;
mod reader;

use crate::fault::{Fault, FaultCode, Span};
use crate::node::{Body, Name, Node, Program};
use crate::scan::{Piece, Scanner, Tag, is_space};
use crate::uses::{Output, Use, Uses};
use crate::view::{Blocks, Root};
use json_text::JsonText;
pub(crate) use reader::Words;
use std::collections::BTreeMap;

/// Deeper nesting of tags is a fault; Shopify draws the same line.
pub(crate) const DEEPEST_TAGS: usize = 100;
/// Source text of a template with all its content blocks.
const LARGEST_SOURCE: usize = 1 << 20;
/// After so many faults nobody reads on.
const MOST_FAULTS: usize = 100;

/// Everything found out about a template while compiling it.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
    pub(crate) uses: Uses,
    pub(crate) outputs: Vec<Output>,
    /// Bytes of tags and outputs.
    pub(crate) liquid_bytes: usize,
    names: Vec<Name>,
    by_name: BTreeMap<String, u32>,
    slots: u32,
    locals: u32,
    cycles: u32,
    source_bytes: usize,
    json: JsonText,
}

/// A tag that waits for its end.
pub(crate) struct Open {
    pub(crate) name: &'static str,
    pub(crate) span: Span,
    ends: &'static [&'static str],
}

pub(crate) struct Compiler<'c> {
    pub(crate) source: &'c str,
    pub(crate) blocks: &'c dyn Blocks,
    pub(crate) scanner: Scanner<'c>,
    pub(crate) findings: &'c mut Findings,
    open: Vec<Open>,
    depth: usize,
    /// Loop variables in sight, innermost last.
    scopes: Vec<(String, u32)>,
    next_local: u32,
    pushed_back: Option<Tag>,
    /// Set inside a content block: its name, and where the outermost one is used.
    inside: Option<(String, Span)>,
    block_level: u32,
}

/// Compiles a whole template.
pub(crate) fn template(source: &str, blocks: &dyn Blocks) -> (Program, Findings) {
    let mut findings = Findings::default();
    if source.len() > LARGEST_SOURCE {
        findings.faults.push(too_large(0..source.len().min(1)));
        return (Program::default(), findings);
    }
    findings.source_bytes = source.len();
    let mut compiler = Compiler::new(source, blocks, &mut findings);
    let body = compiler.all();
    let program = program(body, &mut findings);
    (program, findings)
}

/// Compiles a condition.
pub(crate) fn condition(
    source: &str,
) -> (Option<crate::expression::Conditions>, Program, Findings) {
    let mut findings = Findings::default();
    let mut compiler = Compiler::new(source, &crate::view::NoBlocks, &mut findings);
    let conditions = compiler.conditions(0..source.len());
    let conditions = match conditions {
        Ok(conditions) => Some(conditions),
        Err(fault) => {
            compiler.fault(fault);
            None
        }
    };
    let program = program(Body::default(), &mut findings);
    (conditions, program, findings)
}

fn program(body: Body, findings: &mut Findings) -> Program {
    let names = std::mem::take(&mut findings.names);
    let set = |name: &str| {
        findings
            .by_name
            .get(name)
            .and_then(|id| names.get(*id as usize))
            .is_some_and(|name| name.slot.is_some() || name.counted)
    };
    findings.uses.reads.retain(|read| read.root != Root::Variable || !set(&read.name));
    Program { body, names, slots: findings.slots, locals: findings.locals }
}

fn too_large(span: Span) -> Fault {
    Fault::new(
        span,
        FaultCode::TooLarge,
        format!("a template with its content blocks may have {LARGEST_SOURCE} bytes"),
    )
}

impl<'c> Compiler<'c> {
    fn new(source: &'c str, blocks: &'c dyn Blocks, findings: &'c mut Findings) -> Self {
        Self {
            source,
            blocks,
            scanner: Scanner::document(source, 0..source.len()),
            findings,
            open: Vec::new(),
            depth: 0,
            scopes: Vec::new(),
            next_local: 0,
            pushed_back: None,
            inside: None,
            block_level: 0,
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        if self.has_enough() {
            return;
        }
        let fault = self.placed(fault);
        self.findings.faults.push(fault);
        if self.has_enough() {
            self.give_up();
        }
    }

    /// Whether so many faults are known that nothing more needs to be read.
    pub(crate) fn has_enough(&self) -> bool {
        self.findings.faults.len() >= MOST_FAULTS
    }

    pub(crate) fn warn(&mut self, span: Span, message: String, hint: Option<String>) {
        if self.findings.warnings.len() < MOST_FAULTS {
            let mut fault = Fault::new(span, FaultCode::Suspicious, message);
            fault.hint = hint;
            let fault = self.placed(fault);
            self.findings.warnings.push(fault);
        }
    }

    /// Moves a fault inside a content block to the place where the block is put in.
    fn placed(&self, mut fault: Fault) -> Fault {
        if let Some((block, span)) = &self.inside {
            let before = &self.source[..fault.span.start.min(self.source.len())];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
            let message = fault.message;
            fault.message = format!("in content block `{block}` at {line}:{column}: {message}");
            fault.span = span.clone();
        }
        fault
    }

    /// A span as it lies on the outermost text.
    pub(crate) fn outer(&self, span: Span) -> Span {
        match &self.inside {
            Some((_, used)) => used.clone(),
            None => span,
        }
    }

    pub(crate) fn slice(&self, span: &Span) -> &'c str {
        &self.source[span.clone()]
    }

    // ---- names -------------------------------------------------------------------------------

    pub(crate) fn name(&mut self, text: &str) -> u32 {
        if let Some(id) = self.findings.by_name.get(text) {
            return *id;
        }
        let id = u32::try_from(self.findings.names.len()).unwrap_or(u32::MAX);
        self.findings.names.push(Name { text: text.into(), slot: None, counted: false });
        self.findings.by_name.insert(text.to_owned(), id);
        id
    }

    /// The slot of a name that the template sets.
    pub(crate) fn slot(&mut self, text: &str) -> u32 {
        let id = self.name(text) as usize;
        if let Some(slot) = self.findings.names[id].slot {
            return slot;
        }
        let slot = self.findings.slots;
        self.findings.slots += 1;
        self.findings.names[id].slot = Some(slot);
        slot
    }

    pub(crate) fn counted(&mut self, text: &str) -> u32 {
        let id = self.name(text);
        self.findings.names[id as usize].counted = true;
        id
    }

    pub(crate) fn local(&self, text: &str) -> Option<u32> {
        let found = self.scopes.iter().rev().find(|(name, _)| name == text);
        found.map(|(_, slot)| *slot)
    }

    /// Compiles what is inside a loop, with its variable and its loop object in sight.
    pub(crate) fn in_loop<T>(
        &mut self,
        variable: &str,
        object: &str,
        inside: impl FnOnce(&mut Self) -> T,
    ) -> (u32, T) {
        let local = self.next_local;
        self.scopes.push((object.to_owned(), local + 1));
        self.scopes.push((variable.to_owned(), local));
        self.next_local += 2;
        self.findings.locals = self.findings.locals.max(self.next_local);
        let made = inside(self);
        self.next_local -= 2;
        self.scopes.truncate(self.scopes.len() - 2);
        (local, made)
    }

    pub(crate) fn reads(&mut self, root: Root, name: &str, path: Vec<String>, span: Span) {
        let span = self.outer(span);
        let name = name.to_owned();
        self.findings.uses.reads.push(Use { root, name, path, span });
    }

    pub(crate) fn next_cycle(&mut self) -> u32 {
        self.findings.cycles += 1;
        self.findings.cycles
    }

    // ---- bodies ------------------------------------------------------------------------------

    fn all(&mut self) -> Body {
        self.body(&[]).0
    }

    /// Nodes up to one of the tags in `ends`, which is returned; `None` if it never came.
    fn body(&mut self, ends: &'static [&'static str]) -> (Body, Option<Tag>) {
        let mut body = Body { nodes: Vec::new(), blank: true };
        while let Some(piece) = self.next_piece() {
            match piece {
                Err(fault) => {
                    body.blank = false;
                    self.fault(fault);
                }
                Ok(Piece::Text(span)) => self.text(&mut body, span),
                Ok(Piece::Output { span, markup }) => {
                    self.findings.liquid_bytes += span.len();
                    body.blank = false;
                    self.output(&mut body, span, markup);
                }
                Ok(Piece::Tag(tag)) => {
                    self.findings.liquid_bytes += tag.span.len();
                    let name = self.slice(&tag.name);
                    if ends.contains(&name) {
                        return (body, Some(tag));
                    }
                    if self.open.iter().any(|open| open.ends.contains(&name)) {
                        self.pushed_back = Some(tag);
                        return (body, None);
                    }
                    self.tag(&mut body, tag);
                }
            }
        }
        (body, None)
    }

    fn next_piece(&mut self) -> Option<Result<Piece, Fault>> {
        match self.pushed_back.take() {
            Some(tag) => Some(Ok(Piece::Tag(tag))),
            None => self.scanner.next(),
        }
    }

    pub(crate) fn text(&mut self, body: &mut Body, span: Span) {
        let text = self.slice(&span);
        if text.is_empty() {
            return;
        }
        body.blank &= text.bytes().all(is_space);
        if self.inside.is_none() {
            self.findings.json.text(text);
        }
        body.nodes.push(Node::Text(text.into()));
    }

    /// Compiles the inside of a tag up to its end. `tag` is the opening tag; the tags in `ends`
    /// are its end and its middle ones. A missing end is a fault at the opening tag.
    pub(crate) fn block(
        &mut self,
        name: &'static str,
        tag: &Tag,
        ends: &'static [&'static str],
    ) -> (Body, Option<Tag>) {
        if self.depth >= DEEPEST_TAGS {
            self.fault(Fault::new(
                tag.span.clone(),
                FaultCode::TooDeep,
                format!("tags are nested more than {DEEPEST_TAGS} deep"),
            ));
            self.give_up();
            return (Body::default(), None);
        }
        self.depth += 1;
        self.open.push(Open { name, span: tag.span.clone(), ends });
        let (body, end) = self.body(ends);
        self.depth -= 1;
        if let Some(open) = self.open.pop()
            && end.is_none()
            && !self.gave_up()
        {
            self.never_closed(open.name, open.span);
        }
        (body, end)
    }

    pub(crate) fn never_closed(&mut self, name: &str, span: Span) {
        self.fault(
            Fault::new(span, FaultCode::Unclosed, format!("`{name}` is never closed"))
                .hint(format!("close it with `{{% end{name} %}}`")),
        );
    }

    /// Reads no further: what follows would only repeat the fault.
    fn give_up(&mut self) {
        let end = self.scanner.end();
        self.scanner = Scanner::document(self.source, end..end);
        self.pushed_back = None;
        self.depth = DEEPEST_TAGS * 2;
    }

    fn gave_up(&self) -> bool {
        self.depth >= DEEPEST_TAGS
    }

    /// Compiles the lines of a `liquid` tag.
    pub(crate) fn lines(&mut self, span: Span) -> Body {
        let lines = Scanner::lines(self.source, span);
        self.sub_document(lines)
    }

    /// Compiles a part of the source on its own (an argument of `connected_content`).
    pub(crate) fn part(&mut self, span: Span) -> Body {
        let part = Scanner::document(self.source, span);
        self.sub_document(part)
    }

    fn sub_document(&mut self, scanner: Scanner<'c>) -> Body {
        if self.depth >= DEEPEST_TAGS {
            return Body::default();
        }
        self.depth += 1;
        let outer_scanner = std::mem::replace(&mut self.scanner, scanner);
        let outer_open = std::mem::take(&mut self.open);
        let outer_back = self.pushed_back.take();
        let body = self.all();
        self.open = outer_open;
        self.pushed_back = outer_back;
        self.scanner = outer_scanner;
        if self.gave_up() {
            self.give_up();
        } else {
            self.depth -= 1;
        }
        body
    }

    /// Compiles the text of a content block at the place where it is put in.
    pub(crate) fn content_block(&mut self, name: &str, text: &str, used: Span) -> Option<Body> {
        self.findings.source_bytes = self.findings.source_bytes.saturating_add(text.len());
        if self.findings.source_bytes > LARGEST_SOURCE {
            self.fault(too_large(used));
            return None;
        }
        let used = self.outer(used);
        let mut inner = Compiler {
            source: text,
            blocks: self.blocks,
            scanner: Scanner::document(text, 0..text.len()),
            findings: self.findings,
            open: Vec::new(),
            depth: self.depth,
            scopes: std::mem::take(&mut self.scopes),
            next_local: self.next_local,
            pushed_back: None,
            inside: Some((name.to_owned(), used)),
            block_level: self.block_level + 1,
        };
        let body = inner.all();
        self.scopes = inner.scopes;
        Some(body)
    }

    pub(crate) fn block_level(&self) -> u32 {
        self.block_level
    }

    /// Compiles alternatives, each of which starts in the same state of the JSON text around.
    pub(crate) fn fork(&self) -> JsonText {
        self.findings.json
    }

    pub(crate) fn restart(&mut self, json: JsonText) {
        self.findings.json = json;
    }

    /// Whether the present place is between the quotes of a JSON string.
    pub(crate) fn inside_json_string(&self) -> Option<bool> {
        match self.inside {
            None => self.findings.json.inside_string(),
            Some(_) => None,
        }
    }
}
