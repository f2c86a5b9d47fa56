//! Durable appends beside the same bytes written to a plain file with one fdatasync each:
//! the same disk, in turns, in one run. Absolute figures are the disk's; ratios are ours.
//!
//! `cargo bench -p flowrun-log`; `FLOWRUN_BENCH_DIR` names the folder to write to.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flowrun_core::sdk::Door;
use flowrun_core::{Change, JourneyIx, Millis, Record, ShardId};
use flowrun_log::{Append, Embedded, Sequence, ShardLog};

const SIZES: [usize; 5] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];

/// How often each is measured, in turns: the median is told.
const ROUNDS: usize = 5;

/// How long one measurement goes on.
const EACH: Duration = Duration::from_millis(700);

fn record(bytes: usize) -> Record {
    // Many changes of an ordinary size, as a cohort's record has them.
    let change = |journey| Change::Advanced {
        journey: JourneyIx(journey),
        door: Door::NEXT,
        why: Some("x".repeat(56).into()),
    };
    Record { at: Millis(1), changes: (0..bytes.div_ceil(62) as u32).map(change).collect() }
}

/// Repeats until the time is over; how often a second.
fn rate(mut once: impl FnMut()) -> f64 {
    let (begin, mut count) = (Instant::now(), 0);
    while begin.elapsed() < EACH {
        once();
        count += 1;
    }
    f64::from(count) / begin.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn plain(folder: &Path, bytes: &[u8]) -> f64 {
    let mut file = File::create(folder.join("plain")).expect("a file");
    rate(|| {
        file.write_all(bytes).expect("it is written");
        file.sync_data().expect("it is synced");
    })
}

fn appends(folder: &Path, record: &Record) -> f64 {
    let _ = std::fs::remove_dir_all(folder.join("log"));
    let mut log = Embedded::open(&folder.join("log"), 1).expect("a log");
    let epoch = log.open(ShardId(0)).expect("a shard");
    rate(|| {
        log.append(ShardId(0), epoch, record).expect("it is appended");
    })
}

/// Sixteen shards under one sync: records a second.
fn group(folder: &Path, record: &Record) -> f64 {
    let _ = std::fs::remove_dir_all(folder.join("log"));
    let mut log = Embedded::open(&folder.join("log"), 16).expect("a log");
    let shards = (0..16).map(ShardId);
    let epochs: Vec<_> = shards.map(|shard| (shard, log.open(shard).expect("a shard"))).collect();
    16.0 * rate(|| {
        let appends = epochs.iter().map(|&(shard, epoch)| Append { shard, epoch, record });
        drop(log.append_all(&appends.collect::<Vec<_>>()).expect("they are appended"));
    })
}

fn recovery(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder.join("log"));
    let record = record(64 << 10);
    let bytes = record.encode().len();
    {
        let mut log = Embedded::open(&folder.join("log"), 1).expect("a log");
        let epoch = log.open(ShardId(0)).expect("a shard");
        let appends = [Append { shard: ShardId(0), epoch, record: &record }; 64];
        (0..64).for_each(|_| drop(log.append_all(&appends).expect("they are appended")));
    }
    let total = (bytes * 64 * 64) as f64 / 1e6;
    let begin = Instant::now();
    let mut log = Embedded::open(&folder.join("log"), 1).expect("it opens");
    let opened = begin.elapsed();
    let begin = Instant::now();
    let read = log.read_from(ShardId(0), Sequence(1)).expect("it is read");
    let read: Result<Vec<_>, _> = read.map(|read| read.map(|(place, _)| place)).collect();
    assert_eq!(read.expect("all are read").len(), 64 * 64);
    let read = begin.elapsed();
    let state = vec![7; 16 << 20];
    let begin = Instant::now();
    let epoch = log.open(ShardId(0)).expect("a shard");
    log.snapshot(ShardId(0), epoch, Sequence(64 * 64), &state).expect("a snapshot");
    let snapshot = begin.elapsed();
    println!(
        "\na log of {total:.0} MB: checked and opened in {opened:.0?}, read and decoded in {read:.0?};"
    );
    println!("a snapshot of 17 MB in its place takes {snapshot:.0?}");
}

fn main() {
    let folder =
        std::env::var_os("FLOWRUN_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder).expect("a folder to write to");
    let folder = folder.path();
    println!("     record  write+fdatasync          append                   16 shards together");
    for size in SIZES {
        let record = record(size);
        let bytes = record.encode();
        let mut rates = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            rates[0].push(plain(folder, &bytes));
            rates[1].push(appends(folder, &record));
            rates[2].push(group(folder, &record));
        }
        let [plain, single, group] = rates.map(median);
        let show = |rate: f64| format!("{rate:6.0}/s {:6.1} MB/s", rate * bytes.len() as f64 / 1e6);
        println!(
            "{:7} KiB  {}  {} ×{:.2}  {} ×{:.1}",
            size >> 10,
            show(plain),
            show(single),
            single / plain,
            show(group),
            group / plain,
        );
    }
    recovery(folder);
}
