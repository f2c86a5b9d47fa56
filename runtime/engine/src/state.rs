//! The state of one machine: everything that a restart goes on from, in one folder.
//!
//! ```text
//! DIR/lock, state.json     one process at a time; format, and the mark in its write keys
//! DIR/log.redb             records and snapshots of all shards
//! DIR/registry/NNNNN.json  Canvas versions by the numbers that records have for them
//! DIR/directory.redb       profiles, keys of their last writes, schedules
//! ```
//!
//! Who wants to work with a folder opens it here, whether with a server or without: a second
//! process is refused for as long as its `holder` lives, whatever other parts were taken out.
//! [`StateFolder::open`] begins a folder if there is none, [`StateFolder::existing`] never
//! does. Shards are had from the log with [`crate::recovered`], with the Canvases of all
//! versions of the registry, in its order; making Canvases from texts is the caller's.
//! Profiles are read with [`StateFolder::rows`].

use flowrun_core::ShardId;
use flowrun_log::{Begin, Dir, Embedded, Folder, Registry};
use flowrun_profiles::rows::{Row, Rows, RowsSettings};

/// Why a folder can't be used.
pub use flowrun_log::Error as StateError;

/// A state folder that this process holds.
pub struct StateFolder {
    pub log: Embedded,
    pub registry: Registry,
    pub holder: Folder,
}

impl StateFolder {
    /// Opens a folder, or begins one with so many shards; `life` is a text that no other folder
    /// has. A folder that is there keeps the number of shards that it was begun with.
    ///
    /// # Errors
    /// If another process has it, or it can't be read or written.
    pub fn open(dir: impl Into<Dir>, shards: u16, life: &str) -> Result<StateFolder, StateError> {
        StateFolder::held(Folder::open(dir, Begin::As(life))?, shards)
    }

    /// Opens a folder that is there.
    pub fn existing(dir: impl Into<Dir>) -> Result<StateFolder, StateError> {
        StateFolder::held(Folder::open(dir, Begin::Never)?, 1)
    }

    fn held(holder: Folder, shards: u16) -> Result<StateFolder, StateError> {
        let registry = Registry::open(&holder)?;
        // Versions are kept when all files are there, so that one that isn't was taken away.
        let used = !registry.versions().is_empty();
        for file in [Embedded::FILE, Rows::FILE] {
            if used && !holder.has(file) {
                return Err(holder.lacks(file));
            }
        }
        let log = Embedded::open(holder.dir(), shards)?;
        Ok(StateFolder { log, registry, holder })
    }

    /// The shards of its log.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.log.shards()).map(ShardId)
    }

    /// Opens the profiles, and gives every row of theirs. To be done before the first version
    /// is put into the registry.
    pub fn rows(
        &self,
        settings: RowsSettings,
        each: &mut dyn FnMut(Row),
    ) -> Result<Rows, StateError> {
        Rows::open(self.holder.dir(), settings, each)
    }
}
