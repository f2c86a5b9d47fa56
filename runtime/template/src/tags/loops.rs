//! `for` and `tablerow`, with `break` and `continue`.

use crate::arena::Refusal;
use crate::compile::{Compiler, Words};
use crate::expression::{Expression, Place};
use crate::fault::{Fault, Span};
use crate::looping::{Loop, Table};
use crate::node::{Body, For, Node, Offset, TableRow};
use crate::number::{leading_int, strict_int};
use crate::print;
use crate::render::{Flow, Halt, Renderer};
use crate::scan::Tag;
use crate::token::Kind;
use crate::value::{Items, Value};
use std::cell::Cell;

/// What stands in the opening tag of a loop.
struct Head {
    variable: String,
    name: String,
    collection: Expression,
    limit: Option<Expression>,
    offset: Offset,
    columns: Option<Expression>,
    reversed: bool,
}

impl Compiler<'_> {
    pub(crate) fn for_loop(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let head = self.head(tag, false)?;
        let (local, (mut inside, mut end)) = self.in_loop(&head.variable, "forloop", |compiler| {
            compiler.block("for", tag, &["else", "endfor"])
        });
        let mut otherwise = None;
        while let Some(middle) = &end
            && self.slice(&middle.name) == "else"
        {
            let (alternative, next) = self.block("for", tag, &["else", "endfor"]);
            otherwise = Some(alternative);
            end = next;
        }
        let blank = inside.blank && otherwise.as_ref().is_none_or(|body| body.blank);
        body.blank &= blank;
        if blank {
            inside.drop_text();
            otherwise.iter_mut().for_each(Body::drop_text);
        }
        body.nodes.push(Node::For(Box::new(For {
            name: head.name.into(),
            collection: head.collection,
            limit: head.limit,
            offset: head.offset,
            reversed: head.reversed,
            local,
            body: inside,
            otherwise,
            place: tag.span.clone().into(),
        })));
        Ok(())
    }

    pub(crate) fn table_row(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let head = self.head(tag, true)?;
        let (local, (inside, _)) = self.in_loop(&head.variable, "tablerowloop", |compiler| {
            compiler.block("tablerow", tag, &["endtablerow"])
        });
        body.blank &= inside.blank;
        body.nodes.push(Node::TableRow(Box::new(TableRow {
            collection: head.collection,
            columns: head.columns,
            limit: head.limit,
            offset: match head.offset {
                Offset::At(offset) => Some(offset),
                Offset::None | Offset::Continue => None,
            },
            local,
            body: inside,
            place: tag.span.clone().into(),
        })));
        Ok(())
    }

    fn head(&mut self, tag: &Tag, table: bool) -> Result<Head, Fault> {
        let form = "write {% for item in list %}";
        let mut reader = self.reader(tag.markup.clone(), Words::Text)?;
        if reader.look(Kind::End) {
            let fault = Fault::syntax(tag.span.clone(), "the loop has no variable");
            return Err(fault.hint(form));
        }
        let variable =
            reader.expect(Kind::Name, "the loop's variable").map_err(|fault| fault.hint(form))?;
        let variable = reader.text(&variable.span).to_owned();
        if !reader.take_word("in") {
            return Err(reader.unexpected("`in`").hint(form));
        }
        let mark = reader.mark();
        let collection = reader.expression()?;
        let mut head = Head {
            name: format!("{variable}-{}", reader.written_since(mark)),
            variable,
            collection,
            limit: None,
            offset: Offset::None,
            columns: None,
            reversed: false,
        };
        while !reader.look(Kind::End) {
            reader.take(Kind::Comma);
            if !table && reader.take_word("reversed") {
                head.reversed = true;
                continue;
            }
            let known: &[&str] = match table {
                true => &["cols", "limit", "offset"],
                false => &["limit", "offset"],
            };
            let word = reader.token().span.clone();
            let Some(option) = known.iter().find(|word| reader.take_word(word)) else {
                return Err(option_fault(&reader.unexpected("an option of the loop"), known, word));
            };
            reader.expect(Kind::Colon, "`:`")?;
            let continues = *option == "offset" && !table && reader.take_word("continue");
            if continues {
                head.offset = Offset::Continue;
                continue;
            }
            let value = reader.expression()?;
            match *option {
                "limit" => head.limit = Some(value),
                "cols" => head.columns = Some(value),
                _ => head.offset = Offset::At(value),
            }
        }
        Ok(head)
    }
}

fn option_fault(fault: &Fault, known: &[&str], span: Span) -> Fault {
    let mut fault = fault.clone();
    fault.span = span;
    let list: Vec<String> = known.iter().map(|word| format!("`{word}:`")).collect();
    if fault.message.contains("`|`") {
        return fault.hint("filters can't stand in a loop: `assign` the filtered list first");
    }
    fault.hint(format!("a loop takes {}", list.join(", ")))
}

/// The window of a list that `offset` and `limit` leave, as a start and a length.
fn window(length: usize, from: i64, limit: Option<i64>) -> (usize, usize) {
    let clamp = |n: i64| usize::try_from(n.max(0)).unwrap_or(usize::MAX).min(length);
    let start = clamp(from);
    let end = limit.map_or(length, |limit| clamp(from.saturating_add(limit)));
    (start, end.saturating_sub(start))
}

impl<'r> Renderer<'r> {
    pub(crate) fn for_node(&mut self, node: &'r For, out: &mut String) -> Result<Flow, Halt> {
        self.work(self.offsets.len() / 8, node.place)?;
        let remembered = self.offsets.iter().position(|(name, _)| *name == &*node.name);
        let from = match &node.offset {
            Offset::None => 0,
            Offset::Continue => remembered.map_or(0, |at| self.offsets[at].1),
            Offset::At(offset) => self.whole(offset, node.place)?.unwrap_or(0),
        };
        let collection = self.evaluate(&node.collection, node.place)?;
        let limit = match &node.limit {
            Some(limit) => self.whole(limit, node.place)?,
            None => None,
        };
        let items = self.turns(collection, node.place)?;
        let (start, length) = match (collection, items) {
            // A text is one turn, whatever the window.
            (Value::Str(_), Items::One(_)) => (0, 1),
            _ => window(items.len(), from, limit),
        };
        let reached = from.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
        match remembered {
            Some(at) => self.offsets[at].1 = reached,
            None => self.offsets.push((&node.name, reached)),
        }
        if length == 0 {
            return match &node.otherwise {
                Some(body) => self.body(body, out),
                None => Ok(Flow::Next),
            };
        }
        self.for_turns(node, items, start, length, out)
    }

    fn for_turns(
        &mut self,
        node: &'r For,
        items: Items<'r>,
        start: usize,
        length: usize,
        out: &mut String,
    ) -> Result<Flow, Halt> {
        let state = self.arena.keep(Loop {
            name: &node.name,
            length,
            index: Cell::new(0),
            parent: self.for_loops,
            table: None,
        });
        let state = self.at(node.place, state)?;
        let slot = node.local as usize;
        self.locals[slot + 1] = Value::Loop(state);
        self.for_loops = Some(state);
        for turn in 0..length {
            let at = if node.reversed { length - 1 - turn } else { turn };
            state.index.set(turn);
            self.locals[slot] = items.get(start + at);
            self.work(1, node.place)?;
            if self.body(&node.body, out)? == Flow::Break {
                break;
            }
        }
        self.for_loops = state.parent;
        Ok(Flow::Next)
    }

    pub(crate) fn table_node(
        &mut self,
        node: &'r TableRow,
        out: &mut String,
    ) -> Result<Flow, Halt> {
        let collection = self.evaluate(&node.collection, node.place)?;
        if !collection.is_truthy() {
            return Ok(Flow::Next);
        }
        let mut option = |expression: &'r Option<Expression>| match expression {
            Some(expression) => self.loose_whole(expression, node.place).map(Some),
            None => Ok(None),
        };
        let from = option(&node.offset)?.unwrap_or(0);
        let limit = option(&node.limit)?;
        let columns = option(&node.columns)?;
        let items = self.turns(collection, node.place)?;
        let (start, length) = match (collection, items) {
            (Value::Str(_), Items::One(_)) => (0, 1),
            _ => window(items.len(), from, limit),
        };
        let columns = columns.unwrap_or_else(|| i64::try_from(length).unwrap_or(i64::MAX));
        out.push_str("<tr class=\"row1\">\n");
        self.cells(node, items, start, length, columns, out)?;
        out.push_str("</tr>\n");
        Ok(Flow::Next)
    }

    fn cells(
        &mut self,
        node: &'r TableRow,
        items: Items<'r>,
        start: usize,
        length: usize,
        columns: i64,
        out: &mut String,
    ) -> Result<(), Halt> {
        let state = self.arena.keep(Loop {
            name: "",
            length,
            index: Cell::new(0),
            parent: None,
            table: Some(Table { columns, row: Cell::new(1), column: Cell::new(1) }),
        });
        let state = self.at(node.place, state)?;
        let Some(table) = &state.table else {
            return Ok(());
        };
        let slot = node.local as usize;
        self.locals[slot + 1] = Value::Loop(state);
        for turn in 0..length {
            state.index.set(turn);
            self.locals[slot] = items.get(start + turn);
            self.work(1, node.place)?;
            out.push_str("<td class=\"col");
            print::push_int(table.column.get(), out);
            out.push_str("\">");
            let flow = self.body(&node.body, out)?;
            out.push_str("</td>");
            if flow == Flow::Break {
                break;
            }
            if table.at_last_column() && !state.is_last() {
                out.push_str("</tr>\n<tr class=\"row");
                print::push_int(table.row.get() + 1, out);
                out.push_str("\">");
            }
            table.advance();
        }
        Ok(())
    }

    /// What a loop goes through: lists, ranges, the pairs of an object; a text is one turn.
    fn turns(&mut self, collection: Value<'r>, place: Place) -> Result<Items<'r>, Halt> {
        Ok(match collection {
            Value::Range(a, b) => Items::Range(a, b),
            Value::Str("") => Items::Made(&[]),
            Value::Str(_) => Items::One(collection),
            _ => match collection.items() {
                Some(items) => items,
                None if collection.is_map() => {
                    let pairs = self.pairs(collection);
                    Items::Made(self.at(place, pairs)?)
                }
                None => Items::Made(&[]),
            },
        })
    }

    fn pairs(&self, map: Value<'r>) -> Result<&'r [Value<'r>], Refusal> {
        let mut pairs = Vec::with_capacity(map.map_len());
        for (key, value) in map.entries() {
            pairs.push(self.arena.list([Value::Str(key), value].into_iter())?);
        }
        match self.arena.list_of(pairs)? {
            Value::List(pairs) => Ok(pairs),
            _ => Ok(&[]),
        }
    }

    /// An option of `for`: nothing if nil, else it has to be a whole number.
    fn whole(&mut self, expression: &'r Expression, place: Place) -> Result<Option<i64>, Halt> {
        let value = self.evaluate(expression, place)?;
        if value.is_nil() {
            return Ok(None);
        }
        match strict_int(value) {
            Some(number) => Ok(Some(number)),
            None => Err(self.error(place, "invalid integer")),
        }
    }

    /// An option of `tablerow`: what starts with a number counts as one.
    fn loose_whole(&mut self, expression: &'r Expression, place: Place) -> Result<i64, Halt> {
        match self.evaluate(expression, place)? {
            Value::Nil => Ok(0),
            Value::Float(f) => Ok(f as i64),
            Value::Str(text) => {
                let number = leading_int(text);
                Ok(i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX }))
            }
            other => match strict_int(other) {
                Some(number) => Ok(number),
                None => Err(self.error(place, "invalid integer")),
            },
        }
    }
}
