//! Lets the oracle watch a run, in front of whoever else watches it.

use std::cell::RefCell;
use std::rc::Rc;

use flowrun_core::trace::Line;
use flowrun_core::{Millis, Record, ShardId};

use super::Ledger;
use crate::totals::{Totals, Watcher};

/// Hands every line to the books, and on.
pub struct Inspector<'a> {
    ledger: Rc<RefCell<Ledger>>,
    next: Option<&'a mut dyn Watcher>,
}

impl<'a> Inspector<'a> {
    pub fn new(ledger: Rc<RefCell<Ledger>>, next: Option<&'a mut dyn Watcher>) -> Inspector<'a> {
        Inspector { ledger, next }
    }
}

impl Watcher for Inspector<'_> {
    fn line(&mut self, line: &Line) {
        self.ledger.borrow_mut().line(line);
        if let Some(next) = self.next.as_deref_mut().filter(|next| next.wants_lines()) {
            next.line(line);
        }
    }

    fn record(&mut self, shard: ShardId, record: &Record) {
        self.ledger.borrow_mut().recorded(shard, record);
        if let Some(next) = &mut self.next {
            next.record(shard, record);
        }
    }

    fn progress(&mut self, now: Millis, totals: &Totals) {
        self.ledger.borrow_mut().compare(totals);
        if let Some(next) = &mut self.next {
            next.progress(now, totals);
        }
    }

    fn goes_on(&mut self) -> bool {
        let broken = !self.ledger.borrow().violations().is_empty();
        !broken && self.next.as_mut().is_none_or(|next| next.goes_on())
    }
}
