//! The User Track object model: what `POST /users/track` and the composer of a User Update step carry.
//!
//! Three layers, each usable alone:
//!
//! 1. [`Object`]: one attributes, event or purchase object, parsed and validated once, applied to any number of
//!    [`Profile`]s. A fault that the vendor reports refuses the object ([`ItemError`], with the exact string); a value
//!    that the vendor drops in silence is dropped here too, but said in a [`Warning`].
//! 2. [`compose`]: the JSON that a User Update renders, with the keys refused that a step may not write.
//! 3. [`Directory`]: identity over many profiles: who an object is about, who comes into being, who merges with whom.
//!
//! Invariants: no clock (`now_ms` is an argument), no randomness, no I/O; the same inputs give the same profile. Nothing an
//! input holds can panic, recurse beyond [`Limits::depth`] or make a profile grow past the limits. Where the vendor
//! documents nothing, the choice made is in the doc comment of the item that makes it, marked "Our choice".

#![forbid(unsafe_code)]

mod audience;
mod compose;
mod directory;
mod error;
mod field;
mod identifier;
mod limits;
mod name;
mod object;
mod profile;
mod summary;
mod trigger;
mod value;
mod values;

pub use audience::{Audience, AudienceError};
pub use compose::{
    Composed, Error as ComposeError, Kind as ComposeKind, compose, compose_checked, compose_value,
    compose_value_checked, compose_within,
};
pub use directory::{
    Batch, Directory, Id, Key, Memory, Outcome, Prepared, Profiles, Remembered, Reply, Settled,
    WriteKey, Writing, export, journey_id, merge, neighbours, sync_refused, sync_reply,
    track_batch, track_sync,
};
pub use error::{ItemError, Reason, Warning};
pub use field::Field;
pub use identifier::{Identifier, identify, named_by};
pub use limits::Limits;
pub use name::Name;
pub use object::{Applied, Array, Event, Object, Purchase};
pub use profile::{Alias, Profile};
pub use summary::Summary;
pub use trigger::{Properties, Recipient, Recipients, Trigger};
pub use value::{Text, Value};
pub use values::date;
