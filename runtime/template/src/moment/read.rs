//! Reads the many ways people and machines write a time, as Ruby's `Time.parse` does.
//!
//! A missing zone is UTC; a missing date is today's; missing parts of a date are the first. What
//! names no date and no time at all is not a time, and `date` prints it unchanged.

use super::Moment;
use jiff::Span;
use jiff::civil::{Date, DateTime, Time};

/// Longer texts are not dates.
const LONGEST: usize = 128;

#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    time: Option<(u32, u32, u32, u32)>,
    offset: Option<i32>,
}

/// The time a text names, or `None`.
pub(super) fn time<'a>(text: &str, now_ms: i64) -> Option<Moment<'a>> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Moment::utc(text.parse().ok()?, 0);
    }
    let text = text.to_ascii_lowercase();
    if text == "now" || text == "today" {
        return Moment::from_ms(now_ms);
    }
    let mut parts = Parts::default();
    let rest = clock(&text, &mut parts);
    calendar(&rest, &mut parts)?;
    assemble(&parts, now_ms)
}

fn assemble<'a>(parts: &Parts, now_ms: i64) -> Option<Moment<'a>> {
    let has_date = parts.year.is_some() || parts.month.is_some() || parts.day.is_some();
    if !has_date && parts.time.is_none() {
        return None;
    }
    let today = Moment::from_ms(now_ms)?.civil().date();
    let year = parts.year.unwrap_or_else(|| today.year().into());
    let month = match (parts.month, parts.year) {
        (Some(month), _) => month,
        (None, Some(_)) => 1,
        (None, None) => u32::try_from(today.month()).ok()?,
    };
    let day = match parts.day {
        Some(day) => day,
        None if has_date => 1,
        None => u32::try_from(today.day()).ok()?,
    };
    let (hour, minute, second, nanos) = parts.time.unwrap_or((0, 0, 0, 0));
    // 24:00 and the leap second belong to the moment after.
    let (hour, more_days) = if (hour, minute, second) == (24, 0, 0) { (0, 1) } else { (hour, 0) };
    let (second, more_seconds) = if second == 60 { (59, 1) } else { (second, 0) };
    let date = date(year, month, day)?.checked_add(Span::new().days(more_days)).ok()?;
    let time = Time::new(
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        i32::try_from(nanos).ok()?,
    )
    .ok()?;
    let civil = DateTime::from_parts(date, time);
    let civil = civil.checked_add(Span::new().seconds(more_seconds)).ok()?;
    let offset = parts.offset.unwrap_or(0);
    let zone = if offset == 0 { "UTC" } else { "" };
    Moment::at_offset(civil, offset, zone)
}

/// A date; 30 February is 1 or 2 March, as in Ruby.
fn date(year: i32, month: u32, day: u32) -> Option<Date> {
    let (year, month) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?);
    let day = i8::try_from(day).ok().filter(|day| (1..=31).contains(day))?;
    let first = Date::new(year, month, 1).ok()?;
    first.checked_add(Span::new().days(day - 1)).ok()
}

/// Takes `10:20[:30[.5]] [pm] [zone]` or `3pm` out of the text and returns the rest.
fn clock(text: &str, parts: &mut Parts) -> String {
    let Some((start, end)) = find_clock(text, parts) else {
        return text.to_owned();
    };
    let (offset, after) = zone_after(&text[end..]);
    parts.offset = offset;
    let before = text[..start].trim_end_matches(['t', ' ']);
    // The `t` of an ISO time, not the end of a month's name.
    let keeps_t = text[..start].ends_with('t')
        && text[..start - 1].ends_with(|c: char| c.is_ascii_alphabetic());
    let before = if keeps_t { text[..start].trim_end() } else { before };
    format!("{before} {}", &text[end + after..])
}

fn find_clock(text: &str, parts: &mut Parts) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let colon = text.find(':');
    if let Some(colon) = colon {
        let start = digits_before(bytes, colon, 2)?;
        let hour: u32 = text[start..colon].parse().ok()?;
        let (minute, mut end) = number(text, colon + 1, 2)?;
        let mut second = 0;
        let mut nanos = 0;
        if bytes.get(end) == Some(&b':')
            && let Some((value, next)) = number(text, end + 1, 2)
        {
            (second, end) = (value, next);
            // The colon form is one of the dialects Braze takes: `10:20:30:500Z`.
            let fraction = matches!(bytes.get(end), Some(b'.' | b',' | b':'))
                && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            if fraction {
                (nanos, end) = fraction_of_second(text, end + 1);
            }
        }
        let (hour, end) = meridian(text, hour, end);
        parts.time = Some((hour, minute, second, nanos));
        return Some((start, end));
    }
    compact(text, parts).or_else(|| hour_alone(text, parts))
}

/// The time of `20240131t102030`, or without its seconds.
fn compact(text: &str, parts: &mut Parts) -> Option<(usize, usize)> {
    let start = 9;
    let digits = |from: usize, to: usize| {
        let digits = text.as_bytes().get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())
    };
    digits(0, 8)?;
    digits(start, start + 4)?;
    if text.as_bytes()[8] != b't' {
        return None;
    }
    let (hour, at) = number(text, start, 2)?;
    let (minute, mut end) = number(text, at, 2)?;
    let mut second = 0;
    if let Some((value, next)) = number(text, end, 2) {
        (second, end) = (value, next);
    }
    parts.time = Some((hour, minute, second, 0));
    Some((start, end))
}

/// `3pm`, `11 a.m.`
fn hour_alone(text: &str, parts: &mut Parts) -> Option<(usize, usize)> {
    for mark in ["am", "pm", "a.m.", "p.m."] {
        let Some(at) = text.find(mark) else { continue };
        let before = text[..at].trim_end();
        let Some(start) = digits_before(before.as_bytes(), before.len(), 2) else {
            continue;
        };
        let hour: u32 = before[start..].parse().ok()?;
        let (hour, end) = meridian(text, hour, before.len());
        parts.time = Some((hour, 0, 0, 0));
        return Some((start, end));
    }
    None
}

fn meridian(text: &str, hour: u32, end: usize) -> (u32, usize) {
    let rest = &text[end..];
    let trimmed = rest.trim_start();
    let skipped = rest.len() - trimmed.len();
    for (mark, afternoon) in [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)] {
        if let Some(after) = trimmed.strip_prefix(mark)
            && !after.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            let hour = hour % 12 + if afternoon { 12 } else { 0 };
            return (hour, end + skipped + mark.len());
        }
    }
    (hour, end)
}

fn digits_before(bytes: &[u8], end: usize, most: usize) -> Option<usize> {
    let count = bytes[..end].iter().rev().take_while(|b| b.is_ascii_digit()).take(most).count();
    (count > 0).then_some(end - count)
}

fn number(text: &str, start: usize, most: usize) -> Option<(u32, usize)> {
    let count =
        text.as_bytes().get(start..)?.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
    Some((text[start..start + count].parse().ok()?, start + count))
}

fn fraction_of_second(text: &str, start: usize) -> (u32, usize) {
    let digits: &str = &text[start..];
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    let mut nine = digits[..count.min(9)].to_owned();
    while nine.len() < 9 {
        nine.push('0');
    }
    (nine.parse().unwrap_or(0), start + count)
}

/// The zone right after a time: `z`, `+02:00`, `-0500`, `utc`, `est`, `gmt+1`; and its length.
fn zone_after(text: &str) -> (Option<i32>, usize) {
    let trimmed = text.trim_start();
    let skipped = text.len() - trimmed.len();
    let letters = trimmed.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = &trimmed[..letters];
    let named = named_offset(word);
    let rest = &trimmed[letters..];
    let may_have_sign = word.is_empty() || word == "utc" || word == "gmt";
    if may_have_sign && let Some((offset, length)) = numeric_offset(rest) {
        return (Some(offset), skipped + letters + length);
    }
    match named {
        Some(offset) => (Some(offset), skipped + letters),
        None => (None, 0),
    }
}

fn numeric_offset(text: &str) -> Option<(i32, usize)> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let run = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    let (hours, minutes, length) = match run {
        1 | 2 => {
            let hours: i32 = text[1..=run].parse().ok()?;
            match text[1 + run..].strip_prefix(':') {
                Some(rest) if rest.bytes().take(2).filter(u8::is_ascii_digit).count() == 2 => {
                    (hours, rest[..2].parse().ok()?, 1 + run + 3)
                }
                _ => (hours, 0, 1 + run),
            }
        }
        4 => (text[1..3].parse().ok()?, text[3..5].parse().ok()?, 5),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some((sign * (hours * 3600 + minutes * 60), length))
}

fn named_offset(word: &str) -> Option<i32> {
    let hours = match word {
        "z" | "utc" | "gmt" | "ut" | "wet" => 0,
        "est" => -5,
        "edt" => -4,
        "cst" => -6,
        "cdt" => -5,
        "mst" => -7,
        "mdt" => -6,
        "pst" => -8,
        "pdt" => -7,
        "akst" => -9,
        "akdt" => -8,
        "hst" => -10,
        "bst" | "cet" | "met" | "west" => 1,
        "cest" | "eet" | "mest" => 2,
        "eest" | "msk" => 3,
        "jst" | "kst" => 9,
        _ => return None,
    };
    Some(hours * 3600)
}

/// Reads the date out of what is left once the time is gone.
fn calendar(text: &str, parts: &mut Parts) -> Option<()> {
    if iso(text, parts) || slashes(text, parts) {
        return Some(());
    }
    let mut known = false;
    for word in text.split([' ', ',', '-', '/', '.']).filter(|w| !w.is_empty()) {
        known |= word_of_date(word, parts)?;
    }
    (known || parts.time.is_some()).then_some(())
}

/// `2024-01-31`, `2024-01`, `-0044-03-15`, `2024-W05-3` is not read, `20240131t…` is.
fn iso(text: &str, parts: &mut Parts) -> bool {
    let text = text.trim();
    let first = text.split([' ', ',']).next().unwrap_or("");
    if first.len() == 8 && first.bytes().all(|b| b.is_ascii_digit()) {
        parts.year = first[..4].parse().ok();
        parts.month = first[4..6].parse().ok();
        parts.day = first[6..].parse().ok();
        return true;
    }
    let Some((pieces, true)) = numbers(first, '-').map(|p| (p.clone(), p[0].1 >= 3)) else {
        return false;
    };
    parts.year = i32::try_from(pieces[0].0).ok();
    parts.month = Some(pieces[1].0);
    parts.day = pieces.get(2).map(|p| p.0);
    true
}

/// `2024/01/31`, and `31/01/2024` with the day first, as Ruby has it.
fn slashes(text: &str, parts: &mut Parts) -> bool {
    let Some(word) = text.split([' ', ',']).find(|word| word.contains('/')) else {
        return false;
    };
    let Some(pieces) = numbers(word, '/') else {
        return false;
    };
    let year = |at: usize| {
        let (number, length) = pieces[at];
        let century = match (length, number) {
            (2, 69..) => 1900,
            (2, _) => 2000,
            _ => 0,
        };
        i32::try_from(number).ok().map(|n| n + century)
    };
    match pieces.len() {
        3 if pieces[2].1 > 2 => {
            (parts.day, parts.month, parts.year) = (Some(pieces[0].0), Some(pieces[1].0), year(2));
        }
        3 => (parts.year, parts.month, parts.day) = (year(0), Some(pieces[1].0), Some(pieces[2].0)),
        _ => (parts.month, parts.day) = (Some(pieces[0].0), Some(pieces[1].0)),
    }
    true
}

/// Two or three numbers with this sign between them, each with its count of digits.
fn numbers(word: &str, sign: char) -> Option<Vec<(u32, usize)>> {
    let pieces: Option<Vec<(u32, usize)>> = word
        .split(sign)
        .map(|piece| {
            let tidy = !piece.is_empty() && piece.bytes().all(|b| b.is_ascii_digit());
            let number = piece.parse().ok().filter(|_| tidy)?;
            Some((number, piece.len()))
        })
        .collect();
    pieces.filter(|pieces| matches!(pieces.len(), 2 | 3))
}

/// A month's or weekday's name, a day, or a year; anything else is noise, as in Ruby.
fn word_of_date(word: &str, parts: &mut Parts) -> Option<bool> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        if !matches!(&word[digits..], "" | "st" | "nd" | "rd" | "th") {
            return Some(false);
        }
        let number: u32 = word[..digits].parse().ok()?;
        if digits >= 3 || parts.day.is_some() {
            let century = match (digits, number) {
                (3.., _) => 0,
                (_, 69..) => 1900,
                _ => 2000,
            };
            parts.year = i32::try_from(number).ok().map(|n| n + century);
        } else {
            parts.day = Some(number);
        }
        return Some(parts.month.is_some());
    }
    let month = MONTHS
        .iter()
        .position(|month| word.starts_with(month))
        .filter(|_| word.bytes().all(|b| b.is_ascii_alphabetic()));
    if let Some(month) = month {
        parts.month = u32::try_from(month + 1).ok();
    }
    Some(month.is_some())
}
