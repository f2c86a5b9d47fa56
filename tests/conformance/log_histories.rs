//! Long random histories on all logs side by side: whatever one answers, all answer.

use crate::dice::Dice;
use crate::shard_log::{Answers, Bench, record};

const SHARDS: u64 = 3;

/// One random call on all logs; their answers by name.
fn call(benches: &mut [Bench], dice: &mut Dice, epochs: &mut [u64], mark: i64) -> Vec<String> {
    let shard = dice.roll(SHARDS) as u16;
    // One in eight comes from an owner that was.
    let stale = u64::from(dice.roll(8) == 0);
    let epoch = epochs[usize::from(shard)].saturating_sub(stale);
    match dice.roll(20) {
        0 => {
            epochs[usize::from(shard)] += 1;
            benches.iter_mut().map(|bench| bench.log.opened(shard)).collect()
        }
        1 => {
            benches.iter_mut().for_each(Bench::reopen);
            Vec::new()
        }
        2..=4 => {
            let last = benches[0].log.last(flowrun_simulation::core::ShardId(shard)).unwrap().0;
            let upto = (last + 1).saturating_sub(dice.roll(4));
            let len = [0, 10, 3_000, 70_000, 200_000][dice.roll(5) as usize];
            let bytes: Vec<u8> = (0..len).map(|at| (at as i64 + mark) as u8).collect();
            let each = benches.iter_mut();
            each.map(|bench| bench.log.snapshotted(shard, epoch, upto, &bytes)).collect()
        }
        _ => {
            let count = 1 + dice.roll(4);
            let records: Vec<_> = (0..count)
                .map(|number| {
                    let len = [0, 100, 4_000, 66_000, 140_000][dice.roll(5) as usize];
                    let shard = dice.roll(SHARDS) as u16;
                    let epoch = epochs[usize::from(shard)];
                    (shard, epoch, record(mark * 10 + number as i64, len))
                })
                .collect();
            let mut appends: Vec<_> =
                records.iter().map(|(shard, epoch, record)| (*shard, *epoch, record)).collect();
            if stale == 1 {
                appends[0].1 = appends[0].1.saturating_sub(1);
            }
            benches.iter_mut().map(|bench| bench.log.appended(&appends)).collect()
        }
    }
}

fn same(answers: &[String], what: &str) {
    let Some(first) = answers.first() else { return };
    assert!(answers.iter().all(|answer| answer == first), "{what}: {answers:#?}");
}

#[test]
fn logs_answer_alike_over_random_histories() {
    let (mut appended, mut fenced) = (0, 0);
    for seed in 0..12 {
        let (mut dice, mut benches) = (Dice::new(seed), Bench::all());
        let mut epochs = [0; SHARDS as usize];
        for shard in 0..SHARDS as u16 {
            epochs[usize::from(shard)] = 1;
            same(&benches.iter_mut().map(|bench| bench.log.opened(shard)).collect::<Vec<_>>(), "");
        }
        for mark in 0..60 {
            let answers = call(&mut benches, &mut dice, &mut epochs, mark);
            same(&answers, &format!("seed {seed}, call {mark}"));
            fenced += usize::from(answers.iter().any(|answer| answer.contains("taken over")));
            appended += usize::from(answers.iter().any(|answer| !answer.starts_with('!')));
            for shard in 0..SHARDS as u16 {
                let from = dice.roll(12);
                let reads = |bench: &Bench| {
                    let (log, first) = (&bench.log, bench.log.records(shard, 1));
                    [first, log.records(shard, from), log.snapshot_of(shard)].join(" | ")
                };
                let reads: Vec<_> = benches.iter().map(reads).collect();
                same(&reads, &format!("seed {seed}, after call {mark}, shard {shard}"));
            }
            let sizes: Vec<_> = benches.iter().map(|bench| bench.log.sizes()).collect();
            same(&sizes, &format!("seed {seed}, sizes after call {mark}"));
        }
    }
    assert!(appended > 300 && fenced > 20, "much happened: {appended} {fenced}");
}
