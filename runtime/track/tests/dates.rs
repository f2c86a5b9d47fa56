//! Every accepted form of a date, and near misses: rows of `cases/dates.json`, `[text, ISO in UTC or null]`.

use flowrun_track::date;

#[test]
fn forms() {
    let rows: Vec<(String, Option<String>)> =
        serde_json::from_str(include_str!("cases/dates.json")).unwrap();
    let mut faults = Vec::new();
    for (text, wanted) in &rows {
        let found = date::parse(text).map(date::Instant::iso);
        if found != *wanted {
            faults.push(format!("{text}: {found:?}"));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_day_of_five_centuries_comes_back() {
    let day = 86_400_000;
    for n in -140_000..60_000i64 {
        let text = date::iso_ms(n * day + 1);
        assert_eq!(date::parse(&text).map(date::Instant::ms), Some(n * day + 1), "{text}");
    }
}

#[test]
fn years_bound_attributes_and_events_differently() {
    for (text, attribute, event) in [
        ("0000-01-01", true, true),
        ("3000-12-31T23:59:59Z", true, true),
        ("3001-01-01", false, true),
        ("9999-12-31", false, true),
        ("-0001-12-31", false, false),
        ("+12000-01-01", false, false),
    ] {
        assert_eq!(
            (date::attribute(text).is_some(), date::event(text).is_some()),
            (attribute, event),
            "{text}"
        );
    }
}
