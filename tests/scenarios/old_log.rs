//! A log and a snapshot that an earlier release wrote are read by this one.
//!
//! `tests/fixtures/log-1` was written by the first release of formats 1 (of records and of
//! snapshots): a Canvas, its records one after the other, each behind its length, the
//! snapshot that stands for the first half of them, and the trace of the whole story.

use std::path::PathBuf;

use flowrun_simulation::core::template::Answer;
use flowrun_simulation::core::{CommitLevel, Decided, Effect, Input, Millis, SendOutcome, WriteOutcome};
use flowrun_tests::{CANVAS, Lab};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/log-1")
}

#[test]
#[ignore]
fn write_it() {
    let yaml = std::fs::read_to_string(folder().join("canvas.yaml")).unwrap();
    let mut lab = Lab::new(&yaml);
    let again = |after: Option<i64>| WriteOutcome::Again {
        after: after.map(Millis),
        cause: "503".into(),
        refused: Some("the tag is unknown".into()),
    };
    for user in ["ada", "bob", "cy", "dee", "eve", "fay", "gus", "hal"] {
        lab.enter(user);
    }
    let mut decided = Decided::default();
    let mut raw = |lab: &mut Lab, now: i64, inputs: Vec<Input>| {
        let mut inputs = inputs;
        let world = std::mem::take(&mut lab.world);
        lab.shard.step(Millis(now), &mut inputs, &world, &mut decided);
        lab.world = world;
        lab.records.push(decided.record.clone());
        lab.lines.append(&mut decided.lines);
        decided.effects.clone()
    };
    let enter = Input::Enter { canvas: CANVAS, user: "fetcher".into(), context: None };
    let asked = raw(&mut lab, 10, vec![enter]);
    let Effect::Fetch(asked) = &asked[0] else { panic!("{asked:?}") };
    let answers = vec![Ok(Answer::new(200, "{}"))];
    raw(&mut lab, 20, vec![Input::Fetched { journey: asked.journey, visit: asked.visit, answers }]);
    let enter = Input::Enter { canvas: CANVAS, user: "fetching".into(), context: None };
    raw(&mut lab, 30, vec![enter]);
    lab.until(3);
    lab.sends_at_once = false;
    lab.answer("ada", WriteOutcome::Committed(CommitLevel::Applied));
    lab.answer("bob", WriteOutcome::Committed(CommitLevel::Accepted));
    lab.answer("cy", WriteOutcome::Refused("no such tag".into()));
    lab.answer("dee", again(None));
    lab.answer("eve", again(Some(9_000)));
    lab.enter("ada");
    lab.until(5);
    let half = lab.records.len();
    let snapshot = lab.shard.snapshot();
    let send = |lab: &mut Lab, user: &str, outcome| {
        let at = lab.sends.iter().position(|send| &*send.key.user == user).unwrap();
        let send = lab.sends.remove(at);
        lab.sent(&send, outcome);
    };
    send(&mut lab, "ada", SendOutcome::Sent);
    send(&mut lab, "bob", SendOutcome::Retry { after: None, cause: "busy".into() });
    lab.until(7);
    send(&mut lab, "bob", SendOutcome::Refused("no such address".into()));
    lab.until(25);
    lab.answer("hal", WriteOutcome::Refused("too late".into()));
    lab.enter("ivy");
    lab.enter("cy");
    lab.until(27);
    let bytes = |record: &flowrun_simulation::core::Record| {
        let bytes = record.encode();
        let mut all = (bytes.len() as u32).to_le_bytes().to_vec();
        all.extend(bytes);
        all
    };
    std::fs::write(folder().join("records.bin"), lab.records.iter().flat_map(bytes).collect::<Vec<u8>>()).unwrap();
    std::fs::write(folder().join("snapshot.bin"), snapshot).unwrap();
    let lines: Vec<String> = lab.lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    std::fs::write(folder().join("trace.ndjson"), lines.join("\n") + "\n").unwrap();
    println!("half {half} of {}", lab.records.len());
    println!("{:?} active {} outstanding {} letters {:#?}", lab.shard.tally(CANVAS), lab.shard.active(), lab.shard.outstanding(), lab.shard.dead_letters());
    for line in lines { println!("{line}"); }
}
