//! Who is told what happens.

use flowrun_core::trace::Line;

/// Takes the lines of the trace, in the order in which things happened.
pub trait Trace: Send + 'static {
    fn line(&mut self, line: &Line);

    /// Nothing more happens for a moment: what is buffered should be seen.
    fn pause(&mut self) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Trace for Nobody {
    fn line(&mut self, _: &Line) {}
}
