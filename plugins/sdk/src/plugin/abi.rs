//! The table of functions that a plugin exports under [`SYMBOL`], as `flowrun_plugin.h` has it.
//!
//! A runtime reads `magic`, `size` and the version before anything else, and calls nothing
//! of a table that it doesn't know. Minor versions append; a major version takes another
//! symbol.

use std::ffi::c_void;

/// The one symbol that a plugin exports: a constant of type [`Plugin`].
pub const SYMBOL: &str = "flowrun_plugin_v1";
/// `FLOWRUN1` in ASCII, as a little-endian number.
pub const MAGIC: u64 = u64::from_le_bytes(*b"FLOWRUN1");
/// Changed when a plugin must be built anew.
pub const MAJOR: u16 = 1;
/// Counts what was appended since.
pub const MINOR: u16 = 0;

/// What a plugin is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    Step = 1,
    Backend = 2,
    Channel = 3,
}

impl PluginKind {
    pub fn of(number: u32) -> Option<PluginKind> {
        [PluginKind::Step, PluginKind::Backend, PluginKind::Channel]
            .into_iter()
            .find(|kind| *kind as u32 == number)
    }

    pub fn word(self) -> &'static str {
        match self {
            PluginKind::Step => "step",
            PluginKind::Backend => "backend",
            PluginKind::Channel => "channel",
        }
    }
}

/// Bits of [`Plugin::flags`].
pub mod flags {
    /// One handle may be called by several threads at once.
    pub const CONCURRENT: u32 = 1;
    /// A panic ends the process: such a plugin is refused.
    pub const ABORTS: u32 = 2;
    /// The plugin wants a hash per row, for choices that stay the same.
    pub const HASHES: u32 = 4;
}

/// How a call went.
pub mod status {
    /// The buffer holds what was asked for.
    pub const OK: i32 = 0;
    /// The buffer holds the reason as UTF-8 text; of `create`, perhaps a JSON list of faults.
    pub const ERROR: i32 = 1;
    /// The buffer holds what the panic said.
    pub const PANIC: i32 = 2;
}

/// Bytes that are lent for the time of a call. The host aligns them to 8.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub ptr: *const u8,
    pub len: usize,
}

/// Bytes that the plugin made, and takes back by `release`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Buffer {
    pub ptr: *mut u8,
    pub len: usize,
    /// For the plugin alone.
    pub capacity: usize,
}

pub type Describe = extern "C" fn(out: *mut Buffer) -> i32;
pub type Create = extern "C" fn(settings: Bytes, handle: *mut *mut c_void, out: *mut Buffer) -> i32;
pub type Call = extern "C" fn(handle: *mut c_void, request: Bytes, out: *mut Buffer) -> i32;
pub type Destroy = extern "C" fn(handle: *mut c_void, out: *mut Buffer) -> i32;
pub type Release = extern "C" fn(buffer: Buffer);

/// The table. Functions are `Option`s because a plugin in another language may have left
/// one out, which must be seen before it is called.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Plugin {
    pub magic: u64,
    /// Of this table, in bytes.
    pub size: u32,
    pub major: u16,
    pub minor: u16,
    /// A [`PluginKind`].
    pub kind: u32,
    /// Of [`flags`].
    pub flags: u32,
    pub describe: Option<Describe>,
    pub create: Option<Create>,
    pub call: Option<Call>,
    pub destroy: Option<Destroy>,
    pub release: Option<Release>,
}

/// The bytes before the functions: what is read of an unknown table.
pub const HEAD: usize = 24;

const _: () = assert!(size_of::<Plugin>() == 64, "the layout is for 64 bits");
const _: () = assert!(cfg!(target_endian = "little"), "the layout is little-endian");
