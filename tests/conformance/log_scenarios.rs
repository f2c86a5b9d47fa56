//! What every log does, as a table: calls and the answer to each.

use crate::shard_log::{Answers, Bench, record};

/// A call to a log, and what it answers.
enum Line {
    Open(u16, &'static str),
    /// Shard, epoch and mark of each record; the answer names the places.
    Append(&'static [(u16, u64, i64)], &'static str),
    /// A record of so many bytes.
    AppendLarge(u16, u64, usize, &'static str),
    Snapshot(u16, u64, u64, &'static str, &'static str),
    SnapshotLarge(u16, u64, u64, usize, &'static str),
    Records(u16, u64, &'static str),
    SnapshotOf(u16, &'static str),
    Last(u16, u64),
    Reopen,
}
use Line::*;

const SCENARIOS: &[(&str, &[Line])] = &[
    (
        "what was appended is read back in order",
        &[
            Open(1, "epoch 1"),
            Append(&[(1, 1, 10)], "1"),
            Append(&[(1, 1, 20)], "2"),
            Append(&[(1, 1, 30)], "3"),
            Records(1, 1, "1:10 2:20 3:30"),
            Records(1, 2, "2:20 3:30"),
            Records(1, 0, "1:10 2:20 3:30"),
            Records(1, 4, ""),
            Records(1, 99, ""),
            Last(1, 3),
        ],
    ),
    (
        "a shard that nobody has written to is empty",
        &[Records(0, 1, ""), SnapshotOf(0, "none"), Last(0, 0), Open(0, "epoch 1"), Last(0, 0)],
    ),
    (
        "records of many shards are appended together, each at its own place",
        &[
            Open(0, "epoch 1"),
            Open(3, "epoch 1"),
            Append(&[(0, 1, 1), (3, 1, 2), (0, 1, 3)], "1 1 2"),
            Append(&[(3, 1, 4), (0, 1, 5)], "2 3"),
            Append(&[], ""),
            Records(0, 1, "1:1 2:3 3:5"),
            Records(3, 1, "1:2 2:4"),
        ],
    ),
    (
        "a former owner can append nothing, and nothing of what came with it is there",
        &[
            Open(0, "epoch 1"),
            Open(1, "epoch 1"),
            Append(&[(0, 1, 1)], "1"),
            Open(0, "epoch 2"),
            Append(&[(0, 1, 2)], "! shard 0 was taken over: epoch 1 ended when 2 began"),
            Append(&[(1, 1, 3), (0, 1, 4)], "! shard 0 was taken over: epoch 1 ended when 2 began"),
            Records(1, 1, ""),
            Append(&[(0, 2, 5), (1, 1, 6)], "2 1"),
            Records(0, 1, "1:1 2:5"),
        ],
    ),
    (
        "a shard is fenced from the start: who hasn't opened it doesn't own it",
        &[
            Append(&[(0, 0, 1)], "! shard 0 was not opened: open it before writing to it"),
            Append(&[(0, 1, 1)], "! shard 0 was not opened: open it before writing to it"),
            Records(0, 1, ""),
        ],
    ),
    (
        "a former owner can replace nothing by a snapshot",
        &[
            Open(0, "epoch 1"),
            Append(&[(0, 1, 1)], "1"),
            Open(0, "epoch 2"),
            Snapshot(0, 1, 1, "old", "! shard 0 was taken over: epoch 1 ended when 2 began"),
            SnapshotOf(0, "none"),
            Records(0, 1, "1:1"),
        ],
    ),
    (
        "a snapshot stands for the records up to its place",
        &[
            Open(2, "epoch 1"),
            Append(&[(2, 1, 1), (2, 1, 2), (2, 1, 3)], "1 2 3"),
            Snapshot(2, 1, 2, "two", "ok"),
            SnapshotOf(2, "2 two"),
            Records(2, 3, "3:3"),
            Records(2, 2, "! records of shard 2 before 3 were dropped: start from the snapshot"),
            Append(&[(2, 1, 4)], "4"),
            Snapshot(2, 1, 4, "four", "ok"),
            SnapshotOf(2, "4 four"),
            Records(2, 5, ""),
            Last(2, 4),
            Append(&[(2, 1, 5)], "5"),
            Records(2, 5, "5:5"),
        ],
    ),
    (
        "a snapshot has its place in the log",
        &[
            Open(0, "epoch 1"),
            Snapshot(0, 1, 0, "begin", "ok"),
            Append(&[(0, 1, 1), (0, 1, 2), (0, 1, 3)], "1 2 3"),
            Snapshot(
                0,
                1,
                4,
                "future",
                "! a snapshot of shard 0 at 4 has no place in its log: it must lie between 0 and 3",
            ),
            Snapshot(0, 1, 2, "two", "ok"),
            Snapshot(0, 1, 2, "again", "ok"),
            Snapshot(
                0,
                1,
                1,
                "past",
                "! a snapshot of shard 0 at 1 has no place in its log: it must lie between 2 and 3",
            ),
            SnapshotOf(0, "2 again"),
            Records(0, 3, "3:3"),
        ],
    ),
    (
        "everything is there after opening again, and epochs go on",
        &[
            Open(0, "epoch 1"),
            Open(1, "epoch 1"),
            Append(&[(0, 1, 1), (1, 1, 2), (0, 1, 3)], "1 1 2"),
            Snapshot(0, 1, 1, "one", "ok"),
            Reopen,
            Records(0, 2, "2:3"),
            Records(1, 1, "1:2"),
            SnapshotOf(0, "1 one"),
            Last(0, 2),
            Open(0, "epoch 2"),
            Append(&[(0, 1, 4)], "! shard 0 was taken over: epoch 1 ended when 2 began"),
            Append(&[(0, 2, 5)], "3"),
            Append(&[(1, 1, 6)], "2"),
            Reopen,
            Reopen,
            Records(0, 2, "2:3 3:5"),
            Open(0, "epoch 3"),
        ],
    ),
    (
        "records and snapshots of any length come back",
        &[
            Open(0, "epoch 1"),
            AppendLarge(0, 1, 0, "1"),
            AppendLarge(0, 1, 65_000, "2"),
            AppendLarge(0, 1, 65_256, "3"),
            AppendLarge(0, 1, 65_280, "4"),
            AppendLarge(0, 1, 300_000, "5"),
            AppendLarge(0, 1, 1 << 20, "6"),
            Records(0, 1, "1:0 2:65000 3:65256 4:65280 5:300000 6:1048576"),
            SnapshotLarge(0, 1, 4, 500_000, "ok"),
            SnapshotOf(0, "500000 of 0..31"),
            Reopen,
            Records(0, 5, "5:300000 6:1048576"),
            SnapshotLarge(0, 1, 5, 0, "ok"),
            Records(0, 6, "6:1048576"),
            Reopen,
            SnapshotOf(0, "5 "),
        ],
    ),
];

fn play(bench: &mut Bench, line: &Line) -> Option<(String, String)> {
    let log = &mut bench.log;
    let (found, expected) = match *line {
        Open(shard, expected) => (log.opened(shard), expected.to_owned()),
        Append(appends, expected) => {
            let records: Vec<_> = appends.iter().map(|(_, _, mark)| record(*mark, 5)).collect();
            let appends = appends.iter().zip(&records);
            let appends: Vec<_> =
                appends.map(|(&(shard, epoch, _), record)| (shard, epoch, record)).collect();
            (log.appended(&appends), expected.to_owned())
        }
        AppendLarge(shard, epoch, bytes, expected) => {
            let record = record(bytes as i64, bytes);
            (log.appended(&[(shard, epoch, &record)]), expected.to_owned())
        }
        Snapshot(shard, epoch, upto, bytes, expected) => {
            (log.snapshotted(shard, epoch, upto, bytes.as_bytes()), expected.to_owned())
        }
        SnapshotLarge(shard, epoch, upto, len, expected) => {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            (log.snapshotted(shard, epoch, upto, &bytes), expected.to_owned())
        }
        Records(shard, from, expected) => (log.records(shard, from), expected.to_owned()),
        SnapshotOf(shard, expected) => {
            let found = log.snapshot_of(shard);
            // Of a long one the place isn't repeated.
            let found = found
                .split_once(' ')
                .filter(|(_, rest)| rest.contains(" of "))
                .map_or(found.clone(), |(_, rest)| rest.to_owned());
            (found, expected.to_owned())
        }
        Last(shard, expected) => {
            let shard = flowrun_simulation::core::ShardId(shard);
            (
                log.last(shard).map_or_else(|e| e.to_string(), |last| last.0.to_string()),
                expected.to_string(),
            )
        }
        Reopen => {
            bench.reopen();
            return None;
        }
    };
    (found != expected).then_some((found, expected))
}

#[test]
fn every_log_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for (title, lines) in SCENARIOS {
        for mut bench in Bench::all() {
            for (number, line) in lines.iter().enumerate() {
                if let Some((found, expected)) = play(&mut bench, line) {
                    let place = format!("{}: {title}, line {}", bench.name, number + 1);
                    wrong.push(format!("{place}\n  expected {expected}\n  found    {found}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
