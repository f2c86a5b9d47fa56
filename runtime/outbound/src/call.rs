//! A template's request as HTTP.
//!
//! Content types are Braze's: a GET says `application/json` and accepts anything, a POST is
//! a form unless it says otherwise. (The template has written a form under a JSON content
//! type as JSON already, so that the request it records is the one that is sent.)
//! Credentials are put in here and nowhere else. Headers that decide where a message ends
//! or who may be answered are the door's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flowrun_core::template::{Caching, Method, Request};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Host;

use crate::egress::{Credential, Egress};
use crate::error::Error;
use crate::late::LateSecret;
use crate::secret::Secret;
use crate::target::Target;

/// The largest body that is sent, in bytes.
const LARGEST_BODY: usize = 1 << 20;
/// The most that a template's headers may amount to, in bytes.
const LARGEST_HEADERS: usize = 32 << 10;

const USER_AGENT: &str = concat!("flowrun/", env!("CARGO_PKG_VERSION"));

/// Headers that a template may not set: they frame the message, choose the server, or ask
/// for something that the door doesn't do.
const OWN: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request that is sent to the target.
pub(crate) fn call(
    request: &Request,
    target: &Target,
    egress: &Egress,
) -> Result<hyper::Request<String>, Error> {
    let too_large = |what, most| Error::TooLarge { what, host: target.host.to_string(), most };
    let body = request.body.clone().filter(|_| request.method == Method::Post).unwrap_or_default();
    if body.len() > LARGEST_BODY {
        return Err(too_large("body", LARGEST_BODY));
    }
    let size = request.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
    if size.sum::<usize>() > LARGEST_HEADERS {
        return Err(too_large("headers", LARGEST_HEADERS));
    }
    let unreadable = |error: hyper::http::Error| Error::Unreadable { why: error.to_string() };
    let method = match request.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    let mut call = hyper::Request::builder()
        .method(method)
        .uri(&*target.path)
        .header(header::HOST, target.authority())
        .body(body)
        .map_err(unreadable)?;
    headers(call.headers_mut(), request)?;
    credentials(call.headers_mut(), request, target, egress)?;
    Ok(call)
}

fn headers(headers: &mut HeaderMap, request: &Request) -> Result<(), Error> {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let usual = match request.method {
        Method::Get => "application/json",
        Method::Post => "application/x-www-form-urlencoded",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(usual));
    let content_type = request.content_type.as_ref().map(|kind| ("content-type", kind.as_str()));
    let written = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    put_headers(headers, written.chain(content_type))
}

/// Puts in what somebody wrote, as far as it is theirs to write.
pub(crate) fn put_headers<'a>(
    headers: &mut HeaderMap,
    written: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), Error> {
    for (name, value) in written {
        let bad = || Error::BadHeader { name: name.chars().take(64).collect() };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        if OWN.contains(&parsed.as_str()) {
            return Err(Error::OwnHeader { name: parsed.to_string() });
        }
        headers.insert(parsed, HeaderValue::from_str(value).map_err(|_| bad())?);
    }
    Ok(())
}

fn credentials(
    headers: &mut HeaderMap,
    request: &Request,
    target: &Target,
    egress: &Egress,
) -> Result<(), Error> {
    let named = |option, name: &str| named(egress, option, name, &target.host);
    let mut put = |name: &str, header: HeaderName, value: &str| {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| Error::BadCredential { name: name.to_owned() })?;
        value.set_sensitive(true);
        headers.insert(header, value);
        Ok(())
    };
    if let Some(name) = &request.basic_auth {
        match named(":basic_auth", name)? {
            Credential::Basic { user, password, .. } => {
                let password = found(name, password)?;
                let pair = zeroize::Zeroizing::new(format!("{user}:{}", password.reveal()));
                let value = zeroize::Zeroizing::new(format!("Basic {}", STANDARD.encode(&*pair)));
                put(name, header::AUTHORIZATION, &value)?;
            }
            Credential::Header { .. } => {
                let hint = "name it with :auth_credentials";
                return Err(Error::OtherCredential {
                    option: ":basic_auth",
                    name: name.clone(),
                    hint,
                });
            }
        }
    }
    if let Some(name) = &request.auth_credentials {
        match named(":auth_credentials", name)? {
            Credential::Header { name: header, value, .. } => {
                let header = HeaderName::from_bytes(header.as_bytes())
                    .ok()
                    .filter(|header| !OWN.contains(&header.as_str()))
                    .ok_or_else(|| Error::BadCredential { name: name.clone() })?;
                put(name, header, found(name, value)?.reveal())?;
            }
            Credential::Basic { .. } => {
                let (option, hint) = (":auth_credentials", "name it with :basic_auth");
                return Err(Error::OtherCredential { option, name: name.clone(), hint });
            }
        }
    }
    Ok(())
}

/// Puts in a credential of either kind.
pub(crate) fn put_credential(
    headers: &mut HeaderMap,
    name: &str,
    target: &Target,
    egress: &Egress,
) -> Result<(), Error> {
    let request = |basic: bool| Request {
        method: Method::Post,
        url: String::new(),
        headers: Vec::new(),
        body: None,
        content_type: None,
        basic_auth: basic.then(|| name.to_owned()),
        auth_credentials: (!basic).then(|| name.to_owned()),
        caching: Caching::Never,
        retry: false,
    };
    let basic = matches!(egress.credentials.get(name), Some(Credential::Basic { .. }));
    credentials(headers, &request(basic), target, egress)
}

fn found<'s>(name: &str, secret: &'s LateSecret) -> Result<&'s Secret, Error> {
    let missing = |why: &str| Error::MissingSecret { name: name.to_owned(), why: why.to_owned() };
    secret.get().map_err(missing)
}

fn named<'e>(
    egress: &'e Egress,
    option: &'static str,
    name: &str,
    host: &Host<String>,
) -> Result<&'e Credential, Error> {
    let name = || name.to_owned();
    let found = egress.credentials.get(&name());
    let found = found.ok_or_else(|| Error::NoCredential { option, name: name() })?;
    match found.is_for(host) {
        true => Ok(found),
        false => Err(Error::CredentialElsewhere { name: name(), host: host.to_string() }),
    }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
