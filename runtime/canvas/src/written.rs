//! Where the texts of a Canvas stand, for errors of users who are at a step long after the
//! file was read: `vip.yaml:12:8`.
//!
//! Files are named as they stand beside the Canvas, without the folder: a trace must not
//! depend on from where somebody looked at it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use flowrun_core::template::Origin;

use crate::diagnostic::Span;
use crate::yaml::Offsets;

/// A file that texts come from.
#[derive(Debug)]
pub(crate) struct WrittenFile {
    name: String,
    text: String,
    /// Where its lines begin; found when the first error asks.
    starts: OnceLock<Vec<usize>>,
}

/// The text of one setting.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) file: Arc<WrittenFile>,
    /// The way into the file, for a text that is only a part of it.
    pub(crate) way: Option<Offsets>,
    pub(crate) blocks: Arc<BTreeMap<String, WrittenFile>>,
}

impl WrittenFile {
    pub(crate) fn named(name: String, text: String) -> WrittenFile {
        WrittenFile { name, text, starts: OnceLock::new() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn place(&self, at: usize) -> String {
        let starts = self.starts.get_or_init(|| {
            let ends = self.text.match_indices('\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        });
        let at = self.text.floor_char_boundary(at);
        let line = starts.partition_point(|start| *start <= at);
        let column = self.text[starts[line - 1]..at].chars().count() + 1;
        format!("{}:{line}:{column}", self.name)
    }
}

impl Origin for Written {
    fn written(&self, block: Option<&str>, span: &Span) -> String {
        if let Some(name) = block {
            return match self.blocks.get(name) {
                Some(block) => block.place(span.start),
                None => format!("content block `{name}`"),
            };
        }
        match &self.way {
            Some(way) => self.file.place(way.place(span).start),
            None => self.file.place(span.start),
        }
    }
}
