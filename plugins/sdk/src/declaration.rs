//! How a step says what it is. Written once; the loader, `flowrun list`, the JSON Schema,
//! the manual and the tests of the examples all read the same object.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A step kind's description of itself.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Declaration {
    /// The kind key in a Canvas: `[a-z][a-z0-9_-]*`.
    pub name: String,
    /// One sentence, in the imperative, with a full stop.
    pub summary: String,
    /// The name of the setting that a bare value stands for: `exit: done` is
    /// `exit: { reason: done }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shorthand: Option<String>,
    pub exits: Exits,
    /// Profile attributes that the step reads itself, beside those its templates read.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Complete steps that load and run as they stand.
    pub examples: Vec<Example>,
}

/// Which of the general doors a kind uses, beside those that its settings open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exits {
    /// Ends the journey: no door at all.
    None,
    /// `next` and `on_failure`.
    NextOrFailure,
    /// `next`, `on_failure` and `on_timeout`.
    NextFailureOrTimeout,
    /// A split: only doors of its settings, and `on_failure`. No user takes `next`; it is
    /// where those doors lead that are not written.
    Branches,
}

/// An example of a step as it stands in a Canvas.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Example {
    pub title: String,
    /// The YAML of the kind key and its settings, and of doors where they matter.
    pub yaml: String,
}

impl Declaration {
    pub fn new(name: &str, summary: &str) -> Declaration {
        Declaration {
            name: name.to_owned(),
            summary: summary.to_owned(),
            shorthand: None,
            exits: Exits::NextOrFailure,
            reads: Vec::new(),
            examples: Vec::new(),
        }
    }

    /// Lets a bare value stand for this setting.
    pub fn shorthand(mut self, setting: &str) -> Declaration {
        self.shorthand = Some(setting.to_owned());
        self
    }

    pub fn exits(mut self, exits: Exits) -> Declaration {
        self.exits = exits;
        self
    }

    pub fn reads(mut self, attribute: &str) -> Declaration {
        self.reads.push(attribute.to_owned());
        self
    }

    pub fn example(mut self, title: &str, yaml: &str) -> Declaration {
        self.examples.push(Example { title: title.to_owned(), yaml: yaml.to_owned() });
        self
    }
}

/// What is wrong with a step's settings, as the step sees it at load.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fault {
    pub severity: Severity,
    /// A stable code of the runtime, where one fits; otherwise the loader's general one.
    pub code: Option<String>,
    /// The setting, as a JSON pointer: `/paths/0/weight`; empty for the step as a whole.
    pub at: String,
    /// Bytes within the setting's text, where the fault is smaller than the setting.
    pub span: Option<Range<usize>>,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

impl Fault {
    pub fn error(at: &str, message: impl Into<String>) -> Fault {
        Fault {
            severity: Severity::Error,
            code: None,
            at: at.to_owned(),
            span: None,
            message: message.into(),
            hint: None,
        }
    }

    pub fn warning(at: &str, message: impl Into<String>) -> Fault {
        Fault { severity: Severity::Warning, ..Fault::error(at, message) }
    }

    pub fn code(mut self, code: &str) -> Fault {
        self.code = Some(code.to_owned());
        self
    }

    pub fn span(mut self, span: Range<usize>) -> Fault {
        self.span = Some(span);
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }
}
