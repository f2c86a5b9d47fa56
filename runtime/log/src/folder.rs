//! The folder that the state of one machine lies in: held by one process at a time, with a
//! file that says what it is, and small files that are there as a whole or not at all.
//!
//! What is kept in it is others' business: the log and its Canvas versions stand here, the
//! rows of profiles with the profile stores, and the engine opens them all together.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::file::{create_folder, sync_folder, writable};

/// What is written of a folder in itself.
const MARK: &str = "state.json";
const LOCK: &str = "lock";

/// There as long as files may hold bytes of what was deleted.
const LEFTOVERS: &str = "deleted";

/// What the folder as a whole is laid out in.
const FORMAT: u64 = 1;

/// A folder that this process has for itself until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    mark: Mark,
    _lock: File,
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
    pub fn open(path: &Path, begin: Begin<'_>) -> Result<Folder, Error> {
        let place = format!("the state folder {}", path.display());
        let unopened =
            |error: io::Error| Error::Unopened { place: place.clone(), cause: error.to_string() };
        let refused = |cause: &str| Error::Unopened { place: place.clone(), cause: cause.into() };
        if begin == Begin::Never && !path.join(MARK).exists() {
            return Err(refused("there is no state in it (`flowrun serve --state` begins one)"));
        }
        create_folder(path).map_err(unopened)?;
        let lock = writable(&path.join(LOCK)).map_err(unopened)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { place }),
            Err(TryLockError::Error(error)) => return Err(unopened(error)),
        }
        let mark = match (read(&path.join(MARK)).map_err(unopened)?, begin) {
            (Some(bytes), _) => serde_json::from_slice::<Mark>(&bytes).map_err(|_| {
                let fault = format!("`{MARK}` can't be read");
                Error::Damaged { place: place.clone(), fault }
            })?,
            (None, Begin::Never) => return Err(refused("there is no state in it")),
            (None, Begin::As(life)) => {
                if let Some(name) = stranger(path).map_err(unopened)? {
                    let cause = format!(
                        "it is no state folder, and not empty (`{name}`): name another one"
                    );
                    return Err(refused(&cause));
                }
                let mark = Mark { format: FORMAT, life: life.to_owned() };
                let bytes = serde_json::to_vec(&mark).expect("a mark is plain data");
                replace(&path.join(MARK), &bytes).map_err(unopened)?;
                mark
            }
        };
        if mark.format != FORMAT {
            return Err(Error::Format { place, found: mark.format, known: FORMAT });
        }
        Ok(Folder { path: path.to_owned(), mark, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is such a file in it.
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Says that a part of the folder is not there, though others are that need it.
    pub fn lacks(&self, name: &str) -> Error {
        let place = format!("the state folder {}", self.path.display());
        Error::Damaged { place, fault: format!("`{name}` is missing") }
    }

    /// Notes that something is about to be deleted, whose bytes may then lie in free pages.
    pub fn note_leftovers(path: &Path) -> Result<(), Error> {
        let noted = File::create(path.join(LEFTOVERS)).and_then(|_| sync_folder(path));
        noted.map_err(|error| unopened(path, &error))
    }

    /// Whether files may hold bytes of what was deleted.
    pub fn has_leftovers(path: &Path) -> bool {
        path.join(LEFTOVERS).exists()
    }

    /// Notes that none does any more.
    pub fn is_swept(&self) -> Result<(), Error> {
        let gone =
            fs::remove_file(self.path.join(LEFTOVERS)).and_then(|()| sync_folder(&self.path));
        gone.map_err(|error| unopened(&self.path, &error))
    }

    /// A text that no other folder has, the same as long as this one lives: write keys carry
    /// it to backends that several engines write to.
    pub fn life(&self) -> &str {
        &self.mark.life
    }
}

fn unopened(path: &Path, error: &io::Error) -> Error {
    let place = format!("the state folder {}", path.display());
    Error::Unopened { place, cause: error.to_string() }
}

/// The bytes of a file, if it is there.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a file in place of what was there: after a crash it is the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    // Without this a power cut may leave a folder that doesn't know the file.
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Something in the folder that isn't of a state which was just being begun.
fn stranger(folder: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != LOCK && !name.ends_with(".new") {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
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
