//! Whether delays "at nine" end at nine: worked out again from the flow's text, in the zone
//! that it names.

use std::collections::HashMap;

use flowrun_simulation::core::Millis;
use flowrun_simulation::core::trace::Line;
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::run::zones;
use crate::scenario::Scenario;

/// The local times that steps name.
pub struct LocalTimes {
    zones: HashMap<String, &'static str>,
    /// By Canvas and step: the time of day, the zone (`user` or a name), the fallback.
    steps: HashMap<(String, String), (Time, String, String)>,
    pub gaps: u64,
    pub overlaps: u64,
}

impl LocalTimes {
    pub fn new(scenario: &Scenario) -> LocalTimes {
        let mut steps = HashMap::new();
        for flow in &scenario.flows {
            let company = flow.yaml.lines().find_map(|line| line.strip_prefix("time_zone: "));
            let mut id = "";
            for line in flow.yaml.lines() {
                id = line.strip_prefix("  - id: ").unwrap_or(id);
                let Some((_, rest)) = line.split_once("at: \"") else { continue };
                let (time, rest) = rest.split_once('"').expect("quoted");
                let zone = rest.trim_start_matches(", zone: ").trim_end_matches(" }");
                let time: Time = time.parse().expect("a time of day");
                let place = (flow.name.clone(), id.to_owned());
                let company = company.expect("every drawn flow has one").to_owned();
                steps.insert(place, (time, zone.to_owned(), company));
            }
        }
        LocalTimes { zones: zones(scenario), steps, gaps: 0, overlaps: 0 }
    }

    /// Somebody waits until a moment.
    ///
    /// # Panics
    /// If it is not the local time that the step names.
    pub fn waits(&mut self, line: &Line, until: Millis) {
        let (Some(canvas), Some(step), Some(user)) = (&line.canvas, &line.step, &line.user) else {
            return;
        };
        let place = (canvas.to_string(), step.to_string());
        let Some((time, zone, company)) = self.steps.get(&place) else { return };
        let own = self.zones.get(&**user).copied().unwrap_or_default();
        let zone = match (zone.as_str(), own) {
            ("user", "") => company,
            ("user", own) => own,
            (zone, _) => zone,
        };
        let zone = TimeZone::get(zone).expect("a zone that exists");
        let until = Timestamp::from_millisecond(until.0).expect("in range").to_zoned(zone.clone());
        let from = Timestamp::from_millisecond(line.at.0).expect("in range").to_zoned(zone.clone());
        let local = zone.to_ambiguous_zoned(until.date().to_datetime(*time));
        let gap = local.is_ambiguous() && until.time() != *time;
        assert!(
            until.time() == *time || gap,
            "I14: {user} waits at `{step}` until {until}, which is not {time}"
        );
        let (before, after) = (from.offset(), until.offset());
        self.gaps += u64::from(before < after);
        self.overlaps += u64::from(before > after);
    }
}
