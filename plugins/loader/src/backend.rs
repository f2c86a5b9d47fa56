//! A plugin's backend, in plain types: a runtime puts its own interface around it.

use flowrun_sdk::Fault;
use flowrun_sdk::Millis;
use flowrun_sdk::backend::{About, Batch, Outcome, Reply};
use flowrun_sdk::plugin::exported::object_column;
use flowrun_sdk::plugin::{Answered, Ask, CellBytes, outcome_of};
use serde_json::Value as Json;

use crate::Description;
use crate::plugin::{Plugin, blame};
use crate::port::{CallError, Instance};
use crate::step::create;

/// A backend with its settings. Calls block: a runtime makes them where that does no harm.
pub struct PluginBackend {
    name: String,
    about: About,
    instance: Box<dyn Instance>,
}

impl PluginBackend {
    pub(crate) fn create(plugin: &Plugin, settings: &Json) -> Result<PluginBackend, Vec<Fault>> {
        let name = plugin.name();
        let Description::Backend(description) = plugin.description() else {
            let kind = plugin.kind().word();
            return Err(vec![Fault::error("", format!("plugin `{name}` is a {kind}, no backend"))]);
        };
        let (instance, created) = create(plugin, settings)?;
        let about = created.about.unwrap_or_else(|| description.about.clone());
        if let Some(wrong) = wrong(&about) {
            return Err(vec![Fault::error("", format!("plugin `{name}`: {wrong}"))]);
        }
        Ok(PluginBackend { name: name.to_owned(), about, instance })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Limits, and what its answers mean.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Writes the objects. Whatever goes wrong is an outcome: what may have happened is
    /// unknown, and comes again under the same key.
    pub fn commit(&self, batch: &Batch<'_>) -> Reply {
        self.ask(batch).unwrap_or_else(|error| Reply::all(batch, outcome(&self.name, &error)))
    }

    fn ask(&self, batch: &Batch<'_>) -> Result<Reply, CallError> {
        let bytes = self.instance.call(lay(batch)?)?;
        let (outcomes, pause) = read(&bytes, batch.objects.len())?;
        Ok(Reply { outcomes, pause: pause.map(Millis) })
    }
}

fn wrong(about: &About) -> Option<&'static str> {
    let none = |limit: u32| limit == 0;
    if none(about.attributes) || none(about.events) || none(about.purchases) {
        return Some("a limit of 0 objects would hold users for ever");
    }
    if about.combined.is_some_and(none) || none(about.in_flight) || about.per_minute == Some(0) {
        return Some("a limit of 0 would hold users for ever");
    }
    None
}

fn lay(batch: &Batch<'_>) -> Result<Vec<u8>, CallError> {
    let mut ask = Ask::new(batch.now, 0, "", "", 0, object_column::COUNT);
    ask.reserve(batch.objects.len(), batch.objects.len() * 128);
    for object in &batch.objects {
        ask.row(object.user);
        ask.cell(CellBytes::Int(object.array as i64));
        ask.cell(CellBytes::Text(object.key));
        ask.cell(CellBytes::Int(object.number.into()));
        ask.cell(CellBytes::Int(object.attempt.into()));
        ask.cell(CellBytes::Json(object.json));
    }
    ask.finish().map_err(|why| CallError::Malformed(format!("can't be asked: {why}")))
}

/// What a call about objects or messages came to.
pub(crate) fn read(
    bytes: &[u8],
    expected: usize,
) -> Result<(Vec<Outcome>, Option<i64>), CallError> {
    let answered = Answered::read(bytes)
        .map_err(|why| CallError::Malformed(format!("answered what is no answer: {why}")))?;
    if answered.rows != expected {
        let said = format!("answered {} outcomes for {expected}", answered.rows);
        return Err(CallError::Malformed(said));
    }
    let outcomes = (0..expected).map(|row| outcome_of(&answered, row)).collect();
    Ok((outcomes, answered.pause))
}

/// What a failed call means for what it was about. A plugin that wasn't reached has done
/// nothing; of all else nobody knows.
pub(crate) fn outcome(name: &str, error: &CallError) -> Outcome {
    let said = blame(name, error);
    match error {
        CallError::Resting(_) => Outcome::Retry { after: None, cause: said },
        _ => Outcome::Unknown(said),
    }
}
