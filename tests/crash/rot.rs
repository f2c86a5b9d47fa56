//! Bits that turn over while nobody looks. Each must be found, or be one that nothing was
//! written to: a log never gives back something else than it was given.

use std::panic::{AssertUnwindSafe, catch_unwind};

use flowrun_simulation::log::{Embedded, Error};

use crate::disk::Disk;
use crate::history::{Dice, HISTORIES, Model, SHARDS, empty, make, read, without_epochs};
use crate::rows;

fn written(calls: &[crate::history::Call]) -> (Vec<u8>, Model) {
    let disk = Disk::default();
    let mut log = Embedded::with_backend(disk.clone(), SHARDS).expect("an empty disk is begun");
    let (mut model, mut epochs) = (empty(), [0; SHARDS as usize]);
    for (&call, mark) in calls.iter().zip(1..) {
        make(&mut log, &mut model, &mut epochs, call, mark).expect("a disk in order takes it");
    }
    drop(log);
    (disk.content(), without_epochs(&model))
}

/// Opens and reads everything.
fn opened(content: Vec<u8>) -> Result<Model, Error> {
    read(&Embedded::with_backend(Disk::of(content), SHARDS)?)
}

#[test]
fn a_flipped_bit_is_found_or_means_nothing() {
    let (mut found, mut harmless) = (0, 0);
    for (title, calls) in HISTORIES {
        let (content, model) = written(calls);
        let mut dice = Dice::new(content.len() as u64);
        // Where something was written, and the first bytes, which say what the rest is.
        let used: Vec<usize> = (0..content.len()).filter(|&at| content[at] != 0).collect();
        let sampled: Vec<_> =
            (0..150).map(|_| used[dice.roll(used.len() as u64) as usize]).collect();
        for at in (0..256).step_by(5).chain(sampled) {
            let bit = dice.roll(8);
            let mut content = content.clone();
            content[at] ^= 1 << bit;
            let read = catch_unwind(AssertUnwindSafe(|| opened(content)))
                .unwrap_or_else(|_| panic!("{title}: bit {bit} of byte {at} brings it down"));
            match read {
                Ok(read) => {
                    assert_eq!(read, model, "{title}: bit {bit} of byte {at}");
                    harmless += 1;
                }
                Err(Error::Damaged { .. } | Error::Unopened { .. } | Error::Format { .. }) => {
                    found += 1;
                }
                Err(other) => panic!("{title}: bit {bit} of byte {at}: {other}"),
            }
        }
    }
    assert!(found > 200, "most of the file matters: {found} found, {harmless} harmless");
}

#[test]
fn a_file_that_was_cut_off_is_found() {
    let (content, _) = written(HISTORIES[5].1);
    for len in [0, 1, 100, 4_096, content.len() / 2, content.len() - 1] {
        match opened(content[..len].to_vec()) {
            // A file without a byte is one that was never begun.
            Ok(read) => assert_eq!((len, read), (0, empty())),
            Err(error) => {
                let known = matches!(error, Error::Damaged { .. } | Error::Unopened { .. });
                assert!(known && len > 0, "{len}: {error}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_packed_rows_is_found_or_means_nothing() {
    let (content, there) = rows::packed();
    let mut dice = Dice::new(5);
    let used: Vec<usize> = (0..content.len()).filter(|&at| content[at] != 0).collect();
    let mut found = 0;
    for _ in 0..300 {
        let (at, bit) = (used[dice.roll(used.len() as u64) as usize], dice.roll(8));
        let mut content = content.clone();
        content[at] ^= 1 << bit;
        let read = catch_unwind(AssertUnwindSafe(|| rows::held(content)))
            .unwrap_or_else(|_| panic!("bit {bit} of byte {at} brings it down"));
        match read {
            Ok(read) => assert_eq!(read, there, "bit {bit} of byte {at}"),
            Err(Error::Damaged { .. } | Error::Unopened { .. } | Error::Format { .. }) => {
                found += 1
            }
            Err(other) => panic!("bit {bit} of byte {at}: {other}"),
        }
    }
    // The other pages are those of former commits.
    assert!(found > 30, "a part of the file matters: {found} found");
}
