//! Everything Liquid in a Canvas: compiled once, faults put where a person wrote the text.
//!
//! Also keeps what was read beside the Canvas, since the version of a Canvas covers all of
//! its texts, and since a fault may lie in any of them.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use flowrun_template::{Blocks, Condition, Fault, Output, Template};

use crate::codes;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::yaml::{Scalar, place_within};
use crate::{Files, Source};

pub(crate) struct Texts<'s> {
    canvas: &'s Source,
    files: &'s dyn Files,
    read: BTreeMap<String, Result<Rc<Source>, String>>,
    blocks: BlockFolder<'s>,
}

/// Where a text stands.
pub(crate) enum Place<'p, 's> {
    Scalar { span: &'p Span, scalar: &'p Scalar<'s> },
    File { path: &'p str },
}

impl<'s> Texts<'s> {
    pub(crate) fn new(canvas: &'s Source, files: &'s dyn Files) -> Texts<'s> {
        let blocks = BlockFolder { files, texts: OnceCell::new(), used: RefCell::default() };
        Texts { canvas, files, read: BTreeMap::new(), blocks }
    }

    pub(crate) fn template(
        &self,
        text: &str,
        place: &Place<'_, '_>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Template> {
        match Template::compile(text, &self.blocks) {
            Ok(template) => {
                let warnings = template.warnings().iter();
                faults.extend(warnings.map(|fault| self.diagnostic(fault, place, Severity::Warning)));
                let risky = template.outputs().iter().filter(|output| breaks_json(output));
                faults.extend(risky.map(|output| self.unescaped(output, place)));
                Some(template)
            }
            Err(wrong) => {
                faults.extend(wrong.iter().map(|fault| self.diagnostic(fault, place, Severity::Error)));
                None
            }
        }
    }

    pub(crate) fn condition(
        &self,
        text: &str,
        place: &Place<'_, '_>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Condition> {
        match Condition::compile(text) {
            Ok(condition) => Some(condition),
            Err(wrong) => {
                faults.extend(wrong.iter().map(|fault| self.diagnostic(fault, place, Severity::Error)));
                None
            }
        }
    }

    /// A file beside the Canvas.
    pub(crate) fn file(&mut self, relative: &str) -> Result<Rc<Source>, String> {
        if let Some(known) = self.read.get(relative) {
            return known.clone();
        }
        let path = beside(&self.canvas.path, relative);
        let read = self.files.read(relative).map(|text| Rc::new(Source { path, text }));
        self.read.insert(relative.to_owned(), read.clone());
        read
    }

    /// All files that were read, by path: those named, then the content blocks used.
    pub(crate) fn into_sources(self) -> Vec<Source> {
        let named = self.read.into_values().flatten();
        let mut sources: Vec<Source> =
            named.map(|source| Rc::try_unwrap(source).unwrap_or_else(|shared| (*shared).clone())).collect();
        let used = self.blocks.used.into_inner();
        let mut blocks = self.blocks.texts.into_inner().unwrap_or_default();
        for name in used {
            if let Some(text) = blocks.remove(&name) {
                let path = beside(&self.canvas.path, &format!("content_blocks/{name}"));
                sources.push(Source { path, text });
            }
        }
        sources
    }

    fn unescaped(&self, output: &Output, place: &Place<'_, '_>) -> Diagnostic {
        let (file, span) = self.place(place, &output.span);
        let hint = match output.inside_json_string {
            Some(true) => "let `json_escape` be the last filter",
            _ => "let `as_json_string` be the last filter, or put it into quotes with `json_escape`",
        };
        let message = "a value goes into JSON as it is: a quote in it breaks the document";
        Diagnostic::warning(codes::UNESCAPED_JSON, span, message).file(file).hint(hint)
    }

    /// The file, and the place in it.
    fn place<'p>(&self, place: &Place<'p, '_>, part: &Span) -> (&'p str, Span) {
        match place {
            Place::Scalar { span, scalar } => {
                ("", place_within(&self.canvas.text, span, scalar, part))
            }
            Place::File { path } => (path, part.clone()),
        }
    }

    fn diagnostic(&self, fault: &Fault, place: &Place<'_, '_>, severity: Severity) -> Diagnostic {
        let code = codes::of_template(fault.code);
        let (file, span) = self.place(place, &fault.span);
        let mut diagnostic = Diagnostic::error(code, span, fault.message.clone())
            .hint_if(fault.hint.clone())
            .file(file);
        diagnostic.severity = severity;
        diagnostic
    }
}

/// Inside a JSON string any text can end it. Elsewhere in a document a value that is no
/// text is what is wanted (`{{custom_attribute.${orders}}}`), so nothing is said.
fn breaks_json(output: &Output) -> bool {
    output.inside_json_string == Some(true) && !output.escaped_for_json && !output.is_literal
}

/// The path of a file that stands beside the Canvas.
fn beside(canvas: &str, relative: &str) -> String {
    match canvas.rsplit_once(['/', '\\']) {
        Some((folder, _)) => format!("{folder}/{relative}"),
        None => relative.to_owned(),
    }
}

/// The content blocks, read when the first template asks for one.
struct BlockFolder<'s> {
    files: &'s dyn Files,
    texts: OnceCell<BTreeMap<String, String>>,
    used: RefCell<BTreeSet<String>>,
}

impl BlockFolder<'_> {
    fn texts(&self) -> &BTreeMap<String, String> {
        self.texts.get_or_init(|| {
            let names = self.files.block_names().into_iter();
            names.filter_map(|name| Some((name.clone(), self.files.block(&name)?))).collect()
        })
    }
}

impl Blocks for BlockFolder<'_> {
    fn block(&self, name: &str) -> Option<&str> {
        let text = self.texts().get(name)?;
        self.used.borrow_mut().insert(name.to_owned());
        Some(text)
    }

    fn names(&self) -> Vec<String> {
        self.texts().keys().cloned().collect()
    }
}
