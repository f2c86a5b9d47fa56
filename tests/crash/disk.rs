//! A disk in memory that remembers what was done to it, fails when it is told to, and can be
//! put together as a power cut would have left it.
//!
//! What was synced is there. Of what was written since, any sector may be there or not, in
//! any order: a disk promises no more than that a sector is whole.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use flowrun_simulation::log::file::redb::StorageBackend;

use crate::history::Dice;

/// What is whole after a power cut.
const SECTOR: usize = 512;

/// Something that happened to the disk.
#[derive(Clone, Debug)]
pub enum Event {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
    /// A call to the log returned, and what it returned was acknowledged.
    Acknowledged,
}

/// How an operation on the disk fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Io,
    Full,
}

/// When operations fail: those with these numbers.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub fault: Fault,
    pub from: usize,
    pub to: usize,
}

#[derive(Default, Debug)]
struct State {
    content: Vec<u8>,
    /// The content at the beginning, before the first event.
    origin: Vec<u8>,
    events: Vec<Event>,
    operations: usize,
    plan: Option<Plan>,
    /// Numbers of the operations that were syncs.
    syncs: Vec<usize>,
}

/// A handle to the disk: clones are the same disk.
#[derive(Clone, Default, Debug)]
pub struct Disk(Arc<Mutex<State>>);

/// Which of the writes since the last sync survive.
#[derive(Clone, Copy, Debug)]
pub enum Survivors {
    None,
    All,
    /// All but the last.
    ButLast,
    /// The last alone: it overtook the others.
    Last,
    /// All, and of the last the first half of its sectors.
    Torn,
    /// Any sectors, drawn from this seed.
    Some(u64),
}

impl Disk {
    pub fn of(content: Vec<u8>) -> Disk {
        let state = State { origin: content.clone(), content, ..State::default() };
        Disk(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the disk")
    }

    pub fn fail(&self, plan: Option<Plan>) {
        self.state().plan = plan;
    }

    /// How many operations there were that can fail.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Whether the operation with this number was a sync.
    pub fn is_sync(&self, operation: usize) -> bool {
        self.state().syncs.contains(&operation)
    }

    pub fn acknowledge(&self) {
        self.state().events.push(Event::Acknowledged);
    }

    pub fn content(&self) -> Vec<u8> {
        self.state().content.clone()
    }

    pub fn events(&self) -> usize {
        self.state().events.len()
    }

    /// How many calls had been acknowledged when so many events had happened.
    pub fn acknowledged(&self, events: usize) -> usize {
        let state = self.state();
        let all = state.events[..events].iter();
        all.filter(|event| matches!(event, Event::Acknowledged)).count()
    }

    /// Whether the disk did anything at this event.
    pub fn is_operation(&self, event: usize) -> bool {
        !matches!(self.state().events[event], Event::Acknowledged)
    }

    /// What the disk holds if the power is cut after so many events.
    pub fn after_cut(&self, events: usize, survivors: Survivors) -> Vec<u8> {
        let state = self.state();
        let past = &state.events[..events];
        let synced = past.iter().rposition(|event| matches!(event, Event::Sync));
        let synced = synced.map_or(0, |at| at + 1);
        let mut content = state.origin.clone();
        past[..synced].iter().for_each(|event| apply(&mut content, event));
        survive(&mut content, past[synced..].iter(), survivors);
        content
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

pub fn apply(content: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Write(at, bytes) => write(content, *at as usize, bytes),
        Event::Length(len) => content.resize(*len as usize, 0),
        Event::Sync | Event::Acknowledged => {}
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

/// Puts those writes in that survive.
pub fn survive<'a>(
    content: &mut Vec<u8>,
    pending: impl Iterator<Item = &'a Event>,
    survivors: Survivors,
) {
    let is_write = |event: &&Event| matches!(event, Event::Write(..) | Event::Length(_));
    let pending: Vec<_> = pending.filter(is_write).collect();
    let Some((last, former)) = pending.split_last() else { return };
    match survivors {
        Survivors::None => {}
        Survivors::All => pending.iter().for_each(|event| apply(content, event)),
        Survivors::ButLast => former.iter().for_each(|event| apply(content, event)),
        Survivors::Last => apply(content, last),
        Survivors::Torn => {
            former.iter().for_each(|event| apply(content, event));
            if let Event::Write(at, bytes) = last {
                let half = (bytes.len() / 2).next_multiple_of(SECTOR).min(bytes.len());
                write(content, *at as usize, &bytes[..half]);
            }
        }
        Survivors::Some(seed) => {
            let mut dice = Dice::new(seed);
            for event in pending {
                match event {
                    Event::Write(at, bytes) => {
                        for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                            if dice.roll(2) == 0 {
                                write(content, *at as usize + number * SECTOR, sector);
                            }
                        }
                    }
                    length if dice.roll(2) == 0 => apply(content, length),
                    _ => {}
                }
            }
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let from = offset as usize;
        let there = state.content.get(from..from + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.operation()?;
        let event = Event::Length(len);
        apply(&mut state.content, &event);
        state.events.push(event);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let number = self.operations();
        self.state().syncs.push(number);
        self.operation()?.events.push(Event::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.operation()?;
        let event = Event::Write(offset, bytes.to_vec());
        apply(&mut state.content, &event);
        state.events.push(event);
        Ok(())
    }
}
