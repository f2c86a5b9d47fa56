//! The logs under test, and how a test speaks to them: the only place that knows their
//! interface.

use std::path::Path;

use flowrun_simulation::core::sdk::Door;
use flowrun_simulation::core::{Change, JourneyIx, Millis, Record, ShardId};
use flowrun_simulation::log::{
    Append, Embedded, Epoch, Memory, Sequence, ShardLog, Size, Snapshot,
};

use crate::dice::Dice;

/// An implementation, and how to come back to what it held.
pub struct Bench {
    pub name: &'static str,
    pub log: Box<dyn ShardLog>,
    folder: Option<tempfile::TempDir>,
}

impl Bench {
    pub fn all() -> Vec<Bench> {
        let folder = tempfile::tempdir().expect("a folder for a log");
        let embedded = embedded(folder.path());
        vec![
            Bench { name: "memory", log: Box::new(Memory::default()), folder: None },
            Bench { name: "embedded", log: embedded, folder: Some(folder) },
        ]
    }

    /// Ends the log's life and opens it again. One in memory lives on.
    pub fn reopen(&mut self) {
        if let Some(folder) = &self.folder {
            // A file has one holder: the former one goes first.
            self.log = Box::new(Memory::default());
            self.log = embedded(folder.path());
        }
    }
}

fn embedded(folder: &Path) -> Box<dyn ShardLog> {
    Box::new(Embedded::open(folder, 4).expect("a log opens"))
}

/// A record that can be told from others, with about as many bytes as said; some get shorter
/// when they are packed.
pub fn record(mark: i64, bytes: usize) -> Record {
    let journey = JourneyIx(mark as u32);
    let mut dice = Dice::new(mark as u64);
    let mut letter = || if mark % 3 == 0 { 'x' } else { char::from(b'a' + dice.roll(26) as u8) };
    let why: String = (0..bytes).map(|_| letter()).collect();
    let why = Some(why.into_boxed_str());
    let changes = vec![Change::Advanced { journey, door: Door::NEXT, why }];
    Record { at: Millis(mark), changes }
}

/// What a log answers, as one line.
pub trait Answers {
    fn opened(&mut self, shard: u16) -> String;
    fn appended(&mut self, records: &[(u16, u64, &Record)]) -> String;
    fn snapshotted(&mut self, shard: u16, epoch: u64, upto: u64, bytes: &[u8]) -> String;
    /// Marks of all records from a place on, with their places.
    fn records(&self, shard: u16, from: u64) -> String;
    fn snapshot_of(&self, shard: u16) -> String;
    fn sizes(&self) -> String;
}

fn say<T>(result: Result<T, impl std::fmt::Display>, ok: impl FnOnce(T) -> String) -> String {
    result.map_or_else(|error| format!("! {error}"), ok)
}

impl Answers for dyn ShardLog {
    fn opened(&mut self, shard: u16) -> String {
        say(self.open(ShardId(shard)), |epoch| format!("epoch {}", epoch.0))
    }

    fn appended(&mut self, records: &[(u16, u64, &Record)]) -> String {
        let appends = records.iter().map(|&(shard, epoch, record)| Append {
            shard: ShardId(shard),
            epoch: Epoch(epoch),
            record,
        });
        let appends: Vec<_> = appends.collect();
        say(self.append_all(&appends), |places| {
            let places: Vec<_> = places.iter().map(|place| place.0.to_string()).collect();
            places.join(" ")
        })
    }

    fn snapshotted(&mut self, shard: u16, epoch: u64, upto: u64, bytes: &[u8]) -> String {
        let done = self.snapshot(ShardId(shard), Epoch(epoch), Sequence(upto), bytes);
        say(done, |()| "ok".into())
    }

    fn records(&self, shard: u16, from: u64) -> String {
        let read = self.read_from(ShardId(shard), Sequence(from));
        let read = read.and_then(|records| records.collect::<Result<Vec<_>, _>>());
        say(read, |records| {
            let records =
                records.iter().map(|(place, record)| format!("{}:{}", place.0, record.at.0));
            records.collect::<Vec<_>>().join(" ")
        })
    }

    fn snapshot_of(&self, shard: u16) -> String {
        say(self.latest_snapshot(ShardId(shard)), |snapshot| match snapshot {
            None => "none".into(),
            Some(Snapshot { upto, bytes }) => format!("{} {}", upto.0, brief(&bytes)),
        })
    }

    fn sizes(&self) -> String {
        say(self.size(), |size| {
            // How long they are is the log's own affair: it may pack them.
            let Size { records, record_bytes, snapshot_bytes, .. } = size;
            assert_eq!(records > 0, record_bytes > 0);
            format!("{records} {}", snapshot_bytes > 0)
        })
    }
}

/// Bytes as text, and long ones by their number and ends.
fn brief(bytes: &[u8]) -> String {
    match bytes {
        [first, .., last] if bytes.len() > 40 => format!("{} of {first}..{last}", bytes.len()),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
