//! What a plugin says of itself, read with suspicion.

use flowrun_sdk::plugin::abi::PluginKind;
use flowrun_sdk::plugin::{BackendDescription, ChannelDescription, StepDescription};
use serde::Serialize;
use serde_json::Value as Json;

/// Of any kind.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Description {
    Step(StepDescription),
    Backend(BackendDescription),
    Channel(ChannelDescription),
}

/// The longest description, in bytes of JSON.
const LONGEST: usize = 1 << 20;

impl Description {
    /// Reads the JSON of `describe`, or says why it is none.
    pub fn read(kind: PluginKind, json: &[u8]) -> Result<Description, String> {
        if json.len() > LONGEST {
            return Err("it describes itself with more than 1 MiB".to_owned());
        }
        let json =
            std::str::from_utf8(json).map_err(|_| "its description is not UTF-8".to_owned())?;
        let read = match kind {
            PluginKind::Step => serde_json::from_str(json).map(Description::Step),
            PluginKind::Backend => serde_json::from_str(json).map(Description::Backend),
            PluginKind::Channel => serde_json::from_str(json).map(Description::Channel),
        };
        let read = read.map_err(|error| format!("its description is wrong: {error}"))?;
        read.refuse_bad_names()?;
        Ok(read)
    }

    pub fn kind(&self) -> PluginKind {
        match self {
            Description::Step(_) => PluginKind::Step,
            Description::Backend(_) => PluginKind::Backend,
            Description::Channel(_) => PluginKind::Channel,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Description::Step(step) => &step.declaration.name,
            Description::Backend(backend) => &backend.name,
            Description::Channel(channel) => &channel.name,
        }
    }

    pub fn summary(&self) -> &str {
        match self {
            Description::Step(step) => &step.declaration.summary,
            Description::Backend(backend) => &backend.summary,
            Description::Channel(channel) => &channel.summary,
        }
    }

    /// JSON Schema of the settings.
    pub fn settings(&self) -> &Json {
        match self {
            Description::Step(step) => &step.settings,
            Description::Backend(backend) => &backend.settings,
            Description::Channel(channel) => &channel.settings,
        }
    }

    fn refuse_bad_names(&self) -> Result<(), String> {
        let name = self.name();
        if !is_name(name) {
            let name: String = name.chars().take(64).collect();
            return Err(format!("its name {name:?} is none: use a-z, 0-9, `_` and `-`"));
        }
        if !self.settings().is_object() && !self.settings().is_boolean() {
            return Err("its schema of the settings is no JSON Schema".to_owned());
        }
        Ok(())
    }
}

/// Whether plugins may be called so: what is a name in a Canvas, and of a file.
pub(crate) fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(letters)
}
