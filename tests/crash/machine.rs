//! The files of a machine in memory: it remembers what was done to them, fails when it is told
//! to, and can be put together as a power cut would have left it.
//!
//! What was written to a file is there once the file was synced, and a name once its folder was,
//! whichever other was. Of the rest anything may be there or not, in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use flowrun_engine::log::file::redb::StorageBackend;
use flowrun_engine::log::files::{Dir, Files, Lock, NewFile};

use crate::disk::{self, Fault, Plan, Survivors, survive};
use crate::history::Dice;

/// What has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Node {
    Folder,
    File(usize),
}

/// Something that happened to the files.
#[derive(Clone, Debug)]
enum Event {
    /// To the content of a file: a write, another length, a sync.
    Content(usize, disk::Event),
    Named(PathBuf, Node),
    Renamed(PathBuf, PathBuf, Node),
    Removed(PathBuf),
    FolderSynced(PathBuf),
    /// A step of a scenario ended well.
    Acknowledged,
}

#[derive(Clone, Default, Debug)]
struct Content {
    names: BTreeMap<PathBuf, Node>,
    files: Vec<Vec<u8>>,
}

#[derive(Default, Debug)]
struct State {
    now: Content,
    origin: Content,
    events: Vec<Event>,
    operations: usize,
    plan: Option<Plan>,
    locks: BTreeSet<PathBuf>,
    /// A file that can't be synced.
    broken: Option<&'static str>,
}

/// A handle to the machine: clones are the same machine.
#[derive(Clone, Default, Debug)]
pub struct Machine(Arc<Mutex<State>>);

/// The folder that all is in; it is there from the beginning.
const ROOT: &str = "/";

impl Machine {
    pub fn new() -> Machine {
        let names = BTreeMap::from([(PathBuf::from(ROOT), Node::Folder)]);
        Machine::of(Content { names, files: Vec::new() })
    }

    fn of(content: Content) -> Machine {
        let state = State { origin: content.clone(), now: content, ..State::default() };
        Machine(Arc::new(Mutex::new(state)))
    }

    /// The same files on a machine where all of it is durable and nothing has happened.
    pub fn settled(&self) -> Machine {
        Machine::of(self.state().now.clone())
    }

    /// The folder of the scenarios.
    pub fn dir(&self) -> Dir {
        Dir::of(Arc::new(self.clone()), Path::new("/srv/state"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the machine")
    }

    pub fn fail(&self, plan: Option<Plan>) {
        self.state().plan = plan;
    }

    /// Lets syncs of a file fail from now on.
    pub fn break_syncs(&self, file: Option<&'static str>) {
        self.state().broken = file;
    }

    /// How many operations there were that can fail.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    pub fn acknowledge(&self) {
        self.state().events.push(Event::Acknowledged);
    }

    pub fn events(&self) -> usize {
        self.state().events.len()
    }

    pub fn acknowledged(&self, events: usize) -> usize {
        let state = self.state();
        let all = state.events[..events].iter();
        all.filter(|event| matches!(event, Event::Acknowledged)).count()
    }

    /// Whether this event is about a name; of those inside a database there are many.
    pub fn is_of_names(&self, event: usize) -> bool {
        !matches!(self.state().events[event], Event::Content(..) | Event::Acknowledged)
    }

    pub fn is_operation(&self, event: usize) -> bool {
        !matches!(self.state().events[event], Event::Acknowledged)
    }

    /// Whether these bytes are anywhere in a file that has a name.
    pub fn holds(&self, wanted: &str) -> Option<PathBuf> {
        let state = self.state();
        let found = state.now.names.iter().find(|(_, node)| match node {
            Node::Folder => false,
            Node::File(file) => String::from_utf8_lossy(&state.now.files[*file]).contains(wanted),
        });
        found.map(|(path, _)| path.clone())
    }

    /// What is there if the power is cut after so many events.
    pub fn after_cut(&self, events: usize, survivors: Survivors) -> Machine {
        let state = self.state();
        let past = &state.events[..events];
        let mut content = state.origin.clone();
        content.files.resize(state.now.files.len(), Vec::new());
        for (file, bytes) in content.files.iter_mut().enumerate() {
            let own: Vec<&disk::Event> = past
                .iter()
                .filter_map(|event| match event {
                    Event::Content(of, event) if *of == file => Some(event),
                    _ => None,
                })
                .collect();
            let synced = own.iter().rposition(|event| matches!(event, disk::Event::Sync));
            let synced = synced.map_or(0, |at| at + 1);
            own[..synced].iter().for_each(|event| disk::apply(bytes, event));
            survive(bytes, own[synced..].iter().copied(), survivors);
        }
        let names: Vec<(usize, &Event)> =
            past.iter().enumerate().filter(|(_, event)| folder(event).is_some()).collect();
        let synced = |at: usize, event: &Event| {
            let sync = |later: &Event| matches!(later, Event::FolderSynced(synced) if Some(&**synced) == folder(event));
            past[at..].iter().any(sync)
        };
        let (durable, pending): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|(at, event)| synced(*at, event));
        durable.iter().for_each(|(_, event)| name(&mut content.names, event));
        let mut dice = Dice::new(events as u64);
        let last = pending.len().saturating_sub(1);
        for (at, (_, event)) in pending.iter().enumerate() {
            let survives = match survivors {
                Survivors::None => false,
                Survivors::All | Survivors::Torn => true,
                Survivors::ButLast => at < last,
                Survivors::Last => at == last,
                Survivors::Some(_) => dice.roll(2) == 0,
            };
            if survives {
                name(&mut content.names, event);
            }
        }
        // What lies in a folder that isn't there can't be found.
        let lost: Vec<PathBuf> = content.names.keys().cloned().collect();
        for path in lost {
            let above = path.parent();
            if above.is_some_and(|above| !content.names.contains_key(above)) {
                content.names.remove(&path);
            }
        }
        Machine::of(content)
    }

    fn operation(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let number = state.operations;
        state.operations += 1;
        let plan = state.plan.filter(|plan| (plan.from..plan.to).contains(&number));
        match plan.map(|plan| plan.fault) {
            None => Ok(state),
            Some(Fault::Io) => Err(io::Error::other("the disk failed")),
            Some(Fault::Full) => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

/// The folder whose names an event changes.
fn folder(event: &Event) -> Option<&Path> {
    match event {
        Event::Named(path, _) | Event::Renamed(_, path, _) | Event::Removed(path) => path.parent(),
        _ => None,
    }
}

fn name(names: &mut BTreeMap<PathBuf, Node>, event: &Event) {
    match event {
        Event::Named(path, node) => drop(names.insert(path.clone(), *node)),
        Event::Renamed(from, to, node) => {
            // The former name may mean another file by now.
            if names.get(from) == Some(node) {
                names.remove(from);
            }
            names.insert(to.clone(), *node);
        }
        Event::Removed(path) => drop(names.remove(path)),
        _ => {}
    }
}

impl State {
    fn change(&mut self, event: Event) {
        match &event {
            Event::Content(file, event) => disk::apply(&mut self.now.files[*file], event),
            event => name(&mut self.now.names, event),
        }
        self.events.push(event);
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.now.names.get(path) {
            Some(Node::File(file)) => Ok(*file),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn new_file(&mut self, path: &Path) -> io::Result<usize> {
        let above = path.parent().and_then(|above| self.now.names.get(above));
        if above != Some(&Node::Folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.now.files.push(Vec::new());
        let file = self.now.files.len() - 1;
        self.change(Event::Named(path.to_owned(), Node::File(file)));
        Ok(file)
    }
}

/// A file that was opened.
#[derive(Clone, Debug)]
struct Opened {
    machine: Machine,
    file: usize,
}

impl Opened {
    fn change(&self, event: disk::Event) -> io::Result<()> {
        self.machine.operation()?.change(Event::Content(self.file, event));
        Ok(())
    }

    fn len(&self) -> u64 {
        self.machine.state().now.files[self.file].len() as u64
    }
}

impl NewFile for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.change(disk::Event::Write(self.len(), bytes.to_vec()))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.change(disk::Event::Sync)
    }
}

impl StorageBackend for Opened {
    fn len(&self) -> io::Result<u64> {
        Ok(Opened::len(self))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.machine.state();
        let from = offset as usize;
        let there = state.now.files[self.file].get(from..from + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(disk::Event::Length(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let is_broken = {
            let state = self.machine.state();
            let broken = state.broken.map(|name| Path::new("/srv/state").join(name));
            broken.is_some_and(|path| state.file(&path).ok() == Some(self.file))
        };
        if is_broken {
            return Err(io::Error::other("the disk failed"));
        }
        self.change(disk::Event::Sync)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(disk::Event::Write(offset, bytes.to_vec()))
    }
}

/// Gives a lock up.
struct Held(Machine, PathBuf);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().locks.remove(&self.1);
    }
}

impl Files for Machine {
    fn is_there(&self, path: &Path) -> bool {
        self.state().now.names.contains_key(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        Ok(state.now.files[state.file(path)?].clone())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let own = state.now.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(own.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.operation()?.change(Event::Named(folder.to_owned(), Node::Folder));
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let mut state = self.operation()?;
        let file = match state.file(path) {
            Ok(file) => {
                state.change(Event::Content(file, disk::Event::Length(0)));
                file
            }
            Err(_) => state.new_file(path)?,
        };
        Ok(Box::new(Opened { machine: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.operation()?;
        let node = Node::File(state.file(from)?);
        state.change(Event::Renamed(from.to_owned(), to.to_owned(), node));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.operation()?;
        state.file(path)?;
        state.change(Event::Removed(path.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.operation()?;
        state.change(Event::FolderSynced(folder.to_owned()));
        Ok(())
    }

    fn share_like(&self, path: &Path, other: &Path) -> io::Result<()> {
        let state = self.operation()?;
        state.file(path).and(state.file(other)).map(drop)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        if self.state().locks.contains(path) {
            return Ok(None);
        }
        if !self.is_there(path) {
            self.operation()?.new_file(path)?;
        }
        self.state().locks.insert(path.to_owned());
        Ok(Some(Box::new(Held(self.clone(), path.to_owned()))))
    }

    fn database(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        let known = self.state().file(path).ok();
        let file = match known {
            Some(file) => file,
            None => self.operation()?.new_file(path)?,
        };
        Ok(Box::new(Opened { machine: self.clone(), file }))
    }
}
