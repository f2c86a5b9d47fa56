//! HTTP as a client speaks it that may find nobody there at any moment.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value as Json, json};

pub const KEY: &str = "a-key-for-tests-only";

/// A whole answer; nothing if there was none, or only a part.
pub fn ask(address: &str, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let (head, body) = spoken(address, method, path, body).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    if length.is_some_and(|length: usize| length != body.len()) {
        return None;
    }
    Some((head.split(' ').nth(1)?.parse().ok()?, body))
}

fn spoken(address: &str, method: &str, path: &str, body: &str) -> io::Result<(String, String)> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {KEY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(head.as_bytes())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let parts = reply.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((parts.0.to_owned(), parts.1.to_owned()))
}

pub fn post(address: &str, path: &str, body: &Json) -> Option<(u16, String)> {
    ask(address, "POST", path, &body.to_string())
}

/// A figure of `/metrics`.
pub fn figure(address: &str, name: &str) -> Option<u64> {
    let (_, metrics) = ask(address, "GET", "/metrics", "")?;
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")))?;
    line.parse().ok()
}

/// The profiles of these users that are there.
pub fn profiles(address: &str, users: &[&str]) -> Option<Vec<Json>> {
    let fields = ["external_id", "custom_attributes", "custom_events", "purchases"];
    let mut found = Vec::new();
    for users in users.chunks(50) {
        let body = json!({ "external_ids": users, "fields_to_export": fields });
        let (status, reply) = post(address, "/users/export/ids", &body)?;
        let mut reply: Json = serde_json::from_str(&reply).ok()?;
        if status / 100 != 2 {
            return None;
        }
        if let Some(users) = reply["users"].as_array_mut() {
            found.append(users);
        }
    }
    Some(found)
}
