//! What the door refuses, in words that say what to do.
//!
//! An [`Error`] is a broken rule: somebody must change the template or the configuration.
//! What goes wrong on the way (no answer in time, no connection) is none; Braze inserts
//! nothing then, and so do we. Texts name hosts, never paths, queries or headers: those
//! hold what is known of a person.

use std::net::IpAddr;

/// Why a request may not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the address of the request can't be read: {why}; it begins with https:// and a host")]
    Unreadable { why: String },
    #[error("`{scheme}` may not be used to call `{host}`: write https{}", http_hint(.scheme))]
    Scheme { scheme: String, host: String },
    #[error(
        "the address holds a user or a password for `{host}`: take them out, and name a credential with :basic_auth"
    )]
    UserInfo { host: String },
    #[error("port {port} of `{host}` may not be called: only {}; allow it with --allow-port {port}, or in [egress] ports of flowrun.toml", ports(.allowed))]
    Port { host: String, port: u16, allowed: Vec<u16> },
    #[error(
        "`{host}` may not be called: allow it with --allow-host {host}, or in [egress] allow_hosts of flowrun.toml"
    )]
    Host { host: String },
    #[error(
        "`{host}` leads to {address} ({what}), which may not be connected to: if it is meant, allow it with --allow-cidr {address}, or in [egress] allow_cidrs of flowrun.toml"
    )]
    Address { host: String, address: IpAddr, what: &'static str },
    #[error(
        "{option} names the credential `{name}`, which is not configured: write [egress.credentials.{name}] in flowrun.toml"
    )]
    NoCredential { option: &'static str, name: String },
    #[error("the credential `{name}` is not one for {option}: {hint}")]
    OtherCredential { option: &'static str, name: String, hint: &'static str },
    #[error("the credential `{name}` is not for `{host}`: add the host to its `hosts`")]
    CredentialElsewhere { name: String, host: String },
    #[error("the credential `{name}` can't be sent: it is no name and value of a header")]
    BadCredential { name: String },
    #[error("the credential `{name}` can't be had: {why}")]
    MissingSecret { name: String, why: String },
    #[error("the header `{name}` is written by flowrun itself: take it out of :headers")]
    OwnHeader { name: String },
    #[error(
        "the header `{name}` can't be sent: its name or value has characters that no header may have"
    )]
    BadHeader { name: String },
    #[error("the {what} of the request to `{host}` is too large: at most {most} bytes")]
    TooLarge { what: &'static str, host: String, most: usize },
}

impl Error {
    /// Which rule is broken, in a word that tells of no request: for logs.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Error::Unreadable { .. } => "address",
            Error::Scheme { .. } => "scheme",
            Error::UserInfo { .. } => "user info",
            Error::Port { .. } => "port",
            Error::Host { .. } => "host",
            Error::Address { .. } => "private address",
            Error::NoCredential { .. }
            | Error::OtherCredential { .. }
            | Error::CredentialElsewhere { .. }
            | Error::BadCredential { .. }
            | Error::MissingSecret { .. } => "credential",
            Error::OwnHeader { .. } | Error::BadHeader { .. } => "header",
            Error::TooLarge { .. } => "size",
        }
    }
}

fn http_hint(scheme: &str) -> &'static str {
    if scheme == "http" {
        ", or allow it with --allow-http, or `http = true` under [egress] of flowrun.toml"
    } else {
        ""
    }
}

fn ports(allowed: &[u16]) -> String {
    match allowed {
        [] => "none is allowed".to_owned(),
        [one] => one.to_string(),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(u16::to_string).collect();
            format!("{} and {last}", most.join(", "))
        }
    }
}
