//! Loads plugins: libraries with steps, profile backends and message channels that other
//! people wrote, in any language that can export a C function.
//!
//! What a plugin does wrong stays its own fault. A panic, an answer that makes no sense, a
//! crash of its process and a call that never ends fail the visits they were asked for, with
//! the plugin's name in the reason, and nothing else. In the runtime's own process that can't
//! be said of a crash: what was not written by the one who runs it belongs into a process of
//! its own ([`Isolation::Process`]).
//!
//! - [`Plugin`] is a loaded library; [`Plugin::step_kind`], [`Plugin::backend`] and
//!   [`Plugin::channel`] are what it is loaded for.
//! - [`Folder`] holds installed plugins: each with a manifest, which is held against the file
//!   before the file is loaded.
//! - [`check`] puts a plugin through all that an author can get wrong; [`scaffold`] begins one.
//! - [`host`] is the other end of the pipe, in the child process.
//!
//! Invariants: nothing of a table is called before its version was read; every buffer goes
//! back to who made it; a library is never unloaded; a call that hangs costs one thread, once.
#![deny(unsafe_code)]

mod backend;
mod channel;
pub mod check;
mod child;
mod description;
mod error;
mod folder;
mod frames;
pub mod host;
mod in_process;
mod library;
mod machine;
mod plugin;
mod port;
pub mod scaffold;
mod step;
mod workers;

pub use backend::PluginBackend;
pub use channel::PluginChannel;
pub use description::Description;
pub use error::Error;
pub use flowrun_sdk as sdk;
pub use folder::{Folder, Installed};
pub use library::leave_what_hangs;
pub use plugin::{Isolation, Options, Plugin};
pub use port::CallError;
