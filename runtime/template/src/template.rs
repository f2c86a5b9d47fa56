//! [`Template`] and [`Condition`]: compiled once, used for every user.

use crate::budget::Options;
use crate::compile;
use crate::expression::Conditions;
use crate::fault::Fault;
use crate::node::{Node, Program};
use crate::origin::Origin;
use crate::render::{Halt, Renderer};
use crate::stop::Stop;
use crate::uses::{Output, Uses};
use crate::value::Value;
use crate::view::{Blocks, View};
use bumpalo::Bump;
use serde_json::Value as Json;
use std::sync::Arc;

/// A compiled text. It holds no user's data, is `Send + Sync`, and is meant to be shared: a
/// clone costs nothing.
#[derive(Clone, Debug)]
pub struct Template {
    compiled: Arc<Compiled>,
    origin: Option<Arc<dyn Origin>>,
}

#[derive(Debug)]
struct Compiled {
    program: Program,
    constant: Option<String>,
    uses: Uses,
    warnings: Vec<Fault>,
    outputs: Vec<Output>,
    liquid_bytes: usize,
}

impl Template {
    /// Compiles a text with the content blocks it may use.
    ///
    /// # Errors
    /// All faults that can be found in one go, in the order of the text.
    pub fn compile(source: &str, blocks: &dyn Blocks) -> Result<Template, Vec<Fault>> {
        let (program, findings) = compile::template(source, blocks);
        if !findings.faults.is_empty() {
            let mut faults = findings.faults;
            faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
            return Err(faults);
        }
        let texts = program.body.nodes.iter().map(|node| match node {
            Node::Text(text) => Some(&**text),
            _ => None,
        });
        let constant = texts.collect();
        let compiled = Compiled {
            program,
            constant,
            uses: findings.uses,
            warnings: findings.warnings,
            outputs: findings.outputs,
            liquid_bytes: findings.liquid_bytes,
        };
        Ok(Template { compiled: Arc::new(compiled), origin: None })
    }

    /// Lets errors say where the text was written.
    #[must_use]
    pub fn written_in(self, origin: Arc<dyn Origin>) -> Template {
        Template { origin: Some(origin), ..self }
    }

    /// The text itself, if there is no Liquid in it that could change it.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        self.compiled.constant.as_deref()
    }

    /// What the template reads.
    #[must_use]
    pub fn uses(&self) -> &Uses {
        &self.compiled.uses
    }

    /// Bytes of the text that are tags and outputs, those of content blocks at each use: what the
    /// compiled form's size goes by, which is up to seventy times as many.
    #[must_use]
    pub fn liquid_bytes(&self) -> usize {
        self.compiled.liquid_bytes
    }

    /// What is readable but most likely not meant.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.compiled.warnings
    }

    /// Where values are printed.
    #[must_use]
    pub fn outputs(&self) -> &[Output] {
        &self.compiled.outputs
    }

    /// Appends the text for one user.
    ///
    /// # Errors
    /// See [`Stop`]. `out` is then what it was before.
    pub fn render(&self, view: &dyn View, options: &Options, out: &mut String) -> Result<(), Stop> {
        if let Some(text) = &self.compiled.constant {
            out.push_str(text);
            return Ok(());
        }
        let start = out.len();
        let bump = Bump::new();
        let mut renderer = Renderer::new(&bump, &self.compiled.program, view, options, out);
        match renderer.body(&self.compiled.program.body, out) {
            Ok(_) => Ok(()),
            Err(halt) => {
                out.truncate(start);
                Err(found(&self.origin, *halt))
            }
        }
    }

    /// Whether the text is exactly one `{{ … }}`.
    #[must_use]
    pub fn single_output(&self) -> bool {
        matches!(self.compiled.program.body.nodes.as_slice(), [Node::Output(_)])
    }

    /// The value of a text that is exactly one `{{ … }}`, with its type; of any other text the
    /// rendered string.
    ///
    /// # Errors
    /// See [`Stop`].
    pub fn value(&self, view: &dyn View, options: &Options) -> Result<Json, Stop> {
        if let [Node::Output(output)] = self.compiled.program.body.nodes.as_slice() {
            let bump = Bump::new();
            let mut renderer = Renderer::new(&bump, &self.compiled.program, view, options, "");
            let found = |halt: Halt| found(&self.origin, *halt);
            let value = renderer.filtered(output).map_err(found)?;
            let size = renderer.arena.size_written(value);
            renderer.at(output.place, size).map_err(found)?;
            return Ok(to_json(value, 0));
        }
        let mut text = String::new();
        self.render(view, options, &mut text)?;
        Ok(Json::String(text))
    }
}

/// A compiled condition, as in `{% if … %}`; the double braces around values are optional.
///
/// ```text
/// {{custom_attribute.${country}}} == 'FR' and ${language} contains 'f'
/// ```
#[derive(Clone, Debug)]
pub struct Condition {
    conditions: Conditions,
    program: Program,
    uses: Uses,
    origin: Option<Arc<dyn Origin>>,
}

impl Condition {
    /// Compiles a condition.
    ///
    /// # Errors
    /// All faults that can be found in one go.
    pub fn compile(source: &str) -> Result<Condition, Vec<Fault>> {
        let (conditions, program, findings) = compile::condition(source);
        match conditions {
            Some(conditions) if findings.faults.is_empty() => {
                Ok(Condition { conditions, program, uses: findings.uses, origin: None })
            }
            _ => Err(findings.faults),
        }
    }

    /// Lets errors say where the text was written.
    #[must_use]
    pub fn written_in(self, origin: Arc<dyn Origin>) -> Condition {
        Condition { origin: Some(origin), ..self }
    }

    /// What the condition reads.
    #[must_use]
    pub fn uses(&self) -> &Uses {
        &self.uses
    }

    /// Whether it holds for one user.
    ///
    /// # Errors
    /// Only [`Stop::Error`]: for instance a number compared with a text.
    pub fn holds(&self, view: &dyn View, options: &Options) -> Result<bool, Stop> {
        let bump = Bump::new();
        let mut renderer = Renderer::new(&bump, &self.program, view, options, "");
        renderer.holds(&self.conditions).map_err(|halt| found(&self.origin, *halt))
    }
}

/// Why a render ended, with the place as a person finds it.
#[cold]
fn found(origin: &Option<Arc<dyn Origin>>, mut stop: Stop) -> Stop {
    if let (Stop::Error(error), Some(origin)) = (&mut stop, origin) {
        error.written = Some(origin.written(error.block.as_deref(), &error.span));
    }
    stop
}

/// A value as JSON, with its type.
pub(crate) fn to_json(value: Value<'_>, depth: u32) -> Json {
    if depth > 128 {
        return Json::Null;
    }
    match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => Json::Bool(b),
        Value::Int(i) => Json::from(i),
        Value::Float(f) => Json::from(f),
        Value::Str(text) => Json::String(text.to_owned()),
        Value::Json(json) => json.clone(),
        Value::List(items) => items.iter().map(|v| to_json(*v, depth + 1)).collect(),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|(key, v)| ((*key).to_owned(), to_json(*v, depth + 1))).collect(),
        ),
        other => {
            let mut text = String::new();
            crate::print::write(other, &mut text);
            Json::String(text)
        }
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Template>();
    shared::<Condition>();
};
