//! Answers from a file, for runs that fetch nothing.
//!
//! ```yaml
//! - url: https://api.example.com/users/*
//!   json: { tier: gold }
//! - { url: "https://api.example.com/orders", method: post, status: 503 }
//! - { url: "https://slow.example.com/*", error: timeout }
//! ```
//!
//! The first row whose `url` (with `*` for any characters) and `method` fit answers. What
//! is wrong in a file is said with its line.

use flowrun_core::template::{Answer, Method, Request};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_yaml::Spanned;

use crate::exchange::unused;

/// The largest file that is read, in bytes.
const LARGEST: usize = 16 << 20;

/// The rows of one or more files, in order.
#[derive(Clone, Debug, Default)]
pub struct Fixtures {
    rows: Vec<Fixture>,
}

#[derive(Clone, Debug)]
struct Fixture {
    url: String,
    method: Option<Method>,
    answer: Answer,
}

/// What is wrong with a file, and where: both count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct Wrong {
    pub line: u64,
    pub column: u64,
    pub message: String,
}

/// A row as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    url: String,
    method: Option<Written>,
    status: Option<Json>,
    json: Option<Json>,
    body: Option<String>,
    error: Option<Failure>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Written {
    #[serde(alias = "GET")]
    Get,
    #[serde(alias = "POST")]
    Post,
}

/// Why no answer comes. All are the same to a template; the file says which is meant.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Failure {
    Timeout,
    Refused,
    TooLarge,
}

impl Fixtures {
    /// Reads a YAML or JSON list of rows.
    pub fn parse(text: &str) -> Result<Fixtures, Wrong> {
        let whole = |message: &str| Wrong { line: 1, column: 1, message: message.to_owned() };
        if text.len() > LARGEST {
            return Err(whole("fixtures of more than 16 MiB are not read"));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim().is_empty() {
            return Ok(Fixtures::default());
        }
        let rows: Vec<Spanned<Row>> = serde_yaml::from_str(text).map_err(|error| {
            let place = error.location();
            let place = place.map_or((1, 1), |place| (place.line(), place.column()));
            // The place is told beside the message, not in it or drawn below it.
            let message = error.without_snippet().to_string();
            let message = message.lines().next().unwrap_or_default();
            let told = format!(" at line {}, column {}", place.0, place.1);
            let message = message.strip_suffix(&told).unwrap_or(message).to_owned();
            Wrong { line: place.0, column: place.1, message }
        })?;
        let rows = rows.into_iter().map(|row| {
            let (line, column) = (row.referenced.line(), row.referenced.column());
            fixture(row.value).map_err(|message| Wrong {
                line,
                column,
                message: message.to_owned(),
            })
        });
        Ok(Fixtures { rows: rows.collect::<Result<_, _>>()? })
    }

    /// Adds the rows of another file, after those here.
    pub fn append(&mut self, mut other: Fixtures) {
        self.rows.append(&mut other.rows);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The answer of the first row that fits.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Option<Answer> {
        let fits = |row: &&Fixture| {
            row.method.is_none_or(|method| method == request.method) && like(&row.url, &request.url)
        };
        self.rows.iter().find(fits).map(|row| row.answer.clone())
    }
}

fn fixture(row: Row) -> Result<Fixture, &'static str> {
    let Row { url, method, status, json, body, error } = row;
    if url.is_empty() {
        return Err("`url` is empty: write the whole address, or * for any");
    }
    let method = method.map(|method| match method {
        Written::Get => Method::Get,
        Written::Post => Method::Post,
    });
    let answer = match (json, body, error) {
        (Some(_), Some(_), _) => return Err("an answer is either `json` or `body`"),
        (None, None, Some(Failure::Timeout | Failure::Refused | Failure::TooLarge)) => {
            if status.is_some() {
                return Err("with `error` no answer comes, and so no `status` either");
            }
            Answer::none()
        }
        (_, _, Some(_)) => return Err("with `error` no answer comes, and so no `json` or `body`"),
        (json, body, None) => {
            let code = match status {
                None => StatusCode::OK,
                Some(status) => code(&status).ok_or("`status` is a number from 200 to 599")?,
            };
            let text = json.map(|json| json.to_string()).or(body).unwrap_or_default();
            Answer::new(code.as_u16(), if unused(code) { String::new() } else { text })
        }
    };
    Ok(Fixture { url, method, answer })
}

/// A status with which answers come.
fn code(written: &Json) -> Option<StatusCode> {
    let number = written.as_u64().filter(|number| (200..600).contains(number))?;
    StatusCode::from_u16(u16::try_from(number).ok()?).ok()
}

/// Whether a text is like a pattern with `*` for any characters. Takes no longer than one
/// length times the other, whatever they are.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` stood, and how far the text was eaten by it.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, eaten)) => {
                    star = Some((at, eaten + 1));
                    p = at + 1;
                    t = eaten + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
#[path = "fixtures_tests.rs"]
mod tests;
