//! What a step can decide for one user.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{Door, Millis, Update};

/// Variables a step puts into the journey's context, in order.
pub type Variables = Vec<(String, Json)>;

/// The decision for one visit. The runtime makes it durable, then acts on it.
#[derive(Clone, PartialEq, Debug)]
#[must_use]
pub enum Decision {
    /// Leave by this door now.
    Go(Door),
    /// Rest until the moment, then leave by the door. A moment that is past means now.
    WaitUntil { until: Millis, then: Door },
    /// Hold the user until these objects are written: then `next`; refused: `on_failure`;
    /// too late: `on_timeout`.
    Update(Update),
    /// Hand a message to its channel; the user goes on by `next` once it was taken.
    Send(Arc<Message>),
    /// Put variables into the journey's context and leave by the door.
    Remember { variables: Variables, then: Door },
    /// End the journey.
    Exit(String),
    /// The step can't do its work for this user. Ends in the dead letter with the reason,
    /// and the user leaves by `on_failure`.
    Fail { reason: String, payload: String },
}

/// A message for a channel (console, file, webhook, …). Shared, so that a text which is
/// the same for everybody exists once.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Message {
    pub channel: Arc<str>,
    pub subject: Option<Arc<str>>,
    pub body: Arc<str>,
    /// What else the channel needs, for instance a webhook's `url` and `method`.
    pub fields: BTreeMap<String, String>,
    pub delivery: Delivery,
}

/// A message as it stands in the Canvas, before anything is rendered: for those who look at the
/// Canvas, not at a journey.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WrittenMessage {
    pub channel: String,
    /// Its texts by what they are: `subject`, `body`, `url`…
    pub texts: BTreeMap<String, String>,
}

/// What happens when it is unknown whether a message went out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Delivery {
    /// Send again under the same id: nobody misses it, somebody may get it twice.
    #[default]
    AtLeastOnce,
    /// Don't send again: nobody gets it twice, somebody may miss it.
    AtMostOnce,
}
