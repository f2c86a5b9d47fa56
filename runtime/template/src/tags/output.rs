//! `{{ … }}`, `echo` and `abort_message`.

use crate::compile::{Compiler, Words};
use crate::expression::{Expression, Filtered};
use crate::fault::{Fault, Span};
use crate::filters::Safety;
use crate::node::{Body, Node};
use crate::render::{Flow, Halt, Renderer};
use crate::scan::Tag;
use crate::stop::Stop;
use crate::token::Kind;
use crate::uses::Output;

impl Compiler<'_> {
    pub(crate) fn output(&mut self, body: &mut Body, span: Span, markup: Span) {
        let made = match self.content_block_tag(&markup) {
            Some(block) => block,
            None => self.printed(span, markup),
        };
        match made {
            Ok(node) => body.nodes.push(node),
            Err(fault) => self.fault(fault),
        }
    }

    pub(crate) fn echo(&mut self, body: &mut Body, tag: &Tag) {
        body.blank = false;
        self.output(body, tag.span.clone(), tag.markup.clone());
    }

    fn printed(&mut self, span: Span, markup: Span) -> Result<Node, Fault> {
        let filtered = self.filtered(markup)?;
        let span = self.outer(span);
        let inside_json_string = self.inside_json_string();
        let safety = filtered.filters.last().map_or(Safety::None, |call| call.filter.safety);
        self.findings.outputs.push(Output {
            span,
            escaped_for_json: safety != Safety::None,
            prints_quotes: safety == Safety::Json,
            inside_json_string,
            is_literal: matches!(filtered.base, Expression::Literal(_) | Expression::IsoTimestamp),
        });
        Ok(Node::Output(Box::new(filtered)))
    }

    /// `{{content_blocks.${name}}}`, with nothing or filters behind it.
    fn content_block_tag(&mut self, markup: &Span) -> Option<Result<Node, Fault>> {
        if !self.slice(markup).starts_with("content_blocks") {
            return None;
        }
        let mut reader = self.reader(markup.clone(), Words::Text).ok()?;
        if !reader.looks_ahead(&[Kind::Name, Kind::Dot, Kind::Field])
            || !reader.take_word("content_blocks")
        {
            return None;
        }
        reader.advance();
        let field = reader.advance();
        // Braze numbers the places where a block is used: `| id: 'cb1'`.
        if reader.look(Kind::Pipe)
            && reader.text(&(field.span.end..markup.end)).trim_start()[1..]
                .trim_start()
                .starts_with("id:")
        {
            return Some(self.content_block_node(markup, &field.span, [].into()));
        }
        let filters = match reader.filters().and_then(|f| reader.finish().map(|()| f)) {
            Ok(filters) => filters,
            Err(fault) => return Some(Err(fault)),
        };
        Some(self.content_block_node(markup, &field.span, filters))
    }

    /// `abort_message`, `abort_message()`, `abort_message('reason')`
    pub(crate) fn abort(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let reason = self.abort_reason(tag)?;
        let span = self.outer(tag.span.clone());
        self.findings.uses.aborts.push(span);
        body.blank = false;
        body.nodes.push(Node::Abort(reason.into()));
        Ok(())
    }

    fn abort_reason(&mut self, tag: &Tag) -> Result<String, Fault> {
        const UNSAID: &str = "{% abort_message %} called";
        let markup = self.slice(&tag.markup);
        let inside = match markup.strip_prefix('(').map(|m| m.strip_suffix(')')) {
            Some(Some(inside)) => inside.trim(),
            Some(None) => {
                return Err(Fault::syntax(tag.markup.clone(), "`(` is not closed by `)`"));
            }
            None => markup,
        };
        if inside.is_empty() {
            return Ok(UNSAID.to_owned());
        }
        for quote in ['\'', '"'] {
            let text = inside.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
            if let Some(text) = text {
                if text.contains("{{") {
                    let message = "the reason of `abort_message` is plain text".to_owned();
                    let hint = "braces are logged as they stand".to_owned();
                    self.warn(tag.markup.clone(), message, Some(hint));
                }
                return Ok(text.to_owned());
            }
        }
        let fault =
            Fault::syntax(tag.markup.clone(), "the reason of `abort_message` is a quoted text");
        Err(fault.hint("write {% abort_message('reason') %}"))
    }
}

impl<'r> Renderer<'r> {
    #[inline]
    pub(crate) fn print(&mut self, output: &'r Filtered, out: &mut String) -> Result<Flow, Halt> {
        self.write_filtered(output, out)?;
        Ok(Flow::Next)
    }

    pub(crate) fn abort(reason: &str) -> Halt {
        Box::new(Stop::Abort(reason.to_owned()))
    }
}
