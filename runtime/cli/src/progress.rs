//! The bar on standard error while something takes long.
//!
//! It appears only on a terminal, and only after a second, so that what is over at once
//! leaves no trace.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::core::Millis;
use crate::moment;

const PATIENCE: Duration = Duration::from_secs(1);
const REFRESH_HZ: u8 = 10;

/// A bar that may yet appear.
pub struct Progress {
    began: Instant,
    bar: Option<ProgressBar>,
    /// Whether there is anybody to show a bar to.
    watched: bool,
}

impl Progress {
    pub fn new() -> Progress {
        let watched = std::io::stderr().is_terminal();
        Progress { began: Instant::now(), bar: None, watched }
    }

    /// One that somebody watches, of what began then.
    #[cfg(test)]
    pub fn since(began: Instant) -> Progress {
        Progress { began, bar: None, watched: true }
    }

    /// What the bar says: how many of what.
    #[cfg(test)]
    pub fn shown(&self) -> Option<String> {
        self.bar.as_ref().map(|bar| format!("{} {}", bar.position(), bar.message()))
    }

    /// So many users of a file of unknown length are read.
    pub fn reading(&mut self, users: usize) {
        if let Some(bar) = self.bar(None) {
            bar.set_position(users as u64);
            bar.set_message("users read");
        }
    }

    /// So many of something whose number nobody knows.
    pub fn counting(&mut self, count: u64, of_what: &'static str) {
        if let Some(bar) = self.bar(None) {
            bar.set_position(count);
            bar.set_message(of_what);
        }
    }

    /// So many of all journeys have ended, at this virtual time.
    pub fn running(&mut self, ended: u64, all: u64, now: Millis) {
        if let Some(bar) = self.bar(Some(all)) {
            bar.set_position(ended.min(all));
            bar.set_message(moment::long(now));
        }
    }

    /// Takes the bar away; results follow.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&mut self, all: Option<u64>) -> Option<&ProgressBar> {
        if !self.watched || (self.bar.is_none() && self.began.elapsed() < PATIENCE) {
            return None;
        }
        Some(self.bar.get_or_insert_with(|| {
            let target = ProgressDrawTarget::stderr_with_hz(REFRESH_HZ);
            let bar = ProgressBar::with_draw_target(all, target).with_elapsed(self.began.elapsed());
            let template = match all {
                Some(_) => "{bar:32} {percent:>3} % of journeys · {msg} · {elapsed}",
                None => "{spinner} {human_pos} {msg} · {elapsed}",
            };
            let style = ProgressStyle::with_template(template);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        }))
    }
}
