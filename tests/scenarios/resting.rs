//! Waits: who rests at a step, and who doesn't.

use flowrun_tests::Lab;

/// As in Braze a delay that leads nowhere is no wait. Rows: the steps, and the user's way
/// when they entered and a day later.
#[test]
fn who_would_wait_for_the_end_leaves_at_once() {
    for (steps, entered, a_day_later) in [
        ("[{ id: a, delay: 1d }]", "a >next .completed", "a >next .completed"),
        ("[{ id: a, delay: 1d }, { id: b, exit: done }]", "a", "a >next b .done"),
        ("[{ id: a, delay: 1h }, { id: b, delay: 1d }]", "a", "a >next b >next .completed"),
        ("[{ id: a, delay: 1d, next: c }, { id: c, exit: yes_ }]", "a", "a >next c .yes_"),
        // What nobody can wait for fails all the same.
        ("[{ id: a, delay: '{{${missing}}}' }]", "", ""),
    ] {
        let canvas = |steps: &str| format!("canvas: c\nsteps: {steps}\n");
        let mut lab = Lab::new(&canvas(steps));
        lab.enter("u");
        let way = lab.way("u");
        if entered.is_empty() {
            assert!(way.starts_with("a (personalization failed"), "{steps}: {way}");
            continue;
        }
        assert_eq!(way, entered, "{steps}");
        lab.until(86_400);
        assert_eq!(lab.way("u"), a_day_later, "{steps}");
    }
}
