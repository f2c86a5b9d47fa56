//! What is done to a log before it crashes, and what must be there afterwards.

use std::collections::BTreeMap;

use flowrun_simulation::core::sdk::Door;
use flowrun_simulation::core::{Change, JourneyIx, Millis, Record, ShardId};
use flowrun_simulation::log::{Append, Embedded, Epoch, Error, Sequence, ShardLog};

/// A small fixed generator, so that a failure can be repeated from its seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub const SHARDS: u16 = 3;

/// One call to a log.
#[derive(Clone, Copy, Debug)]
pub enum Call {
    Open(u16),
    /// Records of these shards, of about so many bytes each.
    Append(&'static [(u16, usize)]),
    /// Up to the record so many before the last; so many bytes.
    Snapshot(u16, u64, usize),
}
use Call::*;

/// Histories that differ in what a crash may hit: the first records, many shards under one
/// sync, records in pieces, records dropped, a file that grows, a takeover.
pub const HISTORIES: &[(&str, &[Call])] = &[
    ("first records", &[Open(0), Append(&[(0, 10)]), Append(&[(0, 10)]), Append(&[(0, 300)])]),
    (
        "many shards together",
        &[
            Open(0),
            Open(1),
            Open(2),
            Append(&[(0, 50), (1, 50), (2, 50), (0, 50)]),
            Append(&[(2, 4_000), (0, 4_000)]),
            Append(&[(1, 9_000), (2, 9_000), (1, 20)]),
        ],
    ),
    ("records in pieces", &[Open(0), Append(&[(0, 95_000)]), Append(&[(0, 10), (0, 190_000)])]),
    (
        "snapshots",
        &[
            Open(0),
            Append(&[(0, 100)]),
            Append(&[(0, 3_000)]),
            Snapshot(0, 1, 500),
            Append(&[(0, 100)]),
            Snapshot(0, 0, 95_000),
            Append(&[(0, 50)]),
            Snapshot(0, 0, 0),
            Append(&[(0, 60)]),
        ],
    ),
    (
        "takeovers",
        &[
            Open(0),
            Open(1),
            Append(&[(0, 100), (1, 100)]),
            Open(0),
            Append(&[(0, 100)]),
            Snapshot(1, 0, 200),
            Open(1),
            Append(&[(1, 100), (0, 100)]),
        ],
    ),
    (
        "a file that grows and is used again",
        &[
            Open(0),
            Append(&[(0, 400_000)]),
            Append(&[(0, 400_000)]),
            Snapshot(0, 0, 200_000),
            Append(&[(0, 270_000)]),
            Append(&[(0, 270_000)]),
        ],
    ),
];

/// What a shard holds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Held {
    pub epoch: u64,
    pub last: u64,
    /// Marks by place.
    pub records: BTreeMap<u64, i64>,
    pub snapshot: Option<(u64, Vec<u8>)>,
}

/// What a log holds, by shard.
pub type Model = Vec<Held>;

/// Letters of which the first three quarters get no shorter when they are packed, and the rest
/// does: so that long ones are packed, and still lie in pieces.
pub fn text(len: usize, mark: i64) -> String {
    let mut dice = Dice::new(mark as u64);
    let drawn = (0..len - len / 4).map(|_| char::from(b'a' + dice.roll(26) as u8));
    drawn.chain(std::iter::repeat_n('x', len / 4)).collect()
}

pub fn record(mark: i64, bytes: usize) -> Record {
    let (journey, why) = (JourneyIx(mark as u32), text(bytes, mark).into());
    let changes = vec![Change::Advanced { journey, door: Door::NEXT, why: Some(why) }];
    Record { at: Millis(mark), changes }
}

fn state(len: usize, mark: i64) -> Vec<u8> {
    text(len, mark).into_bytes()
}

/// Makes a call, the `mark`th of its history, and notes in the model what it must lead to.
pub fn make(
    log: &mut Embedded,
    model: &mut Model,
    epochs: &mut [u64],
    call: Call,
    mark: i64,
) -> Result<(), Error> {
    let mut next = model.clone();
    match call {
        Open(shard) => {
            let held = &mut next[usize::from(shard)];
            held.epoch += 1;
            let epoch = log.open(ShardId(shard))?;
            assert_eq!(epoch.0, held.epoch, "an epoch falls or is left out");
            epochs[usize::from(shard)] = epoch.0;
        }
        Append(records) => {
            let made: Vec<_> = records
                .iter()
                .zip(1..)
                .map(|(&(_, len), at)| record(mark * 10 + at, len))
                .collect();
            let appends = records.iter().zip(&made).map(|(&(shard, _), record)| Append {
                shard: ShardId(shard),
                epoch: Epoch(epochs[usize::from(shard)]),
                record,
            });
            let appends: Vec<_> = appends.collect();
            let expected: Vec<_> = appends
                .iter()
                .map(|append| {
                    let held = &mut next[append.shard.0 as usize];
                    held.last += 1;
                    held.records.insert(held.last, append.record.at.0);
                    Sequence(held.last)
                })
                .collect();
            assert_eq!(log.append_all(&appends)?, expected);
        }
        Snapshot(shard, before, len) => {
            let held = &mut next[usize::from(shard)];
            let upto = held.last - before;
            let (bytes, epoch) = (state(len, mark), Epoch(epochs[usize::from(shard)]));
            held.records = held.records.split_off(&(upto + 1));
            held.snapshot = Some((upto, bytes.clone()));
            log.snapshot(ShardId(shard), epoch, Sequence(upto), &bytes)?;
        }
    }
    *model = next;
    Ok(())
}

/// All that a log holds, read back.
pub fn read(log: &Embedded) -> Result<Model, Error> {
    (0..SHARDS).map(|shard| read_shard(log, ShardId(shard))).collect()
}

/// Epochs can't be asked for without beginning one: the caller adds them.
fn read_shard(log: &Embedded, shard: ShardId) -> Result<Held, Error> {
    let snapshot = log.latest_snapshot(shard)?.map(|snapshot| (snapshot.upto.0, snapshot.bytes));
    let first = snapshot.as_ref().map_or(1, |(upto, _)| upto + 1);
    let records = log.read_from(shard, Sequence(first))?;
    let records = records.map(|read| read.map(|(place, record)| (place.0, record.at.0)));
    let records = records.collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(Held { epoch: 0, last: log.last(shard)?.0, records, snapshot })
}

/// A model without its epochs, to compare with what was read.
pub fn without_epochs(model: &Model) -> Model {
    model.iter().map(|held| Held { epoch: 0, ..held.clone() }).collect()
}

pub fn empty() -> Model {
    vec![Held::default(); usize::from(SHARDS)]
}
