//! When a host is halted and when it is called again, in virtual time.

use super::*;

/// Notes `count` signs at a moment.
fn feed(health: &mut Health, at: i64, count: u32, sign: Sign) {
    (0..count).for_each(|_| health.note(Millis(at), "a.com", sign));
}

#[test]
fn these_statuses_are_bad_and_no_others() {
    let bad: Vec<u16> = (100..600).filter(|status| Sign::of(*status) == Sign::Bad).collect();
    assert_eq!(bad, [408, 429, 502, 503, 504, 529]);
}

#[test]
fn a_host_is_halted_from_the_threshold_on() {
    use Sign::{Bad, Good};
    // What came when (moment, how many, how), and whether the host is halted then.
    for (signs, halted) in [
        (&[(0, 19, Bad)][..], false),
        (&[(0, 20, Bad)], true),
        (&[(0, 1_000, Good)], false),
        // Half of all.
        (&[(0, 20, Good), (1, 20, Bad)], true),
        (&[(0, 21, Good), (1, 20, Bad)], false),
        (&[(0, 21, Good), (1, 21, Bad)], true),
        // Within the window, which moves.
        (&[(0, 19, Bad), (59_999, 1, Bad)], true),
        (&[(0, 19, Bad), (60_000, 1, Bad)], false),
        (&[(0, 19, Bad), (30_000, 1, Bad)], true),
        (&[(0, 1_000, Good), (60_000, 20, Bad)], true),
        (&[(0, 1_000, Good), (59_999, 20, Bad)], false),
        // A clock that goes back.
        (&[(60_000, 10, Bad), (0, 10, Bad)], true),
    ] {
        let mut health = Health::default();
        for (at, count, sign) in signs {
            feed(&mut health, *at, *count, *sign);
        }
        let now = Millis(signs.last().unwrap().0);
        assert_eq!(!health.lets(now, "a.com"), halted, "{signs:?}");
        assert!(health.lets(now, "b.com"), "others are not");
    }
}

#[test]
fn a_halt_lasts_a_minute_and_begins_anew_only_with_new_signs() {
    let mut health = Health::default();
    feed(&mut health, 5_000, ENOUGH, Sign::Bad);
    // Answers that were under way say nothing new.
    feed(&mut health, 5_100, 1_000, Sign::Bad);
    assert!(!health.lets(Millis(64_999), "a.com"));
    assert!(health.lets(Millis(65_000), "a.com"));
    feed(&mut health, 65_000, ENOUGH - 1, Sign::Bad);
    assert!(health.lets(Millis(65_000), "a.com"), "the signs of before the halt are forgotten");
    feed(&mut health, 65_001, 1, Sign::Bad);
    assert!(!health.lets(Millis(125_000), "a.com"));
    assert!(health.lets(Millis(125_001), "a.com"));
}

#[test]
fn memory_is_bounded_whatever_the_hosts_and_the_clock() {
    let mut health = Health::default();
    feed(&mut health, 0, ENOUGH, Sign::Bad);
    for number in 0..3_000_i64 {
        health.note(Millis(number), &format!("h{number}.com"), Sign::Good);
        assert!(health.hosts.len() <= MOST_HOSTS);
    }
    assert!(!health.lets(Millis(3_000), "a.com"), "a halt is not washed out by other hosts");
    for at in [0, 10_000_000, i64::MAX, i64::MIN, 5] {
        (0..200)
            .for_each(|step| health.note(Millis(at) + Millis(step * 1_000), "b.com", Sign::Good));
        assert!(health.hosts["b.com"].seconds.len() <= 61);
    }
}
