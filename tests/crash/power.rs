//! The power is cut at every event of every history, and what was not synced is there, torn,
//! or not, or in another order. After opening again the log must hold exactly what it held
//! after the last acknowledged call, or after the one under way: never less, never a part.

use flowrun_simulation::core::ShardId;
use flowrun_simulation::log::{Embedded, ShardLog};

use crate::disk::{Disk, Survivors};
use crate::history::{Call, HISTORIES, Model, SHARDS, empty, make, read, without_epochs};

/// Plays a history to its end, and gives the disk with its events and what the log held
/// after each call. The disk begins with an empty log: a file gets its name only when it
/// is one.
fn played(calls: &[Call]) -> (Disk, Vec<Model>) {
    let begun = Disk::default();
    drop(Embedded::with_backend(begun.clone(), SHARDS).expect("an empty disk is begun"));
    let disk = Disk::of(begun.content());
    let mut log = Embedded::with_backend(disk.clone(), SHARDS).expect("it is opened again");
    let (mut model, mut epochs) = (empty(), [0; SHARDS as usize]);
    let mut models = vec![model.clone()];
    for (&call, mark) in calls.iter().zip(1..) {
        make(&mut log, &mut model, &mut epochs, call, mark).expect("a disk in order takes it");
        disk.acknowledge();
        models.push(model.clone());
    }
    (disk, models)
}

/// Opens what a cut has left, and says after how many calls of the history it is.
fn recover(disk: Disk, models: &[Model], acknowledged: usize) -> Result<usize, String> {
    let mut log = Embedded::with_backend(disk, SHARDS).map_err(|error| error.to_string())?;
    let found = read(&log).map_err(|error| error.to_string())?;
    let expected = [acknowledged, acknowledged + 1].into_iter();
    let expected = expected.filter(|calls| *calls < models.len());
    let mut matching: Vec<_> =
        expected.filter(|calls| without_epochs(&models[*calls]) == found).collect();
    // Of an opened shard only the next epoch tells.
    let epochs: Vec<u64> = (0..SHARDS)
        .map(|shard| log.open(ShardId(shard)).map(|epoch| epoch.0 - 1))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    matching
        .retain(|calls| models[*calls].iter().map(|held| held.epoch).eq(epochs.iter().copied()));
    matching
        .first()
        .copied()
        .ok_or_else(|| format!("after {acknowledged} calls held {found:?}, epochs {epochs:?}"))
}

fn all_survivors(seed: u64) -> Vec<Survivors> {
    use Survivors::*;
    vec![None, All, ButLast, Last, Torn, Some(seed), Some(seed + 1), Some(seed + 2)]
}

#[test]
fn a_power_cut_leaves_a_prefix_with_all_that_was_acknowledged() {
    let (mut cuts, mut ahead) = (0, 0);
    for (title, calls) in HISTORIES {
        let (disk, models) = played(calls);
        for event in 0..=disk.events() {
            // A cut right after an acknowledgement is one before the next operation.
            if event > 0 && !disk.is_operation(event - 1) {
                continue;
            }
            let acknowledged = disk.acknowledged(event);
            for survivors in all_survivors(event as u64 * 3) {
                let left = Disk::of(disk.after_cut(event, survivors));
                let found = recover(left, &models, acknowledged).unwrap_or_else(|fault| {
                    panic!("{title}: cut after event {event}, {survivors:?} survive: {fault}")
                });
                cuts += 1;
                ahead += usize::from(found > acknowledged);
            }
        }
    }
    assert!(cuts > 2_000 && ahead > 20, "cuts hit calls under way: {cuts} {ahead}");
}

#[test]
fn a_power_cut_while_recovering_changes_nothing() {
    let mut cuts = 0;
    for (title, calls) in HISTORIES {
        let (disk, models) = played(calls);
        for event in (0..disk.events()).step_by(5) {
            let acknowledged = disk.acknowledged(event);
            let left = disk.after_cut(event, Survivors::Some(event as u64));
            let second = Disk::of(left);
            // Opening writes; and the log is dropped without a word.
            drop(Embedded::with_backend(second.clone(), SHARDS));
            for again in 0..=second.events() {
                for survivors in [Survivors::None, Survivors::Last, Survivors::Some(7)] {
                    let left = Disk::of(second.after_cut(again, survivors));
                    recover(left, &models, acknowledged).unwrap_or_else(|fault| {
                        let place = format!("cut after {event}, and {again} of opening");
                        panic!("{title}: {place}, {survivors:?} survive: {fault}")
                    });
                    cuts += 1;
                }
            }
        }
    }
    assert!(cuts > 300, "{cuts}");
}
