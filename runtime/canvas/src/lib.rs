//! Canvas files: YAML text to diagnostics with place, code and hint, or to a checked graph.
//!
//! A file is three things in turn, each with a type of its own: what was written (a YAML
//! tree in which everything knows its place), names resolved (steps with their kinds,
//! doors with their targets), and the graph that users move through. A fault in one part
//! never hides the faults of the others.
//!
//! Pure: nothing here reads a file, a clock or the environment. What lies beside a Canvas
//! comes in through [`Files`].
//!
//! Nothing that a file contains can make the loader panic, hang, or take more memory than
//! a small multiple of its size, which is limited.
#![forbid(unsafe_code)]

// Tests share a catalogue that knows the crate by its name.
#[cfg(test)]
extern crate self as flowrun_canvas;

mod bytes;
pub mod codes;
mod composer;
mod diagnostic;
mod editor;
mod head;
mod lines;
mod load;
mod nearest;
mod outline;
mod plain_user;
mod render;
mod schema;
mod secrets;
mod settings;
pub mod test_file;
mod texts;
mod unsupported;
mod variables;
mod wiring;
mod words;
mod written;
mod yaml;
mod zones;

pub use bytes::{load_bytes, unreadable};
pub use codes::Code;
pub use diagnostic::{Diagnostic, Label, Position, Severity, Span, Suggestion};
pub use editor::schema;
pub use load::load;
pub use render::{render_json, render_sarif, render_text};

/// A text and the path under which people know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
}

/// What lies beside a Canvas.
pub trait Files {
    /// The text of a file, by its path from the Canvas's folder. The message says what is
    /// wrong, as the end of a sentence: "there is no such file".
    fn read(&self, relative: &str) -> Result<String, String>;

    /// The text of a Content Block: `content_blocks/NAME` with `.liquid`, `.html`, `.txt`
    /// or no ending.
    fn block(&self, name: &str) -> Option<String>;

    /// The names of all Content Blocks.
    fn block_names(&self) -> Vec<String>;
}

/// Nothing lies beside the Canvas.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("there is no such file".to_owned())
    }

    fn block(&self, _: &str) -> Option<String> {
        None
    }

    fn block_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a file turned out to be.
pub struct Loaded {
    /// The Canvas, if nothing is wrong with it.
    pub canvas: Option<flowrun_core::Canvas>,
    /// In the order of the places.
    pub diagnostics: Vec<Diagnostic>,
    /// The file, then every file that it names and every Content Block that it uses.
    pub sources: Vec<Source>,
}
