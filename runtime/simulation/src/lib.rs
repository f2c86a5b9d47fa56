//! The host with a virtual clock: it drives shards as an engine does, only that time
//! jumps to the next moment at which something happens. Months pass in milliseconds, and
//! a seed gives the same run, to the byte.
#![forbid(unsafe_code)]

mod agenda;
mod answers;
mod backend;
mod crew;
pub mod faults;
pub mod funnel;
mod host;
mod mischief;
mod operations;
pub mod oracle;
mod outside;
mod place;
pub mod population;
mod reactions;
mod rehearsal;
mod remote;
mod script;
mod totals;

pub use agenda::{Aftermath, Arrival, Edit, Happening, Operation, Order};
pub use answers::Answers;
pub use backend::{Backend, Replies};
pub use host::{Options, Simulation};
pub use mischief::{Beat, Mischief, Peace};
pub use outside::{Channel, Fetch, NoAnswers, Outside, Silent, missing};
pub use reactions::{Reacting, Reaction, Reactions};
pub use rehearsal::{Letter, Rehearsal, State, Whereabouts};
pub use remote::Remote;
pub use script::{Response, Rule, Script, Sent, SentPart};
pub use totals::{Totals, Watcher};

/// The crates below, for whoever sets a run up.
pub use {
    flowrun_core as core, flowrun_log as log, flowrun_outbound as outbound,
    flowrun_profiles as profiles,
};
