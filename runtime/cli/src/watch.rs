//! Watching a run: whoever wants its lines gets them here.

use std::io::{self, Write};

use crate::console::Console;
use crate::core::Millis;
use crate::core::trace::Line;
use crate::interrupt::Interrupt;
use crate::narrator::Narrator;
use crate::progress::Progress;
use crate::simulation::{Totals, Watcher};
use crate::trace::TraceFile;

/// A narrator and the page it writes on.
pub struct Narration<'a> {
    pub narrator: Narrator,
    pub console: &'a mut Console,
}

/// All that watch a run.
pub struct Watch<'a> {
    pub interrupt: Interrupt,
    pub progress: Progress,
    pub arrivals: u64,
    pub trace: Option<TraceFile>,
    pub narration: Option<Narration<'a>>,
    /// What narrating has failed with.
    pub failure: Option<io::Error>,
}

impl Watcher for Watch<'_> {
    fn wants_lines(&self) -> bool {
        self.trace.is_some() || self.narration.is_some()
    }

    fn line(&mut self, line: &Line) {
        if let Some(trace) = &mut self.trace {
            trace.line(line);
        }
        let Some(Narration { narrator, console }) = &mut self.narration else { return };
        let told = narrator.tell(line);
        if !told.is_empty() && self.failure.is_none() {
            self.failure = console.write_all(told.as_bytes()).err();
        }
    }

    fn progress(&mut self, now: Millis, totals: &Totals) {
        let ended = totals.completed + totals.exited + totals.failed + totals.turned_away;
        self.progress.running(ended, self.arrivals, now);
    }

    fn goes_on(&mut self) -> bool {
        let broken = self.trace.as_ref().is_some_and(TraceFile::has_failed);
        !self.interrupt.asked() && !broken && self.failure.is_none()
    }
}
