//! Dates and times in every form that User Track accepts.
//!
//! - ISO 8601 with `T` or a blank between date and time, seconds optional, fraction after `.`, `,` or a **colon**
//!   (`yyyy-MM-ddTHH:mm:ss:SSSZ`), zone `Z`, `±hh:mm`, `±hhmm`, `±hh`, and the one-digit `+1:00` of the vendor's own example;
//! - `yyyy-MM-dd`, `yyyyMMddTHHmmss`;
//! - `MM/dd/yyyy`, alone or with a time;
//! - `ddd MM dd HH:mm:ss.TZD YYYY`, the month also by name, as many languages print a date.
//!
//! No zone means UTC, a date alone midnight UTC.
//!
//! Our choice: a profile keeps a date as text. ISO 8601 stays as it was written (a users file comes back unchanged); the
//! other forms, and offsets that no other reader takes, are rewritten to ISO 8601 in UTC.

/// A point in time, in microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    pub micros: i64,
    /// The year as written; a calendar date's year can differ from that in UTC.
    pub year: i32,
    /// Seconds east of UTC, as written; 0 without a zone.
    pub offset_s: i32,
    /// The text is ISO 8601 that any reader takes.
    pub plain: bool,
}

impl Instant {
    /// Milliseconds since 1970, rounded down.
    pub fn ms(self) -> i64 {
        self.micros.div_euclid(1000)
    }

    /// `yyyy-MM-ddTHH:mm:ssZ` in UTC, with a fraction when there is one.
    pub fn iso(self) -> String {
        iso_micros(self.micros)
    }
}

/// The time of an event or purchase: any year from 0 to 9999.
pub fn event(text: &str) -> Option<Instant> {
    parse(text).filter(|instant| (0..=9999).contains(&instant.year))
}

/// A custom attribute's text, when it is a date: years 0 to 3000, others stay strings.
pub fn attribute(text: &str) -> Option<Instant> {
    if !may_be_date(text.as_bytes()) {
        return None;
    }
    parse(text).filter(|instant| (0..=3000).contains(&instant.year))
}

/// `yyyy-MM-dd` of any accepted form, for a date of birth: the calendar day as written.
pub(crate) fn day(text: &str) -> Option<String> {
    let instant = event(text)?;
    let there = instant.micros + i64::from(instant.offset_s) * 1_000_000;
    Some(iso_micros(there)[..10].to_owned())
}

/// `2013-07-16T19:20:30.000Z`, as exports write times.
pub fn iso_ms(ms: i64) -> String {
    let (y, mo, d, h, mi, s, us) = civil(ms.saturating_mul(1000));
    format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{:03}Z", us / 1000)
}

fn iso_micros(micros: i64) -> String {
    let (y, mo, d, h, mi, s, us) = civil(micros);
    match us {
        0 => format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z"),
        _ if us % 1000 == 0 => {
            format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{:03}Z", us / 1000)
        }
        _ => format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{us:06}Z"),
    }
}

/// A cheap look before the full parse: most strings are no dates.
fn may_be_date(b: &[u8]) -> bool {
    match b.first() {
        Some(c) if c.is_ascii_digit() => {
            b.len() >= 8
                && (b.get(4) == Some(&b'-') || b.get(8) == Some(&b'T') || b[..3].contains(&b'/'))
        }
        Some(b'-' | b'+') => b.len() >= 11,
        Some(c) if c.is_ascii_alphabetic() => b.len() >= 20 && b.get(3) == Some(&b' '),
        _ => false,
    }
}

/// Any accepted form, any year that fits.
pub fn parse(text: &str) -> Option<Instant> {
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    let mut at = Cursor { rest: text.as_bytes(), plain: true };
    let instant = match at.rest.first()? {
        c if c.is_ascii_alphabetic() => at.weekday_form()?,
        _ if at.rest.iter().take(3).any(|c| *c == b'/') => at.slash_form()?,
        _ => at.iso_form()?,
    };
    at.rest.is_empty().then_some(instant)
}

struct Cursor<'a> {
    rest: &'a [u8],
    plain: bool,
}

impl Cursor<'_> {
    fn iso_form(&mut self) -> Option<Instant> {
        let negative = self.take(b'-');
        let signed = negative || self.take(b'+');
        let year = if signed { self.digits(4, 6)? } else { self.digits(4, 4)? };
        let year = if negative { -(year as i32) } else { year as i32 };
        self.plain &= !signed;
        let basic = !self.take(b'-');
        let month = self.digits(2, 2)?;
        if !basic && !self.take(b'-') {
            return None;
        }
        let day = self.digits(2, 2)?;
        if self.rest.is_empty() && !basic {
            return self.instant(year, month, day, 0, 0);
        }
        let separator = self.next()?;
        if !matches!(separator, b'T' | b't') && (basic || separator != b' ') {
            return None;
        }
        self.plain &= separator != b't' && !basic;
        let time = self.time(basic)?;
        let offset = self.zone()?;
        self.instant(year, month, day, time, offset)
    }

    fn slash_form(&mut self) -> Option<Instant> {
        self.plain = false;
        let month = self.digits(1, 2)?;
        self.expect(b'/')?;
        let day = self.digits(1, 2)?;
        self.expect(b'/')?;
        let year = self.digits(4, 4)? as i32;
        if self.rest.is_empty() {
            return self.instant(year, month, day, 0, 0);
        }
        self.expect(b' ')?;
        let time = self.time(false)?;
        let offset = self.zone()?;
        self.instant(year, month, day, time, offset)
    }

    fn weekday_form(&mut self) -> Option<Instant> {
        self.plain = false;
        const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
        const MONTHS: [&[u8]; 12] = [
            b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
            b"dec",
        ];
        self.word(&DAYS)?;
        self.take(b',');
        self.expect(b' ')?;
        let month = match self.rest.first()?.is_ascii_digit() {
            true => self.digits(1, 2)?,
            false => self.word(&MONTHS)? as u32 + 1,
        };
        self.expect(b' ')?;
        let day = self.digits(1, 2)?;
        self.expect(b' ')?;
        let time = self.time(false)?;
        // Between time and zone stands a dot, a blank, or nothing; the year comes last.
        if !self.take(b'.') {
            self.take(b' ');
        }
        let offset = match self.rest.first()?.is_ascii_digit() {
            true => 0,
            false => {
                let offset = self.zone()?;
                self.expect(b' ')?;
                offset
            }
        };
        let year = self.digits(4, 4)? as i32;
        self.instant(year, month, day, time, offset)
    }

    /// Microseconds into the day.
    fn time(&mut self, basic: bool) -> Option<i64> {
        let hour = self.digits(2, 2)?;
        if !basic {
            self.expect(b':')?;
        }
        let minute = self.digits(2, 2)?;
        let mut second = 0;
        let mut micros = 0;
        let seconds_follow = match basic {
            true => self.rest.first().is_some_and(u8::is_ascii_digit),
            false => self.take(b':'),
        };
        if seconds_follow {
            second = self.digits(2, 2)?;
            // A dot that no digit follows belongs to the zone (`30.UTC 2013`).
            if let [mark @ (b'.' | b',' | b':'), digit, ..] = self.rest
                && digit.is_ascii_digit()
            {
                self.plain &= *mark == b'.';
                self.next();
                micros = self.fraction()?;
            }
        }
        let last_instant = hour == 24 && minute == 0 && second == 0 && micros == 0;
        if (hour > 23 && !last_instant) || minute > 59 || second > 60 {
            return None;
        }
        self.plain &= hour < 24 && second < 60;
        Some(i64::from(hour * 3600 + minute * 60 + second) * 1_000_000 + micros)
    }

    fn fraction(&mut self) -> Option<i64> {
        let count = self.rest.iter().take_while(|c| c.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        let mut micros = 0;
        for place in 0..6 {
            micros = micros * 10 + i64::from(digits.get(place).map_or(0, |d| d - b'0'));
        }
        (1..=9).contains(&count).then_some(micros)
    }

    /// Seconds east of UTC. No zone is UTC.
    fn zone(&mut self) -> Option<i64> {
        if self.rest.len() > 1 && self.rest[0] == b' ' && !self.rest[1].is_ascii_digit() {
            self.plain = false;
            self.next();
        }
        match self.rest {
            [] | [b' ', ..] => return Some(0),
            [b'Z', ..] => return self.next().map(|_| 0),
            [b'z', ..] => {
                self.plain = false;
                return self.next().map(|_| 0);
            }
            [b'U' | b'G', ..] => {
                self.plain = false;
                self.word(&[b"utc", b"gmt"])?;
                return Some(0);
            }
            _ => {}
        }
        let sign = match self.next()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let written = self.rest.len();
        let run = self.rest.iter().take_while(|c| c.is_ascii_digit()).count();
        let (hours, minutes) = match run {
            4 => (self.digits(2, 2)?, self.digits(2, 2)?),
            1 | 2 => {
                let hours = self.digits(run, run)?;
                let minutes = if self.take(b':') { self.digits(2, 2)? } else { 0 };
                (hours, minutes)
            }
            _ => return None,
        };
        self.plain &= run == 2 && written >= 5;
        (hours <= 18 && minutes <= 59).then_some(sign * i64::from(hours * 3600 + minutes * 60))
    }

    fn instant(&self, year: i32, month: u32, day: u32, time: i64, offset: i64) -> Option<Instant> {
        if !(1..=12).contains(&month) || day == 0 || day > days_of(year, month) {
            return None;
        }
        let micros = days_from_civil(year, month, day) * 86_400_000_000 + time - offset * 1_000_000;
        Some(Instant { micros, year, offset_s: offset as i32, plain: self.plain })
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.rest.iter().take(most).take_while(|c| c.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Some(digits.iter().fold(0, |sum, d| sum * 10 + u32::from(d - b'0')))
    }

    fn word(&mut self, words: &[&[u8]]) -> Option<usize> {
        let word = self.rest.get(..3)?;
        let index = words.iter().position(|known| known.eq_ignore_ascii_case(word))?;
        self.rest = &self.rest[3..];
        Some(index)
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }
}

fn days_of(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970 of a date in the proleptic Gregorian calendar. Years begin in March, so that the leap day is last.
fn days_from_civil(year: i32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = i64::from((153 * ((month + 9) % 12) + 2) / 5 + day - 1);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(micros: i64) -> (i64, i64, i64, i64, i64, i64, i64) {
    let days = micros.div_euclid(86_400_000_000) + 719_468;
    let of_day = micros.rem_euclid(86_400_000_000);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = years + era * 400 + i64::from(month <= 2);
    let seconds = of_day / 1_000_000;
    (year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60, of_day % 1_000_000)
}
