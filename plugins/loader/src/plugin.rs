//! A loaded plugin, and what it is loaded for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flowrun_sdk::plugin::abi::PluginKind;
use flowrun_sdk::{Fault, Kind, Objects};
use serde_json::Value as Json;

use crate::child::Child;
use crate::description::Description;
use crate::in_process::InProcess;
use crate::port::{CallError, Port};
use crate::step::PluginStep;
use crate::{Error, PluginBackend, PluginChannel};

/// Where a plugin runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Isolation {
    /// In this process: fast, and trusted to not crash.
    #[default]
    None,
    /// In a process of its own, started by this command, to which the plugin's file is
    /// appended: a program that calls [`crate::host::serve`].
    Process(Vec<std::ffi::OsString>),
}

/// Reads the JSON of a plugin's User Update, and refuses what a step may not write.
pub type Compose = dyn Fn(&str) -> Result<Objects, String> + Send + Sync;

/// How plugins are run.
#[derive(Clone)]
pub struct Options {
    pub isolation: Isolation,
    /// A call that takes longer is taken to never end.
    pub patience: Duration,
    pub compose: Arc<Compose>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            isolation: Isolation::None,
            patience: Duration::from_secs(10),
            compose: Arc::new(crate::step::compose),
        }
    }
}

/// A plugin that was loaded and has described itself.
pub struct Plugin {
    path: PathBuf,
    description: Description,
    pub(crate) port: Arc<dyn Port>,
    pub(crate) options: Options,
}

impl Plugin {
    /// Loads a file. Whoever names it trusts it: its code runs as soon as it is opened.
    pub fn open(path: &Path, options: &Options) -> Result<Plugin, Error> {
        let port: Arc<dyn Port> = match &options.isolation {
            Isolation::None => Arc::new(InProcess::open(path, options.patience)?),
            Isolation::Process(command) => Arc::new(Child::open(path, command, options.patience)?),
        };
        let broken = |why: String| Error::Broken { path: path.to_owned(), why };
        let json = port.describe().map_err(|error| broken(format!("asked what it is, {error}")))?;
        let description = Description::read(port.head().kind, &json).map_err(broken)?;
        Ok(Plugin { path: path.to_owned(), description, port, options: options.clone() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn name(&self) -> &str {
        self.description.name()
    }

    pub fn kind(&self) -> PluginKind {
        self.description.kind()
    }

    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Major and minor version of the ABI that it was built for.
    pub fn abi(&self) -> (u16, u16) {
        self.port.head().abi
    }

    /// The kind of step that the plugin is, for a catalogue; `None` if it is something else.
    pub fn step_kind(self: &Arc<Self>) -> Option<Kind> {
        let Description::Step(step) = &self.description else { return None };
        let plugin = self.clone();
        let create = move |settings: Json| {
            let step = PluginStep::create(&plugin, &settings)?;
            Ok(Box::new(step) as Box<dyn flowrun_sdk::Decide>)
        };
        Some(Kind::new(step.declaration.clone(), step.settings.clone(), create))
    }

    /// The backend that the plugin is, with these settings.
    pub fn backend(&self, settings: &Json) -> Result<PluginBackend, Vec<Fault>> {
        PluginBackend::create(self, settings)
    }

    /// The channel that the plugin is, with these settings.
    pub fn channel(&self, settings: &Json) -> Result<PluginChannel, Vec<Fault>> {
        PluginChannel::create(self, settings)
    }

    /// The error of a call as the reason of a failed visit.
    pub(crate) fn blame(&self, error: &CallError) -> String {
        blame(self.name(), error)
    }
}

/// Names the plugin whose fault it is.
pub(crate) fn blame(name: &str, error: &CallError) -> String {
    match error {
        CallError::Said(said) => format!("plugin `{name}`: {said}"),
        CallError::Resting(said) => format!("plugin `{name}` {said}"),
        error => format!("plugin `{name}`: {error}"),
    }
}
