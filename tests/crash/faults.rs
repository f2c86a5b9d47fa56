//! Disks that answer with errors: each operation of each history fails once, or from then
//! on. What was acknowledged stays; a full disk can be tried again; anything else is the end
//! of the log in this process.

use flowrun_simulation::log::{Embedded, Error};

use crate::disk::{Disk, Fault, Plan};
use crate::history::{Call, HISTORIES, Model, SHARDS, empty, make, read, without_epochs};

/// A history on a disk with a plan, up to the first error.
struct Run {
    disk: Disk,
    log: Embedded,
    model: Model,
    epochs: [u64; SHARDS as usize],
    /// Calls that were made and returned.
    done: usize,
    error: Option<Error>,
}

/// `None`: the disk didn't even let the log begin.
fn run(calls: &[Call], plan: Option<Plan>) -> Result<Run, Error> {
    let disk = Disk::default();
    disk.fail(plan);
    let log = Embedded::with_backend(disk.clone(), SHARDS)?;
    let (model, epochs) = (empty(), [0; SHARDS as usize]);
    let mut run = Run { disk, log, model, epochs, done: 0, error: None };
    run.go_on(calls);
    Ok(run)
}

impl Run {
    fn go_on(&mut self, calls: &[Call]) {
        self.error = None;
        while let Some(&call) = calls.get(self.done) {
            let mark = self.done as i64 + 1;
            let made = make(&mut self.log, &mut self.model, &mut self.epochs, call, mark);
            if let Err(error) = made {
                self.error = Some(error);
                return;
            }
            self.done += 1;
        }
    }
}

fn operations(calls: &[Call]) -> (Disk, usize) {
    let run = run(calls, None).expect("a disk in order is begun");
    assert!(run.error.is_none(), "a disk in order takes it: {:?}", run.error);
    let operations = run.disk.operations();
    (run.disk, operations)
}

#[test]
fn after_a_failed_write_or_sync_the_log_takes_nothing_more() {
    let mut lost = 0;
    for (title, calls) in HISTORIES {
        let (_, operations) = operations(calls);
        for at in 0..operations {
            let plan = Plan { fault: Fault::Io, from: at, to: at + 1 };
            let Ok(mut run) = run(calls, Some(plan)) else { continue };
            let Some(error) = run.error.take() else { continue };
            assert!(matches!(error, Error::Lost { .. }), "{title}, {at}: {error}");
            assert!(error.is_fatal());
            // The disk works again. But what is on it nobody knows.
            run.go_on(calls);
            let again = run.error.as_ref().expect("a lost log takes nothing");
            assert!(matches!(again, Error::Lost { .. }), "{title}, {at}: {again}");
            assert!(again.to_string().contains("end the process and start it again"), "{again}");
            lost += 1;
        }
    }
    assert!(lost > 100, "{lost}");
}

#[test]
fn a_full_disk_loses_nothing_and_takes_more_once_there_is_room() {
    let (mut full, mut freed) = (0, 0);
    for (title, calls) in HISTORIES {
        let (disk, operations) = operations(calls);
        for at in (0..operations).filter(|&at| !disk.is_sync(at)) {
            // It fails once, for long, or while the log is being opened again.
            for to in [at + 1, at + 3, at + 40] {
                let plan = Plan { fault: Fault::Full, from: at, to };
                let place = format!("{title}, operations {at} to {to}");
                let Ok(mut run) = run(calls, Some(plan)) else { continue };
                let mut tries = 0;
                while let Some(error) = run.error.take() {
                    // The sync of a disk that is full is a failed sync.
                    if let Error::Lost { .. } = error {
                        break;
                    }
                    assert!(matches!(error, Error::Full { .. }), "{place}: {error}");
                    assert!(!error.is_fatal());
                    full += 1;
                    tries += 1;
                    if tries > 2 {
                        run.disk.fail(None);
                    }
                    run.go_on(calls);
                }
                if run.done == calls.len() {
                    freed += 1;
                    let found = read(&run.log).unwrap_or_else(|error| panic!("{place}: {error}"));
                    assert_eq!(found, without_epochs(&run.model), "{place}");
                }
                // And so says the disk.
                let Run { disk, log, model, .. } = run;
                drop(log);
                disk.fail(None);
                let log = Embedded::with_backend(disk, SHARDS);
                let log = log.unwrap_or_else(|error| panic!("{place}: {error}"));
                assert_eq!(read(&log).expect("it is read"), without_epochs(&model), "{place}");
            }
        }
    }
    assert!(full > 200 && freed > 200, "{full} {freed}");
}
