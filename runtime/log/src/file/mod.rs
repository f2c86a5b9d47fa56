//! A database file that says what a failure means: full, and to be tried again; or lost,
//! and the process must end.
//!
//! After a failed sync nobody knows what is on the disk, and asking again would be answered
//! from memory: so the first one ends this file's life in this process. A failed write of a
//! full disk leaves what was committed as it was: the file is opened anew, which is the only
//! way back that the database knows, and goes on. A counter of commits, kept in the file,
//! tells whether what was reported as failed is there nevertheless; then that is fatal, too.

mod cause;
mod watched;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

pub use cause::Failure;
pub use redb;
use redb::{
    Database, ReadTransaction, ReadableDatabase, StorageBackend, TableDefinition, WriteTransaction,
};

use crate::Error;
use crate::files::{Dir, Files, Lock};
use watched::{Syncs, Watched};

/// How a file is found in order after a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Care {
    /// Everything is read and compared with its checksums whenever the file is opened, and a
    /// commit takes one sync. For files that are read as a whole at the start anyway.
    CheckAll,
    /// A file opens at once, however large, and a commit takes two syncs.
    OpenAtOnce,
}

/// What a file is, and how it is dealt with.
#[derive(Clone, Debug)]
pub struct Kind {
    /// As messages name it: `the log in ./data`.
    pub place: String,
    /// The format of what is kept in it.
    pub format: u64,
    pub care: Care,
    pub cache_bytes: usize,
}

type Backend = dyn Fn() -> Result<Watched, Error> + Send + Sync;

/// One database, held by one process.
pub struct Store {
    kind: Kind,
    backend: Box<Backend>,
    syncs: Arc<Syncs>,
    /// Held for reading by whoever uses the database, and for writing by whoever opens it
    /// anew: so nobody has the former one then.
    state: RwLock<State>,
    /// The number of commits; held while one is made.
    commits: Mutex<u64>,
    /// Given up when the store is.
    _lock: Option<Lock>,
}

enum State {
    Open(Database),
    /// The disk is full, and so far the file could not be opened again.
    Shut(String),
    Lost(String),
}

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const FORMAT: &str = "format";
const COMMITS: &str = "commits";

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("place", &self.kind.place).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or creates `folder/name`, and the folder. A lock beside it is held as long as
    /// the store lives, so that the file has one holder even while it is opened anew.
    pub fn in_folder(folder: &Dir, name: &str, kind: Kind) -> Result<Store, Error> {
        folder.create().map_err(|error| kind.unopened(&error))?;
        let lock = folder.path().join(format!("{name}.lock"));
        let lock = folder.files().lock(&lock).map_err(|error| kind.unopened(&error))?;
        let Some(lock) = lock else { return Err(Error::InUse { place: kind.place }) };
        if !folder.has(name) {
            Store::create(folder, name, &kind)?;
        }
        let syncs = Arc::new(Syncs::default());
        let backend = kind.backend(folder, folder.path().join(name), syncs.clone());
        Store::open(kind, backend, syncs, Some(lock))
    }

    /// Makes a new file under another name, and gives it its own when it is whole: half a
    /// file would look like a damaged one.
    fn create(folder: &Dir, name: &str, kind: &Kind) -> Result<(), Error> {
        let path = folder.path().join(name);
        let unfinished = path.with_extension("new");
        remove(folder.files(), &unfinished).map_err(|error| kind.unopened(&error))?;
        let syncs = Arc::new(Syncs::default());
        let backend = kind.backend(folder, unfinished.clone(), syncs.clone());
        drop(Store::open(kind.clone(), backend, syncs, None)?);
        let renamed = folder.files().rename(&unfinished, &path);
        renamed.and_then(|()| folder.sync()).map_err(|error| kind.unopened(&error))
    }

    /// Writes a file anew with what `copy` takes over, and nothing else: what was removed from
    /// the former one is then nowhere in it, not even in pages that are free. After a crash it
    /// is the old file or the new one.
    pub fn renew(
        folder: &Dir,
        name: &str,
        kind: Kind,
        copy: impl FnOnce(&ReadTransaction, &WriteTransaction) -> Result<(), Failure>,
    ) -> Result<(), Error> {
        let path = folder.path().join(name);
        let unfinished = path.with_extension("new");
        let old = Store::in_folder(folder, name, kind.clone())?;
        let files = folder.files();
        // What a crash has left of a former try.
        remove(files, &unfinished).map_err(|error| kind.unopened(&error))?;
        if let Err(error) = old.copied(folder, &unfinished, copy) {
            // A disk that is full should not be so for half a copy; the cause is what counts.
            let _ = remove(files, &unfinished);
            return Err(error);
        }
        // Who may read the former file may read this one, and nobody else.
        let put_in_place = || {
            files.share_like(&unfinished, &path)?;
            files.rename(&unfinished, &path)?;
            folder.sync()
        };
        put_in_place().map_err(|error| kind.unopened(&error))
    }

    fn copied(
        &self,
        folder: &Dir,
        to: &Path,
        copy: impl FnOnce(&ReadTransaction, &WriteTransaction) -> Result<(), Failure>,
    ) -> Result<(), Error> {
        let (kind, syncs) = (self.kind.clone(), Arc::new(Syncs::default()));
        let backend = kind.backend(folder, to.to_owned(), syncs.clone());
        let new = Store::open(kind, backend, syncs, None)?;
        let here = self.read()?;
        new.write(|change| copy(&here, change))
    }

    /// Keeps the database in something else than a file: for tests that let it fail.
    pub fn with_backend(backend: impl StorageBackend + Clone, kind: Kind) -> Result<Store, Error> {
        let syncs = Arc::new(Syncs::default());
        let watch = syncs.clone();
        let backend = move || Ok(Watched::new(Box::new(backend.clone()), watch.clone()));
        Store::open(kind, Box::new(backend), syncs, None)
    }

    fn open(
        kind: Kind,
        backend: Box<Backend>,
        syncs: Arc<Syncs>,
        lock: Option<Lock>,
    ) -> Result<Store, Error> {
        let (state, commits) = (State::Shut(String::new()).into(), Mutex::new(0));
        let mut store = Store { kind, backend, syncs, state, commits, _lock: lock };
        let database = store.database()?;
        let commits = store.begin(&database).map_err(|failure| store.opening(failure))?;
        store.commits = Mutex::new(commits);
        store.state = State::Open(database).into();
        Ok(store)
    }

    fn database(&self) -> Result<Database, Error> {
        let mut builder = Database::builder();
        builder.set_cache_size(self.kind.cache_bytes);
        builder.set_check_integrity_on_open(self.kind.care == Care::CheckAll);
        builder
            .create_with_backend((self.backend)()?)
            .map_err(|error| self.opening(Failure::from(error)))
    }

    /// Reads the format and the number of commits, or begins a new file with them.
    fn begin(&self, database: &Database) -> Result<u64, Failure> {
        let found = match database.begin_read()?.open_table(META) {
            Err(redb::TableError::TableDoesNotExist(_)) => None,
            table => {
                let table = table?;
                let number = |name| table.get(name).map(|row| row.map(|row| row.value()));
                Some((number(FORMAT)?.unwrap_or(0), number(COMMITS)?.unwrap_or(0)))
            }
        };
        let known = self.kind.format;
        match found {
            Some((format, commits)) if format == known => Ok(commits),
            Some((found, _)) => {
                let place = self.kind.place.clone();
                Err(Failure::Refused(Error::Format { place, found, known }))
            }
            None => {
                let transaction = self.transaction(database)?;
                transaction.open_table(META)?.insert(FORMAT, known)?;
                transaction.open_table(META)?.insert(COMMITS, 0)?;
                transaction.commit()?;
                Ok(0)
            }
        }
    }

    fn transaction(&self, database: &Database) -> Result<WriteTransaction, Failure> {
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(self.kind.care == Care::OpenAtOnce);
        Ok(transaction)
    }

    /// Does what `change` says in one durable transaction. With an error nothing of it is
    /// there, now and after a crash; unless it is [`Error::Lost`], when nobody knows. One
    /// transaction is under way at a time; reading goes on beside it.
    pub fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let mut commits = self.commits();
        self.reopen(*commits)?;
        match self.commit(*commits + 1, change) {
            Ok(done) => {
                *commits += 1;
                Ok(done)
            }
            Err(Failure::Refused(error)) => Err(error),
            Err(failure) => Err(self.failed(failure, *commits)),
        }
    }

    fn commit<T>(
        &self,
        number: u64,
        change: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let state = self.state();
        let State::Open(database) = &*state else {
            return Err(self.full("it is still full").into());
        };
        let transaction = self.transaction(database)?;
        let done = change(&transaction)?;
        transaction.open_table(META)?.insert(COMMITS, number)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Begins to read what is there now. A file that was shut is tried again, unless
    /// somebody is at it.
    pub fn read(&self) -> Result<ReadTransaction, Error> {
        if let (true, Ok(commits)) = (self.is_shut(), self.commits.try_lock()) {
            self.reopen(*commits)?;
        }
        match &*self.state() {
            State::Open(database) => {
                database.begin_read().map_err(|error| self.unread(Failure::from(error)))
            }
            State::Shut(cause) => Err(self.full(cause)),
            State::Lost(cause) => Err(self.lost(cause)),
        }
    }

    /// A lock that a panic has left is as good as before: what it guards is put in place
    /// as a whole.
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_shut(&self) -> bool {
        matches!(&*self.state(), State::Shut(_))
    }

    fn become_state(&self, next: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    fn commits(&self) -> MutexGuard<'_, u64> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a failure while reading means.
    pub fn unread(&self, failure: Failure) -> Error {
        match failure {
            Failure::Refused(error) => error,
            failure if failure.is_damage() => self.damaged(&failure.to_string()),
            // The file is being opened anew: to be read again then.
            failure if failure.is_closed() => self.full(&failure.to_string()),
            failure => self.lost(&failure.to_string()),
        }
    }

    pub fn damaged(&self, fault: &str) -> Error {
        Error::Damaged { place: self.kind.place.clone(), fault: fault.to_owned() }
    }

    /// Whether the process must end, and why.
    pub fn is_lost(&self) -> Option<Error> {
        match &*self.state() {
            State::Lost(cause) => Some(self.lost(cause)),
            _ => None,
        }
    }

    pub fn bytes(&self) -> u64 {
        self.syncs.bytes()
    }

    /// Keeps in mind what a failed transaction means, and opens the file anew if there is a
    /// point in it.
    fn failed(&self, failure: Failure, commits: u64) -> Error {
        let cause = failure.to_string();
        if failure.is_damage() {
            self.become_state(State::Lost(cause.clone()));
            return self.damaged(&cause);
        }
        if self.syncs.have_failed() || !failure.is_full() {
            return self.lose(&cause);
        }
        self.become_state(State::Shut(cause.clone()));
        match self.reopen(commits) {
            Ok(()) | Err(Error::Full { .. }) => self.full(&cause),
            Err(error) => error,
        }
    }

    /// Opens the file anew if it is shut.
    fn reopen(&self, commits: u64) -> Result<(), Error> {
        match &*self.state() {
            State::Open(_) => return Ok(()),
            State::Lost(cause) => return Err(self.lost(cause)),
            State::Shut(_) => {}
        }
        let opened = self.database().and_then(|database| {
            let found = self.begin(&database).map_err(|failure| self.opening(failure))?;
            Ok((database, found))
        });
        match opened {
            Ok((database, found)) if found == commits => {
                self.become_state(State::Open(database));
                Ok(())
            }
            Ok(_) => Err(self.lose("what was reported as failed was written nevertheless")),
            Err(Error::Full { .. }) if !self.syncs.have_failed() => {
                Err(self.full("it is still full"))
            }
            Err(error) => Err(self.lose(&error.to_string())),
        }
    }

    fn lose(&self, cause: &str) -> Error {
        self.become_state(State::Lost(cause.to_owned()));
        self.lost(cause)
    }

    /// What a failure while opening means.
    fn opening(&self, failure: Failure) -> Error {
        let place = self.kind.place.clone();
        match failure {
            Failure::Refused(error) => error,
            failure if failure.is_in_use() => Error::InUse { place },
            failure if failure.is_damage() => self.damaged(&failure.to_string()),
            failure if failure.is_full() => self.full(&failure.to_string()),
            failure => Error::Unopened { place, cause: failure.to_string() },
        }
    }

    fn full(&self, cause: &str) -> Error {
        Error::Full { place: self.kind.place.clone(), cause: cause.to_owned() }
    }

    fn lost(&self, cause: &str) -> Error {
        Error::Lost { place: self.kind.place.clone(), cause: cause.to_owned() }
    }
}

impl Kind {
    fn unopened(&self, error: &io::Error) -> Error {
        Error::Unopened { place: self.place.clone(), cause: error.to_string() }
    }

    fn backend(&self, folder: &Dir, path: PathBuf, syncs: Arc<Syncs>) -> Box<Backend> {
        let (kind, files) = (self.clone(), folder.shared_files());
        Box::new(move || {
            let file = files.database(&path).map_err(|error| kind.unopened(&error))?;
            Ok(Watched::new(file, syncs.clone()))
        })
    }
}

fn remove(files: &dyn Files, path: &Path) -> io::Result<()> {
    match files.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
