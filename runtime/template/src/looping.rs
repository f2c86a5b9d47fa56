//! The `forloop` and `tablerowloop` objects.

use crate::value::Value;
use std::cell::Cell;

/// The state of one running loop, as `forloop` and `tablerowloop` show it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Loop<'a> {
    pub(crate) name: &'a str,
    pub(crate) length: usize,
    pub(crate) index: Cell<usize>,
    pub(crate) parent: Option<&'a Loop<'a>>,
    /// Columns, row and column of a `tablerow`.
    pub(crate) table: Option<Table>,
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Table {
    pub(crate) columns: i64,
    pub(crate) row: Cell<i64>,
    pub(crate) column: Cell<i64>,
}

impl Table {
    pub(crate) fn at_last_column(&self) -> bool {
        self.column.get() == self.columns
    }

    pub(crate) fn advance(&self) {
        if self.at_last_column() {
            self.column.set(1);
            self.row.set(self.row.get() + 1);
        } else {
            self.column.set(self.column.get() + 1);
        }
    }
}

impl<'a> Loop<'a> {
    pub(crate) fn is_last(&self) -> bool {
        self.index.get() + 1 == self.length
    }

    /// A property; `None` if there is none of this name.
    pub(crate) fn property(&self, name: &str) -> Option<Value<'a>> {
        let index = self.index.get();
        let count = |n: usize| Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)));
        match (name, &self.table) {
            ("length", _) => count(self.length),
            ("index", _) => count(index + 1),
            ("index0", _) => count(index),
            ("rindex", _) => count(self.length - index),
            ("rindex0", _) => count(self.length - index - 1),
            ("first", _) => Some(Value::Bool(index == 0)),
            ("last", _) => Some(Value::Bool(self.is_last())),
            ("name", None) => Some(Value::Str(self.name)),
            ("parentloop", None) => Some(self.parent.map_or(Value::Nil, Value::Loop)),
            ("col", Some(t)) => Some(Value::Int(t.column.get())),
            ("col0", Some(t)) => Some(Value::Int(t.column.get() - 1)),
            ("row", Some(t)) => Some(Value::Int(t.row.get())),
            ("col_first", Some(t)) => Some(Value::Bool(t.column.get() == 1)),
            ("col_last", Some(t)) => Some(Value::Bool(t.at_last_column())),
            _ => None,
        }
    }
}
