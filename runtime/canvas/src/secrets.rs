//! Secrets that were written out. A Canvas is reviewed, copied and committed: it names
//! secrets, and never holds one.

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Value};

/// Keys whose value is a secret, if it is a literal.
const KEYS: [&str; 8] = [
    "authorization",
    "api_key",
    "apikey",
    "x-api-key",
    "token",
    "secret",
    "password",
    "access_token",
];

/// Beginnings that only secrets have.
const BEGINNINGS: [&str; 8] =
    ["Bearer ", "Basic ", "sk_live_", "rk_live_", "ghp_", "github_pat_", "xoxb-", "AKIA"];

/// The shortest text that may be a secret: anything shorter is more likely a word.
const SHORTEST: usize = 16;

/// Looks through all texts of the tree.
pub(crate) fn look(node: &Node<'_>, faults: &mut Vec<Diagnostic>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| look(item, faults)),
        Value::Map(map) => {
            for entry in &map.entries {
                let key = entry.key.to_ascii_lowercase();
                let found = match entry.value.scalar() {
                    Some(scalar) if KEYS.contains(&key.as_str()) => is_literal_key(&scalar.text),
                    Some(scalar) => begins_like_one(&scalar.text),
                    None => false,
                };
                if found {
                    faults.push(fault(&entry.value, &entry.key));
                }
                if entry.value.scalar().is_none() {
                    look(&entry.value, faults);
                }
            }
        }
        Value::Scalar(scalar) if begins_like_one(&scalar.text) => {
            faults.push(fault(node, "this text"));
        }
        _ => {}
    }
}

fn fault(node: &Node<'_>, name: &str) -> Diagnostic {
    let message = format!("`{name}` looks like a secret that is written out");
    Diagnostic::warning(codes::SECRET, node.span.clone(), message)
        .hint("keep it out of the Canvas: name it in flowrun.toml, as `env:NAME`")
}

fn begins_like_one(text: &str) -> bool {
    let rest = BEGINNINGS.iter().find_map(|beginning| text.strip_prefix(beginning));
    rest.is_some_and(|rest| is_key(rest.trim()))
}

fn is_literal_key(text: &str) -> bool {
    begins_like_one(text) || is_key(text)
}

/// One long word with digits and letters, and no Liquid.
fn is_key(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=+/~".contains(&byte);
    text.len() >= SHORTEST
        && text.bytes().all(word)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}
