//! What the author of a step sees, and all of it: built-in steps use nothing else.
//!
//! A step is a type that implements [`Step`]: it declares itself once ([`Declaration`]),
//! is created once per place in a Canvas from its typed settings, and then turns visits
//! into [`Decision`]s. It never performs anything: time, identity, profile values and
//! rendered templates come in with the [`Visit`], and what should happen goes out as a
//! decision that the runtime commits before it acts on it. [`export_step!`] makes a library of
//! it that a runtime loads; profile backends ([`backend`]) and message channels ([`channel`])
//! are made in the same way.
//!
//! Settings are plain serde structs. The types of [`settings`] carry what only the
//! runtime can do: [`Text`](settings::Text) is Liquid, rendered per user before the step is asked;
//! [`Condition`](settings::Condition) is evaluated; [`Door`](settings::Door) names a step to go to.
#![forbid(unsafe_code)]

pub mod backend;
pub mod channel;
mod cohort;
mod decision;
mod declaration;
mod duration;
mod export;
pub mod plugin;
pub mod settings;
mod step;
pub mod testing;
mod time;
mod update;

pub use cohort::{Attribute, Cell, Cohort, CohortBuilder, Visit};
pub use decision::{Decision, Delivery, Message, Variables, WrittenMessage};
pub use declaration::{Declaration, Example, Exits, Fault, Severity};
pub use duration::{BadDuration, Duration};
pub use settings::Door;
pub use step::{Catalogue, Decide, Kind, Step};
pub use time::Millis;
pub use update::{Objects, Update};

/// Re-exported so that a step needs no version of its own.
pub use {schemars, serde, serde_json};
