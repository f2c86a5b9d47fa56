//! Answers: a status, a JSON body in the vendor's shape, and headers. Nothing of a request is repeated in them.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value as Json};

use crate::track::Reply;
use crate::workspace::{Busy, Refusal};

/// Seconds after which a client that met a full queue should come again.
const COME_AGAIN: u32 = 1;

/// Answers that are the server's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Syntax(String),
    TooManyObjects,
    Keys,
    Unauthorized,
    Forbidden,
    /// Too many wrong keys from one address; so many seconds are left.
    Guessing(u32),
    Slow,
    TooLarge,
    MediaType,
    Encoding,
    Exceeded,
    /// The client has gone, or broke off its body.
    BrokenOff,
    Busy(Busy),
}

impl Fault {
    pub(crate) fn reply(&self) -> Reply {
        let new = |status, message| Reply::new(status, message);
        match self {
            Fault::Syntax(said) => new(400, "Bad Request")
                .with("error", "Error while parsing request body. Please check your syntax.")
                .with("errors", vec![said.as_str()]),
            Fault::TooManyObjects => new(400, "Max Input Length Exceeded"),
            Fault::Keys => new(
                400,
                "'X-Flowrun-Keys' must have one '<32 hexadecimal digits>.<number>' per object, separated by \
                 commas: attributes, then events, then purchases",
            ),
            Fault::Unauthorized => new(401, "Invalid API key"),
            Fault::Forbidden => new(403, "Provided API key not authorized for this endpoint"),
            Fault::Slow => new(408, "Request Timeout"),
            Fault::TooLarge => new(413, "Request Entity Too Large"),
            Fault::MediaType | Fault::Encoding => new(415, "Unsupported Media Type"),
            Fault::Exceeded | Fault::Guessing(_) => new(429, "Rate limit exceeded"),
            Fault::BrokenOff => new(400, "Bad Request"),
            Fault::Busy(Busy::Failed) => new(500, "Internal Server Error"),
            Fault::Busy(busy) => {
                new(503, "Service Unavailable").with("errors", vec![busy.to_string()])
            }
        }
    }

    pub(crate) fn response(&self) -> Response<Body> {
        let mut response = response(self.reply());
        let headers = response.headers_mut();
        match self {
            Fault::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Fault::Encoding => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            Fault::Busy(Busy::Full | Busy::NoSpace | Busy::Unsaved | Busy::Stopping) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(COME_AGAIN));
            }
            Fault::Guessing(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Fault::Slow | Fault::TooLarge | Fault::BrokenOff => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

impl From<Busy> for Fault {
    fn from(busy: Busy) -> Fault {
        Fault::Busy(busy)
    }
}

/// A refusal is a reply, or a fault.
pub(crate) fn refused(refusal: Refusal) -> Result<Reply, Fault> {
    match refusal {
        Refusal::Reply(reply) => Ok(reply),
        Refusal::Busy(busy) => Err(Fault::Busy(busy)),
    }
}

pub(crate) fn success(status: u16) -> Reply {
    Reply { status, body: Map::new() }
}

pub(crate) fn response(reply: Reply) -> Response<Body> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Json::Object(reply.body).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
