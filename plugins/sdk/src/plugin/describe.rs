//! What a plugin says of itself, and of what it created: JSON, once at load.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::backend::About;
use crate::{Declaration, Fault};

/// Of a step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDescription {
    pub declaration: Declaration,
    /// JSON Schema of the settings, with the formats of [`crate::settings::format`].
    pub settings: Json,
}

/// Of a profile backend.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendDescription {
    pub name: String,
    pub summary: String,
    pub settings: Json,
    #[serde(default)]
    pub about: About,
}

/// Of a message channel.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelDescription {
    pub name: String,
    pub summary: String,
    pub settings: Json,
}

/// What `create` says of something that it made; an empty buffer says nothing.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    #[serde(default)]
    pub warnings: Vec<Fault>,
    /// Attributes read at this place; without it, those of the declaration.
    #[serde(default)]
    pub reads: Option<Vec<String>>,
    #[serde(default)]
    pub sets: Vec<String>,
    /// A backend whose limits depend on its settings.
    #[serde(default)]
    pub about: Option<About>,
}
