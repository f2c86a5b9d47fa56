//! Moments as people write them on the command line and in users files, and as they read
//! them in a narration.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::core::Millis;
use crate::sdk::Duration;
use crate::track::date;

/// When a run starts that isn't told when: Monday, 5 January 2026, 09:00 UTC. A fixed
/// moment, because the present would make every run another one.
pub const DEFAULT_START: Millis = Millis(1_767_603_600_000);

/// Reads a moment in any form that User Track takes; without a zone it is in UTC.
pub fn parse(text: &str) -> anyhow::Result<Millis> {
    let Some(instant) = date::event(text.trim()) else {
        bail!("`{}` is no moment: write 2026-01-05T09:00:00Z or 2026-01-05", shown(text))
    };
    let moment = Millis(instant.ms());
    match moment > Millis::MAX {
        true => bail!("`{}` is later than the year 9999", shown(text)),
        false => Ok(moment),
    }
}

/// Reads a moment, or `now` for the present.
pub fn parse_or_now(text: &str) -> anyhow::Result<Millis> {
    match text.trim() {
        "now" => Ok(present()),
        text => parse(text),
    }
}

/// The present. Only ever asked for where a person says `now`, or renders one template.
pub fn present() -> Millis {
    Millis(Timestamp::now().as_millisecond())
}

/// Reads a length of time: `90d`, `1d 12h`.
pub fn parse_length(text: &str) -> anyhow::Result<Millis> {
    let duration: Duration =
        text.parse().map_err(anyhow::Error::msg).context("a length of time")?;
    Ok(duration.as_millis())
}

fn shown(text: &str) -> String {
    let text = crate::console::printable(text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn civil(at: Millis) -> Option<DateTime> {
    let timestamp = Timestamp::from_millisecond(at.0).ok()?;
    Some(TimeZone::UTC.to_datetime(timestamp))
}

/// `Mon  5 Jan 09:00`: always as wide, for columns.
pub fn short(at: Millis) -> String {
    civil(at).map_or_else(String::new, |civil| civil.strftime("%a %e %b %H:%M").to_string())
}

/// `Mon 5 Jan 2026 09:00`.
pub fn long(at: Millis) -> String {
    civil(at).map_or_else(String::new, |civil| civil.strftime("%a %-d %b %Y %H:%M").to_string())
}

pub fn year(at: Millis) -> i16 {
    civil(at).map_or(0, DateTime::year)
}

/// `2 d 3 h`, `40 ms`: the two largest units that matter.
pub fn length(span: Millis) -> String {
    const UNITS: [(i64, &str); 5] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms")];
    let mut rest = span.0.max(0);
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            parts.push(format!("{count} {name}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "no time".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_starts_on_a_monday_at_nine() {
        assert_eq!(long(DEFAULT_START), "Mon 5 Jan 2026 09:00");
        assert_eq!(parse("2026-01-05T09:00:00Z").unwrap(), DEFAULT_START);
        assert_eq!(parse("2026-01-05 10:00:00+01:00").unwrap(), DEFAULT_START);
        assert_eq!(short(DEFAULT_START), "Mon  5 Jan 09:00");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "soon", "2026-13-01", "99999-01-01", &"9".repeat(500)] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_read_as_people_say_them() {
        for (millis, expected) in [
            (0, "no time"),
            (40, "40 ms"),
            (90_000, "1 min 30 s"),
            (172_800_000, "2 d"),
            (172_800_000 + 10_800_000, "2 d 3 h"),
            (86_400_000 + 1000, "1 d"),
        ] {
            assert_eq!(length(Millis(millis)), expected);
        }
    }
}
