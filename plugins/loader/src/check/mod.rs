//! `flowrun plugin check`: a plugin through all that an author can get wrong.
//!
//! Whatever it does is a finding and never an error of the check. What a check in the same
//! process can't survive (a crash) is for whoever starts it in a process of its own.

mod memory;
mod outlets;
mod steps;

use std::path::Path;
use std::sync::Arc;

use flowrun_sdk::plugin::abi::PluginKind;
use serde_json::Value as Json;

use crate::folder::Folder;
use crate::plugin::{Options, Plugin};

/// How one thing stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    Good,
    /// It works, and could be better.
    Fair,
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub verdict: Verdict,
    /// A word or two: `ABI`, `examples`.
    pub what: &'static str,
    pub said: String,
}

/// All that was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    /// The worst of all.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Good)
    }

    pub(crate) fn add(&mut self, verdict: Verdict, what: &'static str, said: impl Into<String>) {
        self.findings.push(Finding { verdict, what, said: said.into() });
    }

    /// Good with these words, or bad with each of those.
    pub(crate) fn judge(&mut self, what: &'static str, good: &str, wrong: Vec<String>) {
        if wrong.is_empty() {
            self.add(Verdict::Good, what, good);
        }
        wrong.into_iter().for_each(|said| self.add(Verdict::Bad, what, said));
    }
}

/// How much is done.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Calls in the search for leaks.
    pub calls: u32,
    /// Settings with which a backend or channel is tried: without them it is not, since it
    /// would write to wherever it writes.
    pub settings: Option<Json>,
}

impl Default for Effort {
    fn default() -> Effort {
        Effort { calls: 100_000, settings: None }
    }
}

/// Checks the library. It is opened in this process.
pub fn check(path: &Path, options: &Options, effort: &Effort) -> Report {
    let mut report = Report::default();
    let plugin = match Plugin::open(path, options) {
        Ok(plugin) => Arc::new(plugin),
        Err(error) => {
            report.add(Verdict::Bad, "load", error.to_string());
            return report;
        }
    };
    let (major, minor) = plugin.abi();
    let kind = plugin.kind().word();
    report.add(Verdict::Good, "load", format!("{kind} `{}`", plugin.name()));
    report.add(Verdict::Good, "ABI", format!("{major}.{minor}"));
    manifest(path, &plugin, &mut report);
    description(&plugin, &mut report);
    match plugin.kind() {
        PluginKind::Step => steps::check(&plugin, effort, &mut report),
        PluginKind::Backend => outlets::check_backend(&plugin, effort, &mut report),
        PluginKind::Channel => outlets::check_channel(&plugin, effort, &mut report),
    }
    report
}

/// The manifest beside it, if it stands in a plugin folder.
fn manifest(path: &Path, plugin: &Plugin, report: &mut Report) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = Folder::open(parent.unwrap_or(Path::new(".")));
    let found = folder.as_ref().ok().and_then(|folder| folder.find(plugin.name()));
    match found {
        None => report.add(Verdict::Good, "manifest", "none: it is not installed yet"),
        Some(found) => match found.and_then(|found| found.load(&plugin.options)) {
            Ok(_) => report.add(Verdict::Good, "manifest", "agrees with the library"),
            Err(error) => report.add(Verdict::Bad, "manifest", error.to_string()),
        },
    }
}

/// What the plugin says of itself.
fn description(plugin: &Plugin, report: &mut Report) {
    let described = plugin.description();
    let again = plugin
        .port
        .describe()
        .map_err(|error| error.to_string())
        .and_then(|json| crate::Description::read(plugin.kind(), &json));
    match again {
        Ok(again) if again == *described => {}
        Ok(_) => report.add(Verdict::Bad, "describe", "says something else when asked again"),
        Err(why) => report.add(Verdict::Bad, "describe", why),
    }
    let summary = described.summary();
    if !summary.ends_with('.') || !summary.starts_with(char::is_uppercase) {
        let said = format!("the summary is no sentence: {summary:?}");
        report.add(Verdict::Fair, "describe", said);
    }
    schema(described.settings(), report);
}

/// What an editor and the checker of Canvases make of the settings' schema.
fn schema(schema: &Json, report: &mut Report) {
    let mut wrong = Vec::new();
    if schema["type"] != "object" {
        wrong.push("the schema of the settings is not that of an object".to_owned());
    }
    if let Some(required) = schema["required"].as_array() {
        for name in required.iter().filter_map(Json::as_str) {
            if schema["properties"].get(name).is_none() {
                wrong.push(format!("the schema requires `{name}`, and says nothing of it"));
            }
        }
    }
    report.judge("schema", "can be read", wrong);
    if schema["additionalProperties"] != false {
        let said = "takes settings of any name, so that slips are not found: use \
                    `deny_unknown_fields` (\"additionalProperties\": false)";
        report.add(Verdict::Fair, "schema", said);
    }
    let properties = schema["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        if property["description"].as_str().is_none_or(str::is_empty) {
            report.add(Verdict::Fair, "schema", format!("says nothing about `{name}`"));
        }
    }
}
