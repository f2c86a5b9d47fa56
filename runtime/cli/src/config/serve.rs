//! The tables `[serve.keys.NAME]`: who may use a server, and for what.
//!
//! A key is given by its SHA-256; the token itself stands nowhere. Two hashes are two tokens of
//! one name: one that is being replaced, and its successor.

use flowrun_server::Permissions;
use flowrun_server::keys::{Digest, Key};

use super::table::{Fault, Faults, Read, Table, Value};

const KEYS: [&str; 1] = ["keys"];
const KEY: [&str; 3] = ["hash", "hashes", "permissions"];

pub fn read(table: &Table<'_>, faults: &mut Faults) -> Vec<Key> {
    let mut keys = Vec::new();
    for value in &table.values {
        if value.key != "keys" {
            faults.push(table.unknown(value, &KEYS));
            continue;
        }
        let named = faults.take(value.table("[serve.keys]".to_owned()));
        for one in named.into_iter().flat_map(|named| named.values) {
            let name = format!("[serve.keys.{}]", one.key);
            let Some(table) = faults.take(one.table(name)) else { continue };
            keys.extend(key(one.key, &table, faults));
        }
    }
    keys
}

fn key(name: &str, table: &Table<'_>, faults: &mut Faults) -> Option<Key> {
    let (mut digests, mut permissions) = (Vec::new(), Vec::new());
    for value in &table.values {
        match value.key {
            "hash" => digests.push(faults.take(digest(value))?),
            "hashes" => digests.extend(value.each(faults, digest)?),
            "permissions" => {
                permissions = value.each(faults, |one| one.text().map(str::to_owned))?;
            }
            _ => {
                faults.push(table.unknown(value, &KEY));
                return None;
            }
        }
    }
    let made = Permissions::named(&permissions)
        .and_then(|permissions| Key::new(name, digests, permissions))
        .map_err(|error| Fault::new(table.at, error.to_string()));
    faults.take(made)
}

/// What stands there is not quoted: it may be the token itself.
fn digest(value: &Value<'_>) -> Read<Digest> {
    value.parsed(|text| {
        Digest::from_hex(text).map_err(|_| {
            "a key is given by its SHA-256, 64 hexadecimal digits: `printf %s TOKEN | sha256sum`"
                .to_owned()
        })
    })
}
