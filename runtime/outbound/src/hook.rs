//! Calls that send something: messages of a channel, webhooks of a Canvas.
//!
//! They keep the rules of the door (hosts, addresses, ports, no redirect, no proxy), but not what
//! Connected Content has besides: nothing is cached, and a host in trouble is called again when
//! the message is due again. Whoever must not send twice learns how a call failed ([`Lost`]).

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{self, HeaderValue};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::RootCertStore;

use crate::call::{put_credential, put_headers};
use crate::connect::Connector;
use crate::egress::{Egress, HostPattern};
use crate::error::Error;
use crate::exchange::exchange;
use crate::missed::{Failed, Missed};
use crate::peer::Fault;
use crate::resolve::System;
use crate::target::Target;

/// From the look-up of the name to the last byte of the answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// The largest body that is sent, in bytes.
const LARGEST_BODY: usize = 1 << 20;
/// Header names and values together, in bytes.
const LARGEST_HEADERS: usize = 32 << 10;

const USER_AGENT: &str = concat!("flowrun/", env!("CARGO_PKG_VERSION"));

/// A call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    /// In whole seconds, as the other side asks.
    pub retry_after: Option<Duration>,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// A rule is broken: nothing was sent, and nothing will be.
    Refused(Error),
    /// Nothing was sent.
    Unsent(Fault),
    /// It may have had its effect.
    Sent(Fault),
}

/// The way out for such calls. May be shared.
pub struct Hooks {
    egress: Egress,
    connector: Connector,
    /// The name of a credential for every call.
    credential: Option<String>,
}

impl Hooks {
    /// Calls within the rules: their addresses come from Canvases.
    #[must_use]
    pub fn within(egress: Egress, credential: Option<String>) -> Hooks {
        Hooks { egress, connector: connector(), credential }
    }

    /// Calls to one address that the operator wrote: to its host, its port and wherever that
    /// leads, and to nothing else.
    ///
    /// # Errors
    /// If it is no address of the web.
    pub fn to(url: &str, egress: Egress, credential: Option<String>) -> Result<Hooks, Error> {
        let unreadable = |why: &str| Error::Unreadable { why: why.to_owned() };
        let parsed = url::Url::parse(url).map_err(|error| unreadable(&error.to_string()))?;
        let host = parsed.host_str().ok_or_else(|| unreadable("it has no host"))?;
        let pattern = HostPattern::parse(host.trim_matches(['[', ']']));
        let pattern = pattern.map_err(|why| unreadable(&why.to_string()))?;
        let port = parsed.port_or_known_default().unwrap_or(443);
        let everywhere = ["0.0.0.0/0", "::/0"].map(|block| block.parse().expect("a block"));
        let egress = Egress {
            allow_hosts: vec![pattern],
            allow_cidrs: everywhere.to_vec(),
            http: parsed.scheme() == "http",
            ports: vec![port],
            credentials: egress.credentials,
        };
        Target::of(url, &egress)?;
        Ok(Hooks { egress, connector: connector(), credential })
    }

    /// Makes the call.
    ///
    /// # Errors
    /// If no answer came back.
    pub async fn call(&self, hook: &Hook) -> Result<Answered, Lost> {
        let target = Target::of(&hook.url, &self.egress).map_err(Lost::Refused)?;
        let request = self.request(hook, &target).map_err(Lost::Refused)?;
        let deadline = Instant::now() + DEADLINE;
        let connecting = self.connector.connect(&target, &self.egress.allow_cidrs);
        let line = match timeout_at(deadline, connecting).await {
            Ok(Ok(line)) => line,
            Ok(Err(Failed::Refused(error))) => return Err(Lost::Refused(error)),
            Ok(Err(Failed::Missed(Missed::Insecure))) => return Err(Lost::Unsent(Fault::Insecure)),
            Ok(Err(Failed::Missed(_))) | Err(_) => return Err(Lost::Unsent(Fault::Unreachable)),
        };
        match timeout_at(deadline, exchange(line, request)).await {
            Ok(Ok(reply)) => {
                let seconds =
                    reply.retry_after.as_deref().and_then(|text| text.trim().parse().ok());
                Ok(Answered { status: reply.status, retry_after: seconds.map(Duration::from_secs) })
            }
            Ok(Err(missed)) => Err(Lost::Sent(missed.into())),
            Err(_) => Err(Lost::Sent(Fault::Late)),
        }
    }

    fn request(&self, hook: &Hook, target: &Target) -> Result<hyper::Request<String>, Error> {
        let too_large = |what, most| Error::TooLarge { what, host: target.host.to_string(), most };
        if hook.body.len() > LARGEST_BODY {
            return Err(too_large("body", LARGEST_BODY));
        }
        let size = hook.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
        if size.sum::<usize>() > LARGEST_HEADERS {
            return Err(too_large("headers", LARGEST_HEADERS));
        }
        let unreadable = |error: hyper::http::Error| Error::Unreadable { why: error.to_string() };
        let mut request = hyper::Request::builder()
            .method(hook.method.as_str())
            .uri(&*target.path)
            .header(header::HOST, target.authority())
            .body(hook.body.clone())
            .map_err(unreadable)?;
        let headers = request.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        put_headers(headers, hook.headers.iter().map(|(name, value)| (&**name, &**value)))?;
        if let Some(name) = &self.credential {
            put_credential(headers, name, target, &self.egress)?;
        }
        Ok(request)
    }
}

fn connector() -> Connector {
    let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    Connector::new(Arc::new(System), roots)
}
