//! Reads expressions, filter chains and conditions out of tokens.

use super::Compiler;
use crate::expression::{
    Base, Call, Comparison, Conditions, Expression, Filtered, Join, Literal, Path, Step,
};
use crate::fault::{Fault, FaultCode, Span};
use crate::filters::{self, Filter};
use crate::token::{self, Kind, Token};
use crate::view::Root;

/// Brackets and ranges inside each other.
const DEEPEST_BRACKETS: u32 = 32;

/// What the words `empty` and `blank` mean: a question in conditions, an empty text elsewhere.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Words {
    Ask,
    Text,
}

/// The tokens of one tag or output, read from left to right.
pub(crate) struct Reader<'x, 'c> {
    pub(crate) compiler: &'x mut Compiler<'c>,
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    words: Words,
}

impl<'c> Compiler<'c> {
    pub(crate) fn reader(&mut self, markup: Span, words: Words) -> Result<Reader<'_, 'c>, Fault> {
        let tokens = token::tokens(self.source, markup, true)?;
        Ok(Reader {
            compiler: self,
            tokens,
            at: 0,
            depth: 0,
            words,
        })
    }

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
    pub(crate) fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn ahead(&self, by: usize) -> Option<&Token> {
        self.tokens.get(self.at + by)
    }

    pub(crate) fn look(&self, kind: Kind) -> bool {
        self.token().kind == kind
    }

    pub(crate) fn looks_ahead(&self, kinds: &[Kind]) -> bool {
        kinds
            .iter()
            .enumerate()
            .all(|(by, kind)| self.ahead(by).is_some_and(|t| t.kind == *kind))
    }

    pub(crate) fn text(&self, span: &Span) -> &'c str {
        self.compiler.slice(span)
    }

    pub(crate) fn advance(&mut self) -> Token {
        let token = self.token().clone();
        self.at += 1;
        token
    }

    pub(crate) fn take(&mut self, kind: Kind) -> Option<Token> {
        self.look(kind).then(|| self.advance())
    }

    /// Takes a name if it is this one.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let token = self.token();
        let found = token.kind == Kind::Name && self.text(&token.span) == word;
        if found {
            self.at += 1;
        }
        found
    }

    pub(crate) fn expect(&mut self, kind: Kind, what: &str) -> Result<Token, Fault> {
        match self.take(kind) {
            Some(token) => Ok(token),
            None => Err(self.unexpected(what)),
        }
    }

    /// Where the next token starts, for texts put together from tokens.
    pub(crate) fn mark(&self) -> usize {
        self.at
    }

    /// The tokens since a mark, without white space.
    pub(crate) fn written_since(&self, mark: usize) -> String {
        self.tokens[mark..self.at]
            .iter()
            .map(|token| self.text(&token.span))
            .collect()
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> Fault {
        let token = self.token();
        match token.kind {
            Kind::End => {
                let end = token.span.start;
                let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
                let span = before.map_or(end..end, |t| t.span.clone());
                Fault::syntax(span, format!("expected {wanted} after this"))
            }
            _ => {
                let found = self.text(&token.span);
                let message = format!("expected {wanted} but found `{found}`");
                Fault::syntax(token.span.clone(), message)
            }
        }
    }

    /// Everything must have been read.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        if self.look(Kind::End) {
            return Ok(());
        }
        let fault = self.unexpected("nothing more");
        Err(match self.token().kind {
            Kind::Compare(_) => fault.hint("comparisons belong into `if`, `elsif` and `unless`"),
            Kind::Name if matches!(self.text(&self.token().span), "and" | "or") => {
                fault.hint("`and` and `or` belong into `if`, `elsif` and `unless`")
            }
            Kind::Name | Kind::Field | Kind::Text | Kind::Number => {
                fault.hint("two values stand side by side; is a `|` or a `.` missing?")
            }
            Kind::Other => fault.hint("for arithmetic use filters: `| minus: 1`"),
            _ => fault,
        })
    }

    fn finish_condition(&self) -> Result<(), Fault> {
        if self.look(Kind::End) {
            return Ok(());
        }
        let mut fault = self.unexpected("`and`, `or` or the end of the condition");
        fault.code = FaultCode::BadCondition;
        let found = self.text(&self.token().span);
        Err(match (self.token().kind, found) {
            (Kind::Pipe, _) => fault.hint("filters can't stand in a condition: `assign` it first"),
            (Kind::Name, "in" | "startswith" | "includes" | "has") => {
                fault.hint("use `contains`: `list contains value`")
            }
            (Kind::Name, "not") => fault.hint("use `unless`, or `!=`"),
            _ => fault.meant(found, ["and", "or", "contains", "=="]),
        })
    }

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
        Ok(Expression::Range(Box::new((
            end_of_range(first),
            end_of_range(last),
        ))))
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

    // ---- filters -----------------------------------------------------------------------------

    fn filtered(&mut self) -> Result<Filtered, Fault> {
        let start = self.token().span.start;
        if self.look(Kind::End) {
            return Ok(Filtered {
                base: Expression::Literal(Literal::Nil),
                filters: [].into(),
                place: (start..start).into(),
            });
        }
        let base = self.expression()?;
        let filters = self.filters()?;
        let end = self.tokens[self.at - 1].span.end;
        Ok(Filtered {
            base,
            filters,
            place: (start..end).into(),
        })
    }

    pub(crate) fn filters(&mut self) -> Result<Box<[Call]>, Fault> {
        let mut calls = Vec::new();
        while self.take(Kind::Pipe).is_some() {
            let name = self.expect(Kind::Name, "a filter's name")?;
            let known = filters::find(self.text(&name.span));
            let (positional, named) = if self.take(Kind::Colon).is_some() {
                self.arguments()?
            } else {
                Default::default()
            };
            let end = self.tokens[self.at - 1].span.end;
            let span = name.span.start..end;
            match known {
                Some(filter) => match arrange(filter, positional, named, &span) {
                    Ok(arguments) => calls.push(Call {
                        filter,
                        arguments: arguments.into(),
                        place: span.into(),
                    }),
                    Err(fault) => self.compiler.fault(fault),
                },
                None => {
                    let fault = unknown_filter(self.text(&name.span), name.span.clone());
                    self.compiler.fault(fault);
                }
            }
        }
        Ok(calls.into())
    }

    #[allow(clippy::type_complexity)]
    fn arguments(&mut self) -> Result<(Vec<Expression>, Vec<(&'c str, Expression)>), Fault> {
        let mut positional = Vec::new();
        let mut named = Vec::new();
        loop {
            if self.looks_ahead(&[Kind::Name, Kind::Colon]) {
                let name = self.advance();
                self.at += 1;
                named.push((self.text(&name.span), self.expression()?));
            } else {
                positional.push(self.expression()?);
            }
            if self.take(Kind::Comma).is_none() {
                return Ok((positional, named));
            }
        }
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
        Ok(Conditions {
            first,
            rest: rest.into(),
        })
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
        Ok(Comparison {
            left,
            right,
            place: (start..end).into(),
        })
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

/// Named arguments find their place behind the positional ones.
fn arrange(
    filter: &'static Filter,
    mut positional: Vec<Expression>,
    named: Vec<(&str, Expression)>,
    span: &Span,
) -> Result<Vec<Expression>, Fault> {
    let given = positional.len() + usize::from(!named.is_empty() && filter.named.is_none());
    let fits = given >= usize::from(filter.least) && given <= usize::from(filter.most);
    if !fits {
        let wanted = match (filter.least, filter.most) {
            (0, 0) => "no argument".to_owned(),
            (1, 1) => "one argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        return Err(Fault::new(
            span.clone(),
            FaultCode::Argument,
            format!("`{}` takes {wanted}, not {given}", filter.name),
        ));
    }
    if named.is_empty() {
        return Ok(positional);
    }
    let Some(option) = filter.named else {
        return Err(Fault::new(
            span.clone(),
            FaultCode::Argument,
            format!("`{}` takes no named argument", filter.name),
        ));
    };
    while positional.len() < usize::from(filter.most) {
        positional.push(Expression::Literal(Literal::Text("".into())));
    }
    // Other names are ignored, as in Shopify.
    let value = named.into_iter().rfind(|(name, _)| *name == option);
    positional.extend(value.map(|(_, value)| value));
    Ok(positional)
}

fn unknown_filter(name: &str, span: Span) -> Fault {
    let fault = Fault::new(
        span,
        FaultCode::UnknownFilter,
        format!("there is no filter `{name}`"),
    );
    match name {
        "money_with_currency" | "money_without_currency" => fault.hint("did you mean `money`?"),
        "sha256" => fault.hint("did you mean `sha2`?"),
        "to_json" | "tojson" => fault.hint("did you mean `as_json_string`?"),
        _ => fault.meant(name, filters::all().map(|filter| filter.name)),
    }
}
