//! A log and a snapshot that an earlier release wrote are read by this one.
//!
//! `tests/fixtures/log-1` was written by the release that knew records and snapshots of
//! format 1 only: a Canvas, its records one after the other, each behind its length, the
//! snapshot that stands for the first 19 of them, and the trace of the whole story. In the
//! story are changes of every kind that there was.

use std::path::PathBuf;

use flowrun_simulation::core::trace::Line;
use flowrun_simulation::core::{Millis, Record, Replay, Settings, Shard};
use flowrun_tests::{CANVAS, Lab};

const HALF: usize = 19;

fn kept(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/log-1").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(name: &str) -> String {
    String::from_utf8(kept(name)).expect("a text")
}

fn records() -> Vec<Record> {
    let bytes = kept("records.bin");
    let (mut rest, mut records) = (&bytes[..], Vec::new());
    while let Some((length, more)) = rest.split_first_chunk() {
        let (record, more) = more.split_at(u32::from_le_bytes(*length) as usize);
        assert_eq!(record[0], 1, "the fixture is of format 1");
        records.push(Record::decode(record).expect("what was written is read"));
        rest = more;
    }
    records
}

fn shard() -> Shard {
    let mut shard = Shard::new(Settings::default());
    shard.add_canvas(Lab::new(&text("canvas.yaml")).canvas);
    shard
}

#[test]
fn the_log_of_an_earlier_release_leads_to_the_state_that_it_led_to_then() {
    let mut shard = shard();
    shard.trace();
    let lines: Vec<Line> = records().iter().flat_map(|record| shard.replay(record)).collect();
    shard.check();
    let told = lines.iter().map(|line| serde_json::to_string(line).expect("plain data") + "\n");
    assert_eq!(told.collect::<String>(), text("trace.ndjson"));
    let letters: Vec<String> = shard
        .dead_letters()
        .map(|letter| format!("{} at {}: {}", letter.key.user, letter.key.step, letter.reason))
        .collect();
    assert_eq!(
        letters,
        [
            "fay at nobody: invalid JSON: expected value (line 1, column 1)",
            "cy at nobody: no such tag",
            "bob at hello: no such address",
            "hal at nobody: too late",
        ]
    );
    // Its letters were for people only.
    assert!(shard.dead_letters().all(|letter| letter.replay == Replay::Nothing));
    let steps = &shard.steps()[CANVAS.index()];
    let who: Vec<(u64, u64, u64, u64)> =
        steps.iter().map(|step| (step.waiting, step.fetching, step.held, step.sending)).collect();
    assert_eq!(who.iter().fold((0, 0, 0, 0), add), (0, 1, 2, 1), "{who:?}");
    assert_eq!((shard.active(), shard.outstanding(), shard.users()), (4, 6, 11));
    assert_eq!(shard.recover().len(), 6, "what was under way is again");
}

fn add(a: (u64, u64, u64, u64), b: &(u64, u64, u64, u64)) -> (u64, u64, u64, u64) {
    (a.0 + b.0, a.1 + b.1, a.2 + b.2, a.3 + b.3)
}

/// The shard's snapshot as format 2 had it: without the column that tells since when journeys
/// stand where they are. Only a cut in the right place leaves a whole snapshot.
fn as_format_2(of: &Shard) -> Vec<u8> {
    let mut bytes = of.snapshot();
    bytes[0] = 2;
    while bytes.len() > 1 && shard().restore(&bytes).is_err() {
        bytes.pop();
    }
    bytes
}

/// When each of those came to their step who are there for the longest.
fn oldest(shard: &Shard) -> Vec<Millis> {
    let steps = shard.steps();
    steps[CANVAS.index()].iter().filter_map(|step| step.oldest_since).collect()
}

#[test]
fn the_snapshot_of_an_earlier_release_stands_for_its_records() {
    let bytes = kept("snapshot.bin");
    assert_eq!(bytes[0], 1, "the fixture is of format 1");
    let (mut whole, mut restored) = (shard(), shard());
    restored.restore(&bytes).expect("what was written is read");
    restored.check();
    let records = records();
    for record in &records[..HALF] {
        let _ = whole.replay(record);
    }
    // Since when journeys stood there, no snapshot told then: not before its own moment.
    let moment = records[HALF - 1].at.0 / 1000 * 1000;
    assert!(oldest(&restored).iter().all(|since| since.0 == moment), "{:?}", oldest(&restored));
    assert!(oldest(&whole).iter().any(|since| since.0 < moment), "{:?}", oldest(&whole));
    let bytes_2 = as_format_2(&whole);
    let mut whole = shard();
    whole.restore(&bytes_2).expect("format 2 is read");
    assert_eq!(restored.fingerprint(), whole.fingerprint());
    for record in &records[HALF..] {
        let _ = (whole.replay(record), restored.replay(record));
    }
    restored.check();
    assert_eq!(restored.fingerprint(), whole.fingerprint());
    assert_eq!(restored.next_wake(), whole.next_wake());
    for place in 0..bytes.len() {
        let mut rotten = bytes.clone();
        rotten[place] ^= 0x41;
        let _ = restored.restore(&rotten);
    }
}
