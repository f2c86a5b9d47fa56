//! The unsafe part of all this: opening a library, and calling the functions of its table.
//!
//! Everything here rests on the word of whoever named the file: a library runs code as soon
//! as it is opened, and its functions are taken to do what `flowrun_plugin.h` says. What can
//! be checked is checked first, in this order: symbol, magic, size, version, kind, functions.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowrun_sdk::plugin::abi::{self, Buffer, Bytes, PluginKind, flags, status};
use libloading::Library as Opened;

use crate::port::CallError;
use crate::{Error, machine};

/// The longest answer that is looked at, in bytes; what is longer goes back unread.
const LONGEST: usize = 64 << 20;

/// A library whose table was checked. Never unloaded: threads, thread-locals and texts of it
/// may be alive when nobody here knows of them.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    pub(crate) kind: PluginKind,
    pub(crate) flags: u32,
    /// Major and minor.
    pub(crate) abi: (u16, u16),
    describe: abi::Describe,
    create: abi::Create,
    call: abi::Call,
    destroy: abi::Destroy,
    release: abi::Release,
}

/// What `create` gave for a handle. The plugin promises that threads may pass it on.
#[derive(Clone, Copy)]
pub(crate) struct Handle(*mut c_void);

// SAFETY: the header demands that a handle may be used by any thread, one at a time; without
// the flag for more, `InProcess` lets only one in.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Library {
    /// Opens a file that was found trustworthy, and runs its constructors by that.
    pub(crate) fn open(path: &Path) -> Result<Library, Error> {
        let shown = || path.to_owned();
        // Without a slash the system would search its own folders.
        let path = &path
            .canonicalize()
            .map_err(|error| Error::Unreadable { path: shown(), why: error.to_string() })?;
        let bytes = std::fs::read(path)
            .map_err(|error| Error::Unreadable { path: shown(), why: error.to_string() })?;
        machine::refuse_others(path, &bytes)?;
        drop(bytes);
        OPENING.fetch_add(1, Ordering::AcqRel);
        // SAFETY: the file is trusted by whoever named it; see above.
        let opened = unsafe { open(path) };
        OPENING.fetch_sub(1, Ordering::AcqRel);
        let opened =
            opened.map_err(|error| Error::NotLoaded { path: shown(), why: reason(&error) })?;
        let opened = ManuallyDrop::new(opened);
        // SAFETY: the symbol is only read as bytes before its head was checked.
        let table = unsafe { opened.get::<*const u8>(abi::SYMBOL) }
            .map_err(|_| Error::NoSymbol { path: shown() })?;
        // SAFETY: a symbol of this name is a table, and its first bytes are of every version.
        unsafe { Library::read(path, *table) }
    }

    /// # Safety
    /// `table` points to at least [`abi::HEAD`] bytes; to as many as it says it has.
    unsafe fn read(path: &Path, table: *const u8) -> Result<Library, Error> {
        let broken = |why: &str| Error::Broken { path: path.to_owned(), why: why.to_owned() };
        // SAFETY: the caller's promise.
        let head = unsafe { std::slice::from_raw_parts(table, abi::HEAD) };
        let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
        if head[..8] != abi::MAGIC.to_le_bytes() {
            return Err(broken("the symbol `flowrun_plugin_v1` is not a plugin's table"));
        }
        let abi = (half(12), half(14));
        if abi.0 != abi::MAJOR {
            return Err(Error::OtherAbi {
                path: path.to_owned(),
                theirs: format!("{}.{}", abi.0, abi.1),
                ours: format!("{}.{}", abi::MAJOR, abi::MINOR),
            });
        }
        if (word(8) as usize) < size_of::<abi::Plugin>() {
            return Err(broken("its table is shorter than that of its version"));
        }
        // SAFETY: magic, version and size say that this is a table.
        let table = unsafe { table.cast::<abi::Plugin>().read_unaligned() };
        let kind = PluginKind::of(table.kind)
            .ok_or_else(|| broken("it is of a kind that this version doesn't know"))?;
        if table.flags & flags::ABORTS != 0 {
            return Err(Error::Aborts { path: path.to_owned() });
        }
        let lacks = |name: &str| broken(&format!("its table lacks the function `{name}`"));
        Ok(Library {
            kind,
            flags: table.flags,
            abi,
            describe: table.describe.ok_or_else(|| lacks("describe"))?,
            create: table.create.ok_or_else(|| lacks("create"))?,
            call: table.call.ok_or_else(|| lacks("call"))?,
            destroy: table.destroy.ok_or_else(|| lacks("destroy"))?,
            release: table.release.ok_or_else(|| lacks("release"))?,
        })
    }

    pub(crate) fn describe(&self) -> Result<Vec<u8>, CallError> {
        self.answered(|out| (self.describe)(out))
    }

    pub(crate) fn create(&self, settings: &[u8]) -> Result<(Handle, Vec<u8>), CallError> {
        let mut handle = std::ptr::null_mut();
        let settings = lend(settings);
        let said = self.answered(|out| (self.create)(settings, &raw mut handle, out))?;
        Ok((Handle(handle), said))
    }

    pub(crate) fn call(&self, handle: Handle, request: &[u8]) -> Result<Vec<u8>, CallError> {
        let request = lend(request);
        self.answered(|out| (self.call)(handle.0, request, out))
    }

    /// The last use of the handle.
    pub(crate) fn destroy(&self, handle: Handle) -> Result<(), CallError> {
        self.answered(|out| (self.destroy)(handle.0, out)).map(drop)
    }

    /// Copies what the plugin answered, and gives the buffer back.
    fn answered(&self, call: impl FnOnce(*mut Buffer) -> i32) -> Result<Vec<u8>, CallError> {
        let mut buffer = Buffer { ptr: std::ptr::null_mut(), len: 0, capacity: 0 };
        let status = call(&raw mut buffer);
        let bytes = if buffer.ptr.is_null() || buffer.len == 0 {
            Ok(Vec::new())
        } else if buffer.len > LONGEST {
            let limit = LONGEST >> 20;
            let said = format!("answered {} bytes, and {limit} MiB is the limit", buffer.len);
            Err(CallError::Malformed(said))
        } else {
            // SAFETY: the header demands that a buffer holds `len` bytes until its release.
            Ok(unsafe { std::slice::from_raw_parts(buffer.ptr, buffer.len) }.to_vec())
        };
        if !buffer.ptr.is_null() {
            (self.release)(buffer);
        }
        let bytes = bytes?;
        match status {
            status::OK => Ok(bytes),
            status::ERROR => Err(CallError::Said(text(&bytes))),
            status::PANIC => Err(CallError::Panicked(text(&bytes))),
            other => Err(CallError::Malformed(format!("answered with the status {other}"))),
        }
    }
}

/// Whether a library is being opened, and may be for ever.
static OPENING: AtomicUsize = AtomicUsize::new(0);

/// Ends the process if a library hangs in its constructors. An ordinary end would wait for
/// it: the system holds a lock while it opens a library, and takes it again to close them all.
/// Call it last, when everything that was to be written is.
pub fn leave_what_hangs(code: u8) {
    #[cfg(unix)]
    if OPENING.load(Ordering::Acquire) > 0 {
        unsafe extern "C" {
            safe fn _exit(code: i32) -> !;
        }
        _exit(code.into());
    }
    #[cfg(not(unix))]
    let _ = code;
}

/// # Safety
/// Opening runs the library's constructors.
#[cfg(unix)]
unsafe fn open(path: &Path) -> Result<Opened, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // All that it needs is found now, and not in the middle of a run.
    // SAFETY: the caller's promise.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map(Opened::from)
}

/// # Safety
/// Opening runs the library's constructors.
#[cfg(not(unix))]
unsafe fn open(path: &Path) -> Result<Opened, libloading::Error> {
    // SAFETY: the caller's promise.
    unsafe { Opened::new(path) }
}

/// Requests are laid by us in allocations of their own, which are aligned to 8 everywhere.
fn lend(bytes: &[u8]) -> Bytes {
    assert!(
        bytes.is_empty() || bytes.as_ptr().addr().is_multiple_of(8),
        "requests are aligned to 8"
    );
    Bytes { ptr: bytes.as_ptr(), len: bytes.len() }
}

/// The system's own words, which the loader's error keeps as its source.
fn reason(error: &libloading::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// What a plugin says of an error, not too long, whatever its bytes are.
fn text(bytes: &[u8]) -> String {
    const LONGEST: usize = 4096;
    let cut = &bytes[..bytes.len().min(LONGEST)];
    match String::from_utf8_lossy(cut).trim() {
        "" => "without a word".to_owned(),
        said => said.to_owned(),
    }
}
