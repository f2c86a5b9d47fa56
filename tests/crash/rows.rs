//! The rows of a directory under power cuts, failing disks and full ones. After a cut the rows
//! are as after the last change that was acknowledged, or after a later one; a full disk loses
//! nothing, and what waited for space is written when there is some.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flowrun_simulation::core::track::{Id, Profile, Remembered};
use flowrun_simulation::profiles::embedded::Error;
use flowrun_simulation::profiles::rows::{Changes, Member, Row, Rows, RowsSettings};

use crate::disk::{Disk, Fault, Plan, Survivors};

/// How much may be fresh: all, or so little that every change puts former ones away.
const FRESH: [usize; 2] = [1 << 20, 600];

const CHANGES: u64 = 7;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// Rows as a test compares them: profiles by number with their last write, schedules, and the
/// next number.
pub type Held = (BTreeMap<u64, u128>, BTreeMap<String, Vec<u8>>, u64);

fn open(disk: &Disk, fresh_bytes: usize) -> Result<(Rows, Held), Error> {
    let while_full = Duration::from_millis(1);
    let settings = RowsSettings { fresh_bytes, cache_bytes: 1 << 20, while_full };
    let mut held = Held::default();
    let rows = Rows::with_backend(disk.clone(), settings, &mut |row| match row {
        Row::Member(Id(id), Member { profile, writes }) => {
            assert_eq!(profile.external_id(), Some(&*format!("user {id}")));
            assert!(held.0.insert(id, writes[0].write).is_none(), "a row comes once");
        }
        Row::Schedule(id, content) => drop(held.1.insert(id, content)),
        Row::Next(next) => held.2 = next.0,
        Row::Queued(..) => unreachable!("nothing is queued"),
    })?;
    Ok((rows, held))
}

/// A disk with rows in the journal and in groups, both packed, and what they are.
pub fn packed() -> (Vec<u8>, Held) {
    let disk = Disk::default();
    let (rows, _) = open(&disk, 40_000).expect("an empty disk is begun");
    for number in 0..40 {
        let members =
            (0..10).map(|at| 10 * number + at).map(|id| (Id(id), Some(member(id, number))));
        let changes = Changes { members: members.collect(), ..change(number) };
        block_on(rows.save(changes).done()).expect("a disk in order takes it");
    }
    drop(rows);
    let there = held(disk.content()).expect("it is in order");
    (disk.content(), there)
}

/// What the rows on a disk are.
pub fn held(content: Vec<u8>) -> Result<Held, Error> {
    open(&Disk::of(content), 40_000).map(|(_, held)| held)
}

/// The change of this number: a new profile, others changed and removed, and a schedule.
fn change(number: u64) -> Changes {
    let member = |id| member(id, number);
    let mut members = vec![(Id(number), Some(member(number))), (Id(0), Some(member(0)))];
    if number >= 2 {
        members.push((Id(number - 1), number.is_multiple_of(2).then(|| member(number - 1))));
    }
    let schedule = (number % 3 != 2).then(|| number.to_le_bytes().to_vec());
    let next = Some(Id(number + 1));
    let schedules = vec![("s".into(), schedule)];
    Changes { members, schedules, next, ..Changes::default() }
}

/// A profile as the change of this number leaves it.
fn member(id: u64, number: u64) -> Member {
    let mut profile = Profile::new(&format!("user {id}"));
    profile.add_alias(flowrun_simulation::core::track::Alias {
        label: "long".into(),
        name: "x".repeat(300).as_str().into(),
    });
    let write = u128::from(number);
    Member { profile, writes: vec![Remembered { write, objects: vec![(0, 0)] }] }
}

fn after(changes: u64) -> Held {
    let mut held = Held::default();
    for number in 0..changes {
        let Changes { members, schedules, next, .. } = change(number);
        for (Id(id), member) in members {
            match member {
                Some(member) => drop(held.0.insert(id, member.writes[0].write)),
                None => drop(held.0.remove(&id)),
            }
        }
        for (id, content) in schedules {
            match content {
                Some(content) => drop(held.1.insert(id, content)),
                None => drop(held.1.remove(&id)),
            }
        }
        held.2 = next.map_or(held.2, |next| next.0);
    }
    held
}

/// Its last change counts, however many lie in the journal, in one piece or in several.
#[test]
fn a_row_that_changes_again_and_again_takes_no_more_of_the_disk() {
    let disk = Disk::default();
    let (rows, _) = open(&disk, 64 << 10).expect("an empty disk is begun");
    let mut sizes = Vec::new();
    for number in 0..3_000 {
        let members = vec![(Id(1), Some(member(1, number))), (Id(1), Some(member(1, number + 1)))];
        let saving = rows.save(Changes { members, ..Changes::default() });
        block_on(saving.done()).expect("the disk is fine");
        if number % 600 == 599 {
            sizes.push(disk.content().len());
        }
    }
    assert_eq!(sizes[1..], [sizes[0]; 4], "as much after 3,000 changes as after 600");
    drop(rows);
    let (rows, held) = open(&disk, 64 << 10).expect("it is opened again");
    assert_eq!(held.0, BTreeMap::from([(1, 3_000)]));
    // Others drive it out of the journal: what is put away of it is its last change, too.
    for id in 2..800 {
        let members = vec![(Id(id), Some(member(id, 7)))];
        block_on(rows.save(Changes { members, ..Changes::default() }).done()).expect("it is fine");
    }
    drop(rows);
    let (_, held) = open(&disk, 64 << 10).expect("it is opened again");
    assert_eq!((held.0.len(), held.0[&1]), (799, 3_000));
}

#[test]
fn a_power_cut_loses_no_acknowledged_row() {
    let (mut cuts, mut ahead) = (0, 0);
    for fresh in FRESH {
        let begun = Disk::default();
        drop(open(&begun, fresh).expect("an empty disk is begun"));
        let disk = Disk::of(begun.content());
        let (rows, nobody) = open(&disk, fresh).expect("it is opened again");
        assert_eq!(nobody, Held::default());
        for number in 0..CHANGES {
            block_on(rows.save(change(number)).done()).expect("the disk is fine");
            disk.acknowledge();
        }
        for event in (0..=disk.events()).filter(|&at| at == 0 || disk.is_operation(at - 1)) {
            let done = disk.acknowledged(event) as u64;
            use Survivors::*;
            for survivors in [None, All, ButLast, Last, Torn, Some(event as u64)] {
                let place = format!("{fresh} fresh, cut after event {event}, {survivors:?}");
                let left = Disk::of(disk.after_cut(event, survivors));
                let (rows, held) = open(&left, fresh).unwrap_or_else(|e| panic!("{place}: {e}"));
                let is_prefix = held == after(done) || held == after(done + 1);
                assert!(is_prefix, "{place}: {held:?} after {done}");
                ahead += usize::from(done < CHANGES && held == after(done + 1));
                for number in done..CHANGES {
                    block_on(rows.save(change(number)).done()).expect("the disk is fine");
                }
                drop(rows);
                let (_, held) = open(&left, fresh).unwrap_or_else(|e| panic!("{place}: {e}"));
                assert_eq!(held, after(CHANGES), "{place}");
                cuts += 1;
            }
        }
    }
    assert!(cuts > 300 && ahead > 10, "{cuts} {ahead}");
}

/// Waits for the writer, which tries again by itself, until it has written or has given up.
fn until_tried(rows: &Rows, place: &str) -> Result<(), Error> {
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        match rows.room() {
            Err(Error::Full { .. }) => {}
            room => return room,
        }
        assert!(Instant::now() < give_up, "{place}: there never was room again");
        std::thread::yield_now();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_a_failing_one_ends_the_store() {
    let (mut lost, mut full) = (0, 0);
    for fresh in FRESH {
        let operations = {
            let disk = Disk::default();
            let (rows, _) = open(&disk, fresh).expect("an empty disk is begun");
            (0..CHANGES).for_each(|number| drop(block_on(rows.save(change(number)).done())));
            disk.operations()
        };
        for (at, fault) in (0..operations).flat_map(|at| [(at, Fault::Io), (at, Fault::Full)]) {
            let place = format!("{fresh} fresh, {fault:?} at operation {at}");
            let disk = Disk::default();
            disk.fail(Some(Plan { fault, from: at, to: at + 2 }));
            let Ok((rows, _)) = open(&disk, fresh) else { continue };
            let mut done = 0;
            while done < CHANGES {
                match block_on(rows.save(change(done)).done()) {
                    Ok(()) => done += 1,
                    Err(Error::Full { .. }) => {
                        assert_eq!(fault, Fault::Full, "{place}");
                        // It waits for space, and is written without being asked for again.
                        full += 1;
                        match until_tried(&rows, &place) {
                            Ok(()) => done += 1,
                            // The next attempt met a sync.
                            Err(error) => {
                                assert!(error.is_fatal(), "{place}: {error}");
                                break;
                            }
                        }
                    }
                    Err(error) => {
                        assert!(error.is_fatal(), "{place}: {error}");
                        assert!(rows.room().is_err(), "{place}");
                        assert!(block_on(rows.fault()).is_fatal(), "{place}");
                        let later = block_on(rows.save(change(done)).done());
                        assert!(later.is_err(), "{place}: nothing is taken any more");
                        lost += 1;
                        break;
                    }
                }
            }
            drop(rows);
            disk.fail(None);
            let (_, held) = open(&disk, fresh).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(held == after(done) || held == after(done + 1), "{place}: {held:?}");
        }
    }
    assert!(lost > 50 && full > 20, "{lost} {full}");
}

#[test]
fn whoever_comes_late_to_a_full_disk_waits_with_the_others() {
    let disk = Disk::default();
    let (rows, _) = open(&disk, 1 << 20).expect("an empty disk is begun");
    disk.fail(Some(Plan { fault: Fault::Full, from: 0, to: usize::MAX }));
    for number in 0..3 {
        let refused = block_on(rows.save(change(number)).done());
        assert!(matches!(refused, Err(Error::Full { .. })), "{refused:?}");
        assert!(matches!(rows.room(), Err(Error::Full { .. })));
    }
    // Whoever only asks whether all before is durable hears that it isn't.
    let asked = block_on(rows.save(Changes::default()).done());
    assert!(matches!(asked, Err(Error::Full { .. })), "{asked:?}");
    disk.fail(None);
    until_tried(&rows, "freed").expect("there is room");
    drop(rows);
    assert_eq!(open(&disk, 1 << 20).expect("it is whole").1, after(3));
}
