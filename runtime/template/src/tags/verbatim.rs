//! `raw`, `comment`, `doc` and `{% # … %}`: texts that are not read.

use crate::compile::Compiler;
use crate::fault::{Fault, FaultCode};
use crate::node::Body;
use crate::scan::{Piece, Scanner, Tag, trim};

impl Compiler<'_> {
    pub(crate) fn raw(&mut self, body: &mut Body, tag: &Tag) -> Result<(), Fault> {
        if !tag.markup.is_empty() {
            return Err(Fault::syntax(tag.markup.clone(), "`raw` takes nothing"));
        }
        match self.scanner.verbatim("endraw") {
            Some(inside) => {
                body.blank &= inside.is_empty();
                self.text(body, inside.clone());
                body.blank &= inside.is_empty();
                Ok(())
            }
            None => Err(self.unclosed(tag, "raw")),
        }
    }

    /// Comments nest, and a `raw` inside one is passed over whole; nothing else in them is read.
    pub(crate) fn comment(&mut self, tag: &Tag) -> Result<(), Fault> {
        let mut depth = 1;
        while let Some(piece) = self.scanner.next() {
            let Ok(Piece::Tag(inner)) = piece else {
                continue;
            };
            match self.slice(&inner.name) {
                "comment" => depth += 1,
                "endcomment" => depth -= 1,
                "raw" if !self.scanner.in_lines() && self.scanner.verbatim("endraw").is_none() => {
                    return Err(self.unclosed(&inner, "raw"));
                }
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
        Err(self.unclosed(tag, "comment"))
    }

    pub(crate) fn doc(&mut self, tag: &Tag) -> Result<(), Fault> {
        if !tag.markup.is_empty() {
            return Err(Fault::syntax(tag.markup.clone(), "`doc` takes nothing"));
        }
        if self.scanner.in_lines() {
            while let Some(piece) = self.scanner.next() {
                if matches!(piece, Ok(Piece::Tag(end)) if self.slice(&end.name) == "enddoc") {
                    return Ok(());
                }
            }
            return Err(self.unclosed(tag, "doc"));
        }
        let Some(inside) = self.scanner.verbatim("enddoc") else {
            return Err(self.unclosed(tag, "doc"));
        };
        let mut probe = Scanner::document(self.source, inside.clone());
        while let Some(piece) = probe.next() {
            if let Ok(Piece::Tag(inner)) = piece
                && self.slice(&inner.name) == "doc"
            {
                return Err(Fault::syntax(inner.span, "`doc` can't stand inside `doc`"));
            }
        }
        Ok(())
    }

    /// Each line of the comment starts with its own `#`.
    pub(crate) fn inline_comment(&mut self, tag: &Tag) -> Result<(), Fault> {
        let mut start = tag.markup.start;
        for line in self.slice(&tag.markup).split('\n') {
            let span = trim(self.source, start..start + line.len());
            let own = start == tag.markup.start;
            if !own && !span.is_empty() && !self.slice(&span).starts_with('#') {
                let message = "each line of a `#` comment starts with `#`";
                return Err(Fault::syntax(span, message));
            }
            start += line.len() + 1;
        }
        Ok(())
    }

    fn unclosed(&mut self, tag: &Tag, name: &str) -> Fault {
        // The rest of the text belongs to this tag; reading it would only raise false alarms.
        let end = self.scanner.end();
        self.scanner = Scanner::document(self.source, end..end);
        Fault::new(tag.span.clone(), FaultCode::Unclosed, format!("`{name}` is never closed"))
            .hint(format!("close it with `{{% end{name} %}}`"))
    }
}
