//! The one door out: it fetches what templates ask for (Connected Content), and nothing
//! that they may not have.
//!
//! A template can be made to ask for any address, and an address can lead anywhere. So:
//!
//! - nothing is fetched unless its host is named in the [`Egress`];
//! - a URL is parsed first and judged afterwards ([`HostPattern`], scheme, port);
//! - an address is judged right before it is connected to ([`refusal`]), after the name was
//!   resolved, and it is that address which is connected to;
//! - redirects are not followed, no proxy is taken from the environment, no cookie is kept;
//! - two seconds, one mebibyte, and a limit to everything that is stored.
//!
//! A request that breaks a rule is an [`Error`], which says what to do: the visit fails in
//! everybody's sight. What goes wrong on the way is [`Answer::none`]: nothing is inserted,
//! as in Braze.
//!
//! What the operator named in so many words, such as the profile backend's endpoint, is a
//! [`Peer`]: these rules protect against templates, so they don't bind it; its connections
//! stay open, and it says how a call failed.
//!
//! [`Fixtures`] answer from a file; [`Door`] and [`Blocking`] from the network. The cache
//! and the watch over hosts' health are pure and take the time as an argument.
//!
//! [`Answer::none`]: flowrun_core::template::Answer::none
#![forbid(unsafe_code)]

mod address;
mod blocking;
mod cache;
mod call;
mod cidr;
mod connect;
mod door;
mod egress;
mod error;
mod exchange;
pub mod fixtures;
mod health;
pub mod hook;
mod late;
mod missed;
pub mod peer;
mod resolve;
mod secret;
mod target;

pub use address::refusal;
pub use blocking::Blocking;
pub use cidr::Cidr;
pub use door::Door;
pub use egress::{Credential, Egress, HostPattern};
pub use error::Error;
pub use fixtures::Fixtures;
pub use late::LateSecret;
pub use peer::Peer;
pub use resolve::{Addresses, Resolve, System};
pub use secret::Secret;
