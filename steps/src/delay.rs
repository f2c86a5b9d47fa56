//! `delay`: lets users wait.
//!
//! Four ways to say how long, each with calendar rules of its own:
//!
//! | settings | ends |
//! |---|---|
//! | `for: 2d` | two calendar days on, at the same time of day; hours, minutes and seconds are exact lengths |
//! | `for: 2d, at: "09:00"` | the full two days, and then the next 09:00 |
//! | `at: "09:00"` | the next 09:00 |
//! | `until: 2026-03-01` | at the beginning of that day, or at `at` if it is there |
//! | `until: "2026-03-01 10:00"` | then; a zone in the text (`+01:00`, `Z`) wins over `zone` |
//! | `weekday: monday, at: "10:00"` | today if it is Monday before ten, otherwise the next Monday |
//!
//! Days are calendar days: `for: 2d` ends at the same time of day also where the clocks change
//! in between, so it is 47 or 49 hours long then; `for: 48h` is exactly that. `for: 2d,
//! at: "09:00"` is the two calendar days first, and then the next 09:00. A time of day that the
//! change leaves out is taken as much later as the clocks jump, one that it repeats is the
//! first of the two.
//!
//! A delay with no step behind it is no wait, as in Braze: the journey ends at once.
//!
//! `zone` says whose clock and calendar count: an IANA name, `user` for each user's own
//! (`time_zone` of the profile), or nothing for the Canvas's. A user without a valid zone
//! has the Canvas's.
//!
//! Everything may be Liquid. What nobody can wait for (a word for a date, more than two
//! years) fails the step for that user, with the reason `personalization failed: …`.
//!
//! Moments that are past, as in Braze where it says: a date written in the Canvas that
//! has passed when a user arrives ends the journey with the reason `delay_past` (a
//! Christmas mail in January helps nobody). A date computed for the user lets them go on
//! at once: three days before a renewal that is tomorrow means now.

mod calendar;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use flowrun_sdk::settings::Text;
use flowrun_sdk::{Attribute, Cohort, Decision, Declaration, Door, Fault, Step, Visit};
use jiff::tz::TimeZone;
use schemars::{JsonSchema, Schema};
use serde::Deserialize;

use crate::rules;
use calendar::{Nonsense, Plan};

/// The reason of journeys that end because a date in the Canvas has passed.
pub const PAST: &str = "delay_past";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = together)]
pub struct Settings {
    /// How long: `45s`, `15m`, `4h`, `2d`, `1w`, `1d 12h`. Days keep the time of day.
    #[serde(rename = "for")]
    length: Option<Text>,
    /// A time of day in quotes, `"09:00"`. With `for`, the next one after the duration.
    at: Option<Text>,
    /// A date, or a date and time: `2026-03-01`, `"2026-03-01 10:00"`.
    until: Option<Text>,
    /// The next such day of the week (`monday` … `sunday`); needs `at`.
    weekday: Option<Text>,
    /// Whose clock counts: an IANA zone, or `user`; without it, the Canvas's `time_zone`.
    zone: Option<Text>,
}

fn together(schema: &mut Schema) {
    rules::needs_one_of(schema, &["for", "at", "until", "weekday"]);
    rules::needs(schema, "weekday", "at");
    for (one, other) in [("for", "until"), ("for", "weekday"), ("until", "weekday")] {
        rules::exclude(schema, one, other);
    }
    rules::pattern(schema, "for", &format!(r"^\s*({})\s*$", flowrun_sdk::Duration::PATTERN));
    rules::pattern(schema, "at", r"^\s*([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?\s*$");
    rules::pattern(schema, "until", r"^\s*[+-]?\d{4}");
    let days = ["mon", "tues", "wednes", "thurs", "fri", "satur", "sun"];
    let days = days.map(|day| rules::any_case(&format!("{day}day"))).join("|");
    rules::pattern(schema, "weekday", &format!(r"^\s*({days})\s*$"));
}

/// Lets users wait.
pub struct Delay {
    wait: Wait,
    zone: Zone,
    /// The plan, if it is the same for everybody.
    plan: Option<Plan>,
}

/// What is waited for, as written.
enum Wait {
    Length(Text, Option<Text>),
    Clock(Text),
    Weekday(Text, Text),
    Until(Text, Option<Text>),
}

enum Zone {
    Company,
    User,
    Named(TimeZone),
    Computed(Text),
}

impl Step for Delay {
    type Settings = Settings;

    fn declare() -> Declaration {
        Declaration::new("delay", "Let users wait for a time, a date or a day of the week.")
            .shorthand("for")
            .reads("time_zone")
            .example(
                "Two days, and then nine in the morning where the user lives",
                "delay: { for: 2d, at: \"09:00\", zone: user }",
            )
            .example("Four hours", "delay: 4h")
            .example("The next Monday at ten", "delay: { weekday: monday, at: \"10:00\" }")
            .example(
                "A date of the user's",
                "delay: { until: \"{{context.${renewal_date}}}\", at: \"09:00\", zone: user }",
            )
    }

    fn create(settings: Settings) -> Result<Delay, Vec<Fault>> {
        let mut faults = constants(&settings);
        let zone = match settings.zone {
            None => Zone::Company,
            Some(text) => match text.constant().map(str::trim) {
                None => Zone::Computed(text),
                Some("user") => Zone::User,
                Some(name) => calendar::zone(name).map_or(Zone::Company, Zone::Named),
            },
        };
        let Settings { length, at, until, weekday, .. } = settings;
        let wait = match (length, until, weekday, at) {
            (Some(length), None, None, at) => Wait::Length(length, at),
            (None, Some(until), None, at) => Wait::Until(until, at),
            (None, None, Some(weekday), Some(at)) => Wait::Weekday(weekday, at),
            (None, None, None, Some(at)) => Wait::Clock(at),
            (None, None, Some(_), None) => {
                let fault = Fault::error("/weekday", "a weekday needs a time of day");
                faults.push(fault.hint("add `at: \"09:00\"`"));
                return Err(faults);
            }
            (None, None, None, None) => {
                let fault = Fault::error("", "a delay needs a length or an end");
                faults
                    .push(fault.hint("`for: 2d`, `at: \"09:00\"`, `until:` a date, or `weekday:`"));
                return Err(faults);
            }
            _ => {
                let text = "`for`, `until` and `weekday` exclude each other";
                faults
                    .push(Fault::error("", text).hint("two delays, one after the other, do both"));
                return Err(faults);
            }
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let plan = match wait.texts().all(|text| text.constant().is_some()) {
            true => Some(wait.plan(|text| &text.source).expect("its constants were checked")),
            false => None,
        };
        Ok(Delay { wait, zone, plan })
    }

    fn reads(&self) -> Vec<String> {
        match self.zone {
            Zone::User | Zone::Computed(_) => vec!["time_zone".to_owned()],
            Zone::Company | Zone::Named(_) => Vec::new(),
        }
    }

    fn decide(&self, visit: Visit<'_>) -> Decision {
        match &self.plan {
            Some(plan) => self.rest(plan, visit),
            None => match self.wait.plan(|text| visit.text(text)) {
                Ok(plan) => self.rest(&plan, visit),
                Err(nonsense) => self.fail(visit, &nonsense.message),
            },
        }
    }

    /// A delay that is the same for everybody costs one calendar computation per zone.
    fn decide_cohort(&self, cohort: &Cohort<'_>, decisions: &mut Vec<Decision>) {
        let Some(plan) = &self.plan else {
            decisions.extend(cohort.visits().map(|visit| self.decide(visit)));
            return;
        };
        let Some(first) = cohort.visits().next() else { return };
        match &self.zone {
            Zone::Company | Zone::Named(_) => {
                decisions.extend(std::iter::repeat_n(self.rest(plan, first), cohort.len()));
            }
            Zone::User => {
                let mut by_zone = BTreeMap::new();
                decisions.extend(cohort.visits().map(|visit| {
                    let decide = || self.rest(plan, visit);
                    by_zone.entry(user_zone(visit)).or_insert_with(decide).clone()
                }));
            }
            Zone::Computed(text) => {
                let mut by_zone = BTreeMap::new();
                decisions.extend(cohort.visits().map(|visit| {
                    let zones = (visit.text(text), user_zone(visit));
                    by_zone.entry(zones).or_insert_with(|| self.rest(plan, visit)).clone()
                }));
            }
        }
    }
}

impl Delay {
    fn rest(&self, plan: &Plan, visit: Visit<'_>) -> Decision {
        let now = visit.now();
        match plan.end(now, &self.zone.of(visit)) {
            Some(end) if end > now => Decision::WaitUntil { until: end, then: Door::NEXT },
            Some(end) if end < now && self.wait.is_fixed_date() => Decision::Exit(PAST.to_owned()),
            Some(_) => Decision::Go(Door::NEXT),
            None => self.fail(visit, "it is more than two years away"),
        }
    }

    fn fail(&self, visit: Visit<'_>, why: &str) -> Decision {
        let texts: Vec<_> = self.wait.texts().map(|text| visit.text(text)).collect();
        let what = if self.plan.is_some() { "delay" } else { "personalization" };
        Decision::Fail { reason: format!("{what} failed: {why}"), payload: texts.join(" ") }
    }
}

impl Wait {
    fn texts(&self) -> impl Iterator<Item = &Text> {
        let (first, second) = match self {
            Wait::Length(length, at) => (length, at.as_ref()),
            Wait::Clock(at) => (at, None),
            Wait::Weekday(weekday, at) => (weekday, Some(at)),
            Wait::Until(until, at) => (until, at.as_ref()),
        };
        std::iter::once(first).chain(second)
    }

    /// The plan, from the texts as they are for a user.
    fn plan<'t>(&'t self, text: impl Fn(&'t Text) -> &'t str) -> Result<Plan, Nonsense> {
        let clock =
            |at: &'t Option<Text>| at.as_ref().map(|at| calendar::clock(text(at))).transpose();
        Ok(match self {
            Wait::Length(length, at) => Plan::Length(calendar::length(text(length))?, clock(at)?),
            Wait::Clock(at) => Plan::Clock(calendar::clock(text(at))?),
            Wait::Weekday(weekday, at) => {
                Plan::Weekday(calendar::weekday(text(weekday))?, calendar::clock(text(at))?)
            }
            Wait::Until(until, at) => calendar::until(text(until), clock(at)?)?,
        })
    }

    fn is_fixed_date(&self) -> bool {
        matches!(self, Wait::Until(until, _) if until.constant)
    }
}

impl Zone {
    fn of(&self, visit: Visit<'_>) -> TimeZone {
        let named = match self {
            Zone::Named(zone) => return zone.clone(),
            Zone::Company => None,
            Zone::User => calendar::zone(user_zone(visit)),
            Zone::Computed(text) => match visit.text(text).trim() {
                "user" => calendar::zone(user_zone(visit)),
                name => calendar::zone(name),
            },
        };
        named.or_else(|| calendar::zone(visit.company_zone())).unwrap_or(TimeZone::UTC)
    }
}

fn user_zone(visit: Visit<'_>) -> &str {
    match visit.attribute("time_zone") {
        Attribute::Text(name) => name,
        _ => "",
    }
}

/// The faults of settings that are the same for everybody.
fn constants(settings: &Settings) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut check = |at: &str, text: &Option<Text>, read: &dyn Fn(&str) -> Option<Nonsense>| {
        let nonsense = text.as_ref().and_then(Text::constant).and_then(read);
        let fault = |bad: Nonsense| Fault {
            code: bad.code.map(str::to_owned),
            ..Fault::error(at, bad.message).hint(bad.hint)
        };
        faults.extend(nonsense.map(fault));
    };
    check("/for", &settings.length, &|text| calendar::length(text).err());
    check("/at", &settings.at, &|text| calendar::clock(text).err());
    check("/until", &settings.until, &|text| calendar::until(text, None).err());
    check("/weekday", &settings.weekday, &|text| calendar::weekday(text).err());
    check("/zone", &settings.zone, &|text| match text.trim() {
        "user" => None,
        name if calendar::zone(name).is_some() => None,
        name => Some(Nonsense {
            code: Some("FR0507"),
            message: format!("there is no time zone `{name}`"),
            hint: "an IANA name like Europe/Paris, or `user`",
        }),
    });
    let dated = settings.until.as_ref().and_then(Text::constant);
    let timed = dated.map(|text| calendar::until(text, None));
    if settings.at.is_some() && matches!(timed, Some(Ok(Plan::DateTime(_) | Plan::Moment(_)))) {
        faults.push(Fault::error("/at", "`until` has a time of its own").hint("take `at` out"));
    }
    faults
}
