//! The two ways to a plugin: its library in this process, or a pipe to a process of its own.

use std::time::Duration;

use flowrun_sdk::plugin::abi::PluginKind;

/// A plugin, wherever it is.
pub(crate) trait Port: Send + Sync {
    fn head(&self) -> Head;
    fn describe(&self) -> Result<Vec<u8>, CallError>;
    /// Something created from settings, and what was said of it.
    fn create(&self, settings: Vec<u8>) -> Result<(Box<dyn Instance>, Vec<u8>), CallError>;
}

/// What was created, at one place.
pub(crate) trait Instance: Send + Sync {
    fn call(&self, request: Vec<u8>) -> Result<Vec<u8>, CallError>;
    /// Ends it, and tells how that went. Once; later calls do nothing.
    fn close(&self) -> Result<(), CallError>;
}

/// What a table says before its functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) kind: PluginKind,
    pub(crate) flags: u32,
    pub(crate) abi: (u16, u16),
}

/// How a call failed.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum CallError {
    /// An error of the plugin's own, in its words. Of `create`: perhaps a JSON list of faults.
    #[error("{0}")]
    Said(String),
    #[error("it panicked: {0}")]
    Panicked(String),
    /// Its process ended.
    #[error("its process ended: {0}")]
    Died(String),
    #[error("it {0}")]
    Malformed(String),
    #[error("it did not answer within {} and is not asked again", shown(.0))]
    Hung(Duration),
    /// Its process was ended for being too slow.
    #[error("it did not answer within {}, and its process was ended", shown(.0))]
    Stopped(Duration),
    /// It isn't asked at all for now.
    #[error("{0}")]
    Resting(String),
}

impl CallError {
    /// Whether the fault may be that of one row among many, so that asking for fewer at a
    /// time finds whose it is.
    pub(crate) fn may_be_of_one(&self) -> bool {
        matches!(self, CallError::Said(_) | CallError::Panicked(_) | CallError::Died(_))
    }
}

fn shown(time: &Duration) -> String {
    match time.as_millis() {
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}
