//! The table `[egress]`: what may be called, and with which credentials.

use super::secrets::Secrets;
use super::table::{Fault, Read, Table, Value};
use crate::simulation::outbound::{Credential, Egress, HostPattern};

const KEYS: [&str; 5] = ["allow_hosts", "allow_cidrs", "http", "ports", "credentials"];
const CREDENTIAL: [&str; 5] = ["user", "password", "header", "value", "hosts"];

pub fn read(table: &Table<'_>, secrets: &Secrets<'_>) -> Read<Egress> {
    let mut egress = Egress::default();
    for value in &table.values {
        match value.key {
            "allow_hosts" => egress.allow_hosts = hosts(value)?,
            "allow_cidrs" => {
                egress.allow_cidrs = value.each(|one| one.parsed(|text| text.parse()))?;
            }
            "http" => egress.http = value.flag()?,
            "ports" => egress.ports = value.each(Value::port)?,
            "credentials" => {
                for one in value.table("[egress.credentials]".to_owned())?.values {
                    let table = one.table(format!("[egress.credentials.{}]", one.key))?;
                    egress.credentials.insert(one.key.to_owned(), credential(&table, secrets)?);
                }
            }
            _ => return Err(table.unknown(value, &KEYS)),
        }
    }
    Ok(egress)
}

fn credential(table: &Table<'_>, secrets: &Secrets<'_>) -> Read<Credential> {
    let (mut user, mut header, mut password, mut value) = (None, None, None, None);
    let mut only = Vec::new();
    for entry in &table.values {
        match entry.key {
            "user" => user = Some(entry.parsed(user_name)?),
            "header" => header = Some(entry.text()?.to_owned()),
            "password" => password = Some(entry),
            "value" => value = Some(entry),
            "hosts" => only = some_hosts(entry)?,
            _ => return Err(table.unknown(entry, &CREDENTIAL)),
        }
    }
    let secret = |entry: &Value<'_>| entry.parsed(|text| secrets.find(entry.key, text));
    match (user, password, header, value) {
        (Some(user), Some(password), None, None) => {
            Ok(Credential::Basic { user, password: secret(password)?, hosts: only })
        }
        (None, None, Some(name), Some(value)) => {
            Ok(Credential::Header { name, value: secret(value)?, hosts: only })
        }
        _ => {
            let pairs = "has `user` and `password`, or `header` and `value`, and nothing between";
            Err(Fault::new(table.at, format!("{} {pairs}", table.name)))
        }
    }
}

fn hosts(value: &Value<'_>) -> Read<Vec<HostPattern>> {
    value.each(|one| {
        one.parsed(|text| match text.contains('@') {
            // What stands before it may be a password.
            true => Err(format!("`{}` holds hosts alone, without a user", value.key)),
            false => HostPattern::parse(text),
        })
    })
}

/// The hosts of a credential. To the door, none would mean all: too much to be said by an
/// empty list.
fn some_hosts(value: &Value<'_>) -> Read<Vec<HostPattern>> {
    let hosts = hosts(value)?;
    if hosts.is_empty() {
        let said = "`hosts` is empty: name the hosts that are given the credential, or leave the \
                    key out for all that may be called";
        return Err(Fault::new(value.at, said.to_owned()));
    }
    Ok(hosts)
}

/// A colon ends the user where the header is read.
fn user_name(text: &str) -> Result<String, String> {
    match text.contains(':') {
        true => Err("`user` can't have a `:`: what follows it would be the password".to_owned()),
        false => Ok(text.to_owned()),
    }
}
