//! Reads expressions and conditions out of tokens.

use super::Compiler;
use super::reader::{Reader, Words};
use crate::expression::{
    Base, Comparison, Conditions, Expression, Filtered, Join, Literal, Path, Step,
};
use crate::fault::{Fault, FaultCode, Span};
use crate::token::Kind;
use crate::view::Root;

/// Brackets and ranges inside each other.
const DEEPEST_BRACKETS: u32 = 32;

impl<'c> Compiler<'c> {
    /// A value with filters, as in an output, `echo` and `assign`; nil if nothing is written.
    pub(crate) fn filtered(&mut self, markup: Span) -> Result<Filtered, Fault> {
        let mut reader = self.reader(markup, Words::Text)?;
        let filtered = reader.filtered()?;
        reader.finish()?;
        Ok(filtered)
    }

    pub(crate) fn conditions(&mut self, markup: Span) -> Result<Conditions, Fault> {
        let place = markup.clone();
        let mut reader = self.reader(markup, Words::Ask)?;
        if reader.look(Kind::End) {
            let fault = Fault::new(place, FaultCode::BadCondition, "a condition is missing here");
            return Err(fault);
        }
        let conditions = reader.conditions()?;
        reader.finish_condition()?;
        Ok(conditions)
    }
}

impl<'c> Reader<'_, 'c> {
    // ---- values ------------------------------------------------------------------------------

    fn enter(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST_BRACKETS {
            return Err(Fault::new(
                self.token().span.clone(),
                FaultCode::TooDeep,
                format!("brackets are nested more than {DEEPEST_BRACKETS} deep"),
            ));
        }
        Ok(())
    }

    pub(crate) fn expression(&mut self) -> Result<Expression, Fault> {
        let token = self.token().clone();
        match token.kind {
            Kind::Text => {
                self.at += 1;
                let text = self.text(&(token.span.start + 1..token.span.end - 1));
                if let Some(at) = text.find("{{") {
                    let start = token.span.start + 1 + at;
                    self.compiler.warn(
                        start..start + 2,
                        "braces inside quotes are plain text, not a value".to_owned(),
                        Some("put the value together with `append`, or with `capture`".to_owned()),
                    );
                }
                Ok(Expression::Literal(Literal::Text(text.into())))
            }
            Kind::Number => {
                self.at += 1;
                Ok(Expression::Literal(number(self.text(&token.span))))
            }
            Kind::OpenRound => self.range(),
            Kind::Special => {
                self.at += 1;
                special(self.text(&token.span), token.span)
            }
            Kind::Name | Kind::Field | Kind::OpenSquare => self.path(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn range(&mut self) -> Result<Expression, Fault> {
        self.enter()?;
        self.at += 1;
        let first = self.expression()?;
        if !self.look(Kind::DotDot) {
            let fault = self.unexpected("`..`, as in `(1..5)`");
            return Err(fault.hint("parentheses only make ranges; they don't group"));
        }
        self.at += 1;
        let last = self.expression()?;
        self.expect(Kind::CloseRound, "`)`")?;
        self.depth -= 1;
        Ok(Expression::Range(Box::new((end_of_range(first), end_of_range(last)))))
    }

    fn path(&mut self) -> Result<Expression, Fault> {
        let start = self.token().span.start;
        let token = self.advance();
        let mut root = None;
        let base = match token.kind {
            Kind::Field => {
                let name = self.field_name(&token.span);
                root = Some((Root::Profile, name.to_owned()));
                Base::Data(Root::Profile, name.into())
            }
            Kind::Name => {
                let word = self.text(&token.span);
                if self.looks_ahead(&[Kind::Dot, Kind::Field]) {
                    let (found, base) = self.named_root(word, &token.span)?;
                    root = Some(found);
                    base
                } else if !self.look(Kind::Dot) && !self.look(Kind::OpenSquare) {
                    if let Some(literal) = self.word(word) {
                        return Ok(Expression::Literal(literal));
                    }
                    root = Some((Root::Variable, word.to_owned()));
                    self.plain(word, &mut root)
                } else {
                    root = Some((Root::Variable, word.to_owned()));
                    self.plain(word, &mut root)
                }
            }
            _ => {
                self.enter()?;
                let key = self.expression()?;
                self.expect(Kind::CloseSquare, "`]`")?;
                self.depth -= 1;
                match key {
                    Expression::Literal(Literal::Text(name)) => {
                        root = Some((Root::Variable, name.to_string()));
                        self.plain(&name, &mut root)
                    }
                    key => Base::Dynamic(Box::new(key)),
                }
            }
        };
        let steps = self.steps()?;
        let end = self.tokens[self.at - 1].span.end;
        if let Some((root, name)) = root {
            let path = steps.iter().map_while(written_key).collect();
            self.compiler.reads(root, &name, path, start..end);
        }
        Ok(Expression::Path(Box::new(Path {
            base,
            steps: steps.into(),
            place: (start..end).into(),
        })))
    }

    /// A plain name: a loop variable in sight, or a name of the template or the host.
    fn plain(&mut self, word: &str, root: &mut Option<(Root, String)>) -> Base {
        match self.compiler.local(word) {
            Some(slot) => {
                *root = None;
                Base::Local(slot)
            }
            None => Base::Name(self.compiler.name(word)),
        }
    }

    /// `word.${name}`
    fn named_root(&mut self, word: &str, span: &Span) -> Result<((Root, String), Base), Fault> {
        self.at += 1;
        let field = self.advance();
        let name = self.field_name(&field.span);
        if word == "content_blocks" {
            return Err(Fault::syntax(
                span.start..field.span.end,
                "a content block can only be printed on its own",
            )
            .hint(format!("write `{{{{content_blocks.${{{name}}}}}}}`")));
        }
        if let Some(root) = Root::from_word(word) {
            return Ok(((root, name.to_owned()), Base::Data(root, name.into())));
        }
        let words = Root::NAMED.into_iter().map(Root::word);
        let fault = Fault::syntax(span.clone(), format!("there is no `{word}.${{…}}`"));
        Err(fault.meant(word, words))
    }

    fn field_name(&self, span: &Span) -> &'c str {
        self.text(&(span.start + 2..span.end - 1)).trim()
    }

    fn steps(&mut self) -> Result<Vec<Step>, Fault> {
        let mut steps = Vec::new();
        loop {
            if self.take(Kind::Dot).is_some() {
                let key = match self.token().kind {
                    Kind::Name => self.advance(),
                    // Braze prints both `a.${b}` and, deeper down, `a.${b}.${c}`.
                    Kind::Field => {
                        let field = self.advance();
                        steps.push(Step::Key(self.field_name(&field.span).into()));
                        continue;
                    }
                    Kind::Number => {
                        let fault = self.unexpected("a name");
                        return Err(fault.hint("an element of a list is written `list[0]`"));
                    }
                    _ => return Err(self.unexpected("a name")),
                };
                steps.push(Step::Key(self.text(&key.span).into()));
            } else if self.take(Kind::OpenSquare).is_some() {
                self.enter()?;
                let index = self.expression()?;
                if self.look(Kind::Pipe) {
                    let fault = self.unexpected("`]`");
                    return Err(fault.hint("filters can't stand in brackets: `assign` it first"));
                }
                self.expect(Kind::CloseSquare, "`]`")?;
                self.depth -= 1;
                steps.push(Step::Index(index));
            } else {
                return Ok(steps);
            }
        }
    }

    fn word(&self, word: &str) -> Option<Literal> {
        let ask = self.words == Words::Ask;
        Some(match word {
            "nil" | "null" => Literal::Nil,
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "empty" if ask => Literal::Empty,
            "blank" if ask => Literal::Blank,
            "empty" | "blank" => Literal::Text("".into()),
            _ => return None,
        })
    }

    // ---- conditions --------------------------------------------------------------------------

    fn conditions(&mut self) -> Result<Conditions, Fault> {
        let first = self.comparison()?;
        let mut rest = Vec::new();
        loop {
            let join = if self.take_word("and") {
                Join::And
            } else if self.take_word("or") {
                Join::Or
            } else {
                break;
            };
            rest.push((join, self.comparison()?));
        }
        Ok(Conditions { first, rest: rest.into() })
    }

    fn comparison(&mut self) -> Result<Comparison, Fault> {
        let start = self.token().span.start;
        let left = self.expression()?;
        let right = match self.token().kind {
            Kind::Compare(operator) => {
                self.at += 1;
                Some((operator, self.expression()?))
            }
            _ => None,
        };
        let end = self.tokens[self.at - 1].span.end;
        Ok(Comparison { left, right, place: (start..end).into() })
    }
}

fn written_key(step: &Step) -> Option<String> {
    match step {
        Step::Key(key) => Some(key.to_string()),
        Step::Index(Expression::Literal(Literal::Text(key))) => Some(key.to_string()),
        Step::Index(_) => None,
    }
}

fn special(text: &str, span: Span) -> Result<Expression, Fault> {
    if text == "$isoTimestamp" {
        return Ok(Expression::IsoTimestamp);
    }
    let inner = text.trim_start_matches('$');
    let fault = Fault::syntax(span, format!("there is no `{text}`"));
    Err(match text {
        "$isotimestamp" | "$timestamp" => fault.hint("did you mean `$isoTimestamp`?"),
        _ => fault.hint(format!("a profile field is written `${{{inner}}}`")),
    })
}

fn number(text: &str) -> Literal {
    if text.contains('.') {
        return Literal::Float(text.parse().unwrap_or(0.0));
    }
    match (text.parse::<i64>(), text.parse::<i128>()) {
        (Ok(small), _) => Literal::Int(small),
        (_, Ok(big)) => Literal::Big(Box::new(big)),
        _ => Literal::Float(text.parse().unwrap_or(0.0)),
    }
}

/// A fraction written as an end of a range loses it.
fn end_of_range(expression: Expression) -> Expression {
    match expression {
        Expression::Literal(Literal::Float(f)) => Expression::Literal(Literal::Int(f as i64)),
        other => other,
    }
}
