//! Checks of single values.

use serde_json::{Number, Value as Json};

use super::view::View;
use super::walker::{At, Walker};
use super::{NAME_PATTERN, is_name};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::words;
use crate::yaml::{Node, Plain, Scalar, Style, Value};

impl<'w, 's> Walker<'w, 's> {
    pub(super) fn scalar(
        &mut self,
        view: &View<'w>,
        node: &Node<'s>,
        scalar: &Scalar<'s>,
        at: &At<'_>,
    ) -> Option<Json> {
        let value = match scalar.plain() {
            Plain::Clock if view.allows("string") => return self.clock(node, scalar),
            Plain::Huge => return self.huge(node, scalar),
            Plain::Null if view.allows("null") => return Some(Json::Null),
            Plain::Flag(flag) if view.allows("boolean") => Json::Bool(flag),
            Plain::Int(number) if view.allows("integer") => {
                self.number(view, number.into(), node, at)?
            }
            Plain::Float(number) if view.allows("number") => {
                self.number(view, Number::from_f64(number)?, node, at)?
            }
            Plain::Text if view.allows("string") => self.word(view, &scalar.text, node, at)?,
            _ => return self.mismatch(view, node, at),
        };
        Some(value)
    }

    fn word(&mut self, view: &View<'w>, text: &str, node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        let length = text.chars().count();
        if !self.check_length(view, length, "minLength", "maxLength", node, at) {
            return None;
        }
        if view.text("pattern") == Some(NAME_PATTERN) && !is_name(text) {
            let message = format!("`{}` can't be called `{}`", at.key, short(text));
            let hint =
                "a name begins with a small letter and has small letters, digits, `_` and `-`";
            let fault = Diagnostic::error(codes::BAD_ID, node.span.clone(), message).hint(hint);
            self.fault(fault);
            return None;
        }
        Some(Json::from(text))
    }

    fn number(
        &mut self,
        view: &View<'w>,
        number: Number,
        node: &Node<'s>,
        at: &At<'_>,
    ) -> Option<Json> {
        let value = number.as_f64()?;
        let limit = |keyword| view.word(keyword).and_then(Json::as_f64);
        let (least, most) = format_range(view.text("format"));
        let least = limit("minimum").or(least);
        let most = limit("maximum").or(most);
        let wrong = if least.is_some_and(|least| value < least) {
            format!("at least {}", least.unwrap_or_default())
        } else if most.is_some_and(|most| value > most) {
            format!("at most {}", most.unwrap_or_default())
        } else if let Some(bound) = limit("exclusiveMinimum").filter(|bound| value <= *bound) {
            format!("more than {bound}")
        } else if let Some(bound) = limit("exclusiveMaximum").filter(|bound| value >= *bound) {
            format!("less than {bound}")
        } else {
            return Some(Json::Number(number));
        };
        let message = format!("`{}` must be {wrong}, not {number}", at.key);
        self.fault(Diagnostic::error(codes::OUT_OF_RANGE, node.span.clone(), message));
        None
    }

    /// Characters of a text, items of a list.
    pub(super) fn check_length(
        &mut self,
        view: &View<'w>,
        length: usize,
        least: &str,
        most: &str,
        node: &Node<'s>,
        at: &At<'_>,
    ) -> bool {
        let limit = |keyword| view.word(keyword).and_then(Json::as_u64);
        let what = match node.value {
            Value::List(_) => "items",
            _ => "characters",
        };
        let bound = match (limit(least), limit(most)) {
            (Some(least), _) if (length as u64) < least => format!("at least {least}"),
            (_, Some(most)) if length as u64 > most => format!("at most {most}"),
            _ => return true,
        };
        let message = match length {
            0 => format!("`{}` is empty", at.key),
            _ => format!("`{}` has {length} {what}; it may have {bound}", at.key),
        };
        let place = if node.scalar().is_some() { node.span.clone() } else { at.place.clone() };
        self.fault(Diagnostic::error(codes::OUT_OF_RANGE, place, message));
        false
    }

    /// `const` and `enum`.
    pub(super) fn one_of(
        &mut self,
        values: &[&Json],
        node: &Node<'s>,
        at: &At<'_>,
    ) -> Option<Json> {
        if let Some(value) = self.matching(values, node) {
            return Some(value);
        }
        let words: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
        let shown: Vec<String> = values
            .iter()
            .filter(|value| !value.is_null())
            .take(12)
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        let written = node.scalar().map(|scalar| scalar.text.as_ref());
        let message = match written {
            Some(text) if !text.is_empty() => {
                format!("`{}` can't be `{}`", at.key, short(text))
            }
            _ => format!("`{}` can't be {}", at.key, node.noun()),
        };
        let fault = Diagnostic::error(codes::NOT_ALLOWED, node.span.clone(), message)
            .hint(format!("write {}", words::list(&shown, "or")))
            .did_you_mean(written.unwrap_or_default(), words);
        self.fault(fault);
        None
    }

    /// The one of the values that the node is.
    fn matching(&self, values: &[&Json], node: &Node<'s>) -> Option<Json> {
        let scalar = node.scalar()?;
        let is = |value: &Json| match (scalar.plain(), value) {
            (Plain::Null, Json::Null) => true,
            (Plain::Flag(flag), Json::Bool(value)) => flag == *value,
            (Plain::Int(number), Json::Number(value)) => value.as_i64() == Some(number),
            (Plain::Float(number), Json::Number(value)) => value.as_f64() == Some(number),
            (Plain::Text, Json::String(value)) => *value == scalar.text,
            _ => false,
        };
        values.iter().find(|value| is(value)).map(|value| (*value).clone())
    }

    /// Not the kind of value that is wanted.
    pub(super) fn mismatch(
        &mut self,
        view: &View<'w>,
        node: &Node<'s>,
        at: &At<'_>,
    ) -> Option<Json> {
        self.expected(&wanted(&view.kinds()), node, at, &view.kinds());
        None
    }

    /// A list where settings may be a map or one bare value.
    pub(crate) fn neither(&mut self, bare: &'w Json, node: &Node<'s>, at: &At<'_>) -> Option<Json> {
        let kinds = View::of(self.root, bare).map(|view| view.kinds()).unwrap_or_default();
        let wanted = format!("{} or a map", wanted(&kinds));
        self.expected(&wanted, node, at, &[]);
        None
    }

    pub(super) fn expected(&mut self, wanted: &str, node: &Node<'s>, at: &At<'_>, kinds: &[&str]) {
        // Its keys were refused already; it is most likely no map at all.
        if node.map().is_some_and(|map| map.partial) {
            return;
        }
        let message = format!("`{}` must be {wanted}, not {}", at.key, node.noun());
        // A map or list may be long: its key stands for it.
        let place = match node.scalar() {
            Some(scalar) if !scalar.text.is_empty() => node.span.clone(),
            _ => at.place.clone(),
        };
        let mut fault = Diagnostic::error(codes::WRONG_TYPE, place, message);
        if let Some(scalar) = node.scalar() {
            fault = mend(fault, scalar, node, kinds);
        }
        self.fault(fault);
    }

    pub(super) fn clock(&mut self, node: &Node<'s>, scalar: &Scalar<'s>) -> Option<Json> {
        let quoted = format!("\"{}\"", scalar.text);
        let message = "a clock time must stand in quotes";
        let fault = Diagnostic::error(codes::CLOCK, node.span.clone(), message)
            .hint(format!("without quotes some readers take `{}` for a number", scalar.text))
            .suggest(node.span.clone(), quoted);
        self.fault(fault);
        None
    }

    pub(super) fn huge(&mut self, node: &Node<'s>, scalar: &Scalar<'s>) -> Option<Json> {
        let message = "this number is too large to be kept exactly";
        let fault = Diagnostic::error(codes::OUT_OF_RANGE, node.span.clone(), message)
            .hint("put it into quotes if it is a name and not an amount")
            .suggest(node.span.clone(), format!("\"{}\"", scalar.text));
        self.fault(fault);
        None
    }
}

/// The usual slips: quotes too few, quotes too many, `yes` for `true`.
fn mend(fault: Diagnostic, scalar: &Scalar<'_>, node: &Node<'_>, kinds: &[&str]) -> Diagnostic {
    let span = node.span.clone();
    let text = scalar.text.as_ref();
    let wants = |kind| kinds.contains(&kind);
    if scalar.style == Style::Plain {
        let plain = scalar.plain();
        if wants("string") && !matches!(plain, Plain::Text | Plain::Null) {
            return fault.hint("put it into quotes").suggest(span, format!("\"{text}\""));
        }
    }
    if wants("boolean") {
        let meant = match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => "true",
            "no" | "off" | "n" | "false" => "false",
            _ => return fault,
        };
        return fault.hint(format!("write `{meant}`")).suggest(span, meant);
    }
    let number = matches!(Plain::of(text), Plain::Int(_) | Plain::Float(_));
    if number && scalar.style != Style::Plain && (wants("integer") || wants("number")) {
        return fault.hint("leave the quotes out").suggest(span, text);
    }
    fault
}

/// What a schema wants, in words.
fn wanted(kinds: &[&str]) -> String {
    let words: Vec<&str> = kinds
        .iter()
        .filter(|kind| **kind != "null")
        .map(|kind| match *kind {
            "string" => "text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "a map",
            other => other,
        })
        .collect();
    match words.as_slice() {
        [] => "left empty".to_owned(),
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        [only, ..] => (*only).to_owned(),
    }
}

/// What the integer types of Rust can hold, where the schema names one.
fn format_range(format: Option<&str>) -> (Option<f64>, Option<f64>) {
    match format {
        Some("uint8") => (Some(0.0), Some(f64::from(u8::MAX))),
        Some("uint16") => (Some(0.0), Some(f64::from(u16::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        Some("uint64" | "uint") => (Some(0.0), None),
        Some("int8") => (Some(f64::from(i8::MIN)), Some(f64::from(i8::MAX))),
        Some("int16") => (Some(f64::from(i16::MIN)), Some(f64::from(i16::MAX))),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        _ => (None, None),
    }
}

/// Enough of a text to recognize it by.
pub(crate) fn short(text: &str) -> String {
    let mut letters = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let short: String = letters.by_ref().take(40).collect();
    if letters.next().is_some() { format!("{short}…") } else { short }
}
