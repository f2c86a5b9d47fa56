//! Where the strings and lists of one render live, and the meter that keeps a render small.
//!
//! Everything made while rendering is counted before it is made, so a template that doubles a
//! string stops before memory grows, not after.

use crate::budget::Budget;
use crate::number::{Number, Undefined};
use crate::print;
use crate::value::Value;
use crate::view::View;
use bumpalo::Bump;
use std::cell::Cell;

/// What went wrong inside an evaluation, before it is known where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal(pub(crate) String);

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl From<Undefined> for Refusal {
    fn from(undefined: Undefined) -> Self {
        Self(undefined.message().to_owned())
    }
}

pub(crate) type Outcome<'r> = Result<Value<'r>, Refusal>;

/// The refusal of a render that has used up its steps.
#[cold]
pub(crate) fn exhausted() -> Refusal {
    "the template does too much: its step budget is used up".into()
}

/// Memory and step accounts of one render.
pub(crate) struct Arena<'r> {
    bump: &'r Bump,
    bytes_left: Cell<usize>,
    steps_left: Cell<u32>,
    view: &'r dyn View,
    scratch: Cell<String>,
}

impl<'r> Arena<'r> {
    pub(crate) fn new(bump: &'r Bump, budget: &Budget, view: &'r dyn View) -> Self {
        Self {
            bump,
            bytes_left: Cell::new(budget.made_bytes),
            steps_left: Cell::new(budget.steps),
            view,
            scratch: Cell::new(String::new()),
        }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.view.now()
    }

    /// Counts work done; false once the budget is used up.
    #[inline]
    pub(crate) fn tick(&self, steps: usize) -> bool {
        let left = self.steps_left.get();
        match u32::try_from(steps).ok().and_then(|n| left.checked_sub(n)) {
            Some(rest) => {
                self.steps_left.set(rest);
                true
            }
            None => {
                self.steps_left.set(0);
                false
            }
        }
    }

    /// Counts work done.
    #[inline]
    pub(crate) fn step(&self, steps: usize) -> Result<(), Refusal> {
        if self.tick(steps) { Ok(()) } else { Err(exhausted()) }
    }

    /// Counts the work of reading a text of this length.
    #[inline]
    pub(crate) fn read(&self, bytes: usize) -> Result<(), Refusal> {
        if bytes < 64 { Ok(()) } else { self.step(bytes / 64) }
    }

    /// Counts bytes that are about to be made.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Refusal> {
        match self.bytes_left.get().checked_sub(bytes) {
            Some(rest) => {
                self.bytes_left.set(rest);
                self.read(bytes)
            }
            None => Err("the template makes too much text: its memory budget is used up".into()),
        }
    }

    pub(crate) fn text(&self, text: &str) -> Result<&'r str, Refusal> {
        self.reserve(text.len())?;
        Ok(self.bump.alloc_str(text))
    }

    /// A text built by `build` in a buffer that is used again and again. `size` is an upper bound
    /// of what `build` writes; it is checked first.
    pub(crate) fn build(
        &self,
        size: usize,
        build: impl FnOnce(&mut String),
    ) -> Result<&'r str, Refusal> {
        if size > self.bytes_left.get() {
            self.reserve(size)?;
        }
        let mut buffer = self.scratch.take();
        buffer.clear();
        build(&mut buffer);
        let made = self.text(&buffer);
        self.scratch.set(buffer);
        made
    }

    pub(crate) fn list(&self, items: impl ExactSizeIterator<Item = Value<'r>>) -> Outcome<'r> {
        self.reserve(items.len().saturating_mul(size_of::<Value<'_>>()))?;
        Ok(Value::List(self.bump.alloc_slice_fill_iter(items)))
    }

    pub(crate) fn list_of(&self, items: Vec<Value<'r>>) -> Outcome<'r> {
        self.list(items.into_iter())
    }

    pub(crate) fn map(&self, entries: &[(&'r str, Value<'r>)]) -> Outcome<'r> {
        self.reserve(size_of_val(entries))?;
        Ok(Value::Map(self.bump.alloc_slice_copy(entries)))
    }

    /// A value of a type that needs no drop.
    pub(crate) fn keep<T: 'r>(&self, value: T) -> Result<&'r T, Refusal> {
        const { assert!(!std::mem::needs_drop::<T>()) };
        self.reserve(size_of::<T>())?;
        Ok(self.bump.alloc(value))
    }

    pub(crate) fn slots<T: Copy + 'r>(&self, count: usize, fill: T) -> &'r mut [T] {
        if count == 0 {
            return &mut [];
        }
        self.bump.alloc_slice_fill_copy(count, fill)
    }

    /// A value as a string filter sees it; borrowed where it is a string already.
    #[inline]
    pub(crate) fn written(&self, value: Value<'r>) -> Result<&'r str, Refusal> {
        match value {
            Value::Str(s) => Ok(s),
            Value::Nil | Value::Empty | Value::Blank => Ok(""),
            Value::Bool(true) => Ok("true"),
            Value::Bool(false) => Ok("false"),
            other => self.build(self.size_written(other)?, |out| print::write(other, out)),
        }
    }

    /// An upper bound, in bytes, of a value's text; counts the work of finding it out.
    pub(crate) fn size_written(&self, value: Value<'_>) -> Result<usize, Refusal> {
        self.size_at(value, 0)
    }

    fn size_at(&self, value: Value<'_>, depth: u32) -> Result<usize, Refusal> {
        if depth > 128 {
            return Ok(8);
        }
        if let Some(items) = value.items() {
            self.step(items.len() / 8)?;
            return items.iter().try_fold(2usize, |size, item| {
                Ok(size.saturating_add(self.size_at(item, depth + 1)? + 4))
            });
        }
        if value.is_map() {
            self.step(value.map_len() / 8)?;
            return value.entries().try_fold(2usize, |size, (key, item)| {
                Ok(size.saturating_add(self.size_at(item, depth + 1)? + 4 * key.len() + 8))
            });
        }
        match value {
            Value::Str(s) => Ok(if depth == 0 { s.len() } else { 4 * s.len() + 2 }),
            _ => Ok(64),
        }
    }

    pub(crate) fn number(&self, number: Number) -> Outcome<'r> {
        Ok(match number {
            Number::Int(i) => match i64::try_from(i) {
                Ok(small) => Value::Int(small),
                Err(_) => Value::Big(self.keep(i)?),
            },
            other => Value::Float(other.to_f64()),
        })
    }
}
