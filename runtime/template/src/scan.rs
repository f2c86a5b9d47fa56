//! Cuts a source text into plain text, `{{ … }}` and `{% … %}`, in place.
//!
//! The cuts are Shopify's: a tag ends at the first `%}`, an output at the first `}}`, quotes
//! notwithstanding. The one addition is `${…}`, whose closing brace never counts as half of `}}`.
//! White space control (`-`) is applied here, so everybody else sees texts already trimmed.

use crate::fault::{Fault, FaultCode, Span};

/// One piece of a source text. Spans point into the whole source.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(Span),
    /// `{{ markup }}`
    Output {
        span: Span,
        markup: Span,
    },
    /// `{% name markup %}`
    Tag(Tag),
}

/// A tag: its name and what follows the name.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(crate) span: Span,
    pub(crate) name: Span,
    pub(crate) markup: Span,
}

/// White space as Ruby's `strip` understands it.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ')
}

pub(crate) fn trim_start(source: &str, span: Span) -> Span {
    let skip = source.as_bytes()[span.clone()].iter().take_while(|b| is_space(**b)).count();
    span.start + skip..span.end
}

pub(crate) fn trim_end(source: &str, span: Span) -> Span {
    let skip = source.as_bytes()[span.clone()].iter().rev().take_while(|b| is_space(**b)).count();
    span.start..span.end - skip
}

pub(crate) fn trim(source: &str, span: Span) -> Span {
    trim_end(source, trim_start(source, span))
}

/// Where pieces come from: a document, or the lines of a `liquid` tag.
#[derive(Clone)]
pub(crate) struct Scanner<'s> {
    source: &'s str,
    at: usize,
    end: usize,
    lines: bool,
    /// The last tag or output ended with `-`.
    trim_next: bool,
}

impl<'s> Scanner<'s> {
    pub(crate) fn document(source: &'s str, span: Span) -> Self {
        Self { source, at: span.start, end: span.end, lines: false, trim_next: false }
    }

    /// The lines of a `liquid` tag: each one is a tag.
    pub(crate) fn lines(source: &'s str, span: Span) -> Self {
        Self { lines: true, ..Self::document(source, span) }
    }

    pub(crate) fn in_lines(&self) -> bool {
        self.lines
    }

    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// The next piece; a fault stands for the text up to where scanning goes on.
    pub(crate) fn next(&mut self) -> Option<Result<Piece, Fault>> {
        if self.at >= self.end {
            return None;
        }
        if self.lines {
            return self.line();
        }
        let bytes = &self.source.as_bytes()[..self.end];
        match (bytes[self.at], bytes.get(self.at + 1)) {
            (b'{', Some(b'%')) => Some(self.tag().map(Piece::Tag)),
            (b'{', Some(b'{')) => Some(self.output()),
            _ => Some(Ok(self.text())),
        }
    }

    fn text(&mut self) -> Piece {
        let bytes = &self.source.as_bytes()[..self.end];
        let start = self.at;
        let mut at = start;
        let mut trims = false;
        loop {
            match bytes[at..].iter().position(|b| *b == b'{') {
                None => {
                    at = self.end;
                    break;
                }
                Some(skip) => {
                    at += skip;
                    if matches!(bytes.get(at + 1), Some(b'{' | b'%')) {
                        trims = bytes.get(at + 2) == Some(&b'-');
                        break;
                    }
                    at += 1;
                }
            }
        }
        self.at = at;
        let mut span = start..at;
        if std::mem::take(&mut self.trim_next) {
            span = trim_start(self.source, span);
        }
        if trims {
            span = trim_end(self.source, span);
        }
        Piece::Text(span)
    }

    fn tag(&mut self) -> Result<Tag, Fault> {
        let start = self.at;
        let Some(length) = self.source[start + 2..self.end].find("%}") else {
            self.at = self.end;
            return Err(unclosed(start, "{%", "%}"));
        };
        let end = start + 2 + length + 2;
        self.at = end;
        let inner = self.inner(start, end);
        let name = self.name(trim_start(self.source, inner.clone()));
        if name.is_empty() {
            let fault = Fault::syntax(start..end, "this tag has no name");
            return Err(fault.hint("write the tag's name after `{%`, or `{% # … %}` for a comment"));
        }
        let markup = trim(self.source, name.end..inner.end);
        Ok(Tag { span: start..end, name, markup })
    }

    fn name(&self, span: Span) -> Span {
        let bytes = &self.source.as_bytes()[span.clone()];
        let length = match bytes.first() {
            Some(b'#') => 1,
            _ => bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count(),
        };
        span.start..span.start + length
    }

    /// What is between the delimiters, without `-`; notes whether the next text is trimmed.
    fn inner(&mut self, start: usize, end: usize) -> Span {
        let bytes = self.source.as_bytes();
        let (mut from, mut to) = (start + 2, end - 2);
        self.trim_next = to > from && bytes[to - 1] == b'-';
        if to > from && bytes[from] == b'-' {
            from += 1;
        }
        if self.trim_next && to > from {
            to -= 1;
        }
        from..to
    }

    fn output(&mut self) -> Result<Piece, Fault> {
        let start = self.at;
        let bytes = &self.source.as_bytes()[..self.end];
        let mut at = start + 2;
        let mut quote = None;
        loop {
            let Some(byte) = bytes.get(at) else {
                return Err(self.endless_output(start));
            };
            match (*byte, bytes.get(at + 1)) {
                (b'$', Some(b'{')) if quote.is_none() => {
                    match bytes[at..].iter().position(|b| *b == b'}') {
                        Some(length) => at += length + 1,
                        // No brace in the rest of the text, so no end either.
                        None => at = bytes.len(),
                    }
                    continue;
                }
                (b'}', Some(b'}')) => break,
                (b'{', Some(b'%')) => {
                    self.at = at;
                    return Err(unclosed(start, "{{", "}}"));
                }
                (b'\'' | b'"', _) => match quote {
                    None => quote = Some(*byte),
                    Some(open) if open == *byte => quote = None,
                    Some(_) => {}
                },
                _ => {}
            }
            at += 1;
        }
        let end = at + 2;
        self.at = end;
        let inner = self.inner(start, end);
        Ok(Piece::Output { span: start..end, markup: trim(self.source, inner) })
    }

    /// An output without an end. Where only the brace of a `${` is missing, that is said instead.
    fn endless_output(&mut self, start: usize) -> Fault {
        let rest = &self.source[start..self.end];
        if let (Some(field), Some(close)) = (rest.find("${"), rest.find("}}"))
            && field < close
        {
            self.at = start + close + 2;
            let span = start + field..start + field + 2;
            return Fault::syntax(span, "`${` is not closed by `}`");
        }
        // There is no end in the rest of the text; looking for it from every `{{` in there would
        // take forever.
        self.at = self.end;
        unclosed(start, "{{", "}}")
    }

    fn line(&mut self) -> Option<Result<Piece, Fault>> {
        loop {
            if self.at >= self.end {
                return None;
            }
            let length = self.source[self.at..self.end].find('\n');
            let line = self.at..length.map_or(self.end, |n| self.at + n);
            self.at = length.map_or(self.end, |n| self.at + n + 1);
            let line = trim(self.source, line);
            if line.is_empty() {
                continue;
            }
            let name = self.name(line.clone());
            if name.is_empty() {
                let fault =
                    Fault::syntax(line, "a line of a `liquid` tag starts with a tag's name");
                return Some(Err(fault));
            }
            let markup = trim(self.source, name.end..line.end);
            return Some(Ok(Piece::Tag(Tag { span: line, name, markup })));
        }
    }

    /// Passes over everything up to `{% end %}` unread, and returns the span passed over.
    pub(crate) fn verbatim(&mut self, end: &str) -> Option<Span> {
        let start = self.at;
        let mut at = start;
        // From each `%}` back to the last `{%` before it, so that the text is read once.
        while let Some(length) = self.source[at..self.end].find("%}") {
            let close = at + length;
            if let Some(skip) = self.source[at..close].rfind("{%") {
                let open = at + skip;
                let mut probe = Scanner { at: open, ..self.clone() };
                if let Ok(tag) = probe.tag()
                    && &self.source[tag.name] == end
                {
                    self.at = probe.at;
                    self.trim_next = probe.trim_next;
                    return Some(start..open);
                }
            }
            at = close + 2;
        }
        None
    }
}

fn unclosed(start: usize, open: &str, close: &str) -> Fault {
    Fault::new(
        start..start + 2,
        FaultCode::Unclosed,
        format!("`{open}` is not closed by `{close}`"),
    )
}
