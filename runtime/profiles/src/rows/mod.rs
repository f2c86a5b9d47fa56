//! The rows of a directory in a database file: profiles by their numbers, with the keys of
//! their last writes, and schedules.
//!
//! The directory itself (who is who, by which alias or address) is in memory, and decides;
//! here is only what makes it survive. Whoever changes it hands over the changed rows before
//! anybody else changes it ([`Rows::save`] returns at once), and answers when they are durable
//! ([`Saving::done`]). Changes that come side by side are committed together.
//!
//! A commit writes into a journal, which costs as much as its bytes, packed; rows are put in
//! their places among the others, bit by bit, only when the journal takes more than its share.
//! Nothing is read but at the start, when all of it is, and then for such a place.
//!
//! A full disk loses nothing: what came last waits, whoever waits for it is told, and
//! [`Rows::room`] says so until it could be written. A failed sync ends the store: then
//! [`Rows::fault`] says why the process must end.

mod former;
mod groups;
mod row;
mod shelf;
mod waiting;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use flowrun_log::file::redb::StorageBackend;
use flowrun_log::file::{Care, Kind, Store};
use flowrun_log::{Dir, Folder};
use flowrun_track::{Id, Profile, Remembered};
use serde::Serialize;
use tokio::sync::{oneshot, watch};

use crate::embedded::Error;
use shelf::Shelf;
use waiting::{Queue, Waiting};

/// A profile, and what is remembered of its writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub profile: Profile,
    pub writes: Vec<Remembered>,
}

/// What rows are about, as it is read at the start.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Member(Id, Member),
    /// By its id; in a format of the caller's.
    Schedule(String, Vec<u8>),
    /// From this number on no profile has ever had one.
    Next(Id),
    /// What waits for its turn, by its number; in a format of the caller's.
    Queued(u64, Vec<u8>),
}

/// Rows to keep, all or none of them: each is written down when it is named. `None` in place of
/// those that are gone.
pub struct Changing<'a> {
    waiting: &'a mut Waiting,
    /// Whether a profile is gone.
    removes: bool,
}

impl Changing<'_> {
    /// With what is remembered of its writes: a list of [`Remembered`], or something that is
    /// written as one.
    pub fn member(&mut self, id: Id, member: Option<(&Profile, impl Serialize)>) {
        self.removes |= member.is_none();
        self.waiting.row(|bytes| row::member(id, member, bytes));
    }

    /// In a format of the caller's.
    pub fn schedule(&mut self, id: &str, content: Option<&[u8]>) {
        self.waiting.row(|bytes| row::schedule(id, content, bytes));
    }

    /// The number that the next new profile gets, if it has changed.
    pub fn next(&mut self, next: Id) {
        self.waiting.row(|bytes| row::next(next, bytes));
    }

    /// In a format of the caller's.
    pub fn queued(&mut self, number: u64, content: Option<&[u8]>) {
        self.waiting.row(|bytes| row::queued(number, content, bytes));
    }
}

/// The same as data.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub members: Vec<(Id, Option<Member>)>,
    pub schedules: Vec<(String, Option<Vec<u8>>)>,
    /// The number that the next new profile gets, if it has changed.
    pub next: Option<Id>,
    pub queued: Vec<(u64, Option<Vec<u8>>)>,
}

impl Changes {
    fn write(&self, rows: &mut Changing<'_>) {
        for (id, member) in &self.members {
            let member = member.as_ref();
            rows.member(*id, member.map(|Member { profile, writes }| (profile, writes)));
        }
        self.schedules.iter().for_each(|(id, content)| rows.schedule(id, content.as_deref()));
        self.next.iter().for_each(|next| rows.next(*next));
        self.queued.iter().for_each(|(number, content)| rows.queued(*number, content.as_deref()));
    }
}

/// How a store is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RowsSettings {
    /// How much may be in the journal, before it is packed. A restart reads it into memory.
    pub fresh_bytes: usize,
    pub cache_bytes: usize,
    /// How long a full disk is left alone.
    pub while_full: Duration,
}

impl Default for RowsSettings {
    fn default() -> RowsSettings {
        let while_full = Duration::from_millis(250);
        RowsSettings { fresh_bytes: 64 << 20, cache_bytes: 16 << 20, while_full }
    }
}

/// What the file is written in. Raise it with every change to `shelf`, `groups` or `row`.
const FORMAT: u64 = 2;

/// What is taken over when a file is opened.
const FORMER: u64 = 1;

/// The rows of one directory. All calls may come side by side.
pub struct Rows {
    /// Where deletions are noted.
    folder: Option<Dir>,
    /// Whether there was one that could not be noted yet, and whether one was noted.
    unnoted: AtomicBool,
    noted: AtomicBool,
    shelf: Arc<Shelf>,
    standing: watch::Receiver<Standing>,
    queue: Arc<Queue>,
    /// Tells the writer that there is something. Taken when the store is dropped, which ends it.
    news: Option<Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

/// Whether changes can be kept.
#[derive(Clone, Debug)]
enum Standing {
    Fine,
    /// What came last waits for space.
    Full(Error),
    /// The process must end.
    Lost(Error),
}

/// Changes on their way to the disk.
#[must_use]
pub struct Saving(oneshot::Receiver<Result<(), Error>>);

impl Saving {
    /// Ends when these changes, and all that were handed over before them, are durable. With
    /// [`Error::Full`] they aren't yet: they will be once there is space, unless the process
    /// ends before.
    pub async fn done(self) -> Result<(), Error> {
        self.0.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Rows {
    /// The file's name in its folder.
    pub const FILE: &str = "directory.redb";

    /// Opens the rows in a folder, or begins with none. `each` is given all that are there.
    ///
    /// # Errors
    /// If the folder can't be written, another process has the file open, or it is of another
    /// format or damaged.
    pub fn open(
        folder: impl Into<Dir>,
        settings: RowsSettings,
        each: &mut dyn FnMut(Row),
    ) -> Result<Rows, Error> {
        let folder = folder.into();
        let kind = kind(format!("the profiles in {}", folder.path().display()), settings);
        let mut rows = Rows::begin(Store::in_folder(&folder, Rows::FILE, kind)?, settings, each)?;
        rows.folder = Some(folder);
        Ok(rows)
    }

    /// The same in something else than a file: for tests that let it fail.
    pub fn with_backend(
        backend: impl StorageBackend + Clone,
        settings: RowsSettings,
        each: &mut dyn FnMut(Row),
    ) -> Result<Rows, Error> {
        let store = Store::with_backend(backend, kind("the profiles".into(), settings))?;
        Rows::begin(store, settings, each)
    }

    /// Writes the file of a folder anew, so that it holds nothing of rows that are gone.
    ///
    /// # Errors
    /// As [`Rows::open`]; the file is then as it was.
    pub fn renew(folder: impl Into<Dir>) -> Result<(), Error> {
        let (folder, settings) = (folder.into(), RowsSettings::default());
        // What is damaged is found before it is copied.
        drop(Rows::open(&folder, settings, &mut |_| {})?);
        let kind = kind(format!("the profiles in {}", folder.path().display()), settings);
        Store::renew(&folder, Rows::FILE, kind, shelf::copy)
    }

    fn begin(
        store: Store,
        settings: RowsSettings,
        each: &mut dyn FnMut(Row),
    ) -> Result<Rows, Error> {
        let (shelf, journal) = Shelf::new(store, settings.fresh_bytes, each)?;
        let shelf = Arc::new(shelf);
        let (queue, (news, inbox)) = (Arc::new(Queue::default()), channel());
        let (stand, standing) = watch::channel(Standing::Fine);
        let (of_writer, to_write) = (shelf.clone(), queue.clone());
        let again = settings.while_full;
        let writer = Builder::new()
            .name("directory".into())
            .spawn(move || writer::run(&of_writer, journal, &to_write, &inbox, &stand, again))
            .map_err(|error| Error::Unopened {
                place: "the profiles".into(),
                cause: error.to_string(),
            })?;
        let (unnoted, noted) = (AtomicBool::new(false), AtomicBool::new(false));
        let (news, writer) = (Some(news), Some(writer));
        Ok(Rows { folder: None, unnoted, noted, shelf, standing, queue, news, writer })
    }

    /// Hands over changed rows, to be kept in the order of the calls. Without any it still
    /// tells when all that came before is durable.
    pub fn save(&self, changes: Changes) -> Saving {
        self.save_each(|rows| changes.write(rows))
    }

    /// The same for rows that lie elsewhere and are named one by one.
    pub fn save_each(&self, name: impl FnOnce(&mut Changing<'_>)) -> Saving {
        let mut open = self.queue.open();
        let mut rows = Changing { waiting: &mut open.waiting, removes: false };
        name(&mut rows);
        if rows.removes {
            self.unnoted.store(!self.noted.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        // Before the writer can see what is removed.
        self.note_leftovers();
        let (answer, answered) = oneshot::channel();
        open.done(answer);
        drop(open);
        // A writer that is gone has closed the queue, which drops the answer.
        let _ = self.news.as_ref().map(|news| news.send(()));
        Saving(answered)
    }

    /// The bytes of whoever is deleted are to be swept out one day. A disk that has no room for
    /// the note is asked again with every change, and at the end.
    fn note_leftovers(&self) {
        let Some(folder) = &self.folder else { return };
        if self.unnoted.load(Ordering::Relaxed) && Folder::note_leftovers(folder).is_ok() {
            self.unnoted.store(false, Ordering::Relaxed);
            self.noted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether changes can be kept now: to be asked before anything is changed.
    pub fn room(&self) -> Result<(), Error> {
        match &*self.standing.borrow() {
            Standing::Fine => Ok(()),
            Standing::Full(error) | Standing::Lost(error) => Err(error.clone()),
        }
    }

    /// Ends when the process must, with the reason; not before.
    pub async fn fault(&self) -> Error {
        let mut standing = self.standing.clone();
        loop {
            if let Standing::Lost(error) = &*standing.borrow_and_update() {
                return error.clone();
            }
            if standing.changed().await.is_err() {
                return stopped();
            }
        }
    }

    /// What the file takes.
    pub fn file_bytes(&self) -> u64 {
        self.shelf.file_bytes()
    }
}

fn kind(place: String, settings: RowsSettings) -> Kind {
    // All of it is read at the start anyway.
    let formats = FORMER..=FORMAT;
    Kind { place, formats, care: Care::CheckAll, cache_bytes: settings.cache_bytes }
}

fn stopped() -> Error {
    Error::Lost { place: "the profiles".into(), cause: "their writer has ended".into() }
}

impl Drop for Rows {
    /// When this returns, the file is free for others.
    fn drop(&mut self) {
        self.note_leftovers();
        self.news = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
