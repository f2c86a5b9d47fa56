//! Reads filter chains: names, positional and named arguments.

use super::reader::Reader;
use crate::expression::{Call, Expression, Filtered, Literal};
use crate::fault::{Fault, FaultCode, Span};
use crate::filters::{self, Filter};
use crate::token::Kind;

impl<'c> Reader<'_, 'c> {
    pub(super) fn filtered(&mut self) -> Result<Filtered, Fault> {
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
        Ok(Filtered { base, filters, place: (start..end).into() })
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
                    Ok(arguments) => {
                        calls.push(Call { filter, arguments: arguments.into(), place: span.into() })
                    }
                    Err(fault) => self.compiler.fault(fault),
                },
                // Looking for the name that was meant takes a while.
                None if self.compiler.has_enough() => {}
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
    let fault = Fault::new(span, FaultCode::UnknownFilter, format!("there is no filter `{name}`"));
    match name {
        "money_with_currency" | "money_without_currency" => fault.hint("did you mean `money`?"),
        "sha256" => fault.hint("did you mean `sha2`?"),
        "to_json" | "tojson" => fault.hint("did you mean `as_json_string`?"),
        _ => fault.meant(name, filters::all().map(|filter| filter.name)),
    }
}
