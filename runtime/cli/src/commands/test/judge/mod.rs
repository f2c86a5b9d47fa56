//! What came of a test, held against what was expected.

mod journey;
mod letters;
mod moments;
mod path;
mod run;
mod values;

use flowrun_canvas::test_file::{Expectation, Test, What, Whose};
use flowrun_canvas::{Code, Span, codes};

use super::play::Played;
use journey::Journey;

/// An expectation that did not come true.
pub struct Unmet {
    pub code: Code,
    /// What is underlined in the test file.
    pub span: Span,
    pub message: String,
    /// What came instead, in a few words.
    pub got: String,
    /// The nearest difference, and the reason for it.
    pub hint: Option<String>,
    /// Whose way is shown.
    pub user: Option<String>,
}

/// The same before it is known where it stands and of whom it is.
#[derive(Debug, PartialEq)]
pub struct Miss {
    pub message: String,
    pub got: String,
    pub hint: Option<String>,
    /// A place within the expectation.
    pub span: Option<Span>,
}

impl Miss {
    pub fn new(message: impl Into<String>, got: impl Into<String>) -> Miss {
        Miss { message: message.into(), got: got.into(), hint: None, span: None }
    }

    pub fn hint(self, hint: Option<String>) -> Miss {
        Miss { hint, ..self }
    }

    pub fn span(self, span: &Span) -> Miss {
        Miss { span: Some(span.clone()), ..self }
    }

    pub fn at(self, place: &Span) -> Unmet {
        let Miss { message, got, hint, span } = self;
        let span = span.unwrap_or_else(|| place.clone());
        Unmet { code: codes::UNMET, span, message, got, hint, user: None }
    }
}

/// Everything that did not come true, in the order of the file.
pub fn judge(test: &Test, played: &Played) -> Vec<Unmet> {
    let mut unmet: Vec<Unmet> = endless(test, played).into_iter().collect();
    unmet.extend(test.expect.iter().filter_map(|one| expectation(one, played)));
    unmet
}

fn endless(test: &Test, played: &Played) -> Option<Unmet> {
    if played.ended {
        return None;
    }
    let message = "the test has no end: something is tried again for ever";
    let got = format!("stopped at {}", crate::moment::long(played.rehearsal.now()));
    let hint = "give the fault `times`, or say with `for:` how long the test goes on";
    let miss = Miss::new(message, got).hint(Some(hint.to_owned()));
    Some(Unmet { code: codes::NO_END, ..miss.at(&test.name.span) })
}

fn expectation(expected: &Expectation, played: &Played) -> Option<Unmet> {
    let Expectation { whose, what, span } = expected;
    match whose {
        Whose::Run => run::judge(what, played).map(|miss| miss.at(span)),
        Whose::User { id, entry } => {
            let miss = of_user(what, played, id, *entry)?;
            let message = format!("{id}: {}", miss.message);
            let unmet = Miss { message, ..miss }.at(span);
            Some(Unmet { user: Some(id.clone()), ..unmet })
        }
        Whose::All => of_all(what, played, span),
    }
}

/// Of many users who fail alike, the first is shown.
fn of_all(what: &What, played: &Played, span: &Span) -> Option<Unmet> {
    let mut misses = played
        .users
        .iter()
        .filter_map(|user| of_user(what, played, user, None).map(|miss| (user, miss)));
    let (user, miss) = misses.next()?;
    let more = misses.count();
    let all = played.users.len();
    let message = match more {
        0 => format!("{user}: {}", miss.message),
        more => format!("{user}, and {more} more of {all} users: {}", miss.message),
    };
    let unmet = Miss { message, ..miss }.at(span);
    Some(Unmet { user: Some(user.clone()), ..unmet })
}

fn of_user(what: &What, played: &Played, user: &str, entry: Option<u32>) -> Option<Miss> {
    let journey = Journey::of(played, user, entry);
    match what {
        What::Path(steps) => path::path(steps, &journey),
        What::Exit(reason) => path::exit(reason.as_deref(), &journey),
        What::At(step) => path::at(step, &journey),
        What::Entries(count) => {
            let got = journey.entries();
            (got != *count).then(|| {
                Miss::new(format!("entered {}, not {}", times(got), times(*count)), times(got))
                    .hint(journey.why_not_in())
            })
        }
        What::Profile { name, value } => values::profile(name, value, &journey),
        What::Written { name, value } => values::written(name, value, &journey),
        What::MessageCount(count) => letters::count(*count, &journey),
        What::Messages(patterns) => letters::in_order(patterns, &journey),
        What::Waiting { step, until } => moments::waiting(step.as_deref(), *until, &journey),
        What::Held { step, attempt } => moments::held(step.as_deref(), *attempt, &journey),
        What::Arrived { step, when } => moments::arrived(step, *when, &journey),
        What::NeverBefore { message, update } => letters::never_before(message, update, &journey),
        What::DeadLetters(count) => run::dead_letters(*count, played, Some(user)),
        What::Requests(_) | What::Objects { .. } | What::Count { .. } => run::judge(what, played),
    }
}

/// `once`, `3 times`.
fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
