//! What was deleted leaves the disk.
//!
//! A deleted user is in no record and no row once snapshots stand for all records; but a
//! database file keeps the bytes of what was removed in pages that it will use again some day.
//! So when a folder is at rest, its files are written anew with what is there and nothing
//! else, and take the place of the former ones. A mark in the folder, which is made before
//! anything is deleted, says that this is due; a crash only puts it off.

use flowrun_log::{Begin, Dir, Embedded, Folder};
use flowrun_profiles::rows::Rows;

use crate::state::StateError;

/// What a sweep has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Swept {
    /// Nobody was deleted since the last one.
    NotDue,
    Done,
    /// Records that no snapshot stands for may still speak of who was deleted.
    Later,
}

/// Writes the files of a folder anew if somebody was deleted. To be called when nobody holds it.
///
/// # Errors
/// If another process has the folder, or it can't be read or written. It then is as it was.
pub fn sweep(dir: impl Into<Dir>) -> Result<Swept, StateError> {
    let dir = dir.into();
    if !Folder::has_leftovers(&dir) {
        return Ok(Swept::NotDue);
    }
    let holder = Folder::open(&dir, Begin::Never)?;
    if !Embedded::renew(&dir)? {
        return Ok(Swept::Later);
    }
    Rows::renew(&dir)?;
    holder.is_swept()?;
    Ok(Swept::Done)
}
