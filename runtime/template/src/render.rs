//! Walks the compiled tree and appends text.
//!
//! The renderer owns nothing of the host's data. Steps, bytes and nesting are counted as it goes,
//! so that every template ends, and ends at the same place everywhere.

use crate::arena::{Arena, Refusal, exhausted};
use crate::budget::Options;
use crate::expression::Place;
use crate::looping::Loop;
use crate::node::{Body, Node, Program};
use crate::print;
use crate::stop::{RenderError, Stop};
use crate::value::Value;
use crate::view::View;
use bumpalo::Bump;

/// Why a render goes no further; boxed, because it is rare and large.
pub(crate) type Halt = Box<Stop>;

/// How a node ended: `break` and `continue` travel up to the loop they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    Break,
    Continue,
}

pub(crate) struct Renderer<'r> {
    pub(crate) arena: Arena<'r>,
    pub(crate) view: &'r dyn View,
    pub(crate) program: &'r Program,
    pub(crate) strict: bool,
    pub(crate) variables: &'r mut [Option<Value<'r>>],
    pub(crate) locals: &'r mut [Value<'r>],
    pub(crate) counters: Vec<(u32, i64)>,
    pub(crate) cycles: Vec<(bool, Value<'r>, usize)>,
    /// Where the loops of this name stopped, for `offset: continue`.
    pub(crate) offsets: Vec<(&'r str, i64)>,
    pub(crate) for_loops: Option<&'r Loop<'r>>,
    pub(crate) last_changed: &'r str,
    pub(crate) requests_left: u16,
    depth_left: u16,
    longest: usize,
}

impl<'r> Renderer<'r> {
    /// A renderer that may make `out` longer by the budget's output bytes.
    pub(crate) fn new(
        bump: &'r Bump,
        program: &'r Program,
        view: &'r dyn View,
        options: &Options,
        out: &str,
    ) -> Self {
        let arena = Arena::new(bump, &options.budget, view);
        Self {
            variables: arena.slots(program.slots as usize, None),
            locals: arena.slots(program.locals as usize, Value::Nil),
            arena,
            view,
            program,
            strict: options.strict,
            counters: Vec::new(),
            cycles: Vec::new(),
            offsets: Vec::new(),
            for_loops: None,
            last_changed: "",
            requests_left: options.budget.requests,
            depth_left: options.budget.depth,
            longest: out.len().saturating_add(options.budget.output_bytes),
        }
    }

    pub(crate) fn body(&mut self, body: &'r Body, out: &mut String) -> Result<Flow, Halt> {
        let Some(deeper) = self.depth_left.checked_sub(1) else {
            return Err(self.error(Place::default(), "the template is nested too deeply"));
        };
        self.depth_left = deeper;
        for node in &body.nodes {
            let flow = match node {
                Node::Text(text) => {
                    out.push_str(text);
                    Flow::Next
                }
                other => self.node(other, out)?,
            };
            if out.len() > self.longest {
                return Err(self.too_long(node));
            }
            if flow != Flow::Next {
                self.depth_left += 1;
                return Ok(flow);
            }
        }
        self.depth_left += 1;
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &'r Node, out: &mut String) -> Result<Flow, Halt> {
        if !self.arena.tick(1) {
            return Err(self.error(place(node), exhausted().0));
        }
        match node {
            Node::Text(_) => Ok(Flow::Next),
            Node::Output(output) => self.print(output, out),
            Node::Assign(node) => self.assign_node(node),
            Node::Capture(node) => self.capture_node(node, out),
            Node::Count(node) => self.count_node(node, out),
            Node::If(node) => self.if_node(node, out),
            Node::Case(node) => self.case_node(node, out),
            Node::For(node) => self.for_node(node, out),
            Node::TableRow(node) => self.table_node(node, out),
            Node::Cycle(node) => self.cycle_node(node, out),
            Node::IfChanged(body) => self.if_changed_node(body, out),
            Node::Break => Ok(Flow::Break),
            Node::Continue => Ok(Flow::Continue),
            Node::Abort(reason) => Err(Self::abort(reason)),
            Node::ConnectedContent(node) => self.connected_content_node(node, out),
            Node::Block(node) => self.block_node(node, out),
        }
    }

    pub(crate) fn set(&mut self, slot: u32, value: Value<'r>) {
        if let Some(variable) = self.variables.get_mut(slot as usize) {
            *variable = Some(value);
        }
    }

    /// Appends a value; lists and objects are measured before they are printed.
    #[inline]
    pub(crate) fn show(
        &mut self,
        value: Value<'r>,
        place: Place,
        out: &mut String,
    ) -> Result<(), Halt> {
        if matches!(value, Value::Json(_) | Value::List(_) | Value::Map(_)) {
            let size = self.at(place, self.arena.size_written(value))?;
            let counted = self.arena.read(size);
            self.at(place, counted)?;
            // The bound is generous (escapes); what is really printed is checked by the caller.
            if size / 8 > self.longest {
                return Err(self.error(place, "the template prints too much"));
            }
        }
        print::show(value, out);
        Ok(())
    }

    /// Counts work done.
    #[inline]
    pub(crate) fn work(&self, steps: usize, place: Place) -> Result<(), Halt> {
        if self.arena.tick(steps) { Ok(()) } else { Err(self.error(place, exhausted().0)) }
    }

    /// Gives a refusal its place.
    #[inline]
    pub(crate) fn at<T>(&self, place: Place, outcome: Result<T, Refusal>) -> Result<T, Halt> {
        outcome.map_err(|refusal| self.error(place, refusal.0))
    }

    #[cold]
    pub(crate) fn error(&self, place: Place, message: impl Into<String>) -> Halt {
        Box::new(Stop::Error(RenderError {
            span: place.into(),
            message: message.into(),
            block: None,
            written: None,
        }))
    }

    #[cold]
    fn too_long(&self, node: &Node) -> Halt {
        self.error(place(node), "the template prints too much")
    }
}

fn place(node: &Node) -> Place {
    match node {
        Node::Output(node) => node.place,
        Node::Assign(node) => node.value.place,
        Node::Capture(node) => node.place,
        Node::Count(node) => node.place,
        Node::If(node) => node
            .branches
            .first()
            .and_then(|branch| branch.conditions.as_ref())
            .map(|conditions| conditions.first.place)
            .unwrap_or_default(),
        Node::Case(node) => node.place,
        Node::For(node) => node.place,
        Node::TableRow(node) => node.place,
        Node::Cycle(node) => node.place,
        Node::ConnectedContent(node) => node.place,
        Node::Block(node) => node.place,
        Node::Text(_) | Node::IfChanged(_) | Node::Break | Node::Continue | Node::Abort(_) => {
            Place::default()
        }
    }
}
