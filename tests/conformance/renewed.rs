//! Files that are written anew hold what the former ones held, and no byte of what was removed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flowrun_simulation::core::ShardId;
use flowrun_simulation::core::track::{Id, Profile};
use flowrun_simulation::log::{Embedded, Sequence, ShardLog};
use flowrun_simulation::profiles::rows::{Changes, Member, Row, Rows, RowsSettings};

use crate::profile_store::block_on;
use crate::shard_log::record;

/// What removed records and rows are full of.
const SECRET: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

fn holds(file: &Path, wanted: &str) -> bool {
    let bytes = fs::read(file).expect("a file");
    bytes.windows(wanted.len()).any(|part| part == wanted.as_bytes())
}

#[test]
fn a_log_is_renewed_once_snapshots_stand_for_all_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, file) = (folder.path(), folder.path().join(Embedded::FILE));
    let snapshot: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
    let mut log = Embedded::open(here, 3).expect("a log");
    for shard in [0, 1].map(ShardId) {
        let epoch = log.open(shard).expect("it opens");
        for mark in 1..=5 {
            log.append(shard, epoch, &record(mark, 10_000)).expect("it appends");
        }
        if shard.0 == 0 {
            log.snapshot(shard, epoch, Sequence(5), &snapshot).expect("a snapshot");
        }
    }
    drop(log);
    assert!(holds(&file, SECRET));
    let before = fs::read(&file).expect("a file");
    assert!(!Embedded::renew(here).expect("it is read"), "shard 1 has records");
    assert_eq!(fs::read(&file).expect("a file").len(), before.len());

    let mut log = Embedded::open(here, 3).expect("a log");
    let epoch = log.open(ShardId(1)).expect("it opens");
    log.snapshot(ShardId(1), epoch, Sequence(5), b"all").expect("a snapshot");
    drop(log);
    // What a crash has left of a former try.
    fs::write(file.with_extension("new"), "half a file").expect("a file");
    assert!(Embedded::renew(here).expect("it is renewed"));
    assert!(!holds(&file, SECRET) && !file.with_extension("new").exists());

    let mut log = Embedded::open(here, 9).expect("a log");
    assert_eq!(log.shards(), 3);
    for (shard, kept, epochs) in [(ShardId(0), &snapshot[..], 2), (ShardId(1), &b"all"[..], 3)] {
        let latest = log.latest_snapshot(shard).expect("it is read").expect("it is there");
        assert_eq!((latest.upto, &latest.bytes[..]), (Sequence(5), kept));
        assert_eq!(log.last(shard).expect("it is read"), Sequence(5));
        let epoch = log.open(shard).expect("it opens");
        assert_eq!(epoch.0, epochs, "an epoch is never used twice");
        assert_eq!(log.append(shard, epoch, &record(6, 1)).expect("it appends"), Sequence(6));
    }
}

#[test]
fn rows_are_renewed_out_of_the_journal_as_well() {
    for fresh_bytes in [1 << 20, 600] {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, file) = (folder.path(), folder.path().join(Rows::FILE));
        let settings = RowsSettings { fresh_bytes, ..RowsSettings::default() };
        let member = |name: &str| Some(Member { profile: Profile::new(name), writes: Vec::new() });
        let rows = Rows::open(here, settings, &mut |_| {}).expect("rows");
        for (id, after) in [(1, None), (2, member("user 2, changed")), (3, member("user 3"))] {
            let before = member(&format!("{SECRET} {id}"));
            for member in [before, after] {
                let next = Some(Id(id + 1));
                let changes =
                    Changes { members: vec![(Id(id), member)], next, ..Changes::default() };
                block_on(rows.save(changes).done()).expect("it is kept");
            }
        }
        let schedules = vec![("s".to_owned(), Some(b"content".to_vec()))];
        block_on(rows.save(Changes { schedules, ..Changes::default() }).done()).expect("kept");
        drop(rows);
        assert!(holds(&file, SECRET));
        Rows::renew(here).expect("it is renewed");
        assert!(!holds(&file, SECRET), "{fresh_bytes}");
        let (mut members, mut others) = (BTreeMap::new(), 0);
        let rows = Rows::open(here, settings, &mut |row| match row {
            Row::Member(Id(id), Member { profile, .. }) => {
                drop(members.insert(id, profile.external_id().map(str::to_owned)));
            }
            Row::Schedule(id, content) => {
                assert_eq!((id.as_str(), &content[..]), ("s", &b"content"[..]));
                others += 1;
            }
            Row::Next(next) => {
                assert_eq!(next, Id(4));
                others += 1;
            }
            Row::Queued(..) => unreachable!("nothing is queued"),
        });
        let kept = [(2, "user 2, changed"), (3, "user 3")];
        let kept = kept.map(|(id, name)| (id, Some(name.to_owned())));
        assert_eq!((members, others), (BTreeMap::from(kept), 2));
        let rows = rows.expect("rows");
        let changes = Changes { members: vec![(Id(2), None)], ..Changes::default() };
        block_on(rows.save(changes).done()).expect("it goes on");
    }
}
