//! Who is told what happens.

use flowrun_core::DeadLetter;
use flowrun_core::trace::Line;

/// Takes what happens, in the order in which it happened.
pub trait Trace: Send + 'static {
    /// Whether lines are wanted at all. Without them an engine is faster.
    fn wants_lines(&self) -> bool {
        true
    }

    fn line(&mut self, line: &Line);

    /// Something couldn't be done for good, with or without lines.
    fn dead_letter(&mut self, _letter: &DeadLetter) {}

    /// Nothing more happens for a moment: what is buffered should be seen.
    fn pause(&mut self) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Trace for Nobody {
    fn wants_lines(&self) -> bool {
        false
    }

    fn line(&mut self, _: &Line) {}
}
