//! A step that lets users go on only while a calendar file says that it is time.
//!
//! ```yaml
//! - id: office_hours
//!   send_window: hours.txt
//! ```
//!
//! The file stands beside the Canvas; the same lines may stand in the Canvas, as `hours`. A line of it opens a window for some days of the week, or
//! closes a date; later lines win for a date, and `#` begins a comment:
//!
//! ```text
//! mon-fri 09:00-18:00
//! sat     10:00-14:00
//! 2026-12-25 closed          # Christmas
//! 2026-12-24 09:00-12:00
//! ```
//!
//! Times are those of the Canvas (`time_zone`). Users who come while it is open go on at once;
//! all others wait until it opens next. The file is read by flowrun when the Canvas is loaded:
//! the step itself opens nothing, so a simulation of a year reads it once.

use std::collections::BTreeMap;

use flowrun_sdk::settings::{Text, TextFile};
use flowrun_sdk::{Decision, Declaration, Fault, Millis, Step, Visit};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is not open within so many days is taken to never open.
const HORIZON_DAYS: usize = 400;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The calendar, a file beside the Canvas.
    calendar: Option<TextFile>,
    /// The calendar's lines themselves.
    hours: Option<Text>,
}

pub struct SendWindow {
    calendar: Calendar,
}

/// Windows within a day: from, to.
type Windows = Vec<(Time, Time)>;

#[derive(Default)]
struct Calendar {
    /// From Monday.
    week: [Windows; 7],
    dates: BTreeMap<Date, Windows>,
}

impl Step for SendWindow {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("send_window", "Let users go on while a calendar file says it is time.")
            .shorthand("calendar")
            .example("On working days", "send_window:\n  hours: mon-fri 09:00-18:00\n")
            .example(
                "Closed at Christmas",
                "send_window:\n  hours: |\n    mon-sat 10:00-20:00\n    2026-12-25 closed\n",
            )
    }

    fn create(settings: Settings) -> Result<SendWindow, Vec<Fault>> {
        let (text, at) = match (settings.calendar, settings.hours) {
            (Some(TextFile(file)), None) => (file, "/calendar"),
            (None, Some(text)) => (text, "/hours"),
            _ => return Err(vec![Fault::error("", "write either `calendar` or `hours`")]),
        };
        let Some(text) = text.constant() else {
            return Err(vec![Fault::error(at, "a calendar is the same for everybody")]);
        };
        let calendar = Calendar::read(text).map_err(|faults| {
            faults.into_iter().map(|fault| Fault { at: at.to_owned(), ..fault }).collect::<Vec<_>>()
        })?;
        Ok(SendWindow { calendar })
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        let fail =
            |reason: &str| Decision::Fail { reason: reason.to_owned(), payload: String::new() };
        let Ok(zone) = TimeZone::get(visit.company_zone()) else {
            return fail("the Canvas's time zone is unknown");
        };
        match self.calendar.next_open(visit.now(), &zone) {
            None => fail("the calendar doesn't open within a year"),
            Some(until) if until <= visit.now() => Decision::Go(visit.next()),
            Some(until) => Decision::WaitUntil { until, then: visit.next() },
        }
    }
}

impl Calendar {
    fn read(text: &str) -> Result<Calendar, Vec<Fault>> {
        let (mut calendar, mut faults) = (Calendar::default(), Vec::new());
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("").trim();
            if let Err(why) = calendar.add(line) {
                let said = format!("line {} of the calendar: {why}", number + 1);
                faults.push(Fault::error("", said));
            }
        }
        if calendar.week.iter().chain(calendar.dates.values()).all(Vec::is_empty) {
            let hint = "write a line such as `mon-fri 09:00-18:00`";
            faults.push(Fault::error("", "the calendar never opens").hint(hint));
        }
        if faults.is_empty() { Ok(calendar) } else { Err(faults) }
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let (Some(when), Some(window)) = (words.next(), words.next()) else {
            return if line.is_empty() { Ok(()) } else { Err(format!("`{line}` has no window")) };
        };
        if let Some(more) = words.next() {
            return Err(format!("`{more}` is too much: a line has days and one window"));
        }
        let window = match window {
            "closed" => None,
            window => {
                Some(times(window).ok_or(format!("`{window}` is no window like 09:00-18:00"))?)
            }
        };
        if let Ok(date) = when.parse::<Date>() {
            let windows = self.dates.entry(date).or_default();
            put(windows, window);
            return Ok(());
        }
        let days = days(when).ok_or(format!("`{when}` is neither a date nor days like mon-fri"))?;
        for day in days {
            put(&mut self.week[day], window);
        }
        Ok(())
    }

    /// The first moment from `now` on at which it is open.
    fn next_open(&self, now: Millis, zone: &TimeZone) -> Option<Millis> {
        let local = Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone.clone());
        let mut date = local.date();
        for _ in 0..HORIZON_DAYS {
            let week = &self.week[date.weekday().to_monday_zero_offset() as usize];
            let windows = self.dates.get(&date).unwrap_or(week);
            let opens = windows.iter().filter_map(|(from, to)| {
                let moment = |time: Time| {
                    let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
                    Some(Millis(zoned.timestamp().as_millisecond()))
                };
                let (from, to) = (moment(*from)?, moment(*to)?);
                (now < to).then_some(from.max(now))
            });
            if let Some(open) = opens.min() {
                return Some(open);
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }
}

/// One more window; `None` closes all there were.
fn put(windows: &mut Windows, window: Option<(Time, Time)>) {
    match window {
        Some(window) => windows.push(window),
        None => windows.clear(),
    }
}

fn times(window: &str) -> Option<(Time, Time)> {
    let (from, to) = window.split_once('-')?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some((from, to))
}

fn days(text: &str) -> Option<std::ops::RangeInclusive<usize>> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let number = |name: &str| NAMES.iter().position(|known| *known == name);
    match text.split_once('-') {
        None => number(text).map(|day| day..=day),
        Some((from, to)) => Some(number(from)?..=number(to)?).filter(|days| !days.is_empty()),
    }
}

flowrun_sdk::export_step!(SendWindow);

#[cfg(test)]
mod tests {
    use flowrun_sdk::testing::{Trial, User, try_examples};
    use serde_json::json;

    use super::*;

    const HOURS: &str = "mon-fri 09:00-12:00\nmon-fri 13:00-18:00 # after lunch\n\nsat 10:00-14:00\n\
                         2026-12-25 closed\n2026-12-26 11:00-12:00\n";

    fn millis(moment: &str) -> Millis {
        Millis(moment.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn users_wait_for_the_next_window() {
        for (now, expected) in [
            ("2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z"), // 9:00 in Paris: it opens
            ("2026-01-05T07:59:59Z", "2026-01-05T08:00:00Z"),
            ("2026-01-05T11:30:00Z", "2026-01-05T12:00:00Z"), // lunch
            ("2026-01-05T17:00:00Z", "2026-01-06T08:00:00Z"), // 18:00 is closed
            ("2026-01-10T15:00:00Z", "2026-01-12T08:00:00Z"), // Saturday evening
            ("2026-03-28T15:00:00Z", "2026-03-30T07:00:00Z"), // clocks change that Sunday
            ("2026-12-24T20:00:00Z", "2026-12-26T10:00:00Z"), // Christmas, then other hours
        ] {
            let trial = Trial::of::<SendWindow>(json!({ "calendar": HOURS })).unwrap();
            let trial = trial.now(millis(now)).zone("Europe/Paris");
            let expected = match millis(expected) {
                until if until == millis(now) => Decision::Go(flowrun_sdk::Door::NEXT),
                until => Decision::WaitUntil { until, then: flowrun_sdk::Door::NEXT },
            };
            assert_eq!(trial.decide_one(&User::new("ada")), expected, "{now}");
        }
    }

    #[test]
    fn a_calendar_that_makes_no_sense_is_refused_with_its_lines() {
        for (calendar, expected) in [
            ("", "the calendar never opens"),
            ("mon closed", "the calendar never opens"),
            ("mon 09:00-18:00\nfoo 1-2", "line 2 of the calendar: `1-2` is no window"),
            ("foo 09:00-18:00", "`foo` is neither a date nor days like mon-fri"),
            ("mon 18:00-09:00", "`18:00-09:00` is no window"),
            ("mon", "`mon` has no window"),
            ("mon 09:00-18:00 10:00-11:00", "`10:00-11:00` is too much"),
        ] {
            let faults = Trial::of::<SendWindow>(json!({ "calendar": calendar })).err().unwrap();
            assert!(faults[0].message.contains(expected), "{calendar}: {faults:?}");
        }
        assert!(Trial::of::<SendWindow>(json!({})).is_err());
    }

    #[test]
    fn the_examples_work() {
        assert_eq!(try_examples::<SendWindow>(), Vec::<String>::new());
    }
}
