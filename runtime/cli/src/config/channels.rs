//! The tables `[channel.NAME]`: where messages of a channel go.

use std::collections::BTreeMap;

use super::table::{Fault, Faults, Table, Value};

const KEYS: [&str; 5] = ["type", "path", "url", "credential", "plugin"];

/// Where the messages of one channel go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Channel {
    Console,
    /// A file that gets one line for each message.
    File(String),
    /// Calls.
    Webhook(Webhook),
    /// The plugin of this name.
    Plugin(String),
}

/// How messages become calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Where each message is posted to; none: where the step `webhook` says.
    pub url: Option<String>,
    /// What goes with each call: a name of `[egress.credentials]`.
    pub credential: Option<String>,
}

/// The channel of the step `webhook`, whose messages name addresses of their own.
pub const WEBHOOK: &str = "webhook";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Console,
    File,
    Webhook,
    Plugin,
}

pub fn read(all: &Table<'_>, faults: &mut Faults) -> BTreeMap<String, Channel> {
    let mut channels = BTreeMap::new();
    for one in &all.values {
        let Some(table) = faults.take(one.table(format!("[channel.{}]", one.key))) else {
            continue;
        };
        if let Some(channel) = channel(one.key, &table, faults) {
            channels.insert(one.key.to_owned(), channel);
        }
    }
    channels
}

fn channel(name: &str, table: &Table<'_>, faults: &mut Faults) -> Option<Channel> {
    let mut kind = Some(Type::Console);
    let (mut path, mut url, mut credential, mut plugin) = (None, None, None, None);
    for value in &table.values {
        match value.key {
            "type" => {
                let words = [
                    ("console", Type::Console),
                    ("file", Type::File),
                    ("webhook", Type::Webhook),
                    ("plugin", Type::Plugin),
                ];
                kind = faults.take(value.one_of(&words));
            }
            "path" => path = Some((value, faults.take(value.parsed(not_empty)))),
            "url" => url = Some((value, faults.take(value.parsed(address)))),
            "credential" => credential = Some((value, faults.take(value.parsed(not_empty)))),
            "plugin" => plugin = Some((value, faults.take(value.parsed(not_empty)))),
            _ => {
                faults.push(table.unknown(value, &KEYS));
                return None;
            }
        }
    }
    let kind = kind?;
    let of = |is: Type| if kind == is { Need::Must } else { Need::MustNot };
    let may = |is: Type| if kind == is { Need::May } else { Need::MustNot };
    let addressed = if name == WEBHOOK { may(Type::Webhook) } else { of(Type::Webhook) };
    let path = fitting("path", path, of(Type::File), table, faults);
    let url = fitting("url", url, addressed, table, faults);
    let credential = fitting("credential", credential, may(Type::Webhook), table, faults);
    let plugin = fitting("plugin", plugin, may(Type::Plugin), table, faults);
    match kind {
        Type::Console => Some(Channel::Console),
        Type::File => path.flatten().map(Channel::File),
        // A channel and the plugin that it is are called alike, if nothing else is said.
        Type::Plugin => Some(Channel::Plugin(plugin?.unwrap_or_else(|| name.to_owned()))),
        Type::Webhook => Some(Channel::Webhook(Webhook { url: url?, credential: credential? })),
    }
}

/// Whether a type has a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Must,
    May,
    MustNot,
}

/// A setting as its type has it; the outer `None` after a fault.
fn fitting(
    key: &str,
    written: Option<(&Value<'_>, Option<String>)>,
    need: Need,
    table: &Table<'_>,
    faults: &mut Faults,
) -> Option<Option<String>> {
    match (written, need) {
        (Some((_, text)), Need::Must | Need::May) => text.map(Some),
        (Some((value, _)), Need::MustNot) => {
            let said = format!("{} of this `type` has no `{key}`", table.name);
            faults.push(Fault::new(value.at, said));
            None
        }
        (None, Need::Must) => {
            let said = format!("{} of this `type` needs a `{key}`", table.name);
            faults.push(Fault::new(table.at, said));
            None
        }
        (None, Need::May | Need::MustNot) => Some(None),
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    match text.is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.and_then(|rest| rest.split('/').next()) {
        Some(host) if host.contains('@') => Err("`url` holds no user and no password".to_owned()),
        Some(host) if !host.is_empty() => Ok(text.to_owned()),
        _ => Err("`url` is an address such as https://hooks.example.com/mail".to_owned()),
    }
}
