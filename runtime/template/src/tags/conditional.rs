//! `if`, `unless`, `case` and `ifchanged`.

use crate::compare;
use crate::compile::{Compiler, Words};
use crate::fault::{Fault, FaultCode};
use crate::node::{Arm, Body, Branch, Case, If, Node};
use crate::render::{Flow, Halt, Renderer};
use crate::scan::{Tag, trim};
use crate::token::Kind;

impl Compiler<'_> {
    pub(crate) fn if_tag(
        &mut self,
        body: &mut Body,
        tag: &Tag,
        negated: bool,
    ) -> Result<(), Fault> {
        let (name, ends): (_, &'static [&'static str]) = if negated {
            ("unless", &["elsif", "else", "endunless"])
        } else {
            ("if", &["elsif", "else", "endif"])
        };
        let mut next = Some(self.conditions(tag.markup.clone())?);
        let mut negate = negated;
        let mut branches = Vec::new();
        let mut blank = true;
        let state = self.fork();
        loop {
            self.restart(state);
            let (inside, end) = self.block(name, tag, ends);
            blank &= inside.blank;
            branches.push(Branch {
                conditions: next.take(),
                negated: std::mem::take(&mut negate),
                body: inside,
            });
            let Some(end) = end else { break };
            match self.slice(&end.name) {
                "elsif" => match self.conditions(end.markup.clone()) {
                    Ok(conditions) => next = Some(conditions),
                    Err(fault) => self.fault(fault),
                },
                "else" => {}
                _ => break,
            }
        }
        body.blank &= blank;
        if blank {
            branches.iter_mut().for_each(|branch| branch.body.drop_text());
        }
        body.nodes.push(Node::If(Box::new(If { branches })));
        Ok(())
    }

    pub(crate) fn case(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        const ENDS: &[&str] = &["when", "else", "endcase"];
        let mut reader = self.reader(tag.markup.clone(), Words::Ask)?;
        if reader.look(Kind::End) {
            let fault = Fault::syntax(tag.span.clone(), "`case` needs a value to compare");
            return Err(fault.hint("write {% case value %}{% when 'a' %}…{% endcase %}"));
        }
        let subject = reader.expression()?;
        if reader.look(Kind::Pipe) {
            let fault = Fault::new(
                reader.token().span.clone(),
                FaultCode::BadCondition,
                "filters can't stand in `case`",
            );
            return Err(fault.hint("`assign` the filtered value first"));
        }
        // Shopify reads the first value and ignores what follows it.
        if !reader.look(Kind::End) {
            let span = reader.token().span.start..tag.markup.end;
            let message = "what follows the value of `case` is ignored".to_owned();
            self.warn(span, message, None);
        }
        let state = self.fork();
        // What stands before the first `when` is never printed.
        let (before, mut end) = self.block("case", tag, ENDS);
        let mut blank = before.blank;
        let mut arms = Vec::new();
        while let Some(middle) = end {
            let values = match self.slice(&middle.name) {
                "when" => match self.when(&middle) {
                    Ok(values) => Some(values),
                    Err(fault) => {
                        self.fault(fault);
                        Some(Vec::new())
                    }
                },
                "else" => {
                    if !trim(self.source, middle.markup.clone()).is_empty() {
                        let fault = Fault::syntax(middle.markup, "`else` takes nothing here");
                        self.fault(fault.hint("use `when` for another value"));
                    }
                    None
                }
                _ => break,
            };
            self.restart(state);
            let (inside, next) = self.block("case", tag, ENDS);
            blank &= inside.blank;
            arms.push(Arm { values, body: inside });
            end = next;
        }
        body.blank &= blank;
        if blank {
            arms.iter_mut().for_each(|arm| arm.body.drop_text());
        }
        body.nodes.push(Node::Case(Box::new(Case {
            subject,
            place: tag.markup.clone().into(),
            arms,
        })));
        Ok(())
    }

    fn when(&mut self, tag: &Tag) -> Result<Vec<crate::expression::Expression>, Fault> {
        let mut reader = self.reader(tag.markup.clone(), Words::Ask)?;
        if reader.look(Kind::End) {
            return Err(Fault::syntax(tag.span.clone(), "`when` needs a value"));
        }
        let mut values = vec![reader.expression()?];
        loop {
            if reader.look(Kind::End) {
                return Ok(values);
            }
            if reader.take(Kind::Comma).is_none() && !reader.take_word("or") {
                let span = reader.token().span.start..tag.markup.end;
                let message = "what follows here is ignored: only `or` and `,` join values";
                self.warn(span, message.to_owned(), None);
                return Ok(values);
            }
            if reader.look(Kind::End) {
                return Ok(values);
            }
            values.push(reader.expression()?);
        }
    }

    pub(crate) fn if_changed(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        let (inside, _) = self.block("ifchanged", tag, &["endifchanged"]);
        body.blank &= inside.blank;
        body.nodes.push(Node::IfChanged(Box::new(inside)));
        Ok(())
    }
}

impl<'r> Renderer<'r> {
    pub(crate) fn if_node(&mut self, node: &'r If, out: &mut String) -> Result<Flow, Halt> {
        for branch in &node.branches {
            let taken = match &branch.conditions {
                Some(conditions) => self.holds(conditions)? != branch.negated,
                None => true,
            };
            if taken {
                return self.body(&branch.body, out);
            }
        }
        Ok(Flow::Next)
    }

    pub(crate) fn case_node(&mut self, node: &'r Case, out: &mut String) -> Result<Flow, Halt> {
        let subject = self.evaluate(&node.subject, node.place)?;
        let mut matched = false;
        for arm in &node.arms {
            let Some(values) = &arm.values else {
                if !matched {
                    let flow = self.body(&arm.body, out)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                continue;
            };
            for value in values {
                self.work(1, node.place)?;
                let value = self.evaluate(value, node.place)?;
                let equal = compare::equal(&self.arena, subject, value);
                if self.at(node.place, equal)? {
                    matched = true;
                    let flow = self.body(&arm.body, out)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
            }
        }
        Ok(Flow::Next)
    }

    pub(crate) fn if_changed_node(
        &mut self,
        body: &'r Body,
        out: &mut String,
    ) -> Result<Flow, Halt> {
        let start = out.len();
        let flow = self.body(body, out)?;
        if self.last_changed == &out[start..] {
            out.truncate(start);
        } else {
            let kept = self.arena.text(&out[start..]);
            self.last_changed = self.at(Default::default(), kept)?;
        }
        Ok(flow)
    }
}
