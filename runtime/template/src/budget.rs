//! Limits of a render, counted in steps and bytes so that the same template stops at the same
//! place on every machine.

/// How much one render may use. The defaults let no template run for more than about 50 ms or
/// hold more than 50 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes, loop turns and filter calls; large filter inputs count for more than one.
    pub steps: u32,
    /// Bytes a render may write.
    pub output_bytes: usize,
    /// Bytes of strings and lists that filters and `capture` may make.
    pub made_bytes: usize,
    /// Connected Content requests.
    pub requests: u16,
    /// Nesting of tags at render time, content blocks included.
    pub depth: u16,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: 200_000,
            output_bytes: 2 << 20,
            made_bytes: 8 << 20,
            requests: 32,
            depth: 200,
        }
    }
}

/// How a render behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A missing value is a render error instead of an empty string, unless `default` follows it.
    pub strict: bool,
    /// What the render may use.
    pub budget: Budget,
}
