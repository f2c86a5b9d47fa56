//! The table `[egress]`: what may be called, and with which credentials.

use super::secrets::Secrets;
use super::table::{Fault, Faults, Read, Table, Value};
use crate::simulation::outbound::{Credential, Egress, HostPattern, LateSecret};

const KEYS: [&str; 5] = ["allow_hosts", "allow_cidrs", "http", "ports", "credentials"];
const CREDENTIAL: [&str; 5] = ["user", "password", "header", "value", "hosts"];

pub fn read(table: &Table<'_>, secrets: &Secrets, faults: &mut Faults) -> Egress {
    let mut egress = Egress::default();
    for value in &table.values {
        match value.key {
            "allow_hosts" => egress.allow_hosts = hosts(value, faults).unwrap_or_default(),
            "allow_cidrs" => {
                let cidrs = value.each(faults, |one| one.parsed(|text| text.parse()));
                egress.allow_cidrs = cidrs.unwrap_or_default();
            }
            "http" => egress.http = faults.take(value.flag()).unwrap_or_default(),
            "ports" => egress.ports = value.each(faults, Value::port).unwrap_or_default(),
            "credentials" => {
                let named = faults.take(value.table("[egress.credentials]".to_owned()));
                for one in named.into_iter().flat_map(|named| named.values) {
                    let name = format!("[egress.credentials.{}]", one.key);
                    let Some(table) = faults.take(one.table(name)) else { continue };
                    if let Some(credential) = credential(&table, secrets, faults) {
                        egress.credentials.insert(one.key.to_owned(), credential);
                    }
                }
            }
            _ => faults.push(table.unknown(value, &KEYS)),
        }
    }
    egress
}

fn credential(table: &Table<'_>, secrets: &Secrets, faults: &mut Faults) -> Option<Credential> {
    let (mut user, mut header, mut password, mut value) = (None, None, None, None);
    let mut only = Vec::new();
    for entry in &table.values {
        match entry.key {
            "user" => user = Some(faults.take(entry.parsed(user_name))),
            "header" => header = Some(faults.take(entry.text().map(str::to_owned))),
            "password" => password = Some(faults.take(secret(entry, secrets))),
            "value" => value = Some(faults.take(secret(entry, secrets))),
            "hosts" => only = some_hosts(entry, faults).unwrap_or_default(),
            _ => {
                faults.push(table.unknown(entry, &CREDENTIAL));
                // What it was meant for is not missing as well.
                return None;
            }
        }
    }
    match (user, password, header, value) {
        (Some(user), Some(password), None, None) => {
            Some(Credential::Basic { user: user?, password: password?, hosts: only })
        }
        (None, None, Some(name), Some(value)) => {
            Some(Credential::Header { name: name?, value: value?, hosts: only })
        }
        _ => {
            let pairs = "has `user` and `password`, or `header` and `value`, and nothing between";
            faults.push(Fault::new(table.at, format!("{} {pairs}", table.name)));
            None
        }
    }
}

pub fn secret(entry: &Value<'_>, secrets: &Secrets) -> Read<LateSecret> {
    entry.parsed(|text| secrets.find(entry.key, text))
}

fn hosts(value: &Value<'_>, faults: &mut Faults) -> Option<Vec<HostPattern>> {
    value.each(faults, |one| {
        one.parsed(|text| match text.contains('@') {
            // What stands before it may be a password.
            true => Err(format!("`{}` holds hosts alone, without a user", value.key)),
            false => HostPattern::parse(text),
        })
    })
}

/// The hosts of a credential. To the door, none would mean all: too much to be said by an
/// empty list.
fn some_hosts(value: &Value<'_>, faults: &mut Faults) -> Option<Vec<HostPattern>> {
    if value.is_empty_list() {
        let said = "`hosts` is empty: name the hosts that are given the credential, or leave the \
                    key out for all that may be called";
        faults.push(Fault::new(value.at, said.to_owned()));
        return None;
    }
    hosts(value, faults)
}

/// A colon ends the user where the header is read.
fn user_name(text: &str) -> Result<String, String> {
    match text.contains(':') {
        true => Err("`user` can't have a `:`: what follows it would be the password".to_owned()),
        false => Ok(text.to_owned()),
    }
}
