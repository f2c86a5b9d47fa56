//! Everything Liquid in a Canvas: compiled once, faults put where a person wrote the text.
//!
//! Also keeps what was read beside the Canvas, since the version of a Canvas covers all of
//! its texts, and since a fault may lie in any of them.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use flowrun_template::{Blocks, Condition, Fault, Output, Template};

use crate::codes;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::load::MAX_DIAGNOSTICS;
use crate::variables::Variables;
use crate::written::{Written, WrittenFile};
use crate::yaml::{Offsets, Scalar};
use crate::{Files, Source};

/// Faults of one text that are told: one more than are shown, so that the rest is noticed.
const MOST: usize = MAX_DIAGNOSTICS + 1;

/// The most templates and conditions of a Canvas: each takes about a kilobyte.
pub(crate) const MAX_TEMPLATES: usize = 30_000;

/// Bytes of tags and outputs that are compiled for one Canvas. The compiled form of Liquid that
/// is as dense as can be is seventy times as large.
pub(crate) const MAX_LIQUID_BYTES: usize = 1 << 20;

/// Bytes of all texts of one Canvas, one that several steps have counted for each of them.
pub(crate) const MAX_TEXT_BYTES: usize = 16 << 20;

/// Shorter texts are compiled anew for each step: that is as fast as to look for them.
const LONG: usize = 256;

type Compiled = Result<Template, Rc<[Fault]>>;

pub(crate) struct Texts<'s> {
    canvas: &'s Source,
    files: &'s dyn Files,
    read: BTreeMap<String, Result<Rc<Source>, String>>,
    blocks: BlockFolder<'s>,
    kept: usize,
    /// What was compiled of longer texts and of those with content blocks: many steps may have one.
    compiled: BTreeMap<String, Compiled>,
    liquid_bytes: usize,
    text_bytes: usize,
    variables: Variables,
    /// What errors of a run point into, by the path as it was named; the Canvas itself is `""`.
    written: BTreeMap<String, Arc<WrittenFile>>,
}

/// What a text is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meant {
    /// Somebody reads it.
    Prose,
    /// It has to be JSON once it is rendered.
    Json,
}

/// Where a text stands.
pub(crate) enum Place<'p, 's> {
    Scalar { span: &'p Span, scalar: &'p Scalar<'s> },
    File { path: &'p str },
}

impl<'s> Texts<'s> {
    pub(crate) fn new(canvas: &'s Source, files: &'s dyn Files) -> Texts<'s> {
        let blocks = BlockFolder { files, texts: OnceCell::new(), used: RefCell::default() };
        let (read, variables, compiled) = Default::default();
        let (kept, liquid_bytes, text_bytes) = (0, 0, 0);
        let name = from_beside(&canvas.path, &canvas.path).to_owned();
        let itself = Arc::new(WrittenFile::named(name, canvas.text.clone()));
        let written = BTreeMap::from([(String::new(), itself)]);
        Texts {
            canvas,
            files,
            read,
            blocks,
            kept,
            compiled,
            liquid_bytes,
            text_bytes,
            variables,
            written,
        }
    }

    /// Counts a template that is to be kept; false where there are too many.
    pub(crate) fn may_keep(&mut self) -> bool {
        self.kept += 1;
        self.kept <= MAX_TEMPLATES
    }

    /// Compiles a template, and takes note of what it reads.
    pub(crate) fn template(
        &mut self,
        text: &str,
        meant: Meant,
        place: &Place<'_, '_>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Template> {
        self.text_bytes += text.len();
        if self.text_bytes > MAX_TEXT_BYTES {
            let much = format!("the texts of a Canvas have at most {} MiB", MAX_TEXT_BYTES >> 20);
            self.too_much(much, place, faults);
            return None;
        }
        match self.compile(text) {
            _ if self.liquid_bytes > MAX_LIQUID_BYTES => {
                let much = format!(
                    "a Canvas has at most {} MiB of tags and outputs, content blocks counted at each use",
                    MAX_LIQUID_BYTES >> 20
                );
                self.too_much(much, place, faults);
                None
            }
            Ok(template) => {
                let breaks = |output: &&Output| meant == Meant::Json && breaks_json(output);
                let risky: Vec<&Output> =
                    template.outputs().iter().filter(breaks).take(MOST).collect();
                let reads = !template.uses().reads.is_empty();
                if reads || !template.warnings().is_empty() || !risky.is_empty() {
                    let origin = self.origin(place);
                    report(template.warnings(), Severity::Warning, &origin, faults);
                    faults.extend(risky.iter().map(|output| unescaped(output, &origin)));
                    self.variables.read(text, template.uses(), |part| origin.of(part));
                }
                match template.constant() {
                    Some(_) => Some(template),
                    None => Some(template.written_in(self.written(text, place))),
                }
            }
            Err(wrong) => {
                report(&wrong, Severity::Error, &self.origin(place), faults);
                None
            }
        }
    }

    /// Compiles a text, or finds it compiled.
    fn compile(&mut self, text: &str) -> Compiled {
        // Beyond what a Canvas may hold nothing is added to it.
        if self.liquid_bytes > MAX_LIQUID_BYTES {
            return Err(Rc::from([]));
        }
        let shared = text.len() >= LONG || text.contains("content_blocks");
        if let Some(known) = shared.then(|| self.compiled.get(text)).flatten() {
            return known.clone();
        }
        let compiled = Template::compile(text, &self.blocks).map_err(Rc::from);
        self.liquid_bytes += compiled.as_ref().map_or(0, Template::liquid_bytes);
        if shared {
            self.compiled.insert(text.to_owned(), compiled.clone());
        }
        compiled
    }

    /// Said once.
    fn too_much(&self, message: String, place: &Place<'_, '_>, faults: &mut Vec<Diagnostic>) {
        let same = |fault: &Diagnostic| fault.code == codes::TOO_MANY && fault.message == message;
        if faults.iter().any(same) {
            return;
        }
        let origin = self.origin(place);
        let (file, span) = origin.of(&(0..0));
        let hint = "use fewer and shorter texts, or split the journey into several Canvases";
        faults.push(Diagnostic::error(codes::TOO_MANY, span, message).file(file).hint(hint));
    }

    /// Compiles a condition, and takes note of what it reads.
    pub(crate) fn condition(
        &mut self,
        text: &str,
        place: &Place<'_, '_>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Condition> {
        self.liquid_bytes += text.len();
        match Condition::compile(text) {
            Ok(condition) => {
                let origin = self.origin(place);
                self.variables.read(text, condition.uses(), |part| origin.of(part));
                Some(condition.written_in(self.written(text, place)))
            }
            Err(wrong) => {
                report(&wrong, Severity::Error, &self.origin(place), faults);
                None
            }
        }
    }

    /// The way back that a template keeps.
    fn written(&mut self, text: &str, place: &Place<'_, '_>) -> Arc<Written> {
        let (path, way) = match place {
            Place::Scalar { span, scalar } => {
                ("", Some(Offsets::of(&self.canvas.text, span, scalar)))
            }
            Place::File { path } => (*path, None),
        };
        let file = match self.written.get(path) {
            Some(file) => file.clone(),
            None => {
                let name = from_beside(&self.canvas.path, path).to_owned();
                let file = Arc::new(WrittenFile::named(name, text.to_owned()));
                self.written.insert(path.to_owned(), file.clone());
                file
            }
        };
        Arc::new(Written { file, way, blocks: self.blocks.known() })
    }

    fn origin<'p>(&self, place: &Place<'p, '_>) -> Origin<'p> {
        match place {
            Place::Scalar { span, scalar } => {
                Origin::Scalar(Offsets::of(&self.canvas.text, span, scalar))
            }
            Place::File { path } => Origin::File(path),
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

    /// The texts from here on are those of this step.
    pub(crate) fn enter(&mut self, step: usize) {
        self.variables.enter(step);
    }

    /// What all texts read.
    pub(crate) fn variables(&mut self) -> Variables {
        std::mem::take(&mut self.variables)
    }

    /// All files that were read, by path: those named, then the content blocks used.
    pub(crate) fn into_sources(self) -> Vec<Source> {
        let named = self.read.into_values().flatten();
        let mut sources: Vec<Source> = named
            .map(|source| Rc::try_unwrap(source).unwrap_or_else(|shared| (*shared).clone()))
            .collect();
        let used = self.blocks.used.into_inner();
        let blocks = self.blocks.texts.into_inner().unwrap_or_default();
        for name in used {
            if let Some(block) = blocks.get(&name) {
                let path = beside(&self.canvas.path, &format!("content_blocks/{name}"));
                sources.push(Source { path, text: block.text().to_owned() });
            }
        }
        sources
    }
}

/// A [`Place`] with the way from bytes of the text to bytes of the file.
enum Origin<'p> {
    Scalar(Offsets),
    File(&'p str),
}

impl Origin<'_> {
    fn of(&self, part: &Span) -> (&str, Span) {
        match self {
            Origin::Scalar(offsets) => ("", offsets.place(part)),
            Origin::File(path) => (path, part.clone()),
        }
    }
}

fn report(found: &[Fault], severity: Severity, origin: &Origin<'_>, faults: &mut Vec<Diagnostic>) {
    for fault in found.iter().take(MOST) {
        let code = codes::of_template(fault.code);
        let (file, span) = origin.of(&fault.span);
        let mut diagnostic = Diagnostic::error(code, span.clone(), fault.message.clone())
            .hint_if(fault.hint.clone())
            .file(file);
        diagnostic.severity = severity;
        if code == codes::UNKNOWN_FILTER
            && let Some(name) = fault.hint.as_deref().and_then(meant)
        {
            // The place of an unknown filter is just its name.
            diagnostic = diagnostic.suggest(span, name);
        }
        faults.push(diagnostic);
    }
}

fn unescaped(output: &Output, origin: &Origin<'_>) -> Diagnostic {
    let (file, span) = origin.of(&output.span);
    let message = "a value goes into JSON as it is: a quote in it breaks the document";
    Diagnostic::warning(codes::UNESCAPED_JSON, span, message)
        .file(file)
        .hint("let `json_escape` be the last filter")
}

/// The name in "did you mean `name`?".
fn meant(hint: &str) -> Option<&str> {
    hint.strip_prefix("did you mean `")?.strip_suffix("`?")
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

/// The path as it is from the folder of the Canvas.
fn from_beside<'p>(canvas: &str, path: &'p str) -> &'p str {
    let folder = canvas.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
    path.get(folder..).unwrap_or(path)
}

/// The content blocks, read when the first template asks for one.
struct BlockFolder<'s> {
    files: &'s dyn Files,
    texts: OnceCell<Arc<BTreeMap<String, WrittenFile>>>,
    used: RefCell<BTreeSet<String>>,
}

impl BlockFolder<'_> {
    fn texts(&self) -> &BTreeMap<String, WrittenFile> {
        self.texts.get_or_init(|| {
            let read = |name: String| {
                let text = self.files.block(&name)?;
                let file = WrittenFile::named(format!("content_blocks/{name}"), text);
                Some((name, file))
            };
            Arc::new(self.files.block_names().into_iter().filter_map(read).collect())
        })
    }

    /// The blocks, if any template has asked for one.
    fn known(&self) -> Arc<BTreeMap<String, WrittenFile>> {
        self.texts.get().cloned().unwrap_or_default()
    }
}

impl Blocks for BlockFolder<'_> {
    fn block(&self, name: &str) -> Option<&str> {
        let block = self.texts().get(name)?;
        self.used.borrow_mut().insert(name.to_owned());
        Some(block.text())
    }

    fn names(&self) -> Vec<String> {
        self.texts().keys().cloned().collect()
    }
}
