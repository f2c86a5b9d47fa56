//! Every code of a diagnostic, as data: a title, what it means, a Canvas that has the fault
//! and one that is right.
//!
//! A code keeps its meaning for ever. FR01: the file and its YAML. FR02: the graph.
//! FR03: User Update. FR04: templates and conditions. FR05: settings of steps.
//! FR06: tests. FR09: not supported yet.

mod file;
mod graph;
mod later;
mod settings;
mod template;
mod test;
mod update;

use std::fmt;

use flowrun_template::FaultCode;

pub use file::*;
pub use graph::*;
pub use later::*;
pub use settings::*;
pub use template::*;
pub use test::*;
pub use update::*;

/// A stable code: `FR0203`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Code(&'static str);

impl Code {
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The page of a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    pub code: Code,
    /// A few words.
    pub title: &'static str,
    /// What it means and what to do, in paragraphs.
    pub meaning: &'static str,
    /// A Canvas with this fault; empty where no short one has it.
    pub wrong: &'static str,
    /// The same without it.
    pub right: &'static str,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n\n{}", self.code, self.title, self.meaning.trim())?;
        for (title, example) in [("Wrong", self.wrong), ("Right", self.right)] {
            if !example.is_empty() {
                writeln!(f, "\n{title}:\n")?;
                for line in example.trim_end().lines() {
                    writeln!(f, "{}", format!("    {line}").trim_end())?;
                }
            }
        }
        Ok(())
    }
}

const GROUPS: [&[Page]; 7] = [
    file::PAGES,
    graph::PAGES,
    update::PAGES,
    template::PAGES,
    settings::PAGES,
    test::PAGES,
    later::PAGES,
];

/// All pages, by code.
pub fn all() -> impl Iterator<Item = &'static Page> {
    GROUPS.iter().flat_map(|pages| pages.iter())
}

/// The page of a code, written in any case.
pub fn page(code: &str) -> Option<&'static Page> {
    all().find(|page| page.code.0.eq_ignore_ascii_case(code.trim()))
}

/// The code of this name, if there is one.
pub(crate) fn of(name: &str) -> Option<Code> {
    page(name).map(|page| page.code)
}

/// The code of a template's fault.
pub(crate) fn of_template(fault: FaultCode) -> Code {
    match fault.name() {
        "unclosed" => UNCLOSED,
        "unknown-tag" => UNKNOWN_TAG,
        "unsupported-tag" => UNSUPPORTED_TAG,
        "unknown-filter" => UNKNOWN_FILTER,
        "argument" => BAD_ARGUMENT,
        "unknown-block" => UNKNOWN_BLOCK,
        "block-too-deep" => BLOCK_TOO_DEEP,
        "bad-condition" => BAD_CONDITION,
        "too-deep" => TEMPLATE_TOO_DEEP,
        "too-large" => TEMPLATE_TOO_LARGE,
        "suspicious" => SUSPICIOUS,
        _ => LIQUID_SYNTAX,
    }
}
