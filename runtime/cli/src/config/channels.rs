//! The tables `[channel.NAME]`: where messages of a channel go.

use std::collections::BTreeMap;

use super::table::{Fault, Faults, Table, Value};

const KEYS: [&str; 3] = ["type", "path", "url"];

/// Where the messages of one channel go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Channel {
    Console,
    /// A file that gets one line for each message.
    File(String),
    /// An address that each message is posted to.
    Webhook(String),
    /// The file of a plugin.
    Plugin(String),
}

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
        if let Some(channel) = channel(&table, faults) {
            channels.insert(one.key.to_owned(), channel);
        }
    }
    channels
}

fn channel(table: &Table<'_>, faults: &mut Faults) -> Option<Channel> {
    let (mut kind, mut path, mut url) = (Some(Type::Console), None, None);
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
            _ => {
                faults.push(table.unknown(value, &KEYS));
                return None;
            }
        }
    }
    let kind = kind?;
    let (needs_path, needs_url) =
        (matches!(kind, Type::File | Type::Plugin), kind == Type::Webhook);
    let path = fitting("path", path, needs_path, table, faults);
    let url = fitting("url", url, needs_url, table, faults);
    match kind {
        Type::Console => Some(Channel::Console),
        Type::File => path.map(Channel::File),
        Type::Plugin => path.map(Channel::Plugin),
        Type::Webhook => url.map(Channel::Webhook),
    }
}

/// A setting that is there exactly if the type needs it.
fn fitting(
    key: &str,
    written: Option<(&Value<'_>, Option<String>)>,
    needed: bool,
    table: &Table<'_>,
    faults: &mut Faults,
) -> Option<String> {
    match written {
        Some((_, text)) if needed => text,
        Some((value, _)) => {
            let said = format!("{} of this `type` has no `{key}`", table.name);
            faults.push(Fault::new(value.at, said));
            None
        }
        None if needed => {
            let said = format!("{} of this `type` needs a `{key}`", table.name);
            faults.push(Fault::new(table.at, said));
            None
        }
        None => None,
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    match text.is_empty() {
        true => Err("`path` is empty".to_owned()),
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
