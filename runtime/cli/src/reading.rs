//! How far a start has come with reading a state folder back: a bar while it takes long, and one
//! line when everybody is back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use flowrun_engine::log::{Append, Epoch, Error, Records, Sequence, ShardLog, Size, Snapshot};

use crate::core::ShardId;
use crate::progress::Progress;

/// From so long on the recovery is spoken of.
const LONG: Duration = Duration::from_secs(1);

/// How far reading a state folder has come.
#[derive(Clone)]
pub struct Reading(Arc<Mutex<Read>>);

struct Read {
    progress: Progress,
    began: Instant,
    records: u64,
}

impl Reading {
    pub fn begin() -> Reading {
        let read = Read { progress: Progress::new(), began: Instant::now(), records: 0 };
        Reading(Arc::new(Mutex::new(read)))
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn so_far(&self, count: u64, of_what: &'static str) {
        self.read().progress.counting(count, of_what);
    }

    fn record(&self) {
        let mut read = self.read();
        read.records += 1;
        let records = read.records;
        read.progress.counting(records, "records read back");
    }

    /// What there is to say, if it took long.
    pub fn end(&self) -> Option<String> {
        let mut read = self.read();
        read.progress.clear();
        let took = read.began.elapsed();
        (took >= LONG).then(|| {
            format!("everybody is back after {:.1} s, {} records", took.as_secs_f64(), read.records)
        })
    }
}

/// A log that shows how far reading it has come.
pub struct Watched<L> {
    log: L,
    reading: Reading,
}

impl<L> Watched<L> {
    pub fn new(log: L, reading: Reading) -> Watched<L> {
        Watched { log, reading }
    }
}

impl<L: ShardLog> ShardLog for Watched<L> {
    fn open(&mut self, shard: ShardId) -> Result<Epoch, Error> {
        self.log.open(shard)
    }

    fn append_all(&mut self, appends: &[Append<'_>]) -> Result<Vec<Sequence>, Error> {
        self.log.append_all(appends)
    }

    fn read_from(&self, shard: ShardId, from: Sequence) -> Result<Records<'_>, Error> {
        let reading = self.reading.clone();
        let records = self.log.read_from(shard, from)?;
        Ok(Box::new(records.inspect(move |_| reading.record())))
    }

    fn snapshot(
        &mut self,
        shard: ShardId,
        epoch: Epoch,
        upto: Sequence,
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.log.snapshot(shard, epoch, upto, bytes)
    }

    fn latest_snapshot(&self, shard: ShardId) -> Result<Option<Snapshot>, Error> {
        self.log.latest_snapshot(shard)
    }

    fn last(&self, shard: ShardId) -> Result<Sequence, Error> {
        self.log.last(shard)
    }

    fn size(&self) -> Result<Size, Error> {
        self.log.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Millis, Record};
    use flowrun_engine::log::Memory;

    fn begun(ago: Duration) -> Reading {
        let began = Instant::now().checked_sub(ago).expect("a moment of this machine");
        let progress = Progress::since(began);
        Reading(Arc::new(Mutex::new(Read { progress, began, records: 0 })))
    }

    #[test]
    fn a_long_recovery_says_what_it_reads_and_when_all_are_back() {
        for (seconds, bar, told) in [
            (0, [None, None], None),
            (2, [Some("5 profiles read"), Some("3 records read back")], Some("3 records")),
        ] {
            let reading = begun(Duration::from_secs(seconds));
            let shown = || reading.read().progress.shown();
            reading.so_far(5, "profiles read");
            assert_eq!(shown().as_deref(), bar[0]);
            let mut log = Watched::new(Memory::default(), reading.clone());
            let epoch = log.open(ShardId(0)).unwrap();
            for at in 1..=3 {
                let record = Record { at: Millis(at), changes: Vec::new() };
                log.append(ShardId(0), epoch, &record).unwrap();
            }
            assert_eq!(log.read_from(ShardId(0), Sequence(1)).unwrap().count(), 3);
            assert_eq!(shown().as_deref(), bar[1]);
            let end = reading.end();
            assert_eq!(end.is_some(), told.is_some());
            for (end, told) in end.iter().zip(told) {
                assert!(end.starts_with("everybody is back after 2."), "{end}");
                assert!(end.ends_with(told), "{end}");
            }
            assert_eq!(shown(), None, "the bar is taken away");
        }
    }
}
