//! Diagnostics for programs.
//!
//! The shape is part of the contract: keys are added, never changed or taken away.
//!
//! ```json
//! [{ "severity": "error", "code": "FR0201", "message": "…",
//!    "file": "flows/vip.yaml", "line": 6, "column": 11, "end_line": 6, "end_column": 15,
//!    "text": "dnoe", "hint": "did you mean `done`?",
//!    "suggestion": { "line": 6, "column": 11, "end_line": 6, "end_column": 15, "text": "done" },
//!    "related": [{ "file": "…", "line": 1, "column": 1, "end_line": 1, "end_column": 2, "text": "…" }] }]
//! ```
//!
//! Lines and columns count from 1, columns in characters; ends are exclusive. `hint` and
//! `suggestion` are null where there is none.

use serde_json::{Value as Json, json};

use crate::Source;
use crate::diagnostic::{Diagnostic, Position, Severity, Span, Suggestion};
use crate::lines::Lines;

/// The most of an offending text that is repeated.
const MAX_TEXT: usize = 200;

/// All diagnostics as a JSON array, pretty-printed.
pub fn render_json(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let files: Vec<(&str, Lines<'_>)> =
        sources.iter().map(|source| (source.path.as_str(), Lines::of(&source.text))).collect();
    let all: Json = diagnostics.iter().map(|diagnostic| value(diagnostic, &files)).collect();
    let mut text = serde_json::to_string_pretty(&all).expect("a JSON value can be written");
    text.push('\n');
    text
}

fn value(diagnostic: &Diagnostic, files: &[(&str, Lines<'_>)]) -> Json {
    let lines = files.iter().find(|(path, _)| *path == diagnostic.file).map(|(_, lines)| lines);
    let suggestion = diagnostic.suggestion.as_ref().zip(lines);
    let related: Json = diagnostic
        .related
        .iter()
        .map(|label| {
            let mut value = json!({ "file": label.file });
            place(&mut value, label.start, label.end);
            value["text"] = json!(label.text);
            value
        })
        .collect();
    let mut value = json!({
        "severity": severity(diagnostic.severity),
        "code": diagnostic.code.as_str(),
        "message": diagnostic.message,
        "file": diagnostic.file,
    });
    place(&mut value, diagnostic.start, diagnostic.end);
    value["text"] = json!(lines.map_or("", |lines| offending(lines.text(), &diagnostic.span)));
    value["hint"] = json!(diagnostic.hint);
    value["suggestion"] =
        suggestion.map_or(Json::Null, |(suggestion, lines)| change(suggestion, lines));
    value["related"] = related;
    value
}

fn change(suggestion: &Suggestion, lines: &Lines<'_>) -> Json {
    let mut value = json!({});
    let (start, end) = (suggestion.span.start, suggestion.span.end);
    place(&mut value, lines.position(start), lines.position(end));
    value["text"] = json!(suggestion.replacement);
    value
}

fn place(value: &mut Json, start: Position, end: Position) {
    value["line"] = json!(start.line);
    value["column"] = json!(start.column);
    value["end_line"] = json!(end.line);
    value["end_column"] = json!(end.column);
}

fn offending<'t>(text: &'t str, span: &Span) -> &'t str {
    let text = text.get(span.clone()).unwrap_or_default();
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
