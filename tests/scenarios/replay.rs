//! P8, P9: a shard that reads the log is the shard that wrote it, and asks no step.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flowrun_simulation::core::sdk::{
    Catalogue, Cohort, Decision, Declaration, Door, Fault, Kind, Step, Visit, schemars, serde,
};
use flowrun_simulation::core::{CommitLevel, Effect, Input, Millis, WriteOutcome};
use flowrun_tests::Lab;

/// How often the step below was asked, over all tests of this process.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Tests that count how often it was asked run one after the other.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A step that answers differently each time: recovery must not care.
struct Moody;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "serde")]
#[schemars(crate = "schemars")]
struct Nothing {}

impl Step for Moody {
    type Settings = Nothing;

    fn declare() -> Declaration {
        Declaration::new("moody", "Decide by mood.")
    }

    fn create(_: Nothing) -> Result<Moody, Vec<Fault>> {
        Ok(Moody)
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        match ASKED.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => Decision::Go(Door::NEXT),
            1 => Decision::Remember {
                variables: vec![("mood".into(), "low".into())],
                then: Door::NEXT,
            },
            _ => Decision::WaitUntil { until: visit.now() + Millis(500), then: Door::NEXT },
        }
    }

    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        decisions.extend(cohort.visits().map(|visit| self.decide(visit)));
    }
}

fn catalogue() -> Catalogue {
    let mut catalogue = flowrun_steps::catalogue();
    catalogue.add(Kind::of::<Moody>()).expect("no other step is called so");
    catalogue
}

const CANVAS: &str = r#"
canvas: replay
entry: { reentry: always }
steps:
  - id: mood
    moody: {}
  - id: rest
    delay: { for: 3s }
  - id: hello
    message: { channel: push, body: Hello }
  - id: mark
    user_update: { json: '{"attributes": [{"n": {"inc": 1}}, {"x": 1}]}', timeout: 20s }
    on_failure: sorry
  - id: done
    exit: completed
  - id: sorry
    exit: sorry
"#;

/// A small fixed generator, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn story(seed: u64) -> Lab {
    let mut dice = Dice(seed);
    let mut lab = Lab::with(CANVAS, catalogue());
    let mut seconds = 0;
    for _ in 0..60 {
        match dice.roll(4) {
            0 | 1 => lab.enter(&format!("u{}", dice.roll(7))),
            2 if !lab.writes.is_empty() => {
                let ix = dice.roll(lab.writes.len() as u64) as usize;
                let write = lab.writes[ix].clone();
                // Now and then the answer comes twice.
                if dice.roll(5) > 0 {
                    lab.writes.remove(ix);
                }
                let outcome = match dice.roll(4) {
                    0 => WriteOutcome::Refused("no".into()),
                    1 => WriteOutcome::Again { after: None, cause: "503".into(), refused: None },
                    2 => WriteOutcome::Committed(CommitLevel::Accepted),
                    _ => WriteOutcome::Committed(CommitLevel::Applied),
                };
                lab.settle(&write, outcome);
            }
            _ => {
                seconds += dice.roll(6) as i64;
                lab.until(seconds);
            }
        }
    }
    lab
}

#[test]
fn a_replayed_log_gives_the_same_state_and_asks_no_step() {
    let _alone = alone();
    let (mut resting, mut buried) = (0, 0);
    for seed in 0..200 {
        let mut lab = story(seed);
        let asked = ASKED.load(Ordering::Relaxed);
        let (mut shard, lines) = lab.recovered();
        assert_eq!(ASKED.load(Ordering::Relaxed), asked, "no step is asked");
        assert_eq!(lines, lab.lines, "seed {seed}: the same trace");
        assert!(shard.dead_letters().eq(lab.shard.dead_letters()), "seed {seed}");
        assert_eq!(shard.next_wake(), lab.shard.next_wake(), "seed {seed}");
        let canvas = flowrun_tests::CANVAS;
        assert_eq!(shard.tally(canvas), lab.shard.tally(canvas), "seed {seed}");
        resting += shard.active();
        buried += shard.dead_letters().count();
        // What is under way comes out again, under the same keys and attempts.
        let mut outstanding: Vec<_> = shard.recover();
        outstanding.retain(|effect| !matches!(effect, Effect::Send(_)));
        let keys =
            |write: &flowrun_simulation::core::Write| (write.id, write.attempt, write.key.clone());
        let mut found: Vec<_> = outstanding
            .iter()
            .map(|effect| match effect {
                Effect::Write(write) => keys(write),
                other => panic!("seed {seed}: {other:?}"),
            })
            .collect();
        let mut expected: Vec<_> = lab.writes.iter().map(keys).collect();
        found.sort();
        // Answers given twice leave their write in the lab's list though it is settled.
        expected.retain(|write| found.contains(write));
        expected.sort();
        expected.dedup();
        assert_eq!(found, expected, "seed {seed}");
        lives_on_alike(&mut lab, shard, seed);
    }
    assert!(
        resting > 200 && buried > 50,
        "the stories have something in them: {resting}, {buried}"
    );
}

/// Both shards are told the same from here on, and decide the same.
fn lives_on_alike(lab: &mut Lab, mut shard: flowrun_simulation::core::Shard, seed: u64) {
    let answers: Vec<Input> = lab
        .writes
        .iter()
        .map(|write| Input::Settled {
            write: write.id,
            attempt: write.attempt,
            done: Default::default(),
            outcome: WriteOutcome::Committed(CommitLevel::Applied),
        })
        .collect();
    let mut decided = [Default::default(), Default::default()];
    let now = Millis::from_secs(100_000);
    for (shard, decided) in [&mut lab.shard, &mut shard].into_iter().zip(&mut decided) {
        shard.step(now, &mut answers.clone(), &lab.world, decided);
    }
    // Nobody comes to the moody step again, so that all that follows must be the same.
    let [live, recovered] = decided;
    assert_eq!(live, recovered, "seed {seed}");
}

#[test]
fn a_snapshot_stands_for_all_records_before_it() {
    let _alone = alone();
    for seed in 0..200 {
        let mut lab = story(seed);
        let canvas = lab.canvas.clone();
        let fresh = || {
            let mut shard = flowrun_simulation::core::Shard::new(Default::default());
            shard.add_canvas(canvas.clone());
            shard
        };
        let half = lab.records.len() / 2;
        let mut first = fresh();
        for record in &lab.records[..half] {
            let _ = first.replay(record);
        }
        let snapshot = first.snapshot();
        let mut shard = fresh();
        shard.restore(&snapshot).expect("a snapshot of the same Canvases");
        assert_eq!(shard.snapshot(), snapshot, "seed {seed}: nothing is lost on the way");
        assert_eq!(shard.next_wake(), first.next_wake(), "seed {seed}: timers are made again");
        for record in &lab.records[half..] {
            let _ = shard.replay(record);
        }
        shard.check();
        assert_eq!(shard.fingerprint(), lab.shard.fingerprint(), "seed {seed}");
        let _ = shard.recover();
        shard.trace();
        lives_on_alike(&mut lab, shard, seed);
    }
}

#[test]
fn what_is_no_snapshot_is_refused_and_changes_nothing() {
    let _alone = alone();
    let mut lab = story(7);
    let good = lab.shard.snapshot();
    let other = Lab::with(&CANVAS.replace("3s", "4s"), catalogue());
    let cut = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    for (what, bytes, said) in [
        ("nothing", vec![], "an empty snapshot"),
        ("a later format", vec![9, 1, 2], "a snapshot of format 9; this version reads 1 to 3"),
        ("half of one", cut(&good), "a damaged snapshot"),
        ("more than one", [&good[..], &[0]].concat(), "a damaged snapshot"),
        (
            "another version's",
            other.shard.snapshot(),
            "a snapshot of other Canvases, or of other versions of them",
        ),
    ] {
        let before = lab.shard.fingerprint();
        let error = lab.shard.restore(&bytes).expect_err(what);
        assert_eq!(error.to_string(), said, "{what}");
        assert_eq!(lab.shard.fingerprint(), before, "{what}");
    }
    // Any byte may rot: restoring says so or gives some state, and never panics.
    for place in 0..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 0x41;
        let _ = lab.shard.restore(&bytes);
    }
}
