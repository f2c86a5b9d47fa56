//! What users who wait would notice, around the world and through the year.

use flowrun_sdk::testing::{Trial, User};
use flowrun_sdk::{Decision, Door, Millis};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::Delay;

fn moment(text: &str) -> Millis {
    let moment: Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    Millis(moment.as_millisecond())
}

fn trial(zone: &str, now: &str, settings: &Json) -> Trial {
    let trial = Trial::of::<Delay>(settings.clone());
    trial.unwrap_or_else(|faults| panic!("{settings}: {faults:?}")).now(moment(now)).zone(zone)
}

fn until(text: &str) -> Decision {
    Decision::WaitUntil { until: moment(text), then: Door::NEXT }
}

/// In the Canvas's zone, users who come at one moment all wait until another.
fn ends(zone: &str, settings: Json, rows: &[(&str, &str)]) {
    for (now, end) in rows {
        let decision = trial(zone, now, &settings).decide_one(&User::new("u"));
        assert_eq!(decision, until(end), "{zone}, {settings}, from {now} until {end}");
    }
}

#[test]
fn days_keep_the_time_of_day_and_hours_are_exact() {
    ends(
        "Europe/Paris",
        json!({ "for": "2d" }),
        &[
            ("2026-01-10T10:00+01:00", "2026-01-12T10:00+01:00"),
            ("2026-03-28T10:00+01:00", "2026-03-30T10:00+02:00"), // clocks go forward
            ("2026-10-24T10:00+02:00", "2026-10-26T10:00+01:00"), // clocks go back
            ("2026-12-30T10:00+01:00", "2027-01-01T10:00+01:00"), // year end
            ("2024-02-28T10:00+01:00", "2024-03-01T10:00+01:00"), // leap day
            ("2026-02-28T10:00+01:00", "2026-03-02T10:00+01:00"), // none
        ],
    );
    ends(
        "Europe/Paris",
        json!({ "for": "24h" }),
        &[
            ("2026-03-28T10:00+01:00", "2026-03-29T11:00+02:00"),
            ("2026-10-24T10:00+02:00", "2026-10-25T09:00+01:00"),
        ],
    );
    ends(
        "Europe/Paris",
        json!({ "for": "1d 12h" }),
        &[
            ("2026-03-28T10:00+01:00", "2026-03-29T22:00+02:00"),
            ("2026-03-28T02:30+01:00", "2026-03-29T15:30+02:00"), // the day ends in the gap
        ],
    );
    ends(
        "America/New_York",
        json!({ "for": "1w" }),
        &[
            ("2026-03-03T09:00-05:00", "2026-03-10T09:00-04:00"),
            ("2026-10-27T09:00-04:00", "2026-11-03T09:00-05:00"),
            ("2038-01-15T03:14:07-05:00", "2038-01-22T03:14:07-05:00"), // beyond 32 bits
            ("2045-03-08T09:00-05:00", "2045-03-15T09:00-04:00"),       // beyond the tables
        ],
    );
    ends(
        "Asia/Kolkata",
        json!({ "for": "P1DT1H" }),
        &[("2026-03-28T10:00+05:30", "2026-03-29T11:00+05:30")],
    );
    ends(
        "Australia/Lord_Howe",
        json!({ "for": "1d" }),
        &[
            ("2026-04-04T10:00+11:00", "2026-04-05T10:00+10:30"), // 24 h 30 min
            ("2026-10-03T10:00+10:30", "2026-10-04T10:00+11:00"), // 23 h 30 min
            ("2026-10-03T02:10+10:30", "2026-10-04T02:40+11:00"), // 02:10 is skipped
        ],
    );
    ends(
        "Pacific/Apia",
        json!({ "for": "1d" }),
        &[
            ("2026-03-28T10:00+13:00", "2026-03-29T10:00+13:00"),
            ("2011-12-29T10:00-10:00", "2011-12-31T10:00+14:00"), // there was no 30th
        ],
    );
}

#[test]
fn a_time_of_day_is_the_next_one_after_the_whole_duration() {
    ends(
        "Europe/Paris",
        json!({ "for": "2d", "at": "09:00" }),
        &[
            ("2026-01-10T08:00+01:00", "2026-01-12T09:00+01:00"),
            ("2026-01-10T09:00+01:00", "2026-01-12T09:00+01:00"),
            ("2026-01-10T09:00:00.001+01:00", "2026-01-13T09:00+01:00"),
            ("2026-03-27T18:30+01:00", "2026-03-30T09:00+02:00"),
        ],
    );
    ends(
        "Europe/Paris",
        json!({ "at": "02:30" }),
        &[
            ("2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00"), // skipped: as long after the gap
            ("2026-03-29T03:10+02:00", "2026-03-29T03:30+02:00"),
            ("2026-03-29T03:40+02:00", "2026-03-30T02:30+02:00"),
            ("2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00"), // twice: the first time
            ("2026-10-25T02:45+02:00", "2026-10-26T02:30+01:00"), // and not the second
            ("2026-10-25T02:10+01:00", "2026-10-26T02:30+01:00"),
        ],
    );
    ends(
        "Australia/Lord_Howe",
        json!({ "at": "01:45:30" }),
        &[
            ("2026-04-04T12:00+11:00", "2026-04-05T01:45:30+11:00"), // twice, half an hour apart
            ("2026-04-05T01:50+11:00", "2026-04-06T01:45:30+10:30"),
        ],
    );
    ends(
        "Australia/Lord_Howe",
        json!({ "at": "02:15:30" }),
        &[("2026-10-03T12:00+10:30", "2026-10-04T02:45:30+11:00")],
    );
    ends(
        "Asia/Kolkata",
        json!({ "at": "00:00" }),
        &[
            ("2026-12-31T18:29:59Z", "2027-01-01T00:00+05:30"),
            ("2026-12-31T18:30:01Z", "2027-01-02T00:00+05:30"),
        ],
    );
    ends(
        "America/Sao_Paulo",
        json!({ "at": "00:00" }),
        &[
            ("2018-11-03T12:00-03:00", "2018-11-04T01:00-02:00"), // midnight is skipped
        ],
    );
    ends(
        "Pacific/Apia",
        json!({ "at": "10:00" }),
        &[("2011-12-29T11:00-10:00", "2011-12-31T10:00+14:00")],
    );
}

#[test]
fn a_weekday_is_today_while_its_time_is_to_come() {
    let monday = json!({ "weekday": "Monday", "at": "10:00" });
    ends(
        "Europe/Paris",
        monday.clone(),
        &[
            ("2026-03-23T09:59+01:00", "2026-03-23T10:00+01:00"), // a Monday
            ("2026-03-23T10:01+01:00", "2026-03-30T10:00+02:00"),
            ("2026-03-24T09:00+01:00", "2026-03-30T10:00+02:00"),
            ("2026-12-29T09:00+01:00", "2027-01-04T10:00+01:00"),
        ],
    );
    // Sunday evening in Paris is Monday morning in Apia.
    ends("Pacific/Apia", monday, &[("2026-03-22T20:00Z", "2026-03-23T10:00+13:00")]);
    ends(
        "Pacific/Apia",
        json!({ "weekday": "friday", "at": "10:00" }),
        &[
            ("2011-12-29T11:00-10:00", "2012-01-06T10:00+14:00"), // Friday 30 was left out
        ],
    );
    ends(
        "Europe/Paris",
        json!({ "weekday": "sunday", "at": "02:30" }),
        &[("2026-03-28T12:00+01:00", "2026-03-29T03:30+02:00")],
    );
}

#[test]
fn a_date_is_the_users_or_the_canvass_unless_it_says_so_itself() {
    let now = "2026-01-10T08:00Z";
    for (settings, end) in [
        (json!({ "until": "2026-03-01" }), "2026-03-01T00:00-05:00"),
        (json!({ "until": "2026-03-01", "at": "09:30" }), "2026-03-01T09:30-05:00"),
        (json!({ "until": "2026-03-01 10:00" }), "2026-03-01T10:00-05:00"),
        (json!({ "until": "2026-03-01T10:00:30" }), "2026-03-01T10:00:30-05:00"),
        (json!({ "until": "2026-03-01T10:00:00Z" }), "2026-03-01T10:00Z"),
        (json!({ "until": "2026-03-01 10:00:00 UTC" }), "2026-03-01T10:00Z"),
        (json!({ "until": "2026-03-01 10:00:00 +0100" }), "2026-03-01T10:00+01:00"),
        (json!({ "until": "2026-03-01T10:00:00+1:00" }), "2026-03-01T10:00+01:00"),
        (json!({ "until": "2026-03-01T10:00[America/Port-au-Prince]" }), "2026-03-01T15:00Z"),
        (json!({ "until": "2026-03-08 02:30" }), "2026-03-08T03:30-04:00"), // in the gap
        (json!({ "until": "2026-11-01 01:30" }), "2026-11-01T01:30-04:00"), // comes twice
        (json!({ "until": "2026-03-01", "zone": "Asia/Kolkata" }), "2026-03-01T00:00+05:30"),
        (json!({ "until": "2026-03-01T10:00:00.0001Z" }), "2026-03-01T10:00:00.001Z"),
        (json!({ "until": "2028-01-01" }), "2028-01-01T00:00-05:00"),
    ] {
        ends("America/New_York", settings, &[(now, end)]);
    }
}

#[test]
fn users_wait_by_their_own_clock_if_they_have_one() {
    const CANVAS: &str = "2026-03-29T09:00-02:30"; // half an hour off: St. John's
    let rows = [
        (json!("Europe/Paris"), "2026-03-30T09:00+02:00"),
        (json!("America/New_York"), "2026-03-29T09:00-04:00"),
        (json!("Asia/Kolkata"), "2026-03-30T09:00+05:30"),
        (json!("asia/kolkata"), "2026-03-30T09:00+05:30"),
        (json!("Europe/Paris"), "2026-03-30T09:00+02:00"),
        (Json::Null, CANVAS),
        (json!("Mars/Olympus"), CANVAS),
        (json!(""), CANVAS),
        (json!(5), CANVAS),
    ];
    let user = |zone: &Json| {
        let user = User::new("u").attribute("time_zone", zone.clone());
        user.given("/zone", "user")
    };
    let users: Vec<_> = rows.iter().map(|(zone, _)| user(zone)).collect();
    for zone in ["user", "{{'user'}}"] {
        let settings = json!({ "for": "1d", "at": "09:00", "zone": zone });
        let trial = trial("America/St_Johns", "2026-03-28T11:00Z", &settings);
        assert_eq!(trial.reads(), ["time_zone"]);
        for (decision, (zone, end)) in trial.decide(&users).into_iter().zip(&rows) {
            assert_eq!(decision, until(end), "{zone}");
        }
    }
}

#[test]
fn everything_may_be_computed_for_the_user() {
    let now = "2026-01-10T12:00Z";
    for (setting, rendered, end) in [
        ("for", " 3d ", "2026-01-13T12:00Z"),
        ("until", "2026-02-01", "2026-02-01T00:00Z"),
        ("until", "2026-02-01 10:00:00 -0500", "2026-02-01T15:00Z"),
        ("at", "13:00", "2026-01-10T13:00Z"),
    ] {
        let decision = computed(setting, rendered, now);
        assert_eq!(decision, until(end), "{setting}: {rendered}");
    }
    let zone = json!({ "at": "09:00", "zone": "{{${store_zone}}}" });
    for (name, end) in [("Asia/Kolkata", "2026-01-11T03:30Z"), ("nowhere", "2026-01-11T09:00Z")] {
        let decision = trial("UTC", now, &zone).decide_one(&User::new("u").given("/zone", name));
        assert_eq!(decision, until(end), "{name}");
    }
}

#[test]
fn what_nobody_can_wait_for_fails_with_its_reason() {
    let now = "2026-01-10T12:00Z";
    for (setting, rendered, why) in [
        ("for", "soon", "`soon` is not a duration"),
        ("for", "3", "`3` is not a duration"),
        ("for", "-2d", "`-2d` is not a duration"),
        ("for", "732d", "`732d` is longer than two years"),
        ("for", "", "nothing stands where a duration should"),
        ("until", "next week", "`next week` is not a date or a date and time"),
        ("until", "2026-02-30", "`2026-02-30` is not a date or a date and time"),
        ("until", "2026-02-01T25:00", "`2026-02-01T25:00` is not a date or a date and time"),
        (
            "until",
            "2026-02-01 10:00 +ab",
            "`2026-02-01 10:00 +ab` is not a date or a date and time",
        ),
        ("until", "1767225600", "`1767225600` is not a date or a date and time"),
        ("until", "é026-02-0é1", "`é026-02-0é1` is not a date or a date and time"),
        ("until", "2028-01-12", "it is more than two years away"),
        ("until", "9999-12-31", "it is more than two years away"),
        ("at", "9:00", "`9:00` is not a time of day"),
        ("at", "24:00", "`24:00` is not a time of day"),
        ("at", "+9:00", "`+9:00` is not a time of day"),
        ("at", "09:00:00:00", "`09:00:00:00` is not a time of day"),
    ] {
        let reason = format!("personalization failed: {why}");
        let payload = rendered.to_owned();
        assert_eq!(computed(setting, rendered, now), Decision::Fail { reason, payload });
    }
}

fn computed(setting: &str, rendered: &str, now: &str) -> Decision {
    let settings = json!({ setting: "{{context.${x}}}" });
    trial("UTC", now, &settings).decide_one(&User::new("u").given(&format!("/{setting}"), rendered))
}

#[test]
fn who_comes_too_late_leaves_if_the_canvas_names_the_date_and_goes_on_if_it_is_computed() {
    let past = Decision::Exit("delay_past".to_owned());
    let go = Decision::Go(Door::NEXT);
    for (date, now, expected) in [
        ("2026-03-01", "2026-03-01T00:00Z", &go),
        ("2026-03-01", "2026-03-01T00:00:01Z", &past),
        ("2025-12-24T18:00Z", "2026-01-10T12:00Z", &past),
        ("0001-01-01", "2026-01-10T12:00Z", &past),
    ] {
        let fixed = trial("UTC", now, &json!({ "until": date })).decide_one(&User::new("u"));
        assert_eq!(fixed, *expected, "{date} at {now}");
        assert_eq!(computed("until", date, now), go, "{date} at {now}");
    }
    assert_eq!(computed("for", "0s", "2026-01-10T12:00Z"), go);
    let far = trial("UTC", "2026-01-10T12:00Z", &json!({ "until": "2030-01-01" }));
    let decision = far.decide_one(&User::new("u"));
    assert!(
        matches!(&decision, Decision::Fail { reason, .. } if reason.starts_with("delay failed: it is")),
        "{decision:?}"
    );
}

#[test]
fn a_delay_that_means_nothing_is_refused_at_load() {
    for (settings, places) in [
        (json!({}), vec![""]),
        (json!({ "zone": "user" }), vec![""]),
        (json!({ "for": "2d", "until": "2026-03-01" }), vec![""]),
        (json!({ "for": "2d", "weekday": "monday", "at": "10:00" }), vec![""]),
        (json!({ "weekday": "monday" }), vec!["/weekday"]),
        (json!({ "weekday": "mon", "at": "10:00" }), vec!["/weekday"]),
        (json!({ "for": "2 days", "at": "9", "zone": "Paris" }), vec!["/for", "/at", "/zone"]),
        (json!({ "for": "3y" }), vec!["/for"]),
        (json!({ "for": "800d" }), vec!["/for"]),
        (json!({ "until": "tomorrow" }), vec!["/until"]),
        (json!({ "until": "2026-03-01 10:00", "at": "09:00" }), vec!["/at"]),
        (json!({ "for": "{{x}}", "at": "25:00" }), vec!["/at"]),
        (json!({ "for": 2 }), vec![""]),
        (json!("2d"), vec![]),
        (json!({ "for": "731d", "at": "{{x}}", "zone": "user" }), vec![]),
    ] {
        let faults = Trial::of::<Delay>(settings.clone()).err().unwrap_or_default();
        let found: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
        assert_eq!(found, places, "{settings}: {faults:?}");
    }
}
