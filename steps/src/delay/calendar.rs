//! From what a person wrote to a moment: dates, clock times, weekdays, zones.
//!
//! Two rules hold whatever clocks do. A wait never ends early: a clock time that is
//! skipped (02:30 on the night clocks go forward) is the same length after the gap, 03:30.
//! And a clock time that comes twice counts once, the first time.
//!
//! Zones come from the database that is compiled in, not from the machine's: the same
//! Canvas must wait as long on a laptop as in a container without `tzdata`.

use std::sync::LazyLock;

use flowrun_sdk::{Duration, Millis};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, ToSpan, Zoned};

/// Two years and a leap day.
const LONGEST: Millis = Millis(731 * 86_400_000);

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of an IANA name.
pub fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}

/// What to wait for.
#[derive(Clone, Debug)]
pub enum Plan {
    /// The whole duration, and then the next such time.
    Length(Duration, Option<Time>),
    /// The next such time.
    Clock(Time),
    /// The next such weekday at the time.
    Weekday(Weekday, Time),
    Day(Date, Time),
    DateTime(DateTime),
    /// A date-time that brought its own zone.
    Moment(Timestamp),
}

/// Why a text can't be waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nonsense {
    /// The runtime's code, where it has one for this.
    pub code: Option<&'static str>,
    pub message: String,
    pub hint: &'static str,
}

impl Plan {
    /// When the wait ends for somebody who comes now; may be past. `None`: farther than
    /// two years.
    pub fn end(&self, now: Millis, zone: &TimeZone) -> Option<Millis> {
        let end = match *self {
            // Not measured by its end: two years and the hours to the next 09:00 are fine.
            Plan::Length(length, at) => {
                let end = after(now, length, zone);
                return Some(at.map_or(end, |at| next(end, zone, at, |_| true)));
            }
            Plan::Clock(at) => next(now, zone, at, |_| true),
            Plan::Weekday(weekday, at) => next(now, zone, at, |day| day == weekday),
            Plan::Day(date, at) => millis_of(date.to_datetime(at), zone),
            Plan::DateTime(datetime) => millis_of(datetime, zone),
            Plan::Moment(moment) => millis(moment),
        };
        (end - now <= LONGEST).then_some(end)
    }
}

/// Days are calendar days, hours are exact.
fn after(now: Millis, length: Duration, zone: &TimeZone) -> Millis {
    if length.days == 0 {
        return now + length.exact;
    }
    let day = zoned(now, zone).checked_add(Span::new().days(length.days));
    day.map_or(Millis::MAX, |day| millis(day.timestamp())) + length.exact
}

/// The first moment, not before `from`, at which the clock shows `at` on such a day.
fn next(from: Millis, zone: &TimeZone, at: Time, such: impl Fn(Weekday) -> bool) -> Millis {
    #[cfg(feature = "planted")]
    let zone = &match crate::planted::is_planted() {
        true => zoned(from, zone).offset().to_time_zone(),
        false => zone.clone(),
    };
    let today = zoned(from, zone).date();
    // Three weeks: one may be spent by a time that is past, one by a day that a zone left
    // out when it moved over the date line (Samoa had no 30 December 2011).
    let end = (0..=21).find_map(|days| {
        let date = today.checked_add(days.days()).ok()?;
        let end = millis_of(date.to_datetime(at), zone);
        (end >= from && such(zoned(end, zone).weekday())).then_some(end)
    });
    end.unwrap_or(Millis::MAX)
}

fn zoned(moment: Millis, zone: &TimeZone) -> Zoned {
    Timestamp::from_millisecond(moment.0).unwrap_or(Timestamp::MAX).to_zoned(zone.clone())
}

fn millis_of(datetime: DateTime, zone: &TimeZone) -> Millis {
    match zone.to_timestamp(datetime) {
        Ok(moment) => millis(moment),
        // The first and last days of the calendar, which no zone can place.
        Err(_) if datetime.year() < 1970 => Millis(0),
        Err(_) => Millis::MAX,
    }
}

/// Rounded up: not even a microsecond early.
fn millis(moment: Timestamp) -> Millis {
    let millis = moment.as_nanosecond().div_euclid(1_000_000);
    let rest = moment.as_nanosecond().rem_euclid(1_000_000);
    Millis(millis as i64 + i64::from(rest > 0))
}

/// `for`.
pub fn length(text: &str) -> Result<Duration, Nonsense> {
    const HINT: &str = "write 45s, 15m, 4h, 2d, 1w, `1d 12h` or P1DT12H";
    let code = Some("FR0506");
    let bad = |_| Nonsense { code, ..nonsense(text, "a duration", HINT) };
    let duration: Duration = text.parse().map_err(bad)?;
    if duration.as_millis() > LONGEST {
        let message = format!("`{}` is longer than two years", shown(text));
        return Err(Nonsense { code, message, hint: "two years (731 days) is the longest delay" });
    }
    Ok(duration)
}

/// `at`: `09:00` or `09:00:30`.
pub fn clock(text: &str) -> Result<Time, Nonsense> {
    let digits = |part: &str| {
        let plain = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok()).flatten()
    };
    let mut parts = text.trim().split(':');
    let (hour, minute) = (parts.next().and_then(digits), parts.next().and_then(digits));
    let second = parts.next().map_or(Some(0), digits);
    let time = match (hour, minute, second, parts.next()) {
        (Some(hour), Some(minute), Some(second), None) => Time::new(hour, minute, second, 0).ok(),
        _ => None,
    };
    time.ok_or_else(|| nonsense(text, "a time of day", "write it as \"09:00\" or \"21:30:15\""))
}

/// `weekday`.
pub fn weekday(text: &str) -> Result<Weekday, Nonsense> {
    const NAMES: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let name = text.trim().to_ascii_lowercase();
    let index = NAMES.iter().position(|known| *known == name);
    let weekday = index.and_then(|index| Weekday::from_monday_zero_offset(index as i8).ok());
    weekday.ok_or_else(|| nonsense(text, "a weekday", "monday, tuesday, … sunday"))
}

/// `until`, with the time for a date without one.
pub fn until(text: &str, at: Option<Time>) -> Result<Plan, Nonsense> {
    const HINT: &str = "write 2026-03-01, \"2026-03-01 10:00\" or \"2026-03-01T10:00:00+01:00\"";
    let bad = || nonsense(text, "a date or a date and time", HINT);
    let plain = plain_offset(text.trim());
    let pieces = DateTimeParser::new().parse_pieces(&plain).map_err(|_| bad())?;
    let Some(time) = pieces.time() else {
        return Ok(Plan::Day(pieces.date(), at.unwrap_or(Time::midnight())));
    };
    let datetime = pieces.date().to_datetime(time);
    if let Some(offset) = pieces.to_numeric_offset() {
        return offset.to_timestamp(datetime).map(Plan::Moment).map_err(|_| bad());
    }
    match pieces.to_time_zone_with(&ZONES).map_err(|_| bad())? {
        Some(zone) => zone.to_timestamp(datetime).map(Plan::Moment).map_err(|_| bad()),
        None => Ok(Plan::DateTime(datetime)),
    }
}

/// What Liquid prints and what people send as an offset (` +0100`, ` UTC`, `+1:00`), in
/// the form of the standard.
fn plain_offset(text: &str) -> String {
    for zulu in ["UTC", "GMT"] {
        if let Some(time) = text.strip_suffix(zulu) {
            return format!("{}Z", time.trim_end());
        }
    }
    // Behind the date, whose hyphens are no signs.
    let sign = text.get(10..).and_then(|rest| rest.find(['+', '-'])).map(|index| index + 10);
    let Some((time, offset)) = sign.and_then(|sign| text.split_at_checked(sign)) else {
        return text.to_owned();
    };
    let hours = offset[1..].find(':').unwrap_or(2);
    let (sign, rest) = offset.split_at(1);
    let zero = if hours == 1 { "0" } else { "" };
    format!("{}{sign}{zero}{rest}", time.trim_end())
}

fn nonsense(text: &str, kind: &str, hint: &'static str) -> Nonsense {
    let message = match text.trim() {
        "" => format!("nothing stands where {kind} should"),
        text => format!("`{}` is not {kind}", shown(text)),
    };
    Nonsense { code: None, message, hint }
}

fn shown(text: &str) -> String {
    text.trim().chars().take(40).collect()
}
