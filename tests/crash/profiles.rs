//! The embedded profile store under power cuts and failing disks. After a cut every user is
//! as after the last acknowledged request, or after the one under way; sending that request
//! again leads to what it would have led to without the cut.

use std::sync::Arc;

use flowrun_simulation::core::batcher::{Answers, Batcher, BatcherSettings, Reply, Request};
use flowrun_simulation::core::sdk::Objects;
use flowrun_simulation::core::{
    ItemId, Millis, Outcome, Progress, ShardId, Version, Write, WriteKey,
};
use flowrun_simulation::profiles::{Embedded, EmbeddedSettings, ProfileBackend};

use crate::disk::{Disk, Fault, Plan, Survivors};

/// How much may be fresh: all, or so little that users are put away every other time.
const FRESH: [usize; 2] = [1 << 20, 2_500];

const REQUESTS: u32 = 6;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

fn open(disk: &Disk, fresh_bytes: usize) -> Result<Embedded, String> {
    let settings =
        EmbeddedSettings { fresh_bytes, cache_bytes: 1 << 20, ..EmbeddedSettings::default() };
    let store = Embedded::with_backend(disk.clone(), settings, Arc::new(|| Millis(0)));
    store.map_err(|error| error.to_string())
}

/// The request of this number: it adds one to `n` of some users, whom others share.
fn request(number: u32) -> Request {
    let settings = BatcherSettings { per_minute: None, ..BatcherSettings::default() };
    let mut batcher = Batcher::new(settings);
    for user in (0..USERS.len()).filter(|user| is_in(number, *user)) {
        let attributes = vec![r#"{"n": {"inc": 1}}"#.into(), "{".into()];
        let key = WriteKey {
            canvas: "canvas".into(),
            version: Version(1),
            user: USERS[user].into(),
            entry: number,
            step: "step".into(),
        };
        batcher.push(
            Millis(0),
            Write {
                shard: ShardId(0),
                id: ItemId { slot: 0, use_no: 0 },
                attempt: 1,
                key,
                objects: Arc::new(Objects { attributes, ..Objects::default() }),
                done: Progress::default(),
                refused: None,
            },
        );
    }
    batcher.poll(Millis(0)).pop().expect("one request")
}

const USERS: [&str; 5] = ["ann", "bob", "cy", "dee", "eve"];

fn is_in(number: u32, user: usize) -> bool {
    !(number as usize + user).is_multiple_of(3)
}

/// What `n` is of each user after so many requests.
fn after(requests: u32) -> Vec<i64> {
    let count = |user| (0..requests).filter(|number| is_in(*number, user)).count() as i64;
    (0..USERS.len()).map(count).collect()
}

fn held(store: &Embedded) -> Result<Vec<i64>, String> {
    let users = store.load(&USERS).map_err(|error| error.to_string())?;
    let n = |user: &Option<_>| {
        let user: &flowrun_simulation::core::track::Profile = user.as_ref()?;
        user.custom("n")?.as_i64()
    };
    Ok(users.iter().map(|user| n(user).unwrap_or(0)).collect())
}

fn is_applied(reply: &Reply) -> bool {
    matches!(&reply.answers, Answers::Each { attributes, .. } if attributes[0] == Outcome::Applied)
}

#[test]
fn a_power_cut_loses_no_acknowledged_write_and_doubles_none() {
    let (mut cuts, mut ahead) = (0, 0);
    for fresh in FRESH {
        let begun = Disk::default();
        drop(open(&begun, fresh).expect("an empty disk is begun"));
        let disk = Disk::of(begun.content());
        let store = open(&disk, fresh).expect("it is opened again");
        for number in 0..REQUESTS {
            assert!(is_applied(&block_on(store.commit(&request(number)))));
            disk.acknowledge();
        }
        for event in (0..=disk.events()).filter(|&at| at == 0 || disk.is_operation(at - 1)) {
            let done = disk.acknowledged(event) as u32;
            use Survivors::*;
            for survivors in [None, All, Last, Torn, Some(event as u64), Some(99)] {
                let place = format!("{fresh} fresh, cut after event {event}, {survivors:?}");
                let left = Disk::of(disk.after_cut(event, survivors));
                let store = open(&left, fresh).unwrap_or_else(|error| panic!("{place}: {error}"));
                let found = held(&store).unwrap_or_else(|error| panic!("{place}: {error}"));
                let is_prefix = found == after(done) || found == after(done + 1);
                assert!(is_prefix, "{place}: {found:?} after {done}");
                ahead += usize::from(done < REQUESTS && found == after(done + 1));
                // Whoever got no answer sends it again, and whoever got the last one may, too.
                let in_doubt = if found == after(done) { done.saturating_sub(1) } else { done };
                for number in in_doubt..REQUESTS {
                    assert!(is_applied(&block_on(store.commit(&request(number)))), "{place}");
                }
                assert_eq!(held(&store), Ok(after(REQUESTS)), "{place}");
                cuts += 1;
            }
        }
    }
    assert!(cuts > 300 && ahead > 10, "{cuts} {ahead}");
}

#[test]
fn a_disk_that_fails_ends_the_store_and_a_full_one_doesn_t() {
    let (mut lost, mut full) = (0, 0);
    for fresh in FRESH {
        let operations = {
            let disk = Disk::default();
            let store = open(&disk, fresh).expect("an empty disk is begun");
            (0..REQUESTS).for_each(|number| drop(block_on(store.commit(&request(number)))));
            disk.operations()
        };
        for (at, fault) in (0..operations).flat_map(|at| [(at, Fault::Io), (at, Fault::Full)]) {
            let place = format!("{fresh} fresh, {fault:?} at operation {at}");
            let disk = Disk::default();
            disk.fail(Some(Plan { fault, from: at, to: at + 2 }));
            let Ok(store) = open(&disk, fresh) else { continue };
            let (mut done, mut tries) = (0, 0);
            while done < REQUESTS {
                tries += 1;
                assert!(tries < 100, "{place}: it goes on for ever");
                let reply = block_on(store.commit(&request(done)));
                match &reply.answers {
                    Answers::All(Outcome::Retry { cause, .. }) => {
                        assert!(fault == Fault::Full && cause.contains("free some"), "{place}");
                        assert!(reply.pause.is_some() && store.fault().is_none(), "{place}");
                        full += 1;
                    }
                    Answers::All(Outcome::Unknown(_)) => {
                        assert!(store.fault().is_some_and(|fault| fault.is_fatal()), "{place}");
                        lost += 1;
                        break;
                    }
                    _ => done += 1,
                }
            }
            assert!(done == REQUESTS || store.fault().is_some(), "{place}");
            drop(store);
            disk.fail(None);
            let store = open(&disk, fresh).unwrap_or_else(|error| panic!("{place}: {error}"));
            let found = held(&store).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(found == after(done) || found == after(done + 1), "{place}: {found:?}");
        }
    }
    assert!(lost > 50 && full > 20, "{lost} {full}");
}
