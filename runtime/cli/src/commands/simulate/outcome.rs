//! What one Canvas's run has come to.

use crate::core::{Millis, Tally};
use crate::simulation::Totals;
use crate::simulation::funnel::{Course, Funnel, How};
use crate::simulation::oracle::Violation;

/// Everything there is to say about a run.
pub struct Outcome {
    pub funnel: Funnel,
    pub tally: Tally,
    pub totals: Totals,
    pub seed: u64,
    pub start: Millis,
    pub end: Millis,
    /// Users there are, whether they came or not.
    pub users: u64,
    pub interrupted: bool,
    /// Whether anything was made to go wrong.
    pub troubled: bool,
    /// Promises that were broken.
    pub violations: Vec<Violation>,
}

impl Outcome {
    pub fn course(&self) -> &Course {
        &self.funnel.courses[0]
    }

    pub fn name(&self) -> &str {
        &self.course().plan.head.name
    }

    /// The totals with every journey in one place.
    pub fn accounted(&self) -> Totals {
        let course = self.course();
        let exited = course.ended_by(How::Exited);
        Totals { completed: course.ended_by(How::Completed), exited, ..self.totals }
    }

    /// Users who did not get in, and why.
    pub fn turned_away(&self) -> [(&'static str, &'static str, u64); 5] {
        let tally = &self.tally;
        [
            ("outside_audience", "outside the audience", tally.outside_audience),
            ("entered_before", "had entered before", tally.not_again),
            ("other_events", "the event was not the one", tally.other_events),
            ("audience_failed", "the audience condition failed", tally.audience_errors),
            ("no_usable_id", "no usable id", tally.bad_ids),
        ]
    }
}

/// Part of a whole, in percent with one decimal.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 * 1000.0 / whole as f64).round() / 10.0 }
}

/// Objects a request on average, with one decimal.
pub fn each(objects: u64, requests: u64) -> f64 {
    if requests == 0 { 0.0 } else { (objects as f64 * 10.0 / requests as f64).round() / 10.0 }
}
