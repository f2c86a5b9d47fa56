//! Diagnostics for code scanners: SARIF 2.1.0.

use serde_json::{Value as Json, json};

use crate::Source;
use crate::codes;
use crate::diagnostic::{Diagnostic, Position};
use crate::lines::Lines;

/// All diagnostics as a SARIF log, pretty-printed. Paths stay as they are shown to people,
/// so they are relative where those are.
pub fn render_sarif(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let files: Vec<(&str, Lines<'_>)> =
        sources.iter().map(|source| (source.path.as_str(), Lines::of(&source.text))).collect();
    let rules: Vec<Json> = codes::all()
        .map(|page| {
            json!({
                "id": page.code.as_str(),
                "shortDescription": { "text": page.title },
                "fullDescription": { "text": page.meaning.trim() },
                "help": { "text": page.to_string() },
            })
        })
        .collect();
    let results: Vec<Json> =
        diagnostics.iter().map(|diagnostic| result(diagnostic, &files)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "flowrun",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log).expect("a JSON value can be written");
    text.push('\n');
    text
}

fn result(diagnostic: &Diagnostic, files: &[(&str, Lines<'_>)]) -> Json {
    let mut message = diagnostic.message.clone();
    if let Some(hint) = &diagnostic.hint {
        message.push_str(&format!(" ({hint})"));
    }
    let rule = codes::all().position(|page| page.code == diagnostic.code);
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "ruleIndex": rule,
        "level": super::json::severity(diagnostic.severity),
        "message": { "text": message },
        "locations": [location(&diagnostic.file, diagnostic.start, diagnostic.end)],
    });
    if !diagnostic.related.is_empty() {
        let related = diagnostic.related.iter().map(|label| {
            let mut location = location(&label.file, label.start, label.end);
            location["message"] = json!({ "text": label.text });
            location
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = fix(diagnostic, files) {
        result["fixes"] = json!([fix]);
    }
    result
}

fn location(file: &str, start: Position, end: Position) -> Json {
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(file) },
        "region": region(start, end),
    } })
}

fn region(start: Position, end: Position) -> Json {
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn fix(diagnostic: &Diagnostic, files: &[(&str, Lines<'_>)]) -> Option<Json> {
    let suggestion = diagnostic.suggestion.as_ref()?;
    let (_, lines) = files.iter().find(|(path, _)| *path == diagnostic.file)?;
    let (start, end) = (suggestion.span.start, suggestion.span.end);
    Some(json!({
        "description": { "text": diagnostic.hint.as_deref().unwrap_or("write instead") },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&diagnostic.file) },
            "replacements": [{
                "deletedRegion": region(lines.position(start), lines.position(end)),
                "insertedContent": { "text": suggestion.replacement },
            }],
        }],
    }))
}

/// A path as a relative reference: what a URI can't hold is escaped.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'\\' => uri.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(byte.into());
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
