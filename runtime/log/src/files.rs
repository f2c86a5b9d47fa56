//! The seam to the disk: every operation that can fail, or that a power cut can undo, on the
//! files of a state folder.
//!
//! All of a folder's files go through one [`Files`], in a [`Dir`]: the machine's own, unless a
//! test has another one. What was written to a file is there after a power cut once the file
//! was synced; that a file is called so, once its folder was. Nothing here does both at once,
//! so that whoever puts them together can be tried at each.

use std::any::Any;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::StorageBackend;
use redb::backends::FileBackend;

/// Held until it is dropped.
pub type Lock = Box<dyn Any + Send + Sync>;

/// A file that is being written from its beginning.
pub trait NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// When this returns, what was written survives, under whatever name the file has then.
    fn sync(&mut self) -> io::Result<()>;
}

/// What a state folder does with files.
pub trait Files: fmt::Debug + Send + Sync {
    fn is_there(&self, path: &Path) -> bool;

    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The names in a folder, in any order.
    fn names(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Creates a folder, but not those that it lies in.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Creates a file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// In place of what has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// When this returns, names that were given and taken in the folder stay so.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Lets those read a file who may read another one.
    fn share_like(&self, path: &Path, other: &Path) -> io::Result<()>;

    /// Takes a lock on a file, which is created if there is none; `None` if somebody has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>>;

    /// A file that a database lies in; an empty one if there is none.
    fn database(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;
}

/// A folder, and what its files are dealt with by.
#[derive(Clone, Debug)]
pub struct Dir {
    path: PathBuf,
    files: Arc<dyn Files>,
}

impl Dir {
    /// One of other files than the machine's: for tests that let them fail.
    pub fn of(files: Arc<dyn Files>, path: &Path) -> Dir {
        Dir { path: path.to_owned(), files }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn files(&self) -> &dyn Files {
        &*self.files
    }

    pub fn shared_files(&self) -> Arc<dyn Files> {
        self.files.clone()
    }

    /// A folder in this one.
    pub fn dir(&self, name: &str) -> Dir {
        Dir { path: self.path.join(name), files: self.files.clone() }
    }

    pub fn has(&self, name: &str) -> bool {
        self.files.is_there(&self.path.join(name))
    }

    pub fn sync(&self) -> io::Result<()> {
        self.files.sync_folder(&self.path)
    }

    /// Makes sure that there is such a folder, and that a power cut doesn't take it back.
    pub fn create(&self) -> io::Result<()> {
        create(&*self.files, &self.path)
    }

    /// The bytes of a file, if it is there.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.files.read(&self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Puts a file in place of what was there: after a crash it is the old one or the new one.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path.join(name);
        let unfinished = path.with_extension("new");
        let mut file = self.files.create(&unfinished)?;
        file.write(bytes)?;
        file.sync()?;
        self.files.rename(&unfinished, &path)?;
        self.sync()
    }

    /// Removes a file, if it is there.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match self.files.remove(&self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

impl From<&Path> for Dir {
    fn from(path: &Path) -> Dir {
        Dir { path: path.to_owned(), files: Arc::new(Machine) }
    }
}

impl From<&PathBuf> for Dir {
    fn from(path: &PathBuf) -> Dir {
        Dir::from(path.as_path())
    }
}

impl From<&Dir> for Dir {
    fn from(dir: &Dir) -> Dir {
        dir.clone()
    }
}

fn create(files: &dyn Files, folder: &Path) -> io::Result<()> {
    let above = folder.parent();
    let above =
        above.map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    let was_there = files.is_there(folder);
    if !was_there {
        if let Some(above) = above.filter(|above| !files.is_there(above)) {
            create(files, above)?;
        }
        match files.create_folder(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => created?,
        }
    }
    // Whoever made it may have died before this; but one that somebody else made for us may lie in
    // a folder that isn't ours.
    match above.map_or(Ok(()), |above| files.sync_folder(above)) {
        Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// The files of this machine.
#[derive(Debug)]
struct Machine;

impl NewFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Files for Machine {
    fn is_there(&self, path: &Path) -> bool {
        path.exists()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let name =
            |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        fs::read_dir(folder)?.map(name).collect()
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(File::create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn share_like(&self, path: &Path, other: &Path) -> io::Result<()> {
        fs::set_permissions(path, fs::metadata(other)?.permissions())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let file = writable(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn database(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        let backend = FileBackend::new(writable(path)?).map_err(io::Error::other)?;
        Ok(Box::new(backend))
    }
}

/// Opens a file as it is, or creates an empty one.
fn writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_in_folders_are_created_and_files_replaced() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::from(&place.path().join("a/b/c"));
        for _ in 0..2 {
            dir.create().unwrap();
        }
        assert_eq!(dir.read("x.json").unwrap(), None);
        for content in ["one", "two"] {
            dir.replace("x.json", content.as_bytes()).unwrap();
            assert_eq!(dir.read("x.json").unwrap().as_deref(), Some(content.as_bytes()));
            assert_eq!(dir.files().names(dir.path()).unwrap(), ["x.json"]);
        }
        dir.remove("x.json").unwrap();
        dir.remove("x.json").unwrap();
        assert!(!dir.has("x.json"));
    }
}
