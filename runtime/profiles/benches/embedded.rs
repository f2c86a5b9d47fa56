//! Profiles written durably by the embedded store, per second: requests of many users side
//! by side, users drawn at random from a million. Beside it, what one fdatasync of as many
//! bytes costs on the same disk, and what the store in memory makes of the same requests.
//!
//! `cargo bench -p flowrun-profiles --bench embedded`; `FLOWRUN_BENCH_DIR` names the folder.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowrun_core::batcher::{Batcher, BatcherSettings, Limits, Request};
use flowrun_core::sdk::Objects;
use flowrun_core::{ItemId, Millis, Progress, ShardId, Version, Write, WriteKey};
use flowrun_profiles::{Embedded, EmbeddedSettings, Memory, ProfileBackend};
use flowrun_track::Profile;

const USERS: u64 = 200_000;
const EACH: Duration = Duration::from_secs(4);

fn profile(user: u64) -> Profile {
    serde_json::from_value(serde_json::json!({
        "external_id": format!("user-{user:08}"), "first_name": "Ann", "last_name": "Example",
        "email": format!("user-{user}@example.com"), "country": "NL", "language": "nl",
        "time_zone": "Europe/Amsterdam", "plan": "gold", "score": user as f64 / 7.0, "visits": user,
        "tags": ["alpha", "beta", "gamma"],
    }))
    .expect("a profile")
}

fn roll(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*dice >> 33) % USERS
}

fn request(dice: &mut u64, users: usize, number: u32, objects: &Arc<Objects>) -> Request {
    let most = users;
    let limits = Limits { attributes: most, events: most, purchases: most, combined: None };
    let settings = BatcherSettings { limits, per_minute: None, ..BatcherSettings::default() };
    let mut batcher = Batcher::new(settings);
    for slot in 0..users as u32 {
        let user = format!("user-{:08}", roll(dice));
        let key = WriteKey {
            canvas: "canvas".into(),
            version: Version(1),
            user: user.into(),
            entry: number,
            step: "step".into(),
        };
        let (shard, id) = (ShardId(0), ItemId { slot, use_no: 0 });
        let objects = objects.clone();
        let done = Progress::default();
        batcher.push(Millis(0), Write { shard, id, attempt: 1, key, objects, done, refused: None });
    }
    batcher.poll(Millis(0)).pop().expect("one request")
}

fn main() {
    let folder =
        std::env::var_os("FLOWRUN_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder).expect("a folder to write to");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let clock = Arc::new(|| Millis(0));
    let store = Embedded::open(folder.path(), EmbeddedSettings::default(), clock.clone());
    let store = Arc::new(store.expect("a store"));
    let begin = Instant::now();
    for first in (0..USERS).step_by(20_000) {
        let profiles = (first..first + 20_000).map(profile).collect();
        runtime.block_on(store.put(profiles)).expect("they are put");
    }
    let put = USERS as f64 / begin.elapsed().as_secs_f64();
    println!("{USERS} profiles put: {put:.0}/s, {} bytes each", store.file_bytes() / USERS);
    let attributes = vec![r#"{"visits": {"inc": 1}, "vip": true}"#.into()];
    let objects = Arc::new(Objects { attributes, ..Objects::default() });
    println!("  users a request   embedded, 4 side by side   sync of as many bytes   memory");
    let (mut dice, mut number) = (7, 0);
    for users in [75, 1_000, 4_096] {
        // As many requests as the time has room for are made beforehand.
        let mut done = 0;
        let mut busy = Duration::ZERO;
        while busy < EACH {
            let requests: Vec<Request> = (0..16)
                .map(|_| {
                    number += 1;
                    request(&mut dice, users, number, &objects)
                })
                .collect();
            let begin = Instant::now();
            for four in requests.chunks(4) {
                let under_way: Vec<_> = four
                    .iter()
                    .map(|request| {
                        let (store, request) = (store.clone(), request.clone());
                        runtime.spawn(async move { store.commit(&request).await })
                    })
                    .collect();
                for one in under_way {
                    let reply = runtime.block_on(one).expect("a reply");
                    assert!(store.fault().is_none() && reply.status == Some(201));
                    done += users;
                }
            }
            busy += begin.elapsed();
        }
        let embedded = done as f64 / busy.as_secs_f64();
        let bytes = vec![1_u8; users * 4 * 330];
        let mut file = tempfile::tempfile_in(folder.path()).expect("a file");
        let begin = Instant::now();
        (0..50).for_each(|_| {
            file.write_all(&bytes).expect("it is written");
            file.sync_data().expect("it is synced");
        });
        let synced = (50 * users * 4) as f64 / begin.elapsed().as_secs_f64();
        let mut memory = Memory::default();
        (0..USERS).for_each(|user| memory.put(profile(user)));
        let requests: Vec<Request> =
            (0..50).map(|number| request(&mut dice, users, 1_000_000 + number, &objects)).collect();
        let begin = Instant::now();
        requests.iter().for_each(|request| drop(memory.commit(Millis(0), request)));
        let in_memory = (50 * users) as f64 / begin.elapsed().as_secs_f64();
        println!(
            "{users:17}   {embedded:18.0} users/s   {synced:13.0} users/s   {in_memory:.0} users/s"
        );
    }
    let ids: Vec<String> = (0..20_000).map(|_| format!("user-{:08}", roll(&mut dice))).collect();
    let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
    let begin = Instant::now();
    let found = store.load(&ids).expect("they are read").iter().flatten().count();
    println!("loaded {:.0} profiles/s", found as f64 / begin.elapsed().as_secs_f64());
    drop(store);
    let begin = Instant::now();
    let _again = Embedded::open(folder.path(), EmbeddedSettings::default(), clock);
    println!("opened again in {:.0?}", begin.elapsed());
}
