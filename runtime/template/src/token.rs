//! The words inside a tag or an output: names, literals, `${…}`, operators.
//!
//! In a tag the double braces around a value are optional (`{% if {{x}} == 1 %}`); they are
//! checked for balance here and then left out.

use crate::fault::{Fault, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Text,
    Number,
    /// `${…}`; the span is the whole, the name is inside.
    Field,
    /// `$name`
    Special,
    Compare(Operator),
    Pipe,
    Dot,
    DotDot,
    Colon,
    Comma,
    OpenSquare,
    CloseSquare,
    OpenRound,
    CloseRound,
    Other,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// Cuts a markup into tokens. `braces` allows the optional inner `{{` and `}}` of tags.
pub(crate) fn tokens(source: &str, markup: Span, braces: bool) -> Result<Vec<Token>, Fault> {
    let mut lexer = Lexer {
        bytes: &source.as_bytes()[..markup.end],
        source,
        at: markup.start,
        open: None,
        tokens: Vec::new(),
    };
    while lexer.skip_space() {
        lexer.token(braces)?;
    }
    if let Some(open) = lexer.open {
        return Err(Fault::syntax(open..open + 2, "`{{` is not closed by `}}`"));
    }
    let end = Token { kind: Kind::End, span: markup.end..markup.end };
    lexer.tokens.push(end);
    Ok(lexer.tokens)
}

struct Lexer<'s> {
    bytes: &'s [u8],
    source: &'s str,
    at: usize,
    open: Option<usize>,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn skip_space(&mut self) -> bool {
        while let Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) = self.bytes.get(self.at) {
            self.at += 1;
        }
        self.at < self.bytes.len()
    }

    fn token(&mut self, braces: bool) -> Result<(), Fault> {
        let start = self.at;
        let next = self.bytes.get(start + 1).copied();
        let (kind, length) = match (self.bytes[start], next) {
            (b'{', Some(b'{')) if braces && self.open.is_none() => {
                self.open = Some(start);
                self.at += 2;
                return Ok(());
            }
            (b'}', Some(b'}')) if self.open.is_some() => {
                self.open = None;
                self.at += 2;
                return Ok(());
            }
            (b'=', Some(b'=')) => (Kind::Compare(Operator::Equal), 2),
            (b'!', Some(b'=')) | (b'<', Some(b'>')) => (Kind::Compare(Operator::Unequal), 2),
            (b'<', Some(b'=')) => (Kind::Compare(Operator::LessOrEqual), 2),
            (b'>', Some(b'=')) => (Kind::Compare(Operator::GreaterOrEqual), 2),
            (b'<', _) => (Kind::Compare(Operator::Less), 1),
            (b'>', _) => (Kind::Compare(Operator::Greater), 1),
            (b'|', _) => (Kind::Pipe, 1),
            (b'.', Some(b'.')) => (Kind::DotDot, 2),
            (b'.', _) => (Kind::Dot, 1),
            (b':', _) => (Kind::Colon, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'[', _) => (Kind::OpenSquare, 1),
            (b']', _) => (Kind::CloseSquare, 1),
            (b'(', _) => (Kind::OpenRound, 1),
            (b')', _) => (Kind::CloseRound, 1),
            (b'?', _) => (Kind::Other, 1),
            (b'-', Some(b'0'..=b'9')) | (b'0'..=b'9', _) => (Kind::Number, self.number()),
            (b'-', _) => (Kind::Other, 1),
            (quote @ (b'\'' | b'"'), _) => (Kind::Text, self.text(quote)?),
            (b'$', Some(b'{')) => (Kind::Field, self.field()?),
            (b'$', Some(b'a'..=b'z' | b'A'..=b'Z')) => (Kind::Special, 1 + self.word(start + 1)),
            (b'a'..=b'z' | b'A'..=b'Z' | b'_', _) => (Kind::Name, self.word(start)),
            _ => return Err(self.unexpected(start)),
        };
        let span = start..start + length;
        let kind = match kind {
            Kind::Name if self.is_contains(&span) => Kind::Compare(Operator::Contains),
            kind => kind,
        };
        self.at = span.end;
        self.tokens.push(Token { kind, span });
        Ok(())
    }

    fn is_contains(&self, span: &Span) -> bool {
        &self.source[span.clone()] == "contains"
            && self.tokens.last().map(|t| t.kind) != Some(Kind::Dot)
    }

    fn number(&self) -> usize {
        let digits =
            |from: usize| self.bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let sign = usize::from(self.bytes[self.at] == b'-');
        let whole = sign + digits(self.at + sign);
        let dot = self.at + whole;
        match (self.bytes.get(dot), self.bytes.get(dot + 1)) {
            (Some(b'.'), Some(b'0'..=b'9')) => whole + 1 + digits(dot + 1),
            _ => whole,
        }
    }

    fn text(&self, quote: u8) -> Result<usize, Fault> {
        let rest = &self.bytes[self.at + 1..];
        match rest.iter().position(|b| *b == quote) {
            Some(length) => Ok(length + 2),
            None => Err(Fault::syntax(self.at..self.at + 1, "this quoted text has no end")),
        }
    }

    fn field(&self) -> Result<usize, Fault> {
        let rest = &self.bytes[self.at + 2..];
        let length = rest.iter().position(|b| matches!(b, b'}' | b'{' | b'\n'));
        match length {
            Some(length) if rest[length] == b'}' => {
                let name = &self.source[self.at + 2..self.at + 2 + length];
                if name.trim().is_empty() {
                    let span = self.at..self.at + length + 3;
                    return Err(Fault::syntax(span, "`${}` names nothing"));
                }
                Ok(length + 3)
            }
            _ => Err(Fault::syntax(self.at..self.at + 2, "`${` is not closed by `}`")),
        }
    }

    fn word(&self, start: usize) -> usize {
        let length = self.bytes[start..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            .count();
        length + usize::from(self.bytes.get(start + length) == Some(&b'?'))
    }

    fn unexpected(&self, start: usize) -> Fault {
        let c = self.source[start..].chars().next().unwrap_or(' ');
        let span = start..start + c.len_utf8();
        match c {
            '“' | '”' | '‘' | '’' => {
                Fault::syntax(span, format!("unexpected character `{c}`"))
                    .hint("use straight quotes: ' or \"")
            }
            '\u{a0}' => Fault::syntax(span, "unexpected character: a space that does not break")
                .hint("type a plain space"),
            '=' => Fault::syntax(span, "unexpected character `=`").hint("compare with `==`"),
            '&' => Fault::syntax(span, "unexpected character `&`").hint("write `and`"),
            _ => Fault::syntax(span, format!("unexpected character `{c}`")),
        }
    }
}
