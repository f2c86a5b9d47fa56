//! The table `[backend]`: where updates are written, and how much at a time.

use std::fmt;

use std::path::PathBuf;

use super::egress::secret;
use super::secrets::Secrets;
use super::table::{Fault, Faults, Table};
use crate::simulation::outbound::LateSecret;

const KEYS: [&str; 6] =
    ["url", "api_key", "objects_per_request", "requests_per_minute", "commit", "ca_file"];
const LIMITS: [&str; 4] = ["attributes", "events", "purchases", "combined"];
/// Objects of one kind in a request.
const MOST_OBJECTS: u32 = 100_000;
/// Requests in a minute.
const MOST_REQUESTS: u32 = 10_000_000;

/// What the file says of the backend; what it doesn't say the backend knows best.
#[derive(Debug, Default)]
pub struct Backend {
    pub url: Option<BackendUrl>,
    pub api_key: Option<LateSecret>,
    pub objects_per_request: Option<ObjectLimits>,
    pub requests_per_minute: Option<u32>,
    pub commit: Option<Commit>,
    /// The authorities that an endpoint's certificate may come from, in place of the usual ones.
    pub ca_file: Option<PathBuf>,
}

/// Where updates are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BackendUrl {
    Memory,
    /// A folder.
    Embedded(String),
    /// An endpoint that speaks User Track.
    Http(String),
    /// The name of a loaded plugin.
    Plugin(String),
}

/// Objects in one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectLimits {
    Each { attributes: Option<u32>, events: Option<u32>, purchases: Option<u32> },
    Combined(u32),
}

/// When an update counts as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    Accepted,
    Applied,
}

/// As it is written.
impl fmt::Display for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackendUrl::Memory => f.write_str("memory"),
            BackendUrl::Embedded(folder) => write!(f, "embedded:{folder}"),
            BackendUrl::Http(url) => f.write_str(url),
            BackendUrl::Plugin(name) => write!(f, "plugin:{name}"),
        }
    }
}

impl BackendUrl {
    pub fn parse(text: &str) -> Result<BackendUrl, String> {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let host = |rest: &str| !rest.is_empty() && !rest.starts_with(['/', ':', '?', '#']);
        let parsed = match text.split_once(':') {
            None if text == "memory" => Some(BackendUrl::Memory),
            Some(("embedded", folder)) => named(folder).map(BackendUrl::Embedded),
            Some(("plugin", name)) => named(name).map(BackendUrl::Plugin),
            Some(("http" | "https", rest)) => {
                let rest = rest.strip_prefix("//").unwrap_or_default();
                if rest.split('/').next().is_some_and(|host| host.contains('@')) {
                    // What stands before it may be a password.
                    return Err("the backend's address holds no user and no password".to_owned());
                }
                host(rest).then(|| BackendUrl::Http(text.to_owned()))
            }
            _ => None,
        };
        parsed.ok_or_else(|| {
            "a backend is \"memory\", \"embedded:DIR\", \"plugin:NAME\", or an address such as \
             \"https://rest.example.com\""
                .to_owned()
        })
    }

    /// Whether an update that is sent again changes nothing: ours remember write keys, and of
    /// others that is not known before they are asked.
    pub fn remembers_keys(&self) -> bool {
        matches!(self, BackendUrl::Memory | BackendUrl::Embedded(_))
    }
}

pub fn read(table: &Table<'_>, secrets: &Secrets, faults: &mut Faults) -> Backend {
    let mut backend = Backend::default();
    for value in &table.values {
        match value.key {
            "url" => backend.url = faults.take(value.parsed(BackendUrl::parse)),
            "api_key" => backend.api_key = faults.take(secret(value, secrets)),
            "objects_per_request" => {
                let name = "[backend] objects_per_request".to_owned();
                let Some(limits) = faults.take(value.table(name)) else { continue };
                backend.objects_per_request = object_limits(&limits, faults);
            }
            "requests_per_minute" => {
                backend.requests_per_minute = faults.take(value.number(1, MOST_REQUESTS));
            }
            "commit" => {
                let words = [("accepted", Commit::Accepted), ("applied", Commit::Applied)];
                backend.commit = faults.take(value.one_of(&words));
            }
            "ca_file" => {
                let path = faults.take(value.text());
                backend.ca_file = path.map(|path| secrets.folder.join(path));
            }
            _ => faults.push(table.unknown(value, &KEYS)),
        }
    }
    backend
}

fn object_limits(table: &Table<'_>, faults: &mut Faults) -> Option<ObjectLimits> {
    let [mut attributes, mut events, mut purchases, mut combined] = [None; 4];
    for value in &table.values {
        let limit = match value.key {
            "attributes" => &mut attributes,
            "events" => &mut events,
            "purchases" => &mut purchases,
            "combined" => &mut combined,
            _ => {
                faults.push(table.unknown(value, &LIMITS));
                continue;
            }
        };
        *limit = faults.take(value.number(1, MOST_OBJECTS));
    }
    match (combined, attributes.or(events).or(purchases)) {
        (Some(combined), None) => Some(ObjectLimits::Combined(combined)),
        (Some(_), Some(_)) => {
            let said = "`combined` is for all objects together: leave the others out";
            faults.push(Fault::new(table.at, said.to_owned()));
            None
        }
        (None, Some(_)) => Some(ObjectLimits::Each { attributes, events, purchases }),
        (None, None) => None,
    }
}
