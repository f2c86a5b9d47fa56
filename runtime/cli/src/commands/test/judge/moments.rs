//! When a user is where, and what for.

use flowrun_canvas::test_file::When;

use super::Miss;
use super::journey::Journey;
use crate::core::Millis;
use crate::core::trace::{What, rfc3339};
use crate::moment;
use crate::simulation::{State, Whereabouts};

pub fn waiting(step: Option<&str>, until: Option<Millis>, journey: &Journey<'_>) -> Option<Miss> {
    let place = step.map_or(String::new(), |step| format!(" at `{step}`"));
    let Some(Whereabouts { step: here, state: State::Waiting { until: due, .. }, .. }) =
        &journey.whereabouts
    else {
        return Some(miss(format!("does not wait{place}"), journey));
    };
    if step.is_some_and(|step| step != here) {
        return Some(miss(format!("does not wait{place}"), journey));
    }
    let until = until?;
    if due.is_some_and(|due| alike(due, until)) {
        return None;
    }
    let due = due.map_or("no moment".to_owned(), rfc3339);
    let got = format!("waits at `{here}` until {due}");
    Some(Miss::new(format!("does not wait until {}", rfc3339(until)), got))
}

pub fn held(step: Option<&str>, attempt: Option<u32>, journey: &Journey<'_>) -> Option<Miss> {
    let place = step.map_or(String::new(), |step| format!(" at `{step}`"));
    let Some(Whereabouts { step: here, state: State::Held { attempt: made }, .. }) =
        &journey.whereabouts
    else {
        return Some(miss(format!("is not held{place}"), journey));
    };
    if step.is_some_and(|step| step != here) {
        return Some(miss(format!("is not held{place}"), journey));
    }
    let attempt = attempt.filter(|attempt| attempt != made)?;
    Some(miss(format!("was not tried {}", super::times(attempt.into())), journey))
}

pub fn arrived(step: &str, when: When, journey: &Journey<'_>) -> Option<Miss> {
    let mut lines = journey.lines.iter();
    let arrived =
        lines.find(|line| matches!(line.what, What::Arrived) && line.step.as_deref() == Some(step));
    let entered = journey.lines.first().map_or(Millis(0), |line| line.at);
    let Some(at) = arrived.map(|line| line.at) else {
        return Some(miss(format!("never came to `{step}`"), journey));
    };
    let (right, wanted, got) = match when {
        When::At(moment) => (alike(at, moment), format!("at {}", rfc3339(moment)), rfc3339(at)),
        When::After(after) => {
            let took = at - entered;
            let right = alike(took, after);
            let got = format!("came {} after entering, at {}", moment::length(took), rfc3339(at));
            (right, format!("{} after entering", moment::length(after)), got)
        }
    };
    (!right).then(|| Miss::new(format!("did not come to `{step}` {wanted}"), got))
}

fn miss(message: String, journey: &Journey<'_>) -> Miss {
    Miss::new(message, journey.rests()).hint(journey.why_not_in())
}

/// To the second, unless what is wanted has a fraction.
fn alike(got: Millis, wanted: Millis) -> bool {
    match wanted.0 % 1000 {
        0 => got.0.div_euclid(1000) == wanted.0.div_euclid(1000),
        _ => got == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_alike_to_the_second_unless_written_finer() {
        for (got, wanted, expected) in [
            (5_000, 5_000, true),
            (5_040, 5_000, true),
            (6_000, 5_000, false),
            (4_999, 5_000, false),
            (5_040, 5_040, true),
            (5_041, 5_040, false),
        ] {
            assert_eq!(alike(Millis(got), Millis(wanted)), expected, "{got} {wanted}");
        }
    }
}
