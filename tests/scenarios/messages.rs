//! P5: messages are sent at least once, or at most once, as the step says.

use flowrun_simulation::core::{Millis, SendOutcome};
use flowrun_tests::Lab;

fn lab(delivery: &str) -> Lab {
    let mut lab = Lab::new(&format!(
        "canvas: mail\nsteps:\n  - id: hello\n    message: {{ channel: email, body: Hello, \
         delivery: {delivery} }}\n    on_failure: sorry\n  - id: done\n    exit: completed\n  \
         - id: sorry\n    exit: sorry\n"
    ));
    lab.sends_at_once = false;
    lab.enter("u1");
    lab
}

fn retry() -> SendOutcome {
    SendOutcome::Retry { after: None, cause: "busy".into() }
}

#[test]
fn what_is_unknown_is_sent_again_or_not_as_the_step_says() {
    let unknown = || SendOutcome::Unknown("the line broke".into());
    let at_least = "at_least_once";
    let rows = [
        (at_least, SendOutcome::Sent, 0, "hello >next done .completed"),
        (at_least, unknown(), 1, "hello"),
        (at_least, retry(), 1, "hello"),
        (
            at_least,
            SendOutcome::Refused("no address".into()),
            0,
            "hello (no address) >on_failure sorry .sorry",
        ),
        ("at_most_once", unknown(), 0, "hello >next done .completed"),
        ("at_most_once", retry(), 1, "hello"),
    ];
    for (delivery, outcome, again, way) in rows {
        let mut lab = lab(delivery);
        let first = lab.sends.remove(0);
        lab.sent(&first, outcome.clone());
        lab.until(60);
        assert_eq!(lab.sends.len(), again, "{delivery}, {outcome:?}");
        assert!(lab.sends.iter().all(|send| send.key == first.key), "copies carry one id");
        assert_eq!(lab.way("u1"), way, "{delivery}, {outcome:?}");
    }
}

#[test]
fn a_channel_that_never_works_is_given_up() {
    let mut lab = lab("at_least_once");
    for _ in 0..13 {
        let send = lab.sends.remove(0);
        lab.sent(&send, retry());
        let wake = lab.shard.next_wake().map_or(0, |wake| wake.0 / 1000 + 1);
        lab.until(wake);
    }
    assert_eq!(
        lab.way("u1"),
        "hello (gave up after 13 attempts; the last: busy) >on_failure sorry .sorry"
    );
    assert_eq!(lab.shard.outstanding(), 0);
}

#[test]
fn after_a_crash_only_what_may_go_out_twice_is_sent_again() {
    for (delivery, sent_again, active) in [("at_least_once", 1, 1), ("at_most_once", 0, 0)] {
        let lab = lab(delivery);
        let (mut shard, _) = lab.recovered();
        assert_eq!(shard.recover().len(), sent_again, "{delivery}");
        let mut decided = Default::default();
        shard.step(Millis(0), &mut Vec::new(), &lab.world, &mut decided);
        assert_eq!((shard.active(), decided.effects.len()), (active, 0), "{delivery}");
        shard.check();
    }
}
