//! Rows of a state folder's profiles that change in many ways, under power cuts. After a cut
//! all rows are as after the last acknowledged change, or as after the one under way: a change is
//! there as a whole or not at all, whether it lies in the journal or was put into the table.

use std::collections::BTreeMap;

use flowrun_engine::profile_backends::rows::{Changes, Member, Row, Rows, RowsSettings};
use flowrun_simulation::core::track::{Id, Profile};

use crate::disk::{Disk, Survivors};

/// Rows that change together: members, each with a mark to know it by and a size (none: gone),
/// and schedules.
type Call = (&'static [(u64, Option<usize>)], &'static [(&'static str, bool)]);

/// How much may be in the journal only: all, or so little that rows are put away all the time.
const FRESH: [usize; 3] = [1 << 20, 6_000, 900];

const HISTORIES: &[(&str, &[Call])] = &[
    (
        "rows one by one",
        &[(&[(1, Some(10))], &[]), (&[(2, Some(10))], &[]), (&[(3, Some(900))], &[])],
    ),
    (
        "the same row again and again",
        &[
            (&[(1, Some(10)), (2, Some(300))], &[]),
            (&[(1, Some(700))], &[]),
            (&[(1, Some(20))], &[]),
            (&[(1, Some(30)), (2, Some(30))], &[]),
        ],
    ),
    (
        "rows that go, and others in their stead",
        &[
            (&[(1, Some(400)), (2, Some(400)), (3, Some(400))], &[("a", true)]),
            (&[(2, None)], &[("a", false), ("b", true)]),
            (&[(1, None), (4, Some(500))], &[]),
            (&[(3, None)], &[("b", false)]),
        ],
    ),
    (
        "many rows in pieces",
        &[
            (&[(1, Some(40_000)), (2, Some(40_000)), (3, Some(40_000))], &[]),
            (&[(2, Some(70_000))], &[("a", true)]),
            (&[(4, Some(10))], &[]),
        ],
    ),
    (
        "schedules alone",
        &[(&[], &[("a", true), ("b", true)]), (&[], &[("a", false)]), (&[], &[("c", true)])],
    ),
];

/// What is kept, by what it is about.
type Model = BTreeMap<String, Row>;

fn changes((members, schedules): Call, mark: u64) -> Changes {
    let member = |&(id, size): &(u64, Option<usize>)| {
        let member = size.map(|size| Member {
            profile: Profile::new(&format!("{id}-{mark}-{}", "x".repeat(size))),
            writes: Vec::new(),
        });
        (Id(id), member)
    };
    let schedule =
        |(id, there): &(&str, bool)| ((*id).to_owned(), there.then(|| mark.to_le_bytes().to_vec()));
    Changes {
        members: members.iter().map(member).collect(),
        schedules: schedules.iter().map(schedule).collect(),
        next: (!members.is_empty()).then_some(Id(100 + mark)),
        queued: vec![(mark % 3, (!mark.is_multiple_of(4)).then(|| mark.to_le_bytes().to_vec()))],
    }
}

fn put(model: &mut Model, row: Row) {
    let about = match &row {
        Row::Member(id, _) => format!("member {}", id.0),
        Row::Schedule(id, _) => format!("schedule {id}"),
        Row::Next(_) => "next".to_owned(),
        Row::Queued(number, _) => format!("queued {number}"),
    };
    assert!(model.insert(about.clone(), row).is_none(), "{about} is there twice");
}

/// What a model becomes by a change.
fn changed(mut model: Model, changes: Changes) -> Model {
    for (id, member) in changes.members {
        model.remove(&format!("member {}", id.0));
        member.into_iter().for_each(|member| put(&mut model, Row::Member(id, member)));
    }
    for (id, bytes) in changes.schedules {
        model.remove(&format!("schedule {id}"));
        bytes.into_iter().for_each(|bytes| put(&mut model, Row::Schedule(id.clone(), bytes)));
    }
    for (number, bytes) in changes.queued {
        model.remove(&format!("queued {number}"));
        bytes.into_iter().for_each(|bytes| put(&mut model, Row::Queued(number, bytes)));
    }
    if let Some(next) = changes.next {
        model.remove("next");
        put(&mut model, Row::Next(next));
    }
    model
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn open(disk: &Disk, fresh_bytes: usize) -> Result<(Rows, Model), String> {
    let mut model = Model::new();
    let settings = RowsSettings { fresh_bytes, cache_bytes: 1 << 20, ..RowsSettings::default() };
    let rows = Rows::with_backend(disk.clone(), settings, &mut |row| put(&mut model, row));
    Ok((rows.map_err(|error| error.to_string())?, model))
}

/// A disk that begins with an empty store, as files get their names, and everything that was
/// done to it since.
fn played(calls: &[Call], fresh: usize) -> (Disk, Vec<Model>) {
    let begun = Disk::default();
    drop(open(&begun, fresh).expect("an empty disk is begun"));
    let disk = Disk::of(begun.content());
    let (rows, mut model) = open(&disk, fresh).expect("it is opened again");
    let mut models = vec![model.clone()];
    for (&call, mark) in calls.iter().zip(1..) {
        block_on(rows.save(changes(call, mark)).done()).expect("a disk in order takes it");
        disk.acknowledge();
        model = changed(model, changes(call, mark));
        models.push(model.clone());
    }
    drop(rows);
    (disk, models)
}

#[test]
fn a_power_cut_leaves_whole_changes_and_all_that_were_acknowledged() {
    let (mut cuts, mut ahead) = (0, 0);
    for ((title, calls), fresh) in HISTORIES.iter().flat_map(|one| FRESH.map(|fresh| (one, fresh)))
    {
        let (disk, models) = played(calls, fresh);
        for event in (0..=disk.events()).filter(|&at| at == 0 || disk.is_operation(at - 1)) {
            let done = disk.acknowledged(event);
            use Survivors::*;
            for survivors in [None, All, ButLast, Last, Torn, Some(event as u64), Some(77)] {
                let place = format!("{title}, {fresh} fresh, cut after {event}, {survivors:?}");
                let left = Disk::of(disk.after_cut(event, survivors));
                let (rows, found) =
                    open(&left, fresh).unwrap_or_else(|why| panic!("{place}: {why}"));
                let is_ahead = models.get(done + 1) == std::option::Option::Some(&found);
                assert!(found == models[done] || is_ahead, "{place}: {found:?} after {done}");
                // And it takes more.
                let first = changes(calls[0], 99);
                block_on(rows.save(first.clone()).done())
                    .unwrap_or_else(|why| panic!("{place}: {why}"));
                drop(rows);
                let (_, after) = open(&left, fresh).unwrap_or_else(|why| panic!("{place}: {why}"));
                assert_eq!(after, changed(found, first), "{place}");
                cuts += 1;
                ahead += usize::from(is_ahead);
            }
        }
    }
    assert!(cuts > 1_000 && ahead > 50, "{cuts} {ahead}");
}
