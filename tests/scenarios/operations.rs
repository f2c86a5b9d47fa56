//! P13, P15, I21, I25: deletion, pauses, dead letters and new versions, one shard at a time.

use flowrun_simulation::core::{
    CommitLevel, Input, Millis, Replay, RestLook, SendOutcome, Settings, Shard, StepLook,
    WriteOutcome,
};
use flowrun_tests::{CANVAS, Lab};

const FLOW: &str = r#"
canvas: flow
entry: { reentry: always }
steps:
  - id: who
    decision_split: { if: "{{${user_id}}} contains 'late'", then: rest, else: mark }
  - id: mark
    user_update: { json: '{"attributes": [{"n": {"inc": 1}}, {"b": 1}]}', timeout: 10m }
    on_failure: rest
    on_timeout: rest
  - id: hello
    message: { channel: push, body: Hello }
    on_failure: rest
  - id: rest
    delay: { for: 1h }
  - id: done
    exit: completed
"#;

fn committed() -> WriteOutcome {
    WriteOutcome::Committed(CommitLevel::Applied)
}

fn refused() -> WriteOutcome {
    WriteOutcome::Refused("no such tag".into())
}

fn again() -> WriteOutcome {
    WriteOutcome::Again { after: None, cause: "503".into(), refused: None }
}

fn delete(lab: &mut Lab, user: &str) {
    lab.step(vec![Input::Delete { user: user.into() }]);
}

fn pause(lab: &mut Lab) {
    lab.step(vec![Input::Pause { canvas: "flow".into() }]);
}

fn resume(lab: &mut Lab) {
    lab.step(vec![Input::Resume { canvas: "flow".into() }]);
    let now = lab.now();
    lab.until(now);
}

/// A fresh shard that has read the lab's snapshot, and one that has read its log: both as the
/// lab's own.
fn survives(lab: &Lab, what: &str) {
    let (replayed, lines) = lab.recovered();
    assert_eq!(lines, lab.lines, "{what}");
    assert_eq!(replayed.fingerprint(), lab.shard.fingerprint(), "{what}");
    let mut restored = Shard::new(Settings::default());
    restored.add_canvas(lab.canvas.clone());
    restored.restore(&lab.shard.snapshot()).expect("its own snapshot");
    restored.check();
    assert_eq!(restored.fingerprint(), lab.shard.fingerprint(), "{what}");
}

/// What has happened to the user when they are deleted.
type Story = fn(&mut Lab);

fn sending(lab: &mut Lab) {
    lab.sends_at_once = false;
    lab.enter("eve@example.com");
    lab.answer("eve@example.com", committed());
}

#[test]
fn of_a_deleted_user_nothing_is_left_wherever_they_were() {
    let eve = "eve@example.com";
    let stories: Vec<(&str, Story)> = vec![
        ("waiting", |lab| lab.enter("eve@example.com.late")),
        ("held", |lab| lab.enter("eve@example.com")),
        ("held, to be tried again", |lab| {
            lab.enter("eve@example.com");
            lab.answer("eve@example.com", again());
        }),
        ("held twice", |lab| (0..2).for_each(|_| lab.enter("eve@example.com"))),
        ("gone on, and the write is still on its way", |lab| {
            lab.enter("eve@example.com");
            lab.until(601);
        }),
        ("sending", sending),
        ("sending, to be tried again", |lab| {
            sending(lab);
            let send = lab.sends.remove(0);
            lab.sent(&send, SendOutcome::Retry { after: None, cause: "busy".into() });
        }),
        ("in the dead letters", |lab| {
            lab.enter("eve@example.com");
            lab.answer("eve@example.com", refused());
        }),
        ("in the dead letters, being replayed", |lab| {
            lab.enter("eve@example.com");
            lab.answer("eve@example.com", refused());
            let letter = lab.shard.dead_letters().next().expect("one").id;
            lab.step(vec![Input::Replay { letter }]);
        }),
        ("parked", |lab| {
            lab.enter("eve@example.com");
            pause(lab);
            lab.answer("eve@example.com", committed());
        }),
        ("long gone", |lab| {
            lab.enter("eve@example.com");
            lab.answer("eve@example.com", committed());
            lab.until(4_000);
        }),
    ];
    for (what, story) in stories {
        let mut lab = Lab::new(FLOW);
        lab.enter("ada");
        story(&mut lab);
        let late = lab.writes.iter().filter(|write| write.key.user.starts_with("eve")).cloned();
        let late: Vec<_> = late.collect();
        let entries = lab.lines.iter().filter_map(|line| line.entry).max().unwrap_or(0);
        for user in [eve, "eve@example.com.late"] {
            delete(&mut lab, user);
            assert!(!lab.shard.knows(user), "{what}");
            assert_eq!(lab.shard.journeys_of(user), [], "{what}");
        }
        let texts = [lab.shard.snapshot(), lab.shard.snapshot()];
        let found = texts[0].windows(3).any(|bytes| bytes == b"eve");
        assert!(!found, "{what}: the next snapshot holds nothing of her");
        assert_eq!((lab.shard.users(), lab.shard.active()), (1, 1), "{what}: only ada");
        assert_eq!((lab.shard.outstanding(), lab.writes.len()), (1, 1), "{what}: only ada's");
        assert_eq!(lab.shard.dead_letters().count(), 0, "{what}");
        survives(&lab, what);
        // Answers to what was under way find nobody, not even who comes under the same id.
        lab.step(vec![Input::Resume { canvas: "flow".into() }]);
        lab.enter(eve);
        for write in &late {
            lab.settle(write, committed());
        }
        let anew = lab.take_write(eve);
        assert!(anew.key.entry > entries, "{what}: {} after {entries}", anew.key);
        assert!(matches!(lab.shard.journeys_of(eve)[0].rest, RestLook::Held { .. }), "{what}");
        survives(&lab, what);
    }
}

#[test]
fn deletions_and_entries_of_one_call_happen_in_their_order() {
    let enter = |user: &str| Input::Enter { canvas: CANVAS, user: user.into(), context: None };
    let delete = |user: &str| Input::Delete { user: user.into() };
    for (what, inputs, here, writes) in [
        ("enter, delete", vec![enter("u"), delete("u")], 0, 0),
        ("delete, enter", vec![delete("u"), enter("u")], 1, 1),
        ("in turns", vec![enter("u"), delete("u"), enter("u"), delete("u"), enter("u")], 1, 1),
        ("twice", vec![enter("u"), delete("u"), delete("u")], 0, 0),
        ("another", vec![enter("u"), enter("v"), delete("u"), enter("w")], 2, 2),
    ] {
        for known in [false, true] {
            let mut lab = Lab::new(FLOW);
            if known {
                lab.enter("u");
            }
            lab.step(inputs.clone());
            let found = (lab.shard.active(), lab.writes.len());
            assert_eq!(found, (here, writes), "{what}, known before: {known}");
            survives(&lab, what);
        }
    }
}

#[test]
fn a_paused_canvas_stands_still() {
    let mut lab = Lab::new(FLOW);
    lab.sends_at_once = false;
    for user in ["held", "sending", "retried", "late1", "late2"] {
        lab.enter(user);
    }
    lab.answer("sending", committed());
    lab.answer("retried", again());
    let second = lab.sends.len();
    assert_eq!(second, 1);
    pause(&mut lab);
    pause(&mut lab);
    assert!(lab.shard.is_paused("flow"));
    assert_eq!(lab.sends.len(), 0, "what was not started has come back");
    lab.enter("nobody");
    lab.answer("held", committed());
    lab.until(7_200);
    // What was held is finished, so that no other Canvas waits for it; whom it releases stays.
    lab.answer("retried", committed());
    assert_eq!(lab.way("held"), "who >else mark !applied >next hello");
    assert_eq!(lab.way("retried"), "who >else mark !applied >next hello");
    assert_eq!(lab.way("late1"), "who >then rest", "an hour ago");
    assert_eq!((lab.way("nobody"), lab.sends.len()), (String::new(), 0));
    assert_eq!(lab.shard.tally(CANVAS).turned_away(), 1);
    let steps = &lab.shard.steps()[CANVAS.index()];
    let parked: u64 = steps.iter().map(|step| step.parked).sum();
    assert_eq!((parked, steps[3].waiting), (2, 2));
    assert_eq!(lab.shard.next_wake(), None, "nothing is due");
    survives(&lab, "paused");
    let (mut recovered, _) = lab.recovered();
    assert_eq!(recovered.recover().len(), 0, "a restart sends nothing");
    assert_eq!(recovered.next_wake(), None);
    resume(&mut lab);
    resume(&mut lab);
    assert_eq!(lab.sends.len(), 3);
    assert_eq!(lab.way("late1"), "who >then rest >next done .completed");
    lab.enter("somebody");
    assert_eq!(lab.way("somebody"), "who >else mark");
    survives(&lab, "resumed");
}

#[test]
fn who_was_to_wait_longer_than_the_pause_waits_on() {
    let mut lab = Lab::new(FLOW);
    lab.enter("late");
    pause(&mut lab);
    lab.until(600);
    resume(&mut lab);
    lab.until(3_599);
    assert_eq!(lab.way("late"), "who >then rest");
    lab.until(3_600);
    assert_eq!(lab.way("late"), "who >then rest >next done .completed");
}

#[test]
fn a_dead_letter_is_replayed_once_under_its_key_and_moves_nobody() {
    let mut lab = Lab::new(FLOW);
    lab.enter("u");
    let first = lab.take_write("u");
    lab.settle(&first, refused());
    let way = "who >else mark (no such tag) !refused >on_failure rest";
    assert_eq!(lab.way("u"), way);
    let letter = |lab: &Lab| lab.shard.dead_letters().next().expect("one");
    let id = letter(&lab).id;
    assert_eq!(letter(&lab).replay, Replay::Possible);
    // Another of the same user's is on its way: writes of one user are made in order.
    lab.enter("u");
    let between = lab.take_write("u");
    lab.step(vec![Input::Replay { letter: id }, Input::Replay { letter: id }]);
    assert_eq!((lab.writes.len(), letter(&lab).replay), (0, Replay::UnderWay));
    lab.step(vec![Input::Discard { letter: id }]);
    lab.settle(&between, committed());
    for _ in 0..2 {
        // Refused again: it stays, with the new reason, and what was in stays in.
        let write = lab.take_write("u");
        assert_eq!(write.key, first.key);
        let sent: Vec<usize> = (0..2).filter(|object| !write.done.contains(*object)).collect();
        assert_eq!(sent, [0], "only what was refused");
        survives(&lab, "replayed");
        let (mut recovered, _) = lab.recovered();
        assert_eq!(recovered.recover().len(), 1, "and once after a crash");
        lab.settle(&write, WriteOutcome::Refused("still no such tag".into()));
        let kept = letter(&lab);
        assert_eq!((kept.id, &*kept.reason), (id, "still no such tag"));
        assert_eq!(lab.shard.dead_letters().count(), 1);
        lab.step(vec![Input::Replay { letter: id }]);
    }
    lab.answer("u", committed());
    assert_eq!(lab.shard.dead_letters().count(), 0);
    lab.step(vec![Input::Replay { letter: id }]);
    assert_eq!((lab.writes.len(), lab.shard.outstanding()), (0, 0), "it is done");
    let told =
        lab.shard.journeys_of("u").iter().map(|one| one.step.to_string()).collect::<Vec<_>>();
    assert_eq!(told, ["rest", "rest"], "nobody moved for it");
    survives(&lab, "done");
}

#[test]
fn a_message_is_replayed_too_and_what_holds_nothing_says_so() {
    let mut lab = Lab::new(FLOW);
    lab.sends_at_once = false;
    lab.enter("u");
    lab.answer("u", committed());
    let first = lab.sends.remove(0);
    lab.sent(&first, SendOutcome::Refused("no address".into()));
    let id = lab.shard.dead_letters().next().expect("one").id;
    lab.step(vec![Input::Replay { letter: id }, Input::Replay { letter: id }]);
    let again = lab.sends.remove(0);
    assert_eq!((lab.sends.len(), &again.key, &again.message), (0, &first.key, &first.message));
    survives(&lab, "a message is replayed");
    lab.sent(&again, SendOutcome::Sent);
    assert_eq!(lab.shard.dead_letters().count(), 0);
    // A text that can't be rendered holds nothing to be sent.
    let mut lab = Lab::new("canvas: c\nsteps: [{ id: a, delay: '{{${missing}}}' }]\n");
    lab.enter("u");
    let letter = lab.shard.dead_letters().next().expect("one");
    assert_eq!(letter.replay, Replay::Nothing);
    assert!(letter.replay.obstacle().is_some_and(|why| why.contains("holds nothing")));
    lab.step(vec![Input::Replay { letter: letter.id }]);
    assert_eq!(lab.shard.outstanding(), 0);
    lab.step(vec![Input::Discard { letter: letter.id }, Input::Discard { letter: letter.id }]);
    assert_eq!(lab.shard.dead_letters().count(), 0);
    survives(&lab, "discarded");
}

#[test]
fn what_may_go_out_once_and_may_have_gone_out_is_not_replayed_again() {
    let mut lab = Lab::new(&FLOW.replace("body: Hello", "body: Hello, delivery: at_most_once"));
    lab.sends_at_once = false;
    lab.enter("u");
    lab.answer("u", committed());
    let first = lab.sends.remove(0);
    lab.sent(&first, SendOutcome::Refused("no address".into()));
    let id = lab.shard.dead_letters().next().expect("one").id;
    lab.step(vec![Input::Replay { letter: id }]);
    let again = lab.sends.remove(0);
    lab.sent(&again, SendOutcome::Unknown("the line broke".into()));
    let letter = lab.shard.dead_letters().next().expect("it stays for people");
    assert_eq!(letter.replay, Replay::InDoubt);
    lab.step(vec![Input::Replay { letter: id }]);
    assert_eq!(lab.sends.len(), 0);
}

#[test]
fn a_journey_ends_on_the_version_that_it_began() {
    let changed = FLOW.replace("exit: completed", "exit: changed").replace("for: 1h", "for: 2h");
    let newer = Lab::new(&changed).canvas;
    let older = Lab::new(FLOW).canvas;
    let enter = |ix: u16, user: &str| Input::Enter {
        canvas: flowrun_simulation::core::CanvasIx(ix),
        user: user.into(),
        context: None,
    };
    // Where the newer version comes: before anything, between, or after a restart.
    for snapshot in [false, true] {
        let mut lab = Lab::new(FLOW);
        lab.step(vec![enter(0, "late_old")]);
        if !snapshot {
            lab.shard.add_canvas(newer.clone());
        } else {
            // A restart on the snapshot that only knows the older one.
            let bytes = lab.shard.snapshot();
            lab.shard = Shard::new(Settings::default());
            lab.shard.trace();
            lab.shard.add_canvas(older.clone());
            lab.shard.add_canvas(newer.clone());
            lab.shard.restore(&bytes).expect("of an earlier life");
        }
        lab.step(vec![enter(1, "late_new")]);
        let bytes = lab.shard.snapshot();
        lab.shard = Shard::new(Settings::default());
        lab.shard.trace();
        lab.shard.add_canvas(older.clone());
        lab.shard.add_canvas(newer.clone());
        lab.shard.restore(&bytes).expect("of both");
        lab.until(3_600);
        assert!(lab.way("late_old").ends_with(">next done .completed"), "{}", lab.way("late_old"));
        assert_eq!(lab.shard.active(), 1);
        lab.until(7_200);
        assert!(lab.way("late_new").ends_with(">next done .changed"), "{}", lab.way("late_new"));
        // A pause stops all versions.
        lab.step(vec![enter(0, "late_a"), enter(1, "late_b")]);
        pause(&mut lab);
        lab.until(100_000);
        assert_eq!(lab.shard.active(), 2);
        resume(&mut lab);
        assert_eq!(lab.shard.active(), 0);
    }
}

#[test]
fn a_look_tells_who_is_where_and_what_is_tried_how_often() {
    let mut lab = Lab::new(FLOW);
    lab.sends_at_once = false;
    for user in ["held", "failing", "sending", "late"] {
        lab.enter(user);
    }
    lab.enter("held");
    lab.answer("failing", again());
    lab.answer("sending", committed());
    let steps = lab.shard.steps();
    let steps = &steps[CANVAS.index()];
    let (mark, hello, rest) = (&steps[1], &steps[2], &steps[3]);
    assert_eq!((mark.held, hello.sending, rest.waiting), (3, 1, 1));
    assert_eq!(rest.earliest_due, Some(Millis::from_secs(3_600)));
    let attempts = &mark.attempts;
    assert_eq!((attempts.under_way, attempts.queued, attempts.again), (1, 1, 1));
    assert_eq!((attempts.most, attempts.earliest_deadline), (2, Some(Millis::from_secs(600))));
    assert!(attempts.next.is_some_and(|next| next > Millis(0) && next <= Millis(1_000)));
    let journeys = lab.shard.journeys_of("failing");
    assert_eq!(journeys.len(), 1);
    let (journey, RestLook::Held { write, .. }) = (&journeys[0], &journeys[0].rest) else {
        panic!("{journeys:?}")
    };
    assert_eq!((&*journey.name, &*journey.step, journey.entry), ("flow", "mark", 1));
    assert_eq!((write.number, write.due, write.queued), (2, attempts.next, false));
    assert_eq!(lab.shard.journeys_of("nobody"), []);
}

/// Steps that somebody is at: since when, and the same of who waits, is held, is sending there.
fn standing(lab: &Lab) -> Vec<String> {
    let steps = lab.shard.steps();
    let graph = lab.canvas.graph();
    let told = |since: Option<Millis>| since.map_or("-".to_owned(), |at| (at.0 / 1000).to_string());
    let looks = graph.node_weights().zip(&steps[CANVAS.index()]);
    let looks = looks.filter(|(_, look)| look.oldest_since.is_some());
    let row = |(node, look): (&flowrun_simulation::core::Node, &StepLook)| {
        let [oldest, waiting, held, sending] =
            [look.oldest_since, look.waiting_since, look.held_since, look.sending_since].map(told);
        format!("{} {oldest} {waiting}/{held}/{sending}", node.id)
    };
    looks.map(row).collect()
}

#[test]
fn a_look_tells_since_when_people_stand_where_they_are() {
    let mut lab = Lab::new(FLOW);
    lab.sends_at_once = false;
    let story: [(i64, Story, &[&str]); 8] = [
        (3, |lab| lab.enter("one"), &["mark 3 -/3/-"]),
        (50, |lab| lab.enter("two"), &["mark 3 -/3/-"]),
        // Another attempt is no other step.
        (60, |lab| lab.answer("one", again()), &["mark 3 -/3/-"]),
        (90, |lab| lab.enter("late"), &["mark 3 -/3/-", "rest 90 90/-/-"]),
        (
            100,
            |lab| lab.answer("two", committed()),
            &["mark 3 -/3/-", "hello 100 -/-/100", "rest 90 90/-/-"],
        ),
        // Whoever is parked has come before.
        (610, pause, &["hello 100 -/-/100", "rest 90 90/-/-"]),
        (3_695, |_| (), &["hello 100 -/-/100", "rest 90 90/-/-"]),
        (3_695, resume, &["hello 100 -/-/100", "rest 603 603/-/-"]),
    ];
    for (at, deed, expected) in story {
        lab.until(at);
        deed(&mut lab);
        assert_eq!(standing(&lab), expected, "at {at}");
        survives(&lab, &format!("at {at}"));
    }
    let look = lab.shard.journeys_of("one").remove(0);
    assert_eq!((&*look.step, look.since), ("rest", Millis::from_secs(603)));
}
