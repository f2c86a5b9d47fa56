//! E-mail addresses and phone numbers: what is one, and what form of it is compared.

use crate::value::Text;

/// A deliverable-looking address: no quoting, a dotted domain, the usual lengths. Letters beyond ASCII only in the domain.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.bytes().all(local_byte)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && domain
            .rsplit('.')
            .next()
            .is_some_and(|top| top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit()))
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c == '-' || c.is_alphanumeric())
}

/// The form in which addresses are compared. Our choice: without regard to case; the profile keeps what was written.
pub(crate) fn email_key(text: &str) -> Text {
    match text.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
        true => Text::from(text.to_lowercase()),
        false => Text::new(text),
    }
}

/// E.164: `+`, then up to 15 digits, the first not 0. Our choice: blanks, dots, hyphens and brackets that people write
/// are dropped; a number without its country is refused, since it identifies nobody.
pub(crate) fn phone(text: &str) -> Option<Text> {
    if text.len() > 40 {
        return None;
    }
    let mut digits = Text::const_new("+");
    for c in text.strip_prefix('+')?.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '.' | '(' | ')' => {}
            _ => return None,
        }
    }
    ((8..=16).contains(&digits.len()) && !digits.starts_with("+0")).then_some(digits)
}
