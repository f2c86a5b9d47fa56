//! The built-in steps, one file each.
//!
//! They stand on the public SDK and have no private door: whatever a step here can do, a
//! stranger's plugin can do too. Each file is the manual page of its step. The module doc
//! says what it does and why, the declaration says it to the tools, and the tests say
//! what a user at the step would notice.
//!
//! The crate is pure: a decision follows from the visit (its moment, profile values and
//! rendered texts), so that the same Canvas runs in virtual and in real time.
#![forbid(unsafe_code)]

mod audience_paths;
mod context;
mod decision_split;
mod delay;
mod exit;
mod experiment_paths;
mod message;
mod paths;
#[cfg(feature = "planted")]
pub mod planted;
mod rules;
mod user_update;
mod webhook;

use flowrun_sdk::{Catalogue, Kind};

pub use audience_paths::AudiencePaths;
pub use context::Context;
pub use decision_split::DecisionSplit;
pub use delay::Delay;
pub use exit::Exit;
pub use experiment_paths::ExperimentPaths;
pub use message::Message;
pub use user_update::UserUpdate;
pub use webhook::Webhook;

/// All built-in kinds.
pub fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    for kind in [
        Kind::of::<AudiencePaths>(),
        Kind::of::<Context>(),
        Kind::of::<DecisionSplit>(),
        Kind::of::<Delay>(),
        Kind::of::<Exit>(),
        Kind::of::<ExperimentPaths>(),
        Kind::of::<Message>(),
        Kind::of::<UserUpdate>(),
        Kind::of::<Webhook>(),
    ] {
        catalogue.add(kind).expect("built-in steps have names of their own");
    }
    catalogue
}
