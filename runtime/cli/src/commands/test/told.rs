//! How tests go, for people line by line, for programs as one JSON object at the end.

use std::io;

use flowrun_canvas::{Source, render_json, render_text};
use serde_json::{Value as Json, json};

use super::coverage::Percent;
use super::{Outcome, Results};
use crate::console::{Console, Look, printable};
use crate::core::Millis;
use crate::moment;

pub struct Teller<'c> {
    console: &'c mut Console,
    quiet: bool,
}

impl<'c> Teller<'c> {
    /// `as_json`: nothing is told before the end.
    pub fn new(console: &'c mut Console, as_json: bool) -> Teller<'c> {
        Teller { console, quiet: as_json }
    }

    pub fn begin(&mut self, file: &str) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let file = self.console.palette.paint(Look::Bold, file);
        self.console.line(&file)
    }

    pub fn outcome(&mut self, outcome: &Outcome, source: &Source) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let palette = self.console.palette;
        let word = match outcome.unmet.is_empty() {
            true => palette.paint(Look::Good, "ok    "),
            false => palette.paint(Look::Bad, "FAILED"),
        };
        let passed = palette.paint(Look::Dim, &moment::length(Millis(outcome.passed_ms)));
        let name = printable(&outcome.name);
        self.console.line(&format!("  {word}  {name}  {passed}"))?;
        let mut shown = None;
        for told in &outcome.unmet {
            let sources = std::slice::from_ref(source);
            let text =
                render_text(std::slice::from_ref(&told.diagnostic), sources, palette.has_colors());
            self.console.line("")?;
            self.console.line(text.trim_end())?;
            // One way is enough for all that one user did not do.
            if told.user.is_some() && shown != told.user {
                self.way(told)?;
                shown.clone_from(&told.user);
            }
        }
        if !outcome.unmet.is_empty() {
            self.console.line("")?;
        }
        Ok(())
    }

    fn way(&mut self, told: &super::Told) -> io::Result<()> {
        let (Some(user), Some(timeline)) = (&told.user, &told.timeline) else { return Ok(()) };
        let palette = self.console.palette;
        let user = palette.paint(Look::Bold, &printable(user));
        if timeline.is_empty() {
            return self.console.line(&format!("\n  {user} never entered"));
        }
        self.console.line(&format!("\n  the way of {user}; times are UTC\n"))?;
        for line in timeline.lines() {
            self.console.line(&format!("  {line}"))?;
        }
        Ok(())
    }

    pub fn end(&mut self, results: &Results, coverage: Option<Percent>) -> anyhow::Result<()> {
        if self.quiet {
            let text = serde_json::to_string_pretty(&as_json(results, coverage.is_some()))?;
            return Ok(self.console.line(&text)?);
        }
        let palette = self.console.palette;
        let Results { diagnostics, sources, written, .. } = results;
        if !diagnostics.is_empty() {
            let text = render_text(diagnostics, sources, palette.has_colors());
            self.console.line(text.trim_end())?;
            self.console.line("")?;
        }
        // What failed has left a line already.
        if results.outcomes.last().is_some_and(|last| last.unmet.is_empty()) {
            self.console.line("")?;
        }
        if let Some(wanted) = coverage.filter(|_| !results.outcomes.is_empty()) {
            self.console.print(&results.coverage.as_text(wanted, palette))?;
        }
        for file in written {
            self.console.note(&format!("the trace is kept in `{file}`"));
        }
        self.console.line(&closing(results))?;
        if let Some(wanted) = coverage.filter(|wanted| results.coverage.is_below(*wanted)) {
            self.console.note(&format!("--coverage={wanted} is not reached").replace(" %", ""));
        }
        Ok(())
    }
}

/// The line that tests end with. Scripts read it.
fn closing(results: &Results) -> String {
    let failed = results.failed();
    let passed = results.outcomes.len() - failed;
    let text = format!("{passed} passed, {failed} failed");
    match results.wrong.len() {
        0 => text,
        1 => format!("{text}, 1 file is wrong"),
        wrong => format!("{text}, {wrong} files are wrong"),
    }
}

fn as_json(results: &Results, coverage: bool) -> Json {
    let tests: Vec<Json> = results.outcomes.iter().map(test).collect();
    let failed = results.failed();
    let diagnostics = render_json(&results.diagnostics, &results.sources);
    let diagnostics: Json = serde_json::from_str(&diagnostics).unwrap_or(Json::Null);
    let mut value = json!({
        "passed": results.outcomes.len() - failed,
        "failed": failed,
        "tests": tests,
        "wrong": results.wrong,
        "diagnostics": diagnostics,
        "written": results.written,
    });
    if coverage {
        value["coverage"] = results.coverage.as_json();
    }
    value
}

fn test(outcome: &Outcome) -> Json {
    let failures: Vec<Json> = outcome
        .unmet
        .iter()
        .map(|told| {
            json!({
                "code": told.diagnostic.code.as_str(),
                "line": told.diagnostic.line(),
                "column": told.diagnostic.column(),
                "message": told.diagnostic.message,
                "got": told.got,
                "hint": told.hint,
                "user": told.user,
                "timeline": told.lines,
            })
        })
        .collect();
    json!({
        "file": outcome.file,
        "name": outcome.name,
        "ok": outcome.unmet.is_empty(),
        "virtual_ms": outcome.passed_ms,
        "failures": failures,
    })
}
