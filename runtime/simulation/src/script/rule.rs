//! A line of a script: whose writes it is about, and what the backend does with them.

use std::ops::RangeInclusive;

use flowrun_core::Millis;
use flowrun_core::track::Array;

/// What a backend or a channel does with what fits. A rule without a condition fits everything.
///
/// ```
/// use flowrun_simulation::{Response, Rule};
///
/// let slow = Rule::new(Response::status(503)).step("mark_vip").user("ada").times(2);
/// let lost = Rule::new(Response::timeout_with_effect()).attempts(1..=1);
/// # let _ = (slow, lost);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    pub(super) step: Option<Box<str>>,
    pub(super) user: Option<Box<str>>,
    pub(super) attempts: Option<RangeInclusive<u32>>,
    pub(super) from: Option<Millis>,
    pub(super) until: Option<Millis>,
    pub(super) times: Option<u32>,
    pub(super) response: Response,
}

impl Rule {
    pub fn new(response: Response) -> Rule {
        let (step, user, attempts, from, until, times) = Default::default();
        Rule { step, user, attempts, from, until, times, response }
    }

    /// Only at this step.
    #[must_use]
    pub fn step(self, step: &str) -> Rule {
        Rule { step: Some(step.into()), ..self }
    }

    /// Only for this user.
    #[must_use]
    pub fn user(self, user: &str) -> Rule {
        Rule { user: Some(user.into()), ..self }
    }

    /// Only at these attempts at a write; the first is 1.
    #[must_use]
    pub fn attempts(self, attempts: RangeInclusive<u32>) -> Rule {
        Rule { attempts: Some(attempts), ..self }
    }

    /// Only from this moment on.
    #[must_use]
    pub fn from(self, moment: Millis) -> Rule {
        Rule { from: Some(moment), ..self }
    }

    /// Only before this moment.
    #[must_use]
    pub fn until(self, moment: Millis) -> Rule {
        Rule { until: Some(moment), ..self }
    }

    /// Only so often: requests of a response to whole requests, else writes.
    #[must_use]
    pub fn times(self, times: u32) -> Rule {
        Rule { times: Some(times), ..self }
    }

    pub(super) fn fits(&self, now: Millis, step: &str, user: &str, attempt: u32) -> bool {
        self.step.as_deref().is_none_or(|wanted| wanted == step)
            && self.user.as_deref().is_none_or(|wanted| wanted == user)
            && self.attempts.as_ref().is_none_or(|wanted| wanted.contains(&attempt))
            && self.from.is_none_or(|from| now >= from)
            && self.until.is_none_or(|until| now < until)
    }
}

/// What is done with a write or a message.
#[derive(Clone, PartialEq, Debug)]
pub struct Response {
    pub(super) kind: Kind,
    pub(super) because: Option<String>,
    pub(super) retry_after: Option<Millis>,
    pub(super) delay: Millis,
    pub(super) copies: u32,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    Status(u16),
    /// Refused are only the objects of this array, or the one of this number in it.
    Object {
        array: Array,
        index: Option<usize>,
    },
    Timeout(Effect),
}

/// Whether what was never answered was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    Took,
    Lost,
}

impl Response {
    fn of(kind: Kind) -> Response {
        let (because, retry_after, delay) = Default::default();
        Response { kind, because, retry_after, delay, copies: 0 }
    }

    /// An HTTP status. 2xx writes; 4xx refuses the writes that fit and no others; 401, 403, 408,
    /// 429 and 5xx hit the whole request that such a write is in, and nothing is written.
    pub fn status(status: u16) -> Response {
        Response::of(Kind::Status(status))
    }

    /// Refuses the objects of one array, or one of them; the others of the write are written.
    pub fn refused_object(array: Array, index: Option<usize>) -> Response {
        Response::of(Kind::Object { array, index })
    }

    /// The request is written, and no answer ever comes.
    pub fn timeout_with_effect() -> Response {
        Response::of(Kind::Timeout(Effect::Took))
    }

    /// The request is lost, and no answer ever comes.
    pub fn timeout_without_effect() -> Response {
        Response::of(Kind::Timeout(Effect::Lost))
    }

    /// Everything is all right: for replies that are only late, or come twice.
    pub fn applied() -> Response {
        Response::status(201)
    }

    /// The reason that is given.
    #[must_use]
    pub fn because(self, why: &str) -> Response {
        Response { because: Some(why.to_owned()), ..self }
    }

    /// `Retry-After`, as 429 and 503 have it.
    #[must_use]
    pub fn retry_after(self, after: Millis) -> Response {
        Response { retry_after: Some(after), ..self }
    }

    /// The reply comes so much later than usual.
    #[must_use]
    pub fn delayed(self, by: Millis) -> Response {
        Response { delay: by, ..self }
    }

    /// The reply comes again so often.
    #[must_use]
    pub fn duplicated(self, copies: u32) -> Response {
        Response { copies, ..self }
    }

    /// Whether it hits all that is in the request.
    pub(super) fn is_whole(&self) -> bool {
        match self.kind {
            Kind::Timeout(_) => true,
            Kind::Object { .. } => false,
            Kind::Status(status) => matches!(status, 401 | 403 | 408 | 429 | 500..),
        }
    }

    pub(super) fn reason(&self) -> String {
        if let Some(because) = &self.because {
            return because.clone();
        }
        match self.kind {
            Kind::Status(status) => {
                let name = name(status);
                if name.is_empty() { status.to_string() } else { format!("{status} {name}") }
            }
            Kind::Object { .. } => "the object is not valid".to_owned(),
            Kind::Timeout(_) => "no answer in time".to_owned(),
        }
    }
}

fn name(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Payload Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
