//! What may go out, as configuration says it.
//!
//! Nothing may, unless a host is named: fetching is opted into host by host.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use url::Host;

use crate::cidr::Cidr;
use crate::late::LateSecret;

/// The table `[egress]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Hosts that may be called: `api.example.com`, or `*.example.com` for all below it.
    pub allow_hosts: Vec<HostPattern>,
    /// Blocks of addresses that may be connected to although they are not public.
    pub allow_cidrs: Vec<Cidr>,
    /// Whether `http` may be used beside `https`.
    pub http: bool,
    /// Ports that may be called.
    pub ports: Vec<u16>,
    /// What `:basic_auth` and `:auth_credentials` name.
    pub credentials: BTreeMap<String, Credential>,
}

impl Default for Egress {
    fn default() -> Egress {
        Egress {
            allow_hosts: Vec::new(),
            allow_cidrs: Vec::new(),
            http: false,
            ports: vec![80, 443],
            credentials: BTreeMap::new(),
        }
    }
}

/// What is put into a request by the door alone; a template only knows its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Credential {
    /// For `:basic_auth`.
    Basic {
        user: String,
        password: LateSecret,
        /// The only hosts that are given it; all that may be called if there are none.
        #[serde(default)]
        hosts: Vec<HostPattern>,
    },
    /// For `:auth_credentials`: a header with its whole value, such as `Authorization` and
    /// `Bearer …`.
    Header {
        name: String,
        value: LateSecret,
        #[serde(default)]
        hosts: Vec<HostPattern>,
    },
}

impl Credential {
    /// Whether the host may be given it: what a template puts into a URL must not carry one
    /// service's password to another.
    pub(crate) fn is_for(&self, host: &Host<String>) -> bool {
        let (Credential::Basic { hosts, .. } | Credential::Header { hosts, .. }) = self;
        hosts.is_empty() || hosts.iter().any(|pattern| pattern.matches(host))
    }
}

/// Hosts that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exact(Host<String>),
    /// All hosts below a domain, at any depth, and not the domain itself.
    Below(String),
}

impl HostPattern {
    /// Reads a pattern. Names are compared as the web writes them: in lower case, with
    /// `xn--` for what is not ASCII, without the dot of the root.
    pub fn parse(text: &str) -> Result<HostPattern, String> {
        let said = |why: &str| format!("`{text}` is no host to allow: {why}");
        if text.contains("://") || text.contains('/') || text.contains('@') {
            return Err(said("write the host alone, such as api.example.com"));
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        if name.contains('*') {
            return Err(said("`*` stands only at the beginning, as in *.example.com"));
        }
        let v6 = name.parse().map(Host::Ipv6);
        let host = v6.or_else(|_| Host::parse(name)).map_err(|error| {
            let port = name.rsplit_once(':').is_some();
            if port {
                said("a port is allowed for all hosts alike, and not here")
            } else {
                said(&error.to_string())
            }
        })?;
        match (plain(host).ok_or_else(|| said("a part of the name is empty"))?, name == text) {
            (host, true) => Ok(HostPattern::Exact(host)),
            (Host::Domain(domain), false) => Ok(HostPattern::Below(domain)),
            (_, false) => Err(said("`*.` goes with a name, not with an address")),
        }
    }

    /// Whether the host, as [`plain`] has it, is meant.
    #[must_use]
    pub(crate) fn matches(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (HostPattern::Exact(exact), host) => exact == host,
            (HostPattern::Below(domain), Host::Domain(name)) => name
                .strip_suffix(domain.as_str())
                .and_then(|below| below.strip_suffix('.'))
                .is_some_and(|below| !below.is_empty()),
            (HostPattern::Below(_), _) => false,
        }
    }
}

/// A host without the dot of the root; `None` if parts of the name are empty.
pub(crate) fn plain(host: Host<String>) -> Option<Host<String>> {
    let Host::Domain(name) = host else { return Some(host) };
    let name = name.strip_suffix('.').unwrap_or(&name);
    let whole = name.len() <= 253 && name.split('.').all(|part| (1..=63).contains(&part.len()));
    whole.then(|| Host::Domain(name.to_owned()))
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Exact(host) => host.fmt(f),
            HostPattern::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HostPattern, D::Error> {
        HostPattern::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_the_hosts_it_names() {
        for (pattern, meant, not) in [
            (
                "api.example.com",
                &["api.example.com", "API.Example.com"][..],
                &[
                    "example.com",
                    "xapi.example.com",
                    "a.api.example.com",
                    "api.example.com.evil.org",
                ][..],
            ),
            ("API.example.com.", &["api.example.com"], &["example.com"]),
            (
                "*.example.com",
                &["a.example.com", "a.b.example.com"],
                &["example.com", "xexample.com", "example.com.org", "127.0.0.1"],
            ),
            ("bücher.example", &["xn--bcher-kva.example", "BÜCHER.example"], &["bucher.example"]),
            ("127.0.0.1", &["127.0.0.1", "2130706433", "0x7f.1"], &["127.0.0.2"]),
            ("::1", &["[::1]", "[0:0::1]"], &["[::2]"]),
            ("[::1]", &["[::1]"], &["[::2]"]),
        ] {
            let parsed = HostPattern::parse(pattern).unwrap();
            let matches = |host: &str| parsed.matches(&plain(Host::parse(host).unwrap()).unwrap());
            assert!(meant.iter().all(|host| matches(host)), "{pattern}");
            assert!(!not.iter().any(|host| matches(host)), "{pattern}");
            assert_eq!(HostPattern::parse(&parsed.to_string()).unwrap(), parsed);
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, expected) in [
            ("", "empty host"),
            ("*", "`*` stands only at the beginning"),
            ("a.*.com", "`*` stands only at the beginning"),
            ("**.com", "`*` stands only at the beginning"),
            ("*.", "empty"),
            ("*.10.0.0.1", "goes with a name"),
            ("https://api.example.com", "the host alone"),
            ("api.example.com/v1", "the host alone"),
            ("me@example.com", "the host alone"),
            ("api.example.com:8443", "a port is allowed for all hosts"),
            ("a..com", "a part of the name is empty"),
        ] {
            let said = HostPattern::parse(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
    }

    #[test]
    fn configuration_is_read_and_its_secrets_stay_hidden() {
        let egress: Egress = serde_json::from_value(serde_json::json!({
            "allow_hosts": ["*.example.com"],
            "allow_cidrs": ["10.0.0.0/8"],
            "credentials": {
                "shop": { "basic": { "user": "ada", "password": "hunter2" } },
                "crm": { "header": { "name": "Authorization", "value": "Bearer hunter2", "hosts": ["crm.example.com"] } },
            },
        }))
        .unwrap();
        assert_eq!((egress.http, &*egress.ports), (false, &[80, 443][..]));
        assert!(!format!("{egress:?}").contains("hunter2"));
        let refused = |json| serde_json::from_value::<Egress>(json).unwrap_err().to_string();
        let said = refused(serde_json::json!({ "allow_hosts": ["*"] }));
        assert!(said.contains("only at the beginning"), "{said}");
        let said = refused(serde_json::json!({ "allow_host": ["a.com"] }));
        assert!(said.contains("unknown field `allow_host`"), "{said}");
    }
}
