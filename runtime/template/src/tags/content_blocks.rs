//! `{{content_blocks.${name}}}`: the text of a block, put in where it is named.
//!
//! As in Braze a block may name another one, and that is as deep as it goes. What Braze leaves out
//! silently is a fault here, found before anything is sent.

use crate::compile::Compiler;
use crate::expression::Call;
use crate::fault::{Fault, FaultCode, Span, nearest};
use crate::node::{Block, Node};
use crate::render::{Flow, Halt, Renderer};
use crate::stop::Stop;

/// A message names a block (1), and that block names another one (2).
const DEEPEST: u32 = 2;

impl Compiler<'_> {
    pub(crate) fn content_block_node(
        &mut self,
        markup: &Span,
        field: &Span,
        filters: Box<[Call]>,
    ) -> Result<Node, Fault> {
        let name = self.slice(&(field.start + 2..field.end - 1)).trim();
        let span = self.outer(markup.clone());
        self.findings.uses.blocks.push((name.to_owned(), span));
        let blocks = self.blocks;
        let Some(text) = blocks.block(name) else {
            let fault = Fault::new(
                field.clone(),
                FaultCode::UnknownBlock,
                format!("there is no content block `{name}`"),
            );
            let names = blocks.names();
            return Err(match nearest(name, names.iter().map(String::as_str)) {
                Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
                None => fault,
            });
        };
        if self.block_level() >= DEEPEST {
            let fault = Fault::new(
                field.clone(),
                FaultCode::BlockTooDeep,
                format!("content block `{name}` is nested too deep"),
            );
            return Err(fault.hint("a block may use another one, which may use none"));
        }
        let body = self.content_block(name, text, markup.clone()).unwrap_or_default();
        Ok(Node::Block(Box::new(Block {
            name: name.into(),
            body,
            filters,
            place: markup.clone().into(),
        })))
    }
}

impl<'r> Renderer<'r> {
    pub(crate) fn block_node(&mut self, node: &'r Block, out: &mut String) -> Result<Flow, Halt> {
        let start = out.len();
        let flow = self.body(&node.body, out).map_err(|mut halt| {
            if let Stop::Error(error) = &mut *halt {
                error.block.get_or_insert_with(|| node.name.to_string());
            }
            halt
        })?;
        if !node.filters.is_empty() {
            let text = self.arena.text(&out[start..]);
            out.truncate(start);
            let text = self.at(node.place, text)?;
            let value = self.apply(&node.filters, crate::Value::Str(text))?;
            self.show(value, node.place, out)?;
        }
        Ok(flow)
    }
}
