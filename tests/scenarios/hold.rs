//! P1, P2, P4: who is held, for how long, and by which door they leave.

use flowrun_simulation::core::{CommitLevel, Millis, WriteOutcome};
use flowrun_tests::Lab;

const CANVAS: &str = r#"
canvas: hold
steps:
  - id: mark
    user_update:
      json: '{"attributes": [{"vip": true}]}'
      timeout: 10m
    on_failure: sorry
    on_timeout: late
  - id: done
    exit: completed
  - id: sorry
    exit: sorry
  - id: late
    exit: late
"#;

fn committed() -> WriteOutcome {
    WriteOutcome::Committed(CommitLevel::Applied)
}

fn refused() -> WriteOutcome {
    WriteOutcome::Refused("no such thing".into())
}

fn again(after: Option<i64>) -> WriteOutcome {
    let after = after.map(Millis::from_secs);
    WriteOutcome::Again { after, cause: "503".into(), refused: None }
}

/// What happens to the one user, in order, and the way they have taken at the end.
enum Then {
    /// Time passes, up to so many seconds since the beginning.
    At(i64),
    /// The attempt that is under way is answered.
    Answer(WriteOutcome),
    /// Nothing is under way now.
    Quiet,
}

use Then::{Answer, At, Quiet};

#[test]
fn a_user_leaves_an_update_by_exactly_one_door() {
    let rows: Vec<(&str, Vec<Then>, &str)> = vec![
        ("nothing came back", vec![At(599)], "mark"),
        ("committed", vec![Answer(committed())], "mark !applied >next done .completed"),
        (
            "accepted by a backend that queues",
            vec![Answer(WriteOutcome::Committed(CommitLevel::Accepted))],
            "mark !accepted >next done .completed",
        ),
        (
            "refused",
            vec![Answer(refused())],
            "mark (no such thing) !refused >on_failure sorry .sorry",
        ),
        (
            "unknown, and then it turns out well",
            vec![Answer(again(None)), Quiet, At(1), Answer(committed())],
            "mark !applied >next done .completed",
        ),
        (
            "told to wait a minute: not before",
            vec![Answer(again(Some(60))), At(59), Quiet, At(60), Answer(committed())],
            "mark !applied >next done .completed",
        ),
        ("too late", vec![At(600)], "mark !timeout >on_timeout late .late"),
        (
            "too late, and the write arrives after all: recorded, and nobody moves twice",
            vec![At(600), Answer(committed())],
            "mark !timeout >on_timeout late .late !applied",
        ),
        (
            "too late, and then refused: kept as a dead letter",
            vec![At(600), Answer(refused())],
            "mark !timeout >on_timeout late .late (no such thing) !refused",
        ),
        (
            "tried again after the deadline, too",
            vec![Answer(again(Some(900))), At(899), Quiet, At(900), Answer(committed())],
            "mark !timeout >on_timeout late .late !applied",
        ),
    ];
    for (name, story, way) in rows {
        let mut lab = Lab::new(CANVAS);
        lab.enter("u1");
        for then in story {
            match then {
                At(seconds) => lab.until(seconds),
                Answer(outcome) => lab.answer("u1", outcome),
                Quiet => assert!(lab.writes.is_empty(), "{name}: an attempt is under way"),
            }
        }
        assert_eq!(lab.way("u1"), way, "{name}");
    }
}

#[test]
fn a_write_that_never_works_is_given_up_and_kept() {
    let mut lab = Lab::new(&CANVAS.replace("      timeout: 10m\n", ""));
    lab.enter("u1");
    let mut moments = Vec::new();
    // More often than it may be tried, so that trying for ever is seen.
    for _ in 0..30 {
        if lab.shard.active() == 0 {
            break;
        }
        lab.answer("u1", again(None));
        if let Some(wake) = lab.shard.next_wake() {
            moments.push(wake.0);
            lab.until(wake.0 / 1000 + 1);
        }
    }
    assert_eq!(moments.len(), 12, "thirteen attempts, with waits between: {moments:?}");
    assert!(moments.is_sorted() && moments[11] < 3_600_000, "{moments:?}");
    assert_eq!(
        lab.way("u1"),
        "mark (gave up after 13 attempts; the last: 503) !refused >on_failure sorry .sorry"
    );
    assert_eq!(
        lab.shard.dead_letters().next().expect("one").payload,
        r#"{"attributes":[{"vip":true}]}"#
    );
}

#[test]
fn answers_to_something_else_change_nothing() {
    let mut lab = Lab::new(CANVAS);
    lab.enter("u1");
    let first = lab.take_write("u1");
    lab.settle(&first, again(None));
    lab.until(1);
    let second = lab.take_write("u1");
    assert_eq!((second.attempt, &second.key), (2, &first.key), "the same key on every attempt");
    for (name, late) in [("of the former attempt", committed()), ("refused", refused())] {
        lab.settle(&first, late);
        assert_eq!(lab.way("u1"), "mark", "a late answer {name}");
    }
    lab.settle(&second, committed());
    let way = lab.way("u1");
    assert_eq!(way, "mark !applied >next done .completed");
    lab.settle(&second, refused());
    assert_eq!(lab.way("u1"), way, "a second answer to one attempt");
    lab.enter("u2");
    lab.settle(&second, committed());
    assert_eq!(lab.way("u2"), "mark", "an answer to whoever had the slot before");
}

#[test]
fn writes_of_one_user_go_one_after_the_other() {
    let yaml = CANVAS.replace("steps:", "entry: { reentry: always }\nsteps:");
    let mut lab = Lab::new(&yaml);
    ["u1", "u2", "u1", "u1"].into_iter().for_each(|user| lab.enter(user));
    let under_way = |lab: &Lab| {
        let keys = lab.writes.iter().map(|write| format!("{}{}", write.key.user, write.key.entry));
        keys.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(under_way(&lab), "u11 u21");
    lab.answer("u1", again(Some(100)));
    assert_eq!(under_way(&lab), "u21", "what comes next waits for what has to come again");
    lab.until(100);
    lab.answer("u1", committed());
    assert_eq!(under_way(&lab), "u21 u12");
    lab.answer("u1", refused());
    assert_eq!(under_way(&lab), "u21 u13", "a refusal does not hurt who comes next");
    lab.answer("u1", committed());
    lab.answer("u2", committed());
    assert_eq!((lab.shard.active(), lab.shard.outstanding()), (0, 0));
}

#[test]
fn a_user_enters_as_often_as_the_canvas_says() {
    for (rule, expected) in
        [("never", [1, 1, 1]), ("always", [1, 2, 3]), ("{ after: 1h }", [1, 1, 2])]
    {
        let yaml = CANVAS.replace("steps:", &format!("entry: {{ reentry: {rule} }}\nsteps:"));
        let mut lab = Lab::new(&yaml);
        let mut entered = Vec::new();
        for seconds in [0, 3599, 3600] {
            lab.until(seconds);
            lab.enter("u1");
            entered.push(lab.shard.tally(flowrun_simulation::core::CanvasIx(0)).entered);
        }
        assert_eq!(entered, expected, "{rule}");
    }
}
