//! The parts of the page about one Canvas.

use std::collections::BTreeMap;

use super::chart::{self, Bar};
use super::html::{Column, count, escaped, table};
use crate::commands::simulate::outcome::{Outcome, each, percent};
use crate::core::{Millis, NodeIx};
use crate::moment;
use crate::picture::{Counts, Picture, svg};
use crate::sdk::Door;
use crate::simulation::funnel::{Day, How, Spread};
use crate::table as tables;
use crate::track::date;

const DAY: i64 = 86_400_000;
/// More days than these are shown several to a bar.
const MOST_BARS: usize = 120;
/// Points of a rising line.
const POINTS: i64 = 80;

/// What run it was, in a line.
pub fn frame(outcome: &Outcome) -> String {
    let Outcome { users, start, end, seed, .. } = outcome;
    let (length, from) = (moment::length(*end - *start), moment::long(*start));
    let faults = if outcome.troubled { " · with faults" } else { "" };
    let users = count(*users);
    format!("{users} users · {length} of virtual time from {from} UTC · seed {seed}{faults}")
}

/// Everything about one Canvas. With a heading, it is one of two.
pub fn canvas(outcome: &Outcome, number: usize, heading: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(heading) = heading {
        text.push_str(&format!("<h2>{}</h2>\n", escaped(heading)));
    }
    if let Some(description) = &outcome.course().plan.head.description {
        text.push_str(&format!("<p>{}</p>\n", escaped(description)));
    }
    if outcome.interrupted {
        let now = moment::long(outcome.end);
        text.push_str(&format!("<p class=\"bad\">Stopped at {now}: this is how far it got.</p>\n"));
    }
    let level = if heading.is_some() { "h3" } else { "h2" };
    let parts = [
        ("", figures(outcome)),
        ("The Canvas", picture(outcome, number)),
        ("Funnel", funnel(outcome)),
        ("Over time", over_time(outcome)),
        ("Time to the end", to_the_end(outcome)),
        ("Held", held(outcome)),
        ("Requests to the backend", requests(outcome)),
        ("Dead letters", dead_letters(outcome)),
        ("Did not enter", turned_away(outcome)),
        ("Broken promises", violations(outcome)),
    ];
    for (title, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
        if !title.is_empty() {
            text.push_str(&format!("<{level}>{title}</{level}>\n"));
        }
        text.push_str(part);
    }
    text
}

fn figures(outcome: &Outcome) -> String {
    let course = outcome.course();
    let totals = outcome.accounted();
    let took = course.took().percentile(50).map_or("–".to_owned(), moment::length);
    let mut figures = vec![
        ("entered", count(course.entered)),
        ("completed", count(totals.completed)),
        ("exited", count(totals.exited)),
        ("under way", count(course.under_way())),
        ("dead letters", count(totals.dead_letters)),
        ("messages", count(totals.messages)),
        ("objects written", count(totals.objects)),
        ("median time to the end", took),
    ];
    if outcome.troubled {
        figures.push(("crashes survived", count(totals.crashes)));
    }
    let figures = figures
        .iter()
        .map(|(name, figure)| format!("<div><dt>{name}</dt><dd>{}</dd></div>\n", escaped(figure)));
    format!("<dl class=\"figures\">\n{}</dl>\n", figures.collect::<String>())
}

fn picture(outcome: &Outcome, number: usize) -> String {
    let course = outcome.course();
    let (mut moved, mut exited) = (BTreeMap::new(), BTreeMap::new());
    for (number, step) in course.steps.iter().enumerate() {
        let node = NodeIx(number as u16);
        let from = course.plan.node(node);
        exited.insert(from.id.to_string(), step.exited);
        for (door, count) in step.doors.iter().enumerate() {
            if let Some(to) = course.plan.way(node, Door(door as u16)) {
                let to = course.plan.node(to).id.to_string();
                moved.insert((from.id.to_string(), from.doors[door].to_string(), to), *count);
            }
        }
    }
    let counts = Counts::of(course.entered, moved, exited);
    let drawing = svg::draw(&Picture::of(&course.plan, Some(&counts)));
    // One page may hold two drawings.
    let drawing = drawing.replace("id=\"tip\"", &format!("id=\"tip-{number}\""));
    let drawing = drawing.replace("url(#tip)", &format!("url(#tip-{number})"));
    format!(
        "<div class=\"scroll picture\" tabindex=\"0\" role=\"region\" aria-label=\"The Canvas, with how many users went which way\">\n{drawing}</div>\n"
    )
}

fn funnel(outcome: &Outcome) -> String {
    let course = outcome.course();
    let steps = course.steps.iter().zip(&outcome.tally.steps).enumerate();
    let rows: Vec<Vec<String>> = steps
        .map(|(number, (step, tally))| {
            let node = course.plan.node(NodeIx(number as u16));
            let share = percent(step.arrived, course.entered);
            let advanced = step.advanced();
            let doors = step.doors.iter().zip(&node.doors).filter(|(count, _)| **count > 0);
            let doors = doors.map(|(taken, door)| {
                let share = percent(*taken, advanced);
                format!("{} {} ({share} %)", escaped(door), count(*taken))
            });
            let doors = doors.chain(aborted(tally.aborted));
            vec![
                format!(
                    "{} <span class=\"quiet\">{}</span>",
                    escaped(&node.id),
                    escaped(&node.kind)
                ),
                count(step.arrived),
                format!(
                    "{share} %<span class=\"share\"><span style=\"width:{}%\"></span></span>",
                    share.min(100.0)
                ),
                count(tables::waiting(tally)),
                count(tally.held),
                count(step.exited),
                count(step.failed),
                doors.collect::<Vec<_>>().join("<br/>"),
            ]
        })
        .collect();
    let columns = [
        ("step", Column::Text),
        ("arrived", Column::Number),
        ("of those entered", Column::Number),
        ("waiting", Column::Number),
        ("held", Column::Number),
        ("exited", Column::Number),
        ("failed", Column::Number),
        ("advanced by", Column::Text),
    ];
    table("Users at each step; waiting and held at the end of the run", &columns, &rows)
}

/// Whose template aborted: they have advanced, and nothing was sent or written.
fn aborted(users: u64) -> Option<String> {
    (users > 0).then(|| format!("{} of them aborted", count(users)))
}

fn over_time(outcome: &Outcome) -> String {
    let days = &outcome.funnel.days.all;
    if days.is_empty() {
        return String::new();
    }
    let per_bar = days.len().div_ceil(MOST_BARS);
    let edges = edges(outcome.start, days.len());
    type Series = (&'static str, fn(&Day) -> u64);
    let series: [Series; 5] = [
        ("Entries", |day| day.entries),
        ("Exits", |day| day.exits),
        ("Messages", |day| day.messages),
        ("Updates held", |day| day.holds),
        ("Requests", |day| day.requests),
    ];
    let mut text = String::from("<div class=\"charts\">\n");
    for (name, of) in series {
        let all: u64 = days.iter().map(of).sum();
        if all == 0 {
            continue;
        }
        let bars: Vec<Bar> = days
            .chunks(per_bar)
            .enumerate()
            .map(|(number, days)| {
                let first = number * per_bar;
                let name = day_name(outcome.start, first, first + days.len() - 1);
                Bar { name, value: days.iter().map(of).sum() }
            })
            .collect();
        let peak = bars.iter().max_by_key(|bar| bar.value);
        let peak = peak.map_or(String::new(), |bar| format!(", most on {}", bar.name));
        let unit = if per_bar == 1 { "a day".to_owned() } else { format!("every {per_bar} days") };
        let described = format!("{} in all{peak}", count(all));
        let chart = chart::bars(name, &described, &bars, edges.each_ref().map(String::as_str));
        text.push_str(&figure(&format!("<b>{name}</b> {unit} · {}", escaped(&described)), &chart));
    }
    text.push_str("</div>\n");
    text
}

fn figure(caption: &str, chart: &str) -> String {
    format!("<figure>\n<figcaption>{caption}</figcaption>\n{chart}</figure>\n")
}

/// Days are counted from the start of the run; each is called by its date.
fn day_name(start: Millis, first: usize, last: usize) -> String {
    let name = |day: usize| date_of(start + Millis(day as i64 * DAY));
    if first == last { name(first) } else { format!("{} to {}", name(first), name(last)) }
}

/// The day of a moment, in UTC.
fn date_of(at: Millis) -> String {
    date::iso_ms(at.0)[..10].to_owned()
}

fn edges(start: Millis, days: usize) -> [String; 3] {
    let name = |day: usize| date_of(start + Millis(day as i64 * DAY));
    let middle = if days > 4 { name(days / 2) } else { String::new() };
    let last = if days > 1 { name(days - 1) } else { String::new() };
    [name(0), middle, last]
}

fn to_the_end(outcome: &Outcome) -> String {
    let course = outcome.course();
    let took = course.took();
    let Some(most) = took.most() else { return String::new() };
    let rows: Vec<Vec<String>> = course
        .endings
        .iter()
        .map(|ended| {
            let reason = match ended.how {
                How::Failed => format!("<span class=\"bad\">{}</span>", escaped(&ended.reason)),
                _ => escaped(&ended.reason),
            };
            lengths(reason, &ended.took, course.entered)
        })
        .collect();
    let table =
        table("Journeys by how they ended, and the time from entering to the end", &LENGTHS, &rows);
    if most <= Millis(0) {
        return table;
    }
    let lengths: Vec<Millis> = (0..=POINTS).map(|point| Millis(most.0 * point / POINTS)).collect();
    let shares: Vec<f64> = took
        .up_to(&lengths)
        .into_iter()
        .map(|reached| reached as f64 / took.count() as f64)
        .collect();
    let middle = took.percentile(50).map_or(String::new(), moment::length);
    let described = format!("half within {middle}, all within {}", moment::length(most));
    let half = moment::length(Millis(most.0 / 2));
    let chart =
        chart::rise("Ended within", &described, &shares, ["at once", &half, &moment::length(most)]);
    let chart = figure(&format!("<b>Ended within</b> · {}", escaped(&described)), &chart);
    format!("{table}<div class=\"charts\">\n{chart}</div>\n")
}

const LENGTHS: [(&str, Column); 7] = [
    ("", Column::Text),
    ("count", Column::Number),
    ("share", Column::Number),
    ("p50", Column::Number),
    ("p90", Column::Number),
    ("p99", Column::Number),
    ("longest", Column::Number),
];

fn lengths(name: String, spread: &Spread, all: u64) -> Vec<String> {
    let said = |length: Option<Millis>| length.map(moment::length).unwrap_or_default();
    let mut row = vec![name, count(spread.count())];
    row.push(format!("{} %", percent(spread.count(), all)));
    row.extend([50, 90, 99].map(|percent| said(spread.percentile(percent))));
    row.push(said(spread.most()));
    row
}

fn held(outcome: &Outcome) -> String {
    let course = outcome.course();
    let steps = course.steps.iter().enumerate().filter(|(_, step)| step.held.count() > 0);
    let rows: Vec<Vec<String>> = steps
        .map(|(number, step)| {
            let id = escaped(&course.plan.node(NodeIx(number as u16)).id);
            lengths(id, &step.held, course.held.count())
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table("How long users were held until their update was written", &LENGTHS, &rows)
}

fn requests(outcome: &Outcome) -> String {
    let requests = &outcome.funnel.requests;
    if requests.count == 0 {
        return String::new();
    }
    let rows: Vec<Vec<String>> = requests
        .bins()
        .into_iter()
        .filter(|(_, bin)| bin.objects > 0)
        .map(|(name, bin)| {
            vec![
                name.to_owned(),
                count(bin.objects),
                count(bin.requests),
                format!("{} of {}", each(bin.objects, bin.requests), bin.limit),
            ]
        })
        .collect();
    let columns = [
        ("objects", Column::Text),
        ("count", Column::Number),
        ("requests", Column::Number),
        ("each carries", Column::Number),
    ];
    let again = match requests.again {
        0 => String::new(),
        again => format!(", {} of them again", count(again)),
    };
    let caption = format!(
        "{} requests for {} updates{again}",
        count(requests.count),
        count(requests.updates)
    );
    let table = table(&caption, &columns, &rows);
    let bars: Vec<Bar> = requests
        .fill
        .iter()
        .enumerate()
        .map(|(tenth, value)| {
            let name = format!("{} to {} % full", tenth * 10, (tenth + 1) * 10);
            Bar { name, value: *value }
        })
        .collect();
    let full = percent(requests.fill[9], requests.count);
    let described = format!("{full} % of the requests are more than nine tenths full");
    let chart = chart::bars("Fill", &described, &bars, ["empty", "half full", "full"]);
    let chart = figure(&format!("<b>Fill</b> · {described}"), &chart);
    format!("{table}<div class=\"charts\">\n{chart}</div>\n")
}

fn dead_letters(outcome: &Outcome) -> String {
    let letters = &outcome.funnel.dead_letters;
    if letters.is_empty() {
        return String::new();
    }
    let mut kinds: Vec<_> = letters.iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let rows: Vec<Vec<String>> = kinds
        .into_iter()
        .map(|((step, reason), letters)| vec![escaped(step), count(*letters), escaped(reason)])
        .collect();
    let columns = [("step", Column::Text), ("letters", Column::Number), ("reason", Column::Text)];
    table("What could not be done, by step and reason", &columns, &rows)
}

fn turned_away(outcome: &Outcome) -> String {
    let reasons = outcome.turned_away();
    let rows: Vec<Vec<String>> = reasons
        .iter()
        .filter(|(_, _, users)| *users > 0)
        .map(|(_, why, users)| vec![escaped(why), count(*users)])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table("Users who wanted to enter", &[("why", Column::Text), ("users", Column::Number)], &rows)
}

fn violations(outcome: &Outcome) -> String {
    let rows = outcome.violations.iter();
    let rows: String =
        rows.map(|one| format!("<li>{}</li>\n", escaped(&one.to_string()))).collect();
    if rows.is_empty() { rows } else { format!("<ul class=\"bad\">\n{rows}</ul>\n") }
}
