//! The folder that the state of one machine lies in: held by one process at a time, with a
//! file that says what it is, and small files that are there as a whole or not at all.
//!
//! What is kept in it is others' business: the log and its Canvas versions stand here, the
//! rows of profiles with the profile stores, and the engine opens them all together.

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::files::{Dir, Lock};

/// What is written of a folder in itself.
const MARK: &str = "state.json";
const LOCK: &str = "lock";

/// There as long as files may hold bytes of what was deleted.
const LEFTOVERS: &str = "deleted";

/// What the folder as a whole is laid out in.
const FORMAT: u64 = 1;

/// A folder that this process has for itself until this is dropped.
pub struct Folder {
    dir: Dir,
    mark: Mark,
    _lock: Lock,
}

#[derive(Serialize, Deserialize, Debug)]
struct Mark {
    format: u64,
    /// A text that no other folder has.
    life: String,
}

/// Whether a folder that isn't there is begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin<'a> {
    /// With this mark, which no other folder has.
    As(&'a str),
    Never,
}

impl Folder {
    /// Opens a folder, and holds it.
    ///
    /// # Errors
    /// If another process has it, it can't be written, it is laid out in another format, or it
    /// holds something else. With [`Begin::Never`], if there is none.
    pub fn open(dir: impl Into<Dir>, begin: Begin<'_>) -> Result<Folder, Error> {
        let dir = dir.into();
        let failed = |error: io::Error| unopened(&dir, &error.to_string());
        let missing = "there is no state in it (`flowrun serve --state` begins one)";
        if begin == Begin::Never && !dir.has(MARK) {
            return Err(unopened(&dir, missing));
        }
        dir.create().map_err(failed)?;
        let lock = dir.files().lock(&dir.path().join(LOCK)).map_err(failed)?;
        let Some(lock) = lock else { return Err(Error::InUse { place: place(&dir) }) };
        // What the last holder has left under its name without syncing that, stays so.
        dir.sync().map_err(failed)?;
        let mark = match (dir.read(MARK).map_err(failed)?, begin) {
            (Some(bytes), _) => serde_json::from_slice::<Mark>(&bytes).map_err(|_| {
                let fault = format!("`{MARK}` can't be read");
                Error::Damaged { place: place(&dir), fault }
            })?,
            (None, Begin::Never) => return Err(unopened(&dir, missing)),
            (None, Begin::As(life)) => {
                if let Some(name) = stranger(&dir).map_err(failed)? {
                    let cause = format!(
                        "it is no state folder, and not empty (`{name}`): name another one"
                    );
                    return Err(unopened(&dir, &cause));
                }
                let mark = Mark { format: FORMAT, life: life.to_owned() };
                let bytes = serde_json::to_vec(&mark).expect("a mark is plain data");
                dir.replace(MARK, &bytes).map_err(failed)?;
                mark
            }
        };
        if mark.format != FORMAT {
            return Err(Error::Format { place: place(&dir), found: mark.format, known: FORMAT });
        }
        Ok(Folder { dir, mark, _lock: lock })
    }

    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Whether there is such a file in it.
    pub fn has(&self, name: &str) -> bool {
        self.dir.has(name)
    }

    /// Says that a part of the folder is not there, though others are that need it.
    pub fn lacks(&self, name: &str) -> Error {
        Error::Damaged { place: place(&self.dir), fault: format!("`{name}` is missing") }
    }

    /// Notes that something is about to be deleted, whose bytes may then lie in free pages.
    pub fn note_leftovers(dir: impl Into<Dir>) -> Result<(), Error> {
        let dir = dir.into();
        let noted = dir.files().create(&dir.path().join(LEFTOVERS)).and_then(|_| dir.sync());
        noted.map_err(|error| unopened(&dir, &error.to_string()))
    }

    /// Whether files may hold bytes of what was deleted.
    pub fn has_leftovers(dir: impl Into<Dir>) -> bool {
        dir.into().has(LEFTOVERS)
    }

    /// Notes that none does any more.
    pub fn is_swept(&self) -> Result<(), Error> {
        let gone = self.dir.remove(LEFTOVERS).and_then(|()| self.dir.sync());
        gone.map_err(|error| unopened(&self.dir, &error.to_string()))
    }

    /// A text that no other folder has, the same as long as this one lives: write keys carry
    /// it to backends that several engines write to.
    pub fn life(&self) -> &str {
        &self.mark.life
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("path", &self.path()).finish_non_exhaustive()
    }
}

fn place(dir: &Dir) -> String {
    format!("the state folder {}", dir.path().display())
}

fn unopened(dir: &Dir, cause: &str) -> Error {
    Error::Unopened { place: place(dir), cause: cause.to_owned() }
}

/// Something in the folder that isn't of a state which was just being begun.
fn stranger(dir: &Dir) -> io::Result<Option<String>> {
    let names = dir.files().names(dir.path())?.into_iter();
    Ok(names.filter(|name| name != LOCK && !name.ends_with(".new")).min())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_has_one_holder_and_one_life() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let missing = Folder::open(&path, Begin::Never).unwrap_err().to_string();
        assert!(missing.contains("there is no state in it"), "{missing}");
        assert!(!path.exists(), "looking makes nothing");
        let held = Folder::open(&path, Begin::As("a")).unwrap();
        assert_eq!(held.life(), "a");
        for begin in [Begin::Never, Begin::As("b")] {
            let second = Folder::open(&path, begin).unwrap_err().to_string();
            assert!(second.contains("in use by another process"), "{second}");
        }
        drop(held);
        assert_eq!(Folder::open(&path, Begin::As("b")).unwrap().life(), "a");
    }

    #[test]
    fn what_is_no_state_folder_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for (file, content, expected) in [
            ("notes.txt", "mine", "not empty (`notes.txt`)"),
            (MARK, r#"{"format":7,"life":"x"}"#, "written in format 7"),
            (MARK, "{", "`state.json` can't be read"),
        ] {
            let path = dir.path().join(expected.len().to_string());
            fs::create_dir(&path).unwrap();
            fs::write(path.join(file), content).unwrap();
            let error = Folder::open(&path, Begin::As("a")).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert_eq!(fs::read_to_string(path.join(file)).unwrap(), content);
        }
    }

    #[test]
    fn a_folder_whose_beginning_was_cut_off_is_begun_again() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(LOCK), "").unwrap();
        fs::write(dir.path().join("state.new"), "{\"for").unwrap();
        assert_eq!(Folder::open(dir.path(), Begin::As("a")).unwrap().life(), "a");
    }
}
