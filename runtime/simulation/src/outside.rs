//! What stands for the world in virtual time: where messages go, and where answers come from.

use flowrun_core::template::{Answer, Method, Request};
use flowrun_core::{Millis, Send, SendOutcome};

use crate::agenda::Aftermath;

/// The world of a run.
pub struct Outside<'a> {
    pub channel: &'a mut dyn Channel,
    pub fetch: &'a mut dyn Fetch,
}

/// Takes messages. Nothing leaves the machine: in virtual time no channel is real.
pub trait Channel {
    fn send(&mut self, now: Millis, message: &Send) -> SendOutcome;

    /// What users will do about what was sent: asked for after every moment.
    fn aftermath(&mut self) -> Option<Aftermath> {
        None
    }

    /// Whether nothing more is to be sent: the run is being broken off.
    fn is_closed(&self) -> bool {
        false
    }
}

/// Answers what templates ask for (Connected Content).
pub trait Fetch {
    /// The answer, or why the request can't even be made: then the visit fails with that.
    fn answer(&mut self, now: Millis, request: &Request) -> Result<Answer, String>;

    /// Whether nothing more is to be asked: the run is being broken off.
    fn is_closed(&self) -> bool {
        false
    }
}

/// What is said of a request that no fixture answers.
pub fn missing(request: &Request) -> String {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    format!(
        "no fixture answers {method} {}: give one with --fixtures FILE, or fetch it with \
         --allow-host HOST, or with [egress] allow_hosts in flowrun.toml",
        request.url
    )
}

/// Takes every message and keeps none; the trace has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Channel for Silent {
    fn send(&mut self, _: Millis, _: &Send) -> SendOutcome {
        SendOutcome::Sent
    }
}

/// Has no answers: a run fetches nothing unless it is told what or where from.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAnswers;

impl Fetch for NoAnswers {
    fn answer(&mut self, _: Millis, request: &Request) -> Result<Answer, String> {
        Err(missing(request))
    }
}
