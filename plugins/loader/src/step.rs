//! A plugin's step as the runtime asks it: cohorts out, decisions in.
//!
//! Where a call fails and the fault may be that of one user, the cohort is asked again in
//! halves, so that only that user's visit fails. Steps decide from the visit alone, which is
//! why asking twice is harmless.

use std::ops::Range;
use std::sync::Arc;

use flowrun_sdk::plugin::abi::flags;
use flowrun_sdk::plugin::{Answered, Created, Decisions, Settings, lay_cohort};
use flowrun_sdk::{Cohort, Decide, Decision, Fault, Objects};
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::plugin::{Compose, Plugin, blame};
use crate::port::{CallError, Instance};

/// How often one cohort is asked: enough to find a handful of bad users among a thousand, and
/// no way to keep a runtime busy with a step that fails always.
const CALLS_PER_COHORT: u32 = 64;

pub(crate) struct PluginStep {
    name: String,
    instance: Box<dyn Instance>,
    warnings: Vec<Fault>,
    reads: Vec<String>,
    sets: Vec<String>,
    hashes: bool,
    compose: Arc<Compose>,
}

impl PluginStep {
    pub(crate) fn create(plugin: &Plugin, settings: &Json) -> Result<PluginStep, Vec<Fault>> {
        let (instance, created) = create(plugin, settings)?;
        let declared = || match plugin.description() {
            crate::Description::Step(step) => step.declaration.reads.clone(),
            _ => Vec::new(),
        };
        let Created { warnings, reads, sets, .. } = created;
        Ok(PluginStep {
            name: plugin.name().to_owned(),
            instance,
            warnings,
            reads: reads.unwrap_or_else(declared),
            sets,
            hashes: plugin.port.head().flags & flags::HASHES != 0,
            compose: plugin.options.compose.clone(),
        })
    }

    /// Ends it and tells how that went.
    pub(crate) fn close(&self) -> Result<(), CallError> {
        self.instance.close()
    }

    fn ask(
        &self,
        cohort: &Cohort<'_>,
        rows: Range<usize>,
        calls: &mut u32,
        decisions: &mut Vec<Decision>,
    ) {
        *calls += 1;
        let error = match self.call(cohort, rows.clone(), decisions) {
            Ok(()) => return,
            Err(error) => error,
        };
        if rows.len() > 1 && error.may_be_of_one() && *calls < CALLS_PER_COHORT {
            let middle = rows.start + rows.len() / 2;
            self.ask(cohort, rows.start..middle, calls, decisions);
            return self.ask(cohort, middle..rows.end, calls, decisions);
        }
        decisions.extend(rows.map(|_| failed(blame(&self.name, &error))));
    }

    /// Appends a decision for each of the rows, or none at all.
    fn call(
        &self,
        cohort: &Cohort<'_>,
        rows: Range<usize>,
        decisions: &mut Vec<Decision>,
    ) -> Result<(), CallError> {
        let expected = rows.len();
        let malformed = |why: &str| CallError::Malformed(format!("was misunderstood: {why}"));
        let request = lay_cohort(cohort, rows, self.hashes).map_err(|why| malformed(why.0))?;
        let bytes = self.instance.call(request)?;
        let answered = Answered::read(&bytes)
            .map_err(|why| CallError::Malformed(format!("answered what is no answer: {why}")))?;
        if answered.rows != expected {
            let told = answered.rows;
            let said = format!("answered {told} decisions for {expected} visits");
            return Err(CallError::Malformed(said));
        }
        let mut read = Decisions::of(&answered, &*self.compose);
        decisions.extend((0..expected).map(|row| {
            let wrong =
                |why| failed(format!("plugin `{}`: its decision is wrong: {why}", self.name));
            read.read(row).unwrap_or_else(wrong)
        }));
        Ok(())
    }
}

impl Decide for PluginStep {
    fn warnings(&self) -> Vec<Fault> {
        self.warnings.clone()
    }

    fn reads(&self) -> Vec<String> {
        self.reads.clone()
    }

    fn sets(&self) -> Vec<String> {
        self.sets.clone()
    }

    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        self.ask(cohort, 0..cohort.len(), &mut 0, decisions);
    }
}

fn failed(reason: String) -> Decision {
    Decision::Fail { reason, payload: String::new() }
}

/// Creates something of a plugin, or tells its faults.
pub(crate) fn create(
    plugin: &Plugin,
    settings: &Json,
) -> Result<(Box<dyn Instance>, Created), Vec<Fault>> {
    let fault = |message: String| vec![Fault::error("", message)];
    let settings = Settings::lay(settings).map_err(|why| fault(why.to_string()))?;
    let (instance, said) = plugin.port.create(settings).map_err(|error| match &error {
        CallError::Said(said) => match serde_json::from_str::<Vec<Fault>>(said) {
            Ok(faults) if !faults.is_empty() => faults,
            _ => fault(said.clone()),
        },
        _ => fault(plugin.blame(&error)),
    })?;
    if said.is_empty() {
        return Ok((instance, Created::default()));
    }
    let created = serde_json::from_slice(&said).map_err(|error| {
        fault(format!("plugin `{}` says of what it created: {error}", plugin.name()))
    })?;
    Ok((instance, created))
}

/// Takes the composer's JSON apart and looks only at its form. A runtime that knows what may
/// stand in an object gives [`crate::Options::compose`] a stricter one.
pub(crate) fn compose(json: &str) -> Result<Objects, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written<'a> {
        #[serde(default, borrow)]
        attributes: Vec<&'a RawValue>,
        #[serde(default, borrow)]
        events: Vec<&'a RawValue>,
        #[serde(default, borrow)]
        purchases: Vec<&'a RawValue>,
    }
    let written: Written<'_> =
        serde_json::from_str(json).map_err(|error| format!("the update is wrong: {error}"))?;
    let texts = |objects: Vec<&RawValue>| -> Result<Vec<Box<str>>, String> {
        let object = |value: &RawValue| match value.get().starts_with('{') {
            true => Ok(value.get().into()),
            false => Err("the update has something else than objects".to_owned()),
        };
        objects.into_iter().map(object).collect()
    };
    Ok(Objects {
        attributes: texts(written.attributes)?,
        events: texts(written.events)?,
        purchases: texts(written.purchases)?,
    })
}
