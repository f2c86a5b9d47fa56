//! Profile backends as plugins: where held updates are written.
//!
//! A backend takes a batch of many users' objects and answers for each of them. It states
//! its limits, and the runtime keeps to them. Every object comes with the key of its write,
//! which is the same on every attempt and after every crash: a backend that remembers keys
//! can apply each write once.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Fault, Millis};

/// Something that writes profiles.
///
/// A call ends: a backend has its own deadlines, and of what it doesn't know it says
/// [`Outcome::Unknown`]. Batches may come side by side, up to [`About::in_flight`].
pub trait Backend: Sized + Send + Sync + 'static {
    /// What a person writes in `flowrun.toml`. Use `deny_unknown_fields`.
    type Settings: DeserializeOwned + JsonSchema;

    fn declare() -> Declaration;

    /// Made once, when a runtime starts. All faults at once.
    fn create(settings: Self::Settings) -> Result<Self, Vec<Fault>>;

    /// What is true of this one, where that depends on the settings.
    fn about(&self) -> About {
        Self::declare().about
    }

    /// Writes the objects and says of each, in their order, what became of it.
    fn commit(&self, batch: &Batch<'_>) -> Reply;
}

/// A backend's description of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// What `--backend plugin:NAME` names: `[a-z][a-z0-9_-]*`.
    pub name: String,
    /// One sentence, in the imperative, with a full stop.
    pub summary: String,
    pub about: About,
}

impl Declaration {
    pub fn new(name: &str, summary: &str) -> Declaration {
        Declaration { name: name.to_owned(), summary: summary.to_owned(), about: About::default() }
    }

    pub fn about(mut self, about: About) -> Declaration {
        self.about = about;
        self
    }
}

/// What a backend can take, and what its answers mean.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// Objects per batch.
    pub attributes: u32,
    pub events: u32,
    pub purchases: u32,
    /// Over all three, where the backend counts that way.
    pub combined: Option<u32>,
    /// Batches under way at once.
    pub in_flight: u32,
    pub per_minute: Option<u32>,
    /// The longest that an object waits for company.
    pub linger_ms: u32,
    /// Whether a write that comes again under its key changes nothing again.
    pub remembers_keys: bool,
    pub commit: CommitPoint,
}

impl Default for About {
    /// With the limits of User Track.
    fn default() -> About {
        About {
            attributes: 75,
            events: 75,
            purchases: 75,
            combined: None,
            in_flight: 8,
            per_minute: None,
            linger_ms: 50,
            remembers_keys: false,
            commit: CommitPoint::Applied,
        }
    }
}

/// When a user is let go: what is committed is what the next step reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitPoint {
    /// As soon as the backend has taken the object over.
    Accepted,
    /// When it is written.
    #[default]
    Applied,
}

/// The array of User Track that an object belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Array {
    Attributes,
    Events,
    Purchases,
}

impl Array {
    pub const ALL: [Array; 3] = [Array::Attributes, Array::Events, Array::Purchases];

    /// As User Track calls it.
    pub fn word(self) -> &'static str {
        ["attributes", "events", "purchases"][self as usize]
    }
}

/// The objects of one request, of many users.
#[derive(Clone, PartialEq, Debug)]
pub struct Batch<'a> {
    /// The moment of the request.
    pub now: Millis,
    pub objects: Vec<Object<'a>>,
}

/// One object to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object<'a> {
    pub array: Array,
    /// The external id of the user it belongs to.
    pub user: &'a str,
    /// The write's key, `canvas/version/user/entry/step`: the same on every attempt.
    pub key: &'a str,
    /// The object's place in its write. Together with the key it names the object for good.
    pub number: u32,
    /// From 1.
    pub attempt: u32,
    /// The text of one JSON object, without an identifier.
    pub json: &'a str,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reply {
    /// One for each object, in their order.
    pub outcomes: Vec<Outcome>,
    /// How long the backend wants no further request at all.
    pub pause: Option<Millis>,
}

impl Reply {
    /// The same for all.
    pub fn all(batch: &Batch<'_>, outcome: Outcome) -> Reply {
        Reply { outcomes: vec![outcome; batch.objects.len()], pause: None }
    }
}

/// What became of an object, or of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Written, so that whoever reads the backend now sees it; a message: sent.
    Applied,
    /// Taken over by the backend, which will write it.
    Accepted,
    /// Never will be, for this reason.
    Refused(String),
    /// Not done; try again, after so long where the backend says so.
    Retry { after: Option<Millis>, cause: String },
    /// Nobody knows: it may have happened. Sent again under the same key.
    Unknown(String),
}
