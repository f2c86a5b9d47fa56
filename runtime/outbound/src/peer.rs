//! One endpoint that the operator named, called again and again over kept connections.
//!
//! No egress rule applies: where the operator says that updates go, they go, be it the
//! loopback. The rest holds as for the door: redirects are not followed, no proxy is taken
//! from the environment, no cookie is kept, nothing is unpacked, everything has a limit.
//!
//! A caller that must not send twice what arrived needs to know how a call failed. So
//! [`Lost`] tells apart what was never sent from what may have arrived.

use std::fmt;
use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::exchange::{missed, read};
use crate::missed::Missed;
use crate::secret::Secret;

mod base;
mod kept;

use base::Base;
use kept::Kept;

/// Who is called, and how long it may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http` or `https`, a host, perhaps a port and the beginning of all paths.
    pub url: String,
    /// Goes into `Authorization: Bearer …`.
    pub bearer: Option<Secret>,
    /// From the first byte sent to the last one read.
    pub deadline: Duration,
    /// For making a connection, TLS included.
    pub connect: Duration,
    /// Connections that are kept while nobody uses them.
    pub idle: usize,
    /// Certificates of the authorities that are believed, as PEM; those that browsers trust if there are none.
    pub authorities: Option<String>,
}

/// Why somebody can't be called at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "the address of the endpoint can't be used: {why}; it is written as https://HOST or http://HOST:PORT"
    )]
    Address { why: String },
    #[error(
        "the API key can't be sent in a header: it is empty or has spaces, line breaks or letters outside ASCII; check where it is read from"
    )]
    Key,
    #[error(
        "the certificates of the authorities can't be used: {why}; a file has them as PEM, from BEGIN CERTIFICATE to END CERTIFICATE"
    )]
    Authorities { why: String },
}

/// An endpoint. May be shared: calls don't wait for each other.
pub struct Peer {
    base: Base,
    bearer: Option<HeaderValue>,
    kept: Kept,
    deadline: Duration,
}

/// What came back.
#[derive(Debug)]
pub struct Heard {
    pub status: u16,
    headers: HeaderMap,
    /// The body, or what went wrong after the headers had come.
    pub body: Result<Vec<u8>, Fault>,
}

impl Heard {
    /// The first header of a name, if it is plain ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing of the request was sent.
    Unsent(Fault),
    /// The request was sent, at least in part: it may have had its effect.
    Sent(Fault),
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The time was over.
    Late,
    /// The name leads nowhere, or nobody listens there.
    Unreachable,
    /// The connection ended in the middle.
    Broken,
    /// The other side doesn't prove that it is who it should be.
    Insecure,
    /// The body is larger than what is read.
    TooLarge,
    /// What came is no HTTP, has too many headers, or is packed as nobody asked for.
    Garbled,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Late => "no whole answer came in time",
            Fault::Unreachable => "no connection could be made",
            Fault::Broken => "the connection ended before the answer did",
            Fault::Insecure => "the other side's certificate doesn't prove who it is",
            Fault::TooLarge => "the answer is larger than what is read",
            Fault::Garbled => "what came is no answer in HTTP",
        })
    }
}

impl From<Missed> for Fault {
    fn from(missed: Missed) -> Fault {
        match missed {
            Missed::Late => Fault::Late,
            Missed::Unreachable => Fault::Broken,
            Missed::Insecure => Fault::Insecure,
            Missed::TooLarge => Fault::TooLarge,
            Missed::Garbled => Fault::Garbled,
        }
    }
}

impl Peer {
    /// A peer whose certificate comes from one of the authorities.
    ///
    /// # Errors
    /// If the address is none of the web, or the key fits in no header.
    pub fn new(settings: &Settings) -> Result<Peer, Error> {
        let roots = match &settings.authorities {
            Some(pem) => authorities(pem)?,
            None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        };
        Peer::with_roots(settings, roots)
    }

    pub(crate) fn with_roots(settings: &Settings, roots: RootCertStore) -> Result<Peer, Error> {
        let base = Base::of(&settings.url)?;
        let bearer = settings.bearer.as_ref().map(bearer).transpose()?;
        let kept = Kept::new(base.target.clone(), settings, roots);
        Ok(Peer { base, bearer, kept, deadline: settings.deadline })
    }

    /// Scheme, host and path, as they were understood.
    #[must_use]
    pub fn address(&self) -> String {
        self.base.to_string()
    }

    /// Gets what lies at a path below the address; of its body at most `largest` bytes.
    ///
    /// # Errors
    /// If no headers came back.
    pub async fn get(&self, path: &str, largest: usize) -> Result<Heard, Lost> {
        self.call(self.request(Method::GET, path, String::new()), largest).await
    }

    /// Posts JSON, with headers of the caller's own.
    ///
    /// # Errors
    /// If no headers came back.
    ///
    /// # Panics
    /// If a header's value holds what no header may hold.
    pub async fn post(
        &self,
        path: &str,
        json: String,
        headers: Vec<(&'static str, String)>,
        largest: usize,
    ) -> Result<Heard, Lost> {
        let mut request = self.request(Method::POST, path, json);
        let kind = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        for (name, value) in headers {
            let value = HeaderValue::try_from(value).expect("our own headers are plain ASCII");
            request.headers_mut().append(HeaderName::from_static(name), value);
        }
        self.call(request, largest).await
    }

    fn request(&self, method: Method, path: &str, body: String) -> Request<String> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.base.uri(path);
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.base.host.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(bearer) = &self.bearer {
            headers.insert(header::AUTHORIZATION, bearer.clone());
        }
        request
    }

    async fn call(&self, mut request: Request<String>, largest: usize) -> Result<Heard, Lost> {
        let deadline = Instant::now() + self.deadline;
        let (mut line, response) = loop {
            let mut line = self.kept.line(deadline).await.map_err(Lost::Unsent)?;
            let sending = line.sender.try_send_request(request);
            let sent = timeout_at(deadline, sending).await.map_err(|_| Lost::Sent(Fault::Late))?;
            let mut failed = match sent {
                Ok(response) => break (line, response),
                Err(failed) => failed,
            };
            // A kept connection may have been closed at the other end meanwhile. That shows
            // before anything is sent; there are only so many kept, so this ends.
            request = match failed.take_message() {
                Some(unsent) if line.used => unsent,
                Some(_) => return Err(Lost::Unsent(Fault::Broken)),
                None => return Err(Lost::Sent(missed(failed.into_error()).into())),
            };
        };
        let (head, body) = response.into_parts();
        let packed = head.headers.get_all(header::CONTENT_ENCODING).iter();
        let body = match packed.into_iter().any(|coding| coding != "identity") {
            true => Err(Fault::Garbled),
            false => match timeout_at(deadline, read(body, largest)).await {
                Ok(read) => read.map_err(Fault::from),
                Err(_) => Err(Fault::Late),
            },
        };
        // Only after a whole answer does the next one begin where it should.
        if body.is_ok() {
            line.used = true;
            self.kept.keep(line);
        }
        Ok(Heard { status: head.status.as_u16(), headers: head.headers, body })
    }
}

const USER_AGENT: &str = concat!("flowrun/", env!("CARGO_PKG_VERSION"));

fn authorities(pem: &str) -> Result<RootCertStore, Error> {
    let bad = |why: String| Error::Authorities { why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(bad("there is none".to_owned())),
        false => Ok(roots),
    }
}

fn bearer(key: &Secret) -> Result<HeaderValue, Error> {
    let key = key.reveal();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Key);
    }
    let value = zeroize::Zeroizing::new(format!("Bearer {key}"));
    let mut value = HeaderValue::from_str(&value).map_err(|_| Error::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
#[path = "peer_tests/mod.rs"]
mod tests;
