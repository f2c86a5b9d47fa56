//! What an unquoted scalar is: YAML 1.2's core schema, with an eye on 1.1.

/// The value of an unquoted scalar.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Plain {
    Null,
    Flag(bool),
    Int(i64),
    Float(f64),
    /// A whole number too large to be kept exactly.
    Huge,
    /// `19:00`: text here, but 1140 to a reader of YAML 1.1.
    Clock,
    Text,
}

impl Plain {
    pub(crate) fn of(text: &str) -> Plain {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
            "true" | "True" | "TRUE" => return Plain::Flag(true),
            "false" | "False" | "FALSE" => return Plain::Flag(false),
            _ => {}
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return Plain::Text;
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // `007` is a number to some readers and not to others: it stays what it looks like.
            if digits.len() > 1 && digits.starts_with('0') {
                return Plain::Text;
            }
            return text.parse().map_or(Plain::Huge, Plain::Int);
        }
        if is_clock(text) {
            return Plain::Clock;
        }
        if is_float(digits) {
            return match text.parse::<f64>() {
                Ok(float) if float.is_finite() => Plain::Float(float),
                _ => Plain::Huge,
            };
        }
        Plain::Text
    }
}

/// `9:00`, `09:00`, `19:00:30`.
fn is_clock(text: &str) -> bool {
    let mut parts = text.split(':');
    let hours = parts.next().is_some_and(|part| matches!(part.len(), 1 | 2) && all_digits(part));
    let rest: Vec<&str> = parts.collect();
    hours
        && matches!(rest.len(), 1 | 2)
        && rest.iter().all(|part| part.len() == 2 && all_digits(part))
}

/// `1.5`, `.5`, `1e3`; the sign is gone already.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa = all_digits(whole) && all_digits(fraction) && whole.len() + fraction.len() > 0;
    let zeros = whole.len() > 1 && whole.starts_with('0');
    let exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    mantissa && !zeros && exponent
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Plain;

    #[test]
    fn only_what_every_reader_agrees_on_is_more_than_text() {
        for (text, expected) in [
            ("", Plain::Null),
            ("~", Plain::Null),
            ("true", Plain::Flag(true)),
            ("yes", Plain::Text),
            ("no", Plain::Text),
            ("on", Plain::Text),
            ("off", Plain::Text),
            ("010", Plain::Text),
            ("0x1F", Plain::Text),
            ("1_000", Plain::Text),
            ("0", Plain::Int(0)),
            ("-12", Plain::Int(-12)),
            ("99999999999999999999", Plain::Huge),
            ("1.5", Plain::Float(1.5)),
            (".5", Plain::Float(0.5)),
            ("1e3", Plain::Float(1000.0)),
            ("1e999", Plain::Huge),
            (".", Plain::Text),
            ("1.2.3", Plain::Text),
            ("2026-03-27", Plain::Text),
            ("09:00", Plain::Clock),
            ("19:00:30", Plain::Clock),
            ("1:2", Plain::Text),
            ("2d", Plain::Text),
            (".inf", Plain::Text),
            ("+", Plain::Text),
        ] {
            assert_eq!(Plain::of(text), expected, "{text}");
        }
    }
}
