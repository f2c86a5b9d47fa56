//! `assign`, `capture`, `increment`, `decrement` and `cycle`.

use crate::compare;
use crate::compile::{Compiler, Words};
use crate::expression::{Expression, Literal};
use crate::fault::Fault;
use crate::node::{Assign, Body, Capture, Count, Cycle, Group, Node};
use crate::number::Number;
use crate::print;
use crate::render::{Flow, Halt, Renderer};
use crate::scan::{Tag, trim};
use crate::token::Kind;
use crate::value::Value;
use crate::view::Root;

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'(' | b')')
}

impl Compiler<'_> {
    pub(crate) fn assign(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let markup = self.slice(&tag.markup);
        let Some(equals) = markup.find('=') else {
            let fault = Fault::syntax(tag.span.clone(), "`assign` needs a name and a value");
            return Err(fault.hint("write {% assign name = value %}"));
        };
        let start = tag.markup.start;
        let target = trim(self.source, start..start + equals);
        let name = self.slice(&target);
        if name.is_empty() || !name.bytes().all(in_name) {
            let fault = Fault::syntax(target, format!("`{name}` can't be the name of a variable"));
            return Err(fault.hint("a name has letters, digits, `_` and `-`"));
        }
        let value = trim(self.source, start + equals + 1..tag.markup.end);
        if value.is_empty() {
            return Err(Fault::syntax(tag.span.clone(), "`assign` needs a value"));
        }
        let value = self.filtered(value)?;
        let slot = self.slot(name);
        body.nodes.push(Node::Assign(Box::new(Assign { slot, value })));
        Ok(())
    }

    pub(crate) fn capture(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let markup = self.slice(&tag.markup);
        let from = markup.bytes().position(in_name);
        let Some(from) = from else {
            let fault = Fault::syntax(tag.span.clone(), "`capture` needs a name");
            return Err(fault.hint("write {% capture name %}…{% endcapture %}"));
        };
        let length = markup[from..].bytes().take_while(|b| in_name(*b)).count();
        let slot = self.slot(&markup[from..from + length]);
        let json = self.fork();
        let (mut inside, _) = self.block("capture", tag, &["endcapture"]);
        self.restart(json);
        inside.blank = true;
        body.nodes.push(Node::Capture(Box::new(Capture {
            slot,
            body: inside,
            place: tag.span.clone().into(),
        })));
        Ok(())
    }

    pub(crate) fn count(&mut self, body: &mut Body, tag: &Tag, down: bool) -> Result<(), Fault> {
        let name = self.slice(&tag.markup);
        if name.is_empty() {
            let message = format!("`{}` needs a name", self.slice(&tag.name));
            return Err(Fault::syntax(tag.span.clone(), message));
        }
        let name = self.counted(name);
        body.blank = false;
        body.nodes.push(Node::Count(Box::new(Count {
            name,
            down,
            place: tag.span.clone().into(),
        })));
        Ok(())
    }

    pub(crate) fn cycle(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let mut reader = self.reader(tag.markup.clone(), Words::Text)?;
        if reader.look(Kind::End) {
            let fault = Fault::syntax(tag.span.clone(), "`cycle` needs values");
            return Err(fault.hint("write {% cycle 'odd', 'even' %}"));
        }
        let first = reader.expression()?;
        let (named, mut values) = match reader.take(Kind::Colon) {
            Some(_) => (Some(first), vec![reader.expression()?]),
            None => (None, vec![first]),
        };
        while reader.take(Kind::Comma).is_some() && !reader.look(Kind::End) {
            values.push(reader.expression()?);
        }
        reader.finish()?;
        let group = match named {
            Some(name) => Group::Named(name),
            None => Group::Fixed(self.group_of(&values)),
        };
        body.blank = false;
        body.nodes.push(Node::Cycle(Box::new(Cycle {
            group,
            values,
            place: tag.span.clone().into(),
        })));
        Ok(())
    }

    /// Without a name, tags with the same literals share their turn; a tag with a variable in it
    /// takes turns on its own.
    fn group_of(&mut self, values: &[Expression]) -> Box<str> {
        let fixed = values.iter().all(|value| matches!(value, Expression::Literal(_)));
        if !fixed {
            return format!("#{}", self.next_cycle()).into();
        }
        let mut key = String::new();
        for value in values {
            match value {
                Expression::Literal(Literal::Text(text)) => key.push_str(&format!("{text:?},")),
                other => key.push_str(&format!("{other:?},")),
            }
        }
        key.into()
    }
}

impl<'r> Renderer<'r> {
    pub(crate) fn assign_node(&mut self, node: &'r Assign) -> Result<Flow, Halt> {
        let value = self.filtered(&node.value)?;
        self.set(node.slot, value);
        Ok(Flow::Next)
    }

    pub(crate) fn capture_node(
        &mut self,
        node: &'r Capture,
        out: &mut String,
    ) -> Result<Flow, Halt> {
        let start = out.len();
        let flow = self.body(&node.body, out)?;
        let text = self.arena.text(&out[start..]);
        out.truncate(start);
        let text = self.at(node.place, text)?;
        self.set(node.slot, Value::Str(text));
        Ok(flow)
    }

    /// Counters live beside the host's data: `assign` hides them, and they hide the host's.
    pub(crate) fn count_node(&mut self, node: &'r Count, out: &mut String) -> Result<Flow, Halt> {
        self.work(self.counters.len() / 8, node.place)?;
        let known = self.counters.iter().position(|(name, _)| *name == node.name);
        let at = match known {
            Some(at) => at,
            None => {
                let name = &self.program.names[node.name as usize];
                let start = self.view.get(Root::Variable, &name.text).plain();
                self.counters.push((node.name, Number::of(start).to_i64()));
                self.counters.len() - 1
            }
        };
        let counter = &mut self.counters[at].1;
        if node.down {
            *counter = counter.saturating_sub(1);
            print::push_int(*counter, out);
        } else {
            print::push_int(*counter, out);
            *counter = counter.saturating_add(1);
        }
        Ok(Flow::Next)
    }

    pub(crate) fn cycle_node(&mut self, node: &'r Cycle, out: &mut String) -> Result<Flow, Halt> {
        let group = match &node.group {
            Group::Named(name) => (true, self.evaluate(name, node.place)?),
            Group::Fixed(key) => (false, Value::Str(key)),
        };
        self.work(self.cycles.len() / 4, node.place)?;
        let mut at = None;
        for (index, (named, key, _)) in self.cycles.iter().enumerate() {
            let same = compare::same(&self.arena, *key, group.1, 0);
            if *named == group.0 && self.at(node.place, same)? {
                at = Some(index);
                break;
            }
        }
        let at = at.unwrap_or_else(|| {
            self.cycles.push((group.0, group.1, 0));
            self.cycles.len() - 1
        });
        let turn = self.cycles[at].2;
        let next = turn + 1;
        self.cycles[at].2 = if next >= node.values.len() { 0 } else { next };
        if let Some(value) = node.values.get(turn) {
            let value = self.evaluate(value, node.place)?;
            self.show(value, node.place, out)?;
        }
        Ok(Flow::Next)
    }
}
