//! Lengths of time as people write them: `45s`, `15m`, `4h`, `2d`, `1w`, `1d 12h`, `P1DT12H`.

use std::fmt;
use std::str::FromStr;

use crate::Millis;

/// A length of time in two parts that behave differently when clocks change.
///
/// Days (and weeks) are *calendar* days: 10:00 plus a day is 10:00. Hours and below are
/// exact: plus 24 hours is always 86,400 seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Duration {
    pub days: i64,
    pub exact: Millis,
}

/// Why a text is no duration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadDuration(String);

impl fmt::Display for BadDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadDuration {}

/// The longest duration accepted: ten years, beyond any wait that a Canvas can mean.
const MAX_DAYS: i64 = 3660;

impl Duration {
    /// A regular expression for what is read as one, blanks around it apart: for editors, which
    /// know nothing of its limits.
    pub const PATTERN: &str = concat!(
        r"\d+w\s*(\d+d\s*)?(\d+h\s*)?(\d+m\s*)?(\d+s)?",
        r"|\d+d\s*(\d+h\s*)?(\d+m\s*)?(\d+s)?",
        r"|\d+h\s*(\d+m\s*)?(\d+s)?|\d+m\s*(\d+s)?|\d+s",
        r"|P(\d+[WD])+(T(\d+[HMS])+)?|PT(\d+[HMS])+",
    );

    /// Its length where a day counts 86,400 seconds, as Braze stores windows.
    pub fn as_millis(self) -> Millis {
        Millis(self.days.saturating_mul(86_400_000)) + self.exact
    }

    fn add(&mut self, count: i64, unit: Unit) -> Option<()> {
        let (days, millis) = match unit {
            Unit::Weeks => (count.checked_mul(7)?, 0),
            Unit::Days => (count, 0),
            Unit::Hours => (0, count.checked_mul(3_600_000)?),
            Unit::Minutes => (0, count.checked_mul(60_000)?),
            Unit::Seconds => (0, count.checked_mul(1000)?),
        };
        self.days = self.days.checked_add(days)?;
        self.exact = Millis(self.exact.0.checked_add(millis)?);
        Some(())
    }
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Unit {
    Weeks,
    Days,
    Hours,
    Minutes,
    Seconds,
}

impl FromStr for Duration {
    type Err = BadDuration;

    fn from_str(text: &str) -> Result<Duration, BadDuration> {
        let trimmed = text.trim();
        let parsed = match trimmed.strip_prefix('P') {
            Some(rest) => iso(rest),
            None => plain(trimmed),
        };
        let duration = parsed.ok_or_else(|| {
            BadDuration(format!(
                "`{}` is not a duration: write 45s, 15m, 4h, 2d, 1w, `1d 12h` or ISO 8601 (P1DT12H)",
                trimmed.chars().take(40).collect::<String>()
            ))
        })?;
        if duration.as_millis() > Millis(MAX_DAYS * 86_400_000) {
            return Err(BadDuration(format!("`{trimmed}` is longer than ten years")));
        }
        Ok(duration)
    }
}

/// `1d 12h`: every unit at most once, the larger first.
fn plain(text: &str) -> Option<Duration> {
    let mut duration = Duration::default();
    let mut last = None;
    let mut rest = text;
    while !rest.is_empty() {
        let (count, after) = number(rest)?;
        let unit = match after.chars().next()? {
            'w' => Unit::Weeks,
            'd' => Unit::Days,
            'h' => Unit::Hours,
            'm' => Unit::Minutes,
            's' => Unit::Seconds,
            _ => return None,
        };
        if last.is_some_and(|last| last >= unit) {
            return None;
        }
        last = Some(unit);
        duration.add(count, unit)?;
        rest = after[1..].trim_start();
    }
    last.map(|_| duration)
}

/// The part after `P`: `1W`, `1DT12H`, `T15M`. Months and years have no fixed length.
fn iso(text: &str) -> Option<Duration> {
    let (date, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    let mut duration = Duration::default();
    let mut any = false;
    for (part, in_time) in [(date, false), (time, true)] {
        let mut rest = part;
        while !rest.is_empty() {
            let (count, after) = number(rest)?;
            let unit = match (after.chars().next()?, in_time) {
                ('W', false) => Unit::Weeks,
                ('D', false) => Unit::Days,
                ('H', true) => Unit::Hours,
                ('M', true) => Unit::Minutes,
                ('S', true) => Unit::Seconds,
                _ => return None,
            };
            duration.add(count, unit)?;
            rest = &after[1..];
            any = true;
        }
    }
    any.then_some(duration)
}

fn number(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, days, exact) in [
            ("45s", 0, 45_000),
            ("15m", 0, 900_000),
            ("4h", 0, 14_400_000),
            ("2d", 2, 0),
            ("1w", 7, 0),
            ("1d 12h", 1, 43_200_000),
            ("1d12h", 1, 43_200_000),
            ("P1DT12H", 1, 43_200_000),
            ("PT15M", 0, 900_000),
            ("P2W", 14, 0),
            ("0s", 0, 0),
        ] {
            let expected = Duration { days, exact: Millis(exact) };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "d",
            "2",
            "2 days",
            "-1d",
            "1.5d",
            "12h 1d",
            "1d 1d",
            "P",
            "PT",
            "P1M",
            "1y",
            "é1d",
            "99999999999999999999s",
            "9999w",
            "9223372036854775807s",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
