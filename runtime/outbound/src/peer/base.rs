//! The address that the operator wrote, as requests need it.

use std::fmt;

use hyper::Uri;
use hyper::header::HeaderValue;
use url::Url;

use super::Error;
use crate::egress::plain;
use crate::target::Target;

/// Where all paths begin.
pub(super) struct Base {
    /// Its path is the beginning of all paths, without a slash at the end.
    pub target: Target,
    pub host: HeaderValue,
}

impl Base {
    pub fn of(url: &str) -> Result<Base, Error> {
        // The address itself isn't quoted: it may hold a password.
        let bad = |why: &str| Error::Address { why: why.to_owned() };
        let url = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(bad("its scheme is neither http nor https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it holds a user or a password; name the API key instead"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it has a part after `?` or `#`"));
        }
        let host = url.host().map(|host| host.to_owned()).and_then(plain);
        let host = host.ok_or_else(|| bad("it has no host, or a part of the host is empty"))?;
        let port = url.port_or_known_default().unwrap_or(443);
        let path = url.path().trim_end_matches('/').to_owned();
        let target = Target { tls, host, port, path };
        let host = HeaderValue::try_from(target.authority()).map_err(|_| bad("its host is odd"))?;
        let base = Base { target, host };
        base.path("/").parse::<Uri>().map_err(|error| bad(&error.to_string()))?;
        Ok(base)
    }

    fn path(&self, below: &str) -> String {
        format!("{}{below}", self.target.path)
    }

    /// What stands in the first line of a request; `below` begins with a slash.
    pub fn uri(&self, below: &str) -> Uri {
        self.path(below).parse().expect("the beginning was tried, and the rest is our own")
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.target.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.target.authority(), self.target.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_or_said_to_be_none() {
        for (url, expected) in [
            ("https://rest.example.com", "https://rest.example.com /users/track"),
            ("https://rest.example.com/", "https://rest.example.com /users/track"),
            ("HTTPS://rest.example.com:443//", "https://rest.example.com /users/track"),
            ("http://127.0.0.1:8080/braze/", "http://127.0.0.1:8080/braze /braze/users/track"),
            ("http://[::1]:80/a b", "http://[::1]/a%20b /a%20b/users/track"),
            ("http://localhost", "http://localhost /users/track"),
            ("rest.example.com", "can't be used: relative URL"),
            ("", "can't be used"),
            ("ftp://rest.example.com", "neither http nor https"),
            ("localhost:8080", "neither http nor https"),
            ("https://me:hunter2@rest.example.com", "holds a user or a password"),
            ("https://rest.example.com/?api_key=hunter2", "a part after `?`"),
            ("https://rest.example.com/#hunter2", "a part after `?` or `#`"),
            ("https://a..b", "a part of the host is empty"),
            ("https://rest.example.com:99999", "invalid port"),
        ] {
            let said = match Base::of(url) {
                Ok(base) => format!("{base} {}", base.uri("/users/track")),
                Err(error) => error.to_string(),
            };
            assert!(said.contains(expected), "{url}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
