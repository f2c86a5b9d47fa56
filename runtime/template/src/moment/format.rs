//! `strftime` as Ruby's `Time` has it: the directives, the flags `- 0 ^ # _ :` and widths.

use super::Moment;
use jiff::civil::{DateTime, ISOWeekDate, Weekday};
use std::fmt::Write as _;

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// No directive is padded beyond this; Ruby refuses such widths as well.
const WIDEST: usize = 1024;

#[derive(Clone, Copy, Default)]
struct Style {
    /// `None`: as the directive likes it.
    pad: Option<Padding>,
    upper: bool,
    swap: bool,
    colons: usize,
    width: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Padding {
    Without,
    Zero,
    Space,
}

/// Appends the moment in this format. An unknown directive is printed as it stands.
pub(crate) fn strftime(moment: &Moment<'_>, format: &str, out: &mut String) {
    let civil = moment.civil();
    render(moment, civil, format, out);
}

fn render(moment: &Moment<'_>, civil: DateTime, format: &str, out: &mut String) {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (style, length) = style(&rest[at + 1..]);
        let directive = rest[at + 1 + length..].chars().next();
        let end = at + 1 + length + directive.map_or(0, char::len_utf8);
        let known = directive.is_some_and(|d| apply(moment, civil, d, style, out));
        if !known {
            out.push_str(&rest[at..end]);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
}

/// The flags and the width in front of a directive, and their length.
fn style(text: &str) -> (Style, usize) {
    let mut style = Style::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'-' => style.pad = Some(Padding::Without),
            b'0' => style.pad = Some(Padding::Zero),
            b'_' => style.pad = Some(Padding::Space),
            b'^' => style.upper = true,
            b'#' => style.swap = true,
            b':' => style.colons += 1,
            _ => break,
        }
        at += 1;
    }
    while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
        style.width = (style.width * 10 + usize::from(digit - b'0')).min(WIDEST);
        at += 1;
    }
    // `E` and `O` ask for another calendar, which Ruby ignores too.
    if let Some(b'E' | b'O') = bytes.get(at) {
        at += 1;
    }
    (style, at)
}

fn apply(
    moment: &Moment<'_>,
    civil: DateTime,
    directive: char,
    style: Style,
    out: &mut String,
) -> bool {
    let day = civil.date();
    let hour12 = match civil.hour() % 12 {
        0 => 12,
        hour => i64::from(hour),
    };
    let weekday = i64::from(day.weekday().to_sunday_zero_offset());
    let iso = || ISOWeekDate::from(day);
    let mut number = |n: i64, width: usize| pad_number(n, width, Padding::Zero, style, out);
    match directive {
        'Y' => number(day.year().into(), if day.year() < 0 { 5 } else { 4 }),
        'C' => number(i64::from(day.year()).div_euclid(100), 2),
        'y' => number(i64::from(day.year()).rem_euclid(100), 2),
        'm' => number(day.month().into(), 2),
        'd' => number(day.day().into(), 2),
        'j' => number(day.day_of_year().into(), 3),
        'H' => number(civil.hour().into(), 2),
        'I' => number(hour12, 2),
        'M' => number(civil.minute().into(), 2),
        'S' => number(civil.second().into(), 2),
        's' => number(moment.seconds, 1),
        'u' => number(if weekday == 0 { 7 } else { weekday }, 1),
        'w' => number(weekday, 1),
        'G' => number(iso().year().into(), 4),
        'g' => number(i64::from(iso().year()).rem_euclid(100), 2),
        'V' => number(iso().week().into(), 2),
        'U' => number(week(civil, Weekday::Sunday), 2),
        'W' => number(week(civil, Weekday::Monday), 2),
        'e' => pad_number(day.day().into(), 2, Padding::Space, style, out),
        'k' => pad_number(civil.hour().into(), 2, Padding::Space, style, out),
        'l' => pad_number(hour12, 2, Padding::Space, style, out),
        'L' => fraction(moment, if style.width > 0 { style.width } else { 3 }, out),
        'N' => fraction(moment, if style.width > 0 { style.width } else { 9 }, out),
        'z' => offset(moment.offset_seconds, style, out),
        'Z' => pad_text(moment.zone, style, case(style, Case::Lower), out),
        'A' => pad_text(DAYS[weekday as usize], style, case(style, Case::Upper), out),
        'a' => pad_text(&DAYS[weekday as usize][..3], style, case(style, Case::Upper), out),
        'B' => pad_text(month(day.month()), style, case(style, Case::Upper), out),
        'b' | 'h' => pad_text(&month(day.month())[..3], style, case(style, Case::Upper), out),
        'p' => {
            let text = if civil.hour() < 12 { "AM" } else { "PM" };
            pad_text(text, style, case(style, Case::Lower), out);
        }
        'P' => {
            let text = if civil.hour() < 12 { "am" } else { "pm" };
            pad_text(text, style, case(style, Case::Keep), out);
        }
        'n' => pad_text("\n", style, Case::Keep, out),
        't' => pad_text("\t", style, Case::Keep, out),
        '%' => pad_text("%", style, Case::Keep, out),
        'c' => compound(moment, civil, "%a %b %e %H:%M:%S %Y", style, out),
        'D' | 'x' => compound(moment, civil, "%m/%d/%y", style, out),
        'F' => compound(moment, civil, "%Y-%m-%d", style, out),
        'v' => compound(moment, civil, "%e-%^b-%Y", style, out),
        'X' | 'T' => compound(moment, civil, "%H:%M:%S", style, out),
        'R' => compound(moment, civil, "%H:%M", style, out),
        'r' => compound(moment, civil, "%I:%M:%S %p", style, out),
        '+' => compound(moment, civil, "%a %b %e %H:%M:%S %Z %Y", style, out),
        _ => return false,
    }
    true
}

fn month(number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("   ")
}

/// Week of the year, counted from the first `first` day.
fn week(civil: DateTime, first: Weekday) -> i64 {
    let day = i64::from(civil.date().day_of_year()) - 1;
    let since = match first {
        Weekday::Sunday => civil.date().weekday().to_sunday_zero_offset(),
        _ => civil.date().weekday().to_monday_zero_offset(),
    };
    (day + 7 - i64::from(since)) / 7
}

#[derive(Clone, Copy, PartialEq)]
enum Case {
    Keep,
    Upper,
    Lower,
}

fn case(style: Style, swapped: Case) -> Case {
    if style.upper {
        Case::Upper
    } else if style.swap {
        swapped
    } else {
        Case::Keep
    }
}

fn pad_number(number: i64, usual: usize, fill: Padding, style: Style, out: &mut String) {
    let fill = style.pad.unwrap_or(fill);
    let width = match (style.width, fill) {
        (0, Padding::Without) => 0,
        (0, _) => usual,
        (width, _) => width,
    };
    _ = match fill {
        Padding::Without => write!(out, "{number}"),
        Padding::Zero => write!(out, "{number:0width$}"),
        Padding::Space => write!(out, "{number:width$}"),
    };
}

fn pad_text(text: &str, style: Style, case: Case, out: &mut String) {
    let fill = match style.pad {
        Some(Padding::Zero) => '0',
        _ => ' ',
    };
    if style.pad != Some(Padding::Without) {
        for _ in text.chars().count()..style.width {
            out.push(fill);
        }
    }
    match case {
        Case::Keep => out.push_str(text),
        Case::Upper => out.extend(text.chars().flat_map(char::to_uppercase)),
        Case::Lower => out.extend(text.chars().flat_map(char::to_lowercase)),
    }
}

fn compound(moment: &Moment<'_>, civil: DateTime, format: &str, style: Style, out: &mut String) {
    let mut text = String::new();
    render(moment, civil, format, &mut text);
    pad_text(&text, style, case(style, Case::Upper), out);
}

fn fraction(moment: &Moment<'_>, digits: usize, out: &mut String) {
    let nine = format!("{:09}", moment.nanoseconds);
    for at in 0..digits {
        out.push(nine.as_bytes().get(at).map_or('0', |b| *b as char));
    }
}

fn offset(seconds: i32, style: Style, out: &mut String) {
    let sign = if seconds < 0 { '-' } else { '+' };
    let size = seconds.unsigned_abs();
    let (hours, minutes, rest) = (size / 3600, size / 60 % 60, size % 60);
    let tail = match style.colons {
        0 => format!("{minutes:02}"),
        1 => format!(":{minutes:02}"),
        _ => format!(":{minutes:02}:{rest:02}"),
    };
    let width = style.width.saturating_sub(tail.len() + 1).max(2);
    _ = match style.pad {
        Some(Padding::Without) => write!(out, "{sign}{hours}"),
        Some(Padding::Space) => {
            let signed = format!("{sign}{hours}");
            let width = width + 1;
            write!(out, "{signed:>width$}")
        }
        _ => write!(out, "{sign}{hours:0width$}"),
    };
    out.push_str(&tail);
}
