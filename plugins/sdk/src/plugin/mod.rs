//! What lies between a runtime and a plugin: C functions, bytes both ways.
//!
//! An author needs nothing of this: [`export_step!`](crate::export_step),
//! [`export_backend!`](crate::export_backend) and [`export_channel!`](crate::export_channel)
//! write the functions. `flowrun_plugin.h`, beside this crate's `Cargo.toml`, documents every
//! byte for authors in other languages; both sides of it that are in Rust are here, so that
//! neither can be changed alone:
//!
//! - [`abi`]: the table of functions, and the versions of all this;
//! - [`Ask`]: a grid of rows and cells, on its way to the plugin;
//! - [`Answer`]: a record per row, on its way back;
//! - [`exported`]: what a plugin makes of a call, behind a fence that no panic passes.

pub mod abi;
mod answer;
mod ask;
mod describe;
pub mod exported;
mod guard;
mod outcome_bytes;
mod settings;
mod step_bytes;

pub use answer::{Answer, Answered, Malformed, RECORD, Record};
pub use ask::{Ask, Asked, CellBytes, HEADER};
pub use describe::{BackendDescription, ChannelDescription, Created, StepDescription};
pub use guard::guard;
pub use outcome_bytes::{lay_outcomes, outcome_kind, outcome_of};
pub use settings::{Settings, json_of};
pub use step_bytes::{Decisions, decision_kind, lay_cohort, lay_decisions, read_cohort};
