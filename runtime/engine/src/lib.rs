//! The host in real time: it drives shards on one machine, on tokio.
//!
//! As in every host, each round has three beats: *decide* (every shard with something to do),
//! *commit* (one append to the log covers all shards of the round), *act* (writes, messages and
//! fetches, whose replies are inputs of a later round). What happens to users is decided by the
//! same code as in the simulation; here is only what touches the world.
//!
//! - [`clock`] is the one place that reads the time; tests give a clock of their own.
//! - Who hands something over learns of the commit: [`Engine::enter`] ends after it.
//! - Everything is bounded. When the backend can't keep up, timers are held back and entrances
//!   say [`Busy`].
#![forbid(unsafe_code)]

mod at_rest;
mod bench;
mod catch_up;
mod channels;
pub mod clock;
mod driver;
mod engine;
mod error;
mod fetch;
mod intake;
mod life;
mod often;
mod operate;
mod options;
mod outgoing;
mod profiles;
mod recovery;
mod state;
mod status;
mod sweep;
mod trace;

pub use at_rest::AtRest;
pub use channels::{Channel, Channels, Console, Outbox, Webhook};
pub use engine::{Engine, Entrance, Happening};
pub use error::{Busy, Error};
pub use fetch::{Answers, Fetch, NoAnswers};
pub use life::OfThisLife;
pub use options::{Options, Setup, Writes};
pub use profiles::{Local, Profiles};
pub use recovery::{History, Recovered, recovered};
pub use state::{StateError, StateFolder};
pub use status::{Ended, Logged, Status};
pub use sweep::{Swept, sweep};
pub use trace::{Nobody, Trace};

/// The crates below, for whoever sets an engine up.
pub use {
    flowrun_core as core, flowrun_log as log, flowrun_outbound as outbound,
    flowrun_profiles as profile_backends,
};
