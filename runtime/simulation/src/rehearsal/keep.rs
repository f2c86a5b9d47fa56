//! Keeps every line of a run, by user, and notices when a run has no end.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_core::trace::Line;

use crate::totals::Watcher;

pub(super) struct Keep {
    pub lines: Vec<Line>,
    by_user: BTreeMap<Arc<str>, Vec<u32>>,
    moments: u64,
    most: u64,
}

impl Keep {
    pub fn new(most: u64) -> Keep {
        Keep { lines: Vec::new(), by_user: BTreeMap::new(), moments: 0, most }
    }

    /// Time is about to move: counts from here.
    pub fn begin(&mut self) {
        self.moments = 0;
    }

    pub fn is_exhausted(&self) -> bool {
        self.moments >= self.most
    }

    pub fn of(&self, user: &str) -> impl Iterator<Item = &Line> + Clone {
        let numbers = self.by_user.get(user).map_or(&[][..], Vec::as_slice);
        numbers.iter().map(|number| &self.lines[*number as usize])
    }
}

impl Watcher for Keep {
    fn line(&mut self, line: &Line) {
        if let Some(user) = &line.user {
            let number = self.lines.len() as u32;
            match self.by_user.get_mut(user) {
                Some(numbers) => numbers.push(number),
                None => drop(self.by_user.insert(user.clone(), vec![number])),
            }
        }
        self.lines.push(line.clone());
    }

    fn goes_on(&mut self) -> bool {
        self.moments += 1;
        self.moments < self.most
    }
}
