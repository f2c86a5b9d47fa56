//! The request as it is sent.
//!
//! Objects come as JSON without an identifier; `external_id` is put at their beginning as
//! text. They were parsed when the update was rendered, and aren't parsed again.

use std::fmt::Write as _;

use flowrun_core::batcher::Part;

/// The header with one entry per object.
pub const KEYS: &str = "x-flowrun-keys";

/// An entry with its comma, in bytes, as a rule.
const ENTRY: usize = 36;

pub(super) const ARRAYS: [&str; 3] = ["attributes", "events", "purchases"];

/// An object of a request, and where the answer about it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    /// The part it belongs to. Items of a part stand together, in order.
    pub part: usize,
    pub array: usize,
    /// Its place among the request's objects of its array.
    pub place: usize,
    /// Its number within its write.
    pub number: u32,
    pub text: &'a str,
}

/// All objects of some parts.
pub(super) fn items(parts: &[Part]) -> Vec<Item<'_>> {
    let mut next = [0; 3];
    let mut items = Vec::new();
    for (part, one) in parts.iter().enumerate() {
        for (array, next) in next.iter_mut().enumerate() {
            for (number, text) in one.texts(array) {
                items.push(Item { part, array, place: *next, number, text });
                *next += 1;
            }
        }
    }
    items
}

/// How many objects of each array there are.
pub(super) fn counts(items: &[Item<'_>]) -> [usize; 3] {
    let mut counts = [0; 3];
    items.iter().for_each(|item| counts[item.array] += 1);
    counts
}

/// The body: arrays that have objects, each object with its user's id.
pub(super) fn body(parts: &[Part], items: &[Item<'_>]) -> String {
    let id = |item: &Item<'_>| &*parts[item.part].write.key.user;
    let size: usize = items.iter().map(|item| item.text.len() + id(item).len() + 24).sum();
    let mut body = String::with_capacity(size + 48);
    body.push('{');
    for (array, name) in ARRAYS.iter().enumerate() {
        let mut open = false;
        for item in items.iter().filter(|item| item.array == array) {
            if open {
                body.push(',');
            } else {
                body.push_str(if body.len() > 1 { ",\"" } else { "\"" });
                body.push_str(name);
                body.push_str("\":[");
                open = true;
            }
            body.push_str("{\"external_id\":");
            push_string(&mut body, id(item));
            let inside = item.text.trim_ascii().strip_prefix('{').unwrap_or("}").trim_ascii_start();
            if !inside.starts_with('}') {
                body.push(',');
            }
            body.push_str(inside);
        }
        if open {
            body.push(']');
        }
    }
    body.push('}');
    body
}

/// A text as JSON.
fn push_string(body: &mut String, text: &str) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        body.push('"');
        body.push_str(text);
        body.push('"');
    } else {
        body.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// The header's entries, one per object, in the order of the body.
pub(super) fn keys(parts: &[Part], items: &[Item<'_>]) -> String {
    let digests: Vec<u128> = parts.iter().map(|part| part.write.key.digest()).collect();
    let mut entries = String::with_capacity(items.len() * ENTRY);
    let in_order = (0..3).flat_map(|array| items.iter().filter(move |item| item.array == array));
    for item in in_order {
        if !entries.is_empty() {
            entries.push(',');
        }
        push_hex(&mut entries, digests[item.part]);
        // Writing to a text can't fail.
        let _ = write!(entries, ".{}", item.number);
    }
    entries
}

/// As `{:032x}`, without what a format costs: there are 225 of them in a request.
fn push_hex(text: &mut String, number: u128) {
    for byte in number.to_be_bytes() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
}
