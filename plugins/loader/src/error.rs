//! Why a plugin was not loaded. Each says what to do where there is something to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum Error {
    #[error("can't read the plugin `{path}`: {why}")]
    Unreadable { path: PathBuf, why: String },
    #[error("`{path}` is no library: {why}")]
    NoLibrary { path: PathBuf, why: String },
    #[error("`{path}` is a library for {theirs}, and this is {ours}: build it on this machine")]
    OtherMachine { path: PathBuf, theirs: String, ours: String },
    #[error("the library `{path}` can't be loaded: {why}")]
    NotLoaded { path: PathBuf, why: String },
    #[error(
        "`{path}` is no flowrun plugin: it has no symbol `flowrun_plugin_v1` (a Rust library gets \
         it by `flowrun_sdk::export_step!`, another by `flowrun_plugin.h`)"
    )]
    NoSymbol { path: PathBuf },
    #[error(
        "`{path}` was built for plugin ABI {theirs}, and this flowrun speaks {ours}: rebuild it \
         against the SDK of this version"
    )]
    OtherAbi { path: PathBuf, theirs: String, ours: String },
    #[error("the plugin `{path}` is broken: {why}")]
    Broken { path: PathBuf, why: String },
    #[error(
        "the plugin `{path}` was built with panic = \"abort\", so that a panic of it would end \
         everything: build it with panic = \"unwind\""
    )]
    Aborts { path: PathBuf },
    #[error("the plugin `{path}` is not trusted: {why}")]
    NotTrusted { path: PathBuf, why: String },
    #[error("plugins can't be given a process of their own here: {why}")]
    NoProcess { why: String },
}

impl Error {
    /// Of a library whose constructors don't end.
    pub(crate) fn took_too_long(path: &Path, patience: Duration) -> Error {
        let why = format!("opening it did not end within {} s", patience.as_secs_f32());
        Error::NotLoaded { path: path.to_owned(), why }
    }
}
