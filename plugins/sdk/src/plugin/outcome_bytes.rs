//! Outcomes of objects and messages as records.

use super::{Answer, Answered, Malformed, Record};
use crate::Millis;
use crate::backend::Outcome;

/// Kinds of records that answer for an object or a message.
pub mod outcome_kind {
    /// What a forgotten record says: nobody knows.
    pub const NONE: u32 = 0;
    /// Written, or sent.
    pub const APPLIED: u32 = 1;
    /// Taken over.
    pub const ACCEPTED: u32 = 2;
    /// For the reason in `first`.
    pub const REFUSED: u32 = 3;
    /// After `moment` milliseconds, or when the runtime likes; `first` is the cause.
    pub const RETRY: u32 = 4;
    /// `first` is what is known.
    pub const UNKNOWN: u32 = 5;
}

/// Outcomes in the order of the rows.
pub fn lay_outcomes(outcomes: &[Outcome], pause: Option<Millis>) -> Result<Vec<u8>, Malformed> {
    use outcome_kind as kind;
    let mut answer = Answer::new(outcomes.len());
    for outcome in outcomes {
        let (kind, moment, text) = match outcome {
            Outcome::Applied => (kind::APPLIED, -1, ""),
            Outcome::Accepted => (kind::ACCEPTED, -1, ""),
            Outcome::Refused(reason) => (kind::REFUSED, -1, reason.as_str()),
            Outcome::Retry { after, cause } => {
                (kind::RETRY, after.map_or(-1, |after| after.0.max(0)), cause.as_str())
            }
            Outcome::Unknown(said) => (kind::UNKNOWN, -1, said.as_str()),
        };
        answer.push(&Record { moment, first: text.into(), ..Record::of(kind) });
    }
    answer.finish(pause.map(|pause| pause.0.max(0)))
}

/// The outcome of a row. What can't be read is unknown: it may have happened.
pub fn outcome_of(answered: &Answered<'_>, row: usize) -> Outcome {
    use outcome_kind as kind;
    let text = match answered.first(row) {
        Ok(text) => text.to_owned(),
        Err(why) => return Outcome::Unknown(why.to_string()),
    };
    match answered.kind(row) {
        kind::APPLIED => Outcome::Applied,
        kind::ACCEPTED => Outcome::Accepted,
        kind::REFUSED => Outcome::Refused(text),
        kind::RETRY => {
            let after = Some(Millis(answered.moment(row))).filter(|after| after.0 >= 0);
            Outcome::Retry { after, cause: text }
        }
        kind::UNKNOWN => Outcome::Unknown(text),
        kind::NONE => Outcome::Unknown("no outcome was told".to_owned()),
        other => Outcome::Unknown(format!("{other} is no kind of outcome")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_arrive_as_they_were_told() {
        let told = [
            Outcome::Applied,
            Outcome::Accepted,
            Outcome::Refused("é".into()),
            Outcome::Retry { after: Some(Millis(5)), cause: "busy".into() },
            Outcome::Retry { after: None, cause: String::new() },
            Outcome::Unknown("timeout".into()),
        ];
        let bytes = lay_outcomes(&told, Some(Millis(9))).unwrap();
        let answered = Answered::read(&bytes).unwrap();
        let read: Vec<_> = (0..answered.rows).map(|row| outcome_of(&answered, row)).collect();
        assert_eq!((read.as_slice(), answered.pause), (&told[..], Some(9)));
    }

    #[test]
    fn what_is_not_told_may_have_happened() {
        let mut answer = Answer::new(2);
        answer.push(&Record::of(0));
        answer.push(&Record::of(77));
        let bytes = answer.finish(None).unwrap();
        let answered = Answered::read(&bytes).unwrap();
        for row in 0..2 {
            assert!(matches!(outcome_of(&answered, row), Outcome::Unknown(_)));
        }
    }
}
