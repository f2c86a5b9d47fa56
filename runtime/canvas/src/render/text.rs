//! Diagnostics for people, in the look of rustc.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Patch, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::{Position, Source};

/// The longest piece of a file that is drawn: a line may be the whole file.
const MAX_DRAWN: usize = 8 << 10;
/// Marks further apart than these lines are drawn apart.
const FAR: usize = 40;

/// All diagnostics, with the offending text underlined; `color` for terminals.
pub fn render_text(diagnostics: &[Diagnostic], sources: &[Source], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in diagnostics {
        let groups = groups(diagnostic, sources);
        text.push_str(&renderer.render(&groups));
        text.push_str("\n\n");
    }
    text
}

/// The diagnostic itself, and what to write instead.
fn groups<'d>(diagnostic: &'d Diagnostic, sources: &'d [Source]) -> Vec<Group<'d>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let mut elements = Vec::new();
    for file in files(diagnostic) {
        let source = sources.iter().find(|source| source.path == file);
        elements.extend(drawings(diagnostic, file, source));
    }
    let patch = patch(diagnostic, sources);
    let hint = diagnostic.hint.as_deref();
    if let (Some(hint), None) = (hint, &patch) {
        elements.push(Level::HELP.message(hint).into());
    }
    let mut groups = vec![title.elements(elements)];
    if let Some(patch) = patch {
        let hint = hint.unwrap_or("write instead");
        groups.push(Level::HELP.secondary_title(hint).element(patch));
    }
    groups
}

/// The files of a diagnostic, its own first.
fn files(diagnostic: &Diagnostic) -> Vec<&str> {
    let mut files = vec![diagnostic.file.as_str()];
    for label in &diagnostic.related {
        if !files.contains(&label.file.as_str()) {
            files.push(&label.file);
        }
    }
    files
}

/// A mark under a piece of a file.
struct Mark<'d> {
    kind: AnnotationKind,
    span: Span,
    start: Position,
    end: Position,
    text: Option<&'d str>,
}

fn drawings<'d>(
    diagnostic: &'d Diagnostic,
    file: &'d str,
    source: Option<&'d Source>,
) -> Vec<Element<'d>> {
    let mut marks = Vec::new();
    if diagnostic.file == file {
        marks.push(Mark {
            kind: AnnotationKind::Primary,
            span: diagnostic.span.clone(),
            start: diagnostic.start,
            end: diagnostic.end,
            text: diagnostic.label.as_deref(),
        });
    }
    let related = diagnostic.related.iter().filter(|label| label.file == file);
    marks.extend(related.map(|label| Mark {
        kind: AnnotationKind::Context,
        span: label.span.clone(),
        start: label.start,
        end: label.end,
        text: Some(&label.text),
    }));
    marks.sort_by_key(|mark| mark.span.start);
    let mut drawings = Vec::new();
    // The place that it is about comes first, and what lies near it with it.
    let mut clusters: Vec<Vec<Mark<'d>>> = Vec::new();
    for mark in marks {
        match clusters.last_mut() {
            Some(cluster) if near(cluster, &mark) => cluster.push(mark),
            _ => clusters.push(vec![mark]),
        }
    }
    clusters.sort_by_key(|cluster| {
        !cluster.iter().any(|mark| matches!(mark.kind, AnnotationKind::Primary))
    });
    for cluster in clusters {
        drawings.push(match source.and_then(|source| drawing(&cluster, file, &source.text)) {
            Some(snippet) => snippet.into(),
            None => {
                let start = cluster[0].start;
                Origin::path(file).line(start.line).char_column(start.column).into()
            }
        });
    }
    drawings
}

fn near(cluster: &[Mark<'_>], mark: &Mark<'_>) -> bool {
    cluster.last().is_some_and(|last| mark.start.line.saturating_sub(last.end.line) <= FAR)
}

/// Only the lines that are needed, since each snippet is read as a whole.
fn drawing<'d>(
    marks: &[Mark<'d>],
    file: &'d str,
    text: &'d str,
) -> Option<Snippet<'d, annotate_snippets::Annotation<'d>>> {
    let first = marks.iter().min_by_key(|mark| mark.span.start)?;
    let last = marks.iter().map(|mark| mark.span.end).max()?;
    let (window, start) = window(text, &(first.span.start..last))?;
    let annotations = marks.iter().map(|mark| {
        let span = mark.span.start - start..mark.span.end - start;
        let annotation = mark.kind.span(span);
        match mark.text {
            Some(text) => annotation.label(text),
            None => annotation,
        }
    });
    let snippet = Snippet::source(window).line_start(first.start.line).path(file);
    Some(snippet.annotations(annotations))
}

/// The whole lines of a piece of text, and where they begin.
fn window<'d>(text: &'d str, span: &Span) -> Option<(&'d str, usize)> {
    let start = text.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = text.get(span.end..)?;
    let end = span.end + rest.find('\n').map_or(rest.len(), |newline| newline + 1);
    (end - start <= MAX_DRAWN).then(|| (&text[start..end], start))
}

fn patch<'d>(diagnostic: &'d Diagnostic, sources: &'d [Source]) -> Option<Snippet<'d, Patch<'d>>> {
    let suggestion = diagnostic.suggestion.as_ref()?;
    let source = sources.iter().find(|source| source.path == diagnostic.file)?;
    let (window, start) = window(&source.text, &suggestion.span)?;
    let span = suggestion.span.start - start..suggestion.span.end - start;
    let line = source.text[..start].matches('\n').count() + 1;
    let patch = Patch::new(span, suggestion.replacement.as_str());
    Some(Snippet::source(window).line_start(line).path(diagnostic.file.as_str()).patch(patch))
}
