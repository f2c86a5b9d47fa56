//! Filters for HTML.

use super::Filter;

pub(super) const FILTERS: &[Filter] = &[
    Filter::text("escape", "safe inside HTML", escape).keeps_nil(),
    Filter::text("escape_once", "safe inside HTML, without escaping twice", escape_once).beyond(),
    Filter::text("h", "the short name of `escape`", escape).keeps_nil().beyond(),
    Filter::text("newline_to_br", "with `<br />` before each line break", newline_to_br),
    Filter::text("strip_html", "without HTML tags, scripts, styles and comments", strip_html),
];

fn entity(c: u8) -> Option<&'static str> {
    Some(match c {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        b'\'' => "&#39;",
        _ => return None,
    })
}

/// Whether a byte has to be escaped; a table, because nearly all bytes have not.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    special[b'&' as usize] = true;
    special[b'<' as usize] = true;
    special[b'>' as usize] = true;
    special[b'"' as usize] = true;
    special[b'\'' as usize] = true;
    special
};

fn escape(text: &str, out: &mut String) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !SPECIAL[usize::from(byte)] {
            continue;
        }
        if let Some(entity) = entity(byte) {
            out.push_str(&text[done..at]);
            out.push_str(entity);
            done = at + 1;
        }
    }
    out.push_str(&text[done..]);
}

fn escape_once(text: &str, out: &mut String) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'&' && is_entity(&text[at + 1..]) {
            continue;
        }
        if let Some(entity) = entity(byte) {
            out.push_str(&text[done..at]);
            out.push_str(entity);
            done = at + 1;
        }
    }
    out.push_str(&text[done..]);
}

/// `amp;`, `#39;`
fn is_entity(after: &str) -> bool {
    let (run, rest) = match after.strip_prefix('#') {
        Some(digits) => {
            let count = digits.bytes().take_while(u8::is_ascii_digit).count();
            (count, &digits[count..])
        }
        None => {
            let count = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            (count, &after[count..])
        }
    };
    run > 0 && rest.starts_with(';')
}

fn newline_to_br(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('\n') {
        let line = &rest[..at];
        out.push_str(line.strip_suffix('\r').unwrap_or(line));
        out.push_str("<br />\n");
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Whole scripts, comments and styles go first, then every tag that is left.
fn strip_html(text: &str, out: &mut String) {
    const WHOLE: [(&str, &str); 3] =
        [("<script", "</script>"), ("<!--", "-->"), ("<style", "</style>")];
    let mut kept = String::with_capacity(text.len());
    let (mut at, mut done) = (0, 0);
    // An opening without its end stays; looking for that end again and again would be slow.
    let mut endless = [false; 3];
    while let Some(byte) = text.as_bytes().get(at) {
        // Most of what opens is no such thing, and a text may be brackets alone.
        let next = text.as_bytes().get(at + 1);
        if *byte != b'<' || !matches!(next, Some(b's' | b'!')) {
            at += 1;
            continue;
        }
        let rest = &text[at..];
        let whole = WHOLE
            .iter()
            .zip(&mut endless)
            .filter(|((open, _), endless)| !**endless && rest.starts_with(open))
            .find_map(|((open, close), endless)| {
                let end = rest[open.len()..].find(close);
                *endless = end.is_none();
                end.map(|end| open.len() + end + close.len())
            });
        match whole {
            Some(length) => {
                kept.push_str(&text[done..at]);
                at += length;
                done = at;
            }
            None => at += 1,
        }
    }
    kept.push_str(&text[done..]);
    let mut rest = kept.as_str();
    while let Some(open) = rest.find('<') {
        let Some(length) = rest[open..].find('>') else {
            break;
        };
        out.push_str(&rest[..open]);
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
}
