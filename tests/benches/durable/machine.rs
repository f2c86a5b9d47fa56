//! What the machine says of this process, and what it can do at best.

use std::fs::{self, File, read_to_string};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Processor time of all threads that are there, in nanoseconds: the process's own figure is in
/// hundredths of a second, which a small run is over in.
pub fn processor() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("the system tells");
    let each = threads.filter_map(|thread| {
        let stat = read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(each.sum())
}

/// What the system itself has spent for this process; in hundredths of a second, as it counts.
pub fn system() -> Duration {
    let stat = read_to_string("/proc/self/stat").expect("the system tells");
    let after = stat.rsplit(')').next().unwrap_or_default();
    // System time is the 15th of all, so the 13th of these.
    let ticks = after.split_whitespace().nth(12).and_then(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.unwrap_or(0))
}

/// Bytes that this process had the disk write.
pub fn written() -> u64 {
    field("/proc/self/io", "write_bytes:")
}

/// Memory that is in use, in bytes.
pub fn resident() -> u64 {
    field("/proc/self/status", "VmRSS:") * 1024
}

fn field(path: &str, name: &str) -> u64 {
    let text = read_to_string(path).expect("the system tells");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// How long it takes to append so many bytes to a file and have them on the disk.
pub fn sync(folder: &Path, bytes: usize) -> Duration {
    fs::create_dir_all(folder).expect("a folder");
    let path = folder.join("limit");
    let mut file = File::create(&path).expect("a file");
    let (block, times) = (vec![7; bytes], 40);
    let mut took: Vec<Duration> = (0..times)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&block).and_then(|()| file.sync_data()).expect("the disk takes it");
            began.elapsed()
        })
        .collect();
    let _ = fs::remove_file(path);
    took.sort();
    took[times / 2]
}

/// Memory that can be had, in bytes.
pub fn available() -> usize {
    field("/proc/meminfo", "MemAvailable:") as usize * 1024
}

/// How long it takes to use so much memory for the first time. It is given back.
pub fn lend(bytes: usize) -> Duration {
    let began = Instant::now();
    std::hint::black_box(vec![1u8; bytes]);
    began.elapsed()
}

/// Copying memory, in bytes a second.
pub fn copying() -> f64 {
    let from = vec![7u8; 256 << 20];
    // Written once before, so that it is there.
    let mut to = vec![1u8; from.len()];
    let began = Instant::now();
    to.copy_from_slice(&from);
    let took = began.elapsed();
    std::hint::black_box(&to);
    from.len() as f64 / took.as_secs_f64()
}
