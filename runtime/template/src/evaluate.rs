//! Evaluates expressions, filter chains and conditions.

use crate::arena::{Arena, Outcome, Refusal};
use crate::compare;
use crate::expression::{
    Base, Call, Comparison, Conditions, Expression, Filtered, Join, Literal, Path, Place, Step,
};
use crate::filters::Run;
use crate::moment;
use crate::number::leading_int;
use crate::render::{Halt, Renderer};
use crate::token::Operator;
use crate::value::{Items, Value, range_len};
use crate::view::Root;
use std::cmp::Ordering;

/// No filter takes more arguments than this.
pub(crate) const MOST_ARGUMENTS: usize = 4;

impl<'r> Renderer<'r> {
    #[inline]
    pub(crate) fn evaluate(
        &mut self,
        expression: &'r Expression,
        place: Place,
    ) -> Result<Value<'r>, Halt> {
        match expression {
            Expression::Path(path) => self.path(path),
            Expression::Literal(literal) => Ok(constant(literal)),
            Expression::Range(ends) => {
                let first = self.evaluate(&ends.0, place)?;
                let last = self.evaluate(&ends.1, place)?;
                let (first, last) = (end_of_range(first), end_of_range(last));
                Ok(Value::Range(self.at(place, first)?, self.at(place, last)?))
            }
            Expression::IsoTimestamp => {
                let now = self.arena.now_ms();
                let text = self.arena.build(32, |out| moment::iso(now, out));
                self.at(place, text).map(Value::Str)
            }
        }
    }

    #[inline]
    fn path(&mut self, path: &'r Path) -> Result<Value<'r>, Halt> {
        let mut value = match &path.base {
            Base::Data(root, name) => self.view.get(*root, name).plain(),
            Base::Local(slot) => self.locals.get(*slot as usize).copied().unwrap_or(Value::Nil),
            Base::Name(id) => self.variable(*id),
            Base::Dynamic(key) => self.dynamic(key, path.place)?,
        };
        if path.steps.len() > 8 {
            self.work(path.steps.len() / 8, path.place)?;
        }
        for step in &path.steps {
            if let Value::Map(made) = value
                && made.len() > 16
            {
                self.work(made.len() / 16, path.place)?;
            }
            value = match step {
                Step::Key(key) if **key == *"first" && value.is_map() => {
                    let first = self.first_of_map(value);
                    self.at(path.place, first)?
                }
                Step::Key(key) => by_key(value, key),
                Step::Index(index) => {
                    let index = self.evaluate(index, path.place)?;
                    by_index(value, index)
                }
            };
        }
        Ok(value)
    }

    /// An entry with this name, or else the first entry: its key and its value.
    fn first_of_map(&self, map: Value<'r>) -> Outcome<'r> {
        match map.entry("first") {
            Some(found) => Ok(found),
            None => first_entry(&self.arena, map),
        }
    }

    /// A plain name: what the template set, else its counter, else the host's.
    fn variable(&self, id: u32) -> Value<'r> {
        let Some(name) = self.program.names.get(id as usize) else {
            return Value::Nil;
        };
        if let Some(slot) = name.slot
            && let Some(Some(value)) = self.variables.get(slot as usize)
        {
            return *value;
        }
        if name.counted
            && let Some((_, count)) = self.counters.iter().find(|(counter, _)| *counter == id)
        {
            return Value::Int(*count);
        }
        self.view.get(Root::Variable, &name.text).plain()
    }

    /// `[expression]`: the name is only known now.
    fn dynamic(&mut self, key: &'r Expression, place: Place) -> Result<Value<'r>, Halt> {
        let Value::Str(key) = self.evaluate(key, place)? else {
            return Ok(Value::Nil);
        };
        self.work(self.program.names.len() / 16, place)?;
        let known = self.program.names.iter().position(|name| *name.text == *key);
        match known.and_then(|id| u32::try_from(id).ok()) {
            Some(id) => Ok(self.variable(id)),
            None => {
                let view = self.view;
                Ok(view.get(Root::Variable, key).plain())
            }
        }
    }

    // ---- filters -----------------------------------------------------------------------------

    pub(crate) fn filtered(&mut self, filtered: &'r Filtered) -> Result<Value<'r>, Halt> {
        let value = self.base(filtered)?;
        self.apply(&filtered.filters, value)
    }

    #[inline]
    fn base(&mut self, filtered: &'r Filtered) -> Result<Value<'r>, Halt> {
        let value = self.evaluate(&filtered.base, filtered.place)?;
        if self.strict && value.is_nil() {
            self.missing(filtered)?;
        }
        Ok(value)
    }

    /// In a strict render only `default` may follow a missing value.
    fn missing(&self, filtered: &Filtered) -> Result<(), Halt> {
        let excused = filtered.filters.first().is_some_and(|call| call.filter.name == "default");
        match &filtered.base {
            Expression::Path(path) if !excused => {
                let name = match &path.base {
                    Base::Data(root, name) => root.written(name),
                    Base::Name(id) => self.program.names[*id as usize].text.to_string(),
                    Base::Local(_) | Base::Dynamic(_) => "this".to_owned(),
                };
                let message = if path.steps.is_empty() {
                    format!("{name} has no value")
                } else {
                    format!("{name} has no such element")
                };
                Err(self.error(path.place, message))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn apply(
        &mut self,
        calls: &'r [Call],
        mut value: Value<'r>,
    ) -> Result<Value<'r>, Halt> {
        for call in calls {
            value = self.call(call, value)?;
        }
        Ok(value)
    }

    #[inline]
    fn call(&mut self, call: &'r Call, value: Value<'r>) -> Result<Value<'r>, Halt> {
        let mut arguments = [Value::Nil; MOST_ARGUMENTS];
        for (slot, argument) in arguments.iter_mut().zip(&call.arguments) {
            *slot = self.evaluate(argument, call.place)?;
        }
        let count = call.arguments.len().min(MOST_ARGUMENTS);
        self.work(1, call.place)?;
        let outcome = match call.filter.run {
            Run::Value(run) => run(&self.arena, value, &arguments[..count]),
            Run::TextOrNil(_) if value.is_nil() => Ok(Value::Nil),
            Run::Text(run) | Run::TextOrNil(run) => self
                .text_input(value)
                .and_then(|text| self.arena.build(0, |out| run(text, out)))
                .map(Value::Str),
        };
        self.at(call.place, outcome)
    }

    /// The input of a text filter, and the work of reading it.
    #[inline]
    fn text_input(&self, value: Value<'r>) -> Result<&'r str, Refusal> {
        let text = self.arena.written(value)?;
        self.arena.read(text.len())?;
        Ok(text)
    }

    /// Prints a value; a last filter that only rewrites text writes straight into `out`.
    pub(crate) fn write_filtered(
        &mut self,
        filtered: &'r Filtered,
        out: &mut String,
    ) -> Result<(), Halt> {
        let mut value = self.base(filtered)?;
        let Some((last, before)) = filtered.filters.split_last() else {
            return self.show(value, filtered.place, out);
        };
        value = self.apply(before, value)?;
        match last.filter.run {
            Run::Text(run) | Run::TextOrNil(run) if !value.is_nil() => {
                self.work(1, last.place)?;
                let text = self.text_input(value);
                run(self.at(last.place, text)?, out);
                Ok(())
            }
            _ => {
                value = self.call(last, value)?;
                self.show(value, filtered.place, out)
            }
        }
    }

    // ---- conditions --------------------------------------------------------------------------

    pub(crate) fn holds(&mut self, conditions: &'r Conditions) -> Result<bool, Halt> {
        let mut result = self.compare(&conditions.first)?;
        for (join, comparison) in &conditions.rest {
            if result == (*join == Join::Or) {
                return Ok(result);
            }
            result = self.compare(comparison)?;
        }
        Ok(result)
    }

    #[inline]
    fn compare(&mut self, comparison: &'r Comparison) -> Result<bool, Halt> {
        let place = comparison.place;
        self.work(1, place)?;
        let left = self.evaluate(&comparison.left, place)?;
        let Some((operator, right)) = &comparison.right else {
            return Ok(left.is_truthy());
        };
        let right = self.evaluate(right, place)?;
        let outcome = match operator {
            Operator::Equal => compare::equal(&self.arena, left, right),
            Operator::Unequal => compare::equal(&self.arena, left, right).map(|equal| !equal),
            Operator::Contains => compare::contains(&self.arena, left, right),
            Operator::Less => compare::relation(left, right).map(|o| o == Some(Ordering::Less)),
            Operator::Greater => {
                compare::relation(left, right).map(|o| o == Some(Ordering::Greater))
            }
            Operator::LessOrEqual => {
                compare::relation(left, right).map(|o| o.is_some_and(Ordering::is_le))
            }
            Operator::GreaterOrEqual => {
                compare::relation(left, right).map(|o| o.is_some_and(Ordering::is_ge))
            }
        };
        self.at(place, outcome)
    }
}

fn constant(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Text(text) => Value::Str(text),
        Literal::Int(i) => Value::Int(*i),
        Literal::Nil => Value::Nil,
        Literal::Bool(b) => Value::Bool(*b),
        Literal::Float(f) => Value::Float(*f),
        Literal::Big(n) => Value::Big(n),
        Literal::Empty => Value::Empty,
        Literal::Blank => Value::Blank,
    }
}

fn end_of_range(value: Value<'_>) -> Result<i64, Refusal> {
    match value {
        Value::Int(i) => Ok(i),
        Value::Nil => Ok(0),
        Value::Str(text) => {
            let number = leading_int(text);
            Ok(i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX }))
        }
        _ => Err("invalid integer".into()),
    }
}

fn length(count: usize) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// `value.key`: an entry, or one of `size`, `first`, `last`.
fn by_key<'r>(value: Value<'r>, key: &str) -> Value<'r> {
    match value {
        Value::Nil => return Value::Nil,
        Value::Loop(l) => return l.property(key).unwrap_or(Value::Nil),
        _ => {}
    }
    if let Some(found) = value.entry(key) {
        return found;
    }
    match key {
        "size" => size(value).unwrap_or(Value::Nil),
        "first" => first(value),
        "last" => last(value),
        _ => Value::Nil,
    }
}

/// The size of what has one; whole numbers are eight bytes large, as in Ruby.
pub(crate) fn size(value: Value<'_>) -> Option<Value<'static>> {
    Some(match value {
        Value::Str(text) => length(text.chars().count()),
        Value::Range(a, b) => length(range_len(a, b)),
        Value::Int(_) | Value::Big(_) => Value::Int(8),
        Value::Empty | Value::Blank => Value::Int(0),
        _ if value.is_map() => length(value.map_len()),
        _ => length(value.items()?.len()),
    })
}

pub(crate) fn first(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Str(text) => match text.chars().next() {
            Some(c) => Value::Str(&text[..c.len_utf8()]),
            None => Value::Nil,
        },
        Value::Range(a, b) => Items::Range(a, b).get(0),
        _ => value.items().map_or(Value::Nil, |items| items.get(0)),
    }
}

/// What Ruby's `first` gives of a hash: a list of the key and the value.
pub(crate) fn first_entry<'r>(arena: &Arena<'r>, map: Value<'r>) -> Outcome<'r> {
    match map.entries().next() {
        Some((key, value)) => arena.list([Value::Str(key), value].into_iter()),
        None => Ok(Value::Nil),
    }
}

pub(crate) fn last(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Str(text) => match text.chars().next_back() {
            Some(c) => Value::Str(&text[text.len() - c.len_utf8()..]),
            None => Value::Nil,
        },
        Value::Range(a, b) if a <= b => Value::Int(b),
        _ => match value.items() {
            Some(items) if items.len() > 0 => items.get(items.len() - 1),
            _ => Value::Nil,
        },
    }
}

/// `value[index]`
pub(crate) fn by_index<'r>(value: Value<'r>, index: Value<'r>) -> Value<'r> {
    match index {
        Value::Int(at) => match value.items() {
            Some(items) => {
                let at = if at < 0 {
                    i64::try_from(items.len()).ok().and_then(|n| n.checked_add(at))
                } else {
                    Some(at)
                };
                at.and_then(|at| usize::try_from(at).ok()).map_or(Value::Nil, |at| items.get(at))
            }
            None => Value::Nil,
        },
        Value::Str(key) => match value {
            Value::Loop(l) => l.property(key).unwrap_or(Value::Nil),
            _ => value.entry(key).unwrap_or(Value::Nil),
        },
        _ => Value::Nil,
    }
}
