//! What a simulation has come to, for people: tables, and the line that every run ends with.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::comparison;
use super::outcome::{Outcome, each, percent};
use crate::console::{Look, Palette, printable};
use crate::core::{Millis, NodeIx};
use crate::moment;
use crate::simulation::funnel::Spread;
use crate::table;

/// The most kinds of dead letters that are listed.
const LISTED: usize = 10;
/// The longest reason that is shown, in characters.
const LONGEST_REASON: usize = 120;

/// Everything about one run, or about two.
pub fn of(outcomes: &[Outcome], palette: Palette) -> String {
    let mut text = String::new();
    if let [one, other] = outcomes {
        text.push_str(&comparison::as_text(one, other));
    }
    for outcome in outcomes {
        if outcomes.len() > 1 {
            text.push('\n');
        }
        text.push_str(&one(outcome, palette));
    }
    text
}

fn one(outcome: &Outcome, palette: Palette) -> String {
    let mut text = format!("{}\n\n", opening(outcome, palette));
    for block in [
        steps(outcome),
        endings(outcome),
        holds(outcome),
        flows(outcome),
        dead_letters(outcome, palette),
        turned_away(outcome),
    ] {
        if !block.is_empty() {
            text.push_str(&block);
            text.push('\n');
        }
    }
    text.push_str(&table::closing(&outcome.accounted()));
    text.push('\n');
    text
}

fn opening(outcome: &Outcome, palette: Palette) -> String {
    let Outcome { users, seed, start, end, .. } = outcome;
    let name = palette.paint(Look::Bold, outcome.name());
    let users = if *users == 1 { "1 user".to_owned() } else { format!("{users} users") };
    let (length, from) = (moment::length(*end - *start), moment::long(*start));
    let faults = if outcome.troubled { " · with faults" } else { "" };
    format!("{name} · {users} · {length} from {from} UTC · seed {seed}{faults}")
}

fn steps(outcome: &Outcome) -> String {
    let course = outcome.course();
    let rows = course.steps.iter().zip(&outcome.tally.steps).enumerate();
    let rows = rows.map(|(number, (step, tally))| {
        let node = course.plan.node(NodeIx(number as u16));
        let advanced = step.advanced();
        let doors = step.doors.iter().zip(&node.doors).filter(|(count, _)| **count > 0);
        let doors = doors.map(|(count, door)| match *count == advanced {
            true => format!("{door} {count}"),
            false => format!("{door} {count} ({} %)", percent(*count, advanced)),
        });
        let aborted = (tally.aborted > 0).then(|| format!("{} of them aborted", tally.aborted));
        let doors = doors.chain(aborted);
        vec![
            node.id.to_string(),
            step.arrived.to_string(),
            table::waiting(tally).to_string(),
            tally.held.to_string(),
            step.exited.to_string(),
            step.failed.to_string(),
            doors.collect::<Vec<_>>().join(" · "),
        ]
    });
    drawn(&["step", "arrived", "waiting", "held", "exited", "failed", "advanced"], rows, &[6])
}

fn endings(outcome: &Outcome) -> String {
    let course = outcome.course();
    let mut rows: Vec<Vec<String>> = course
        .endings
        .iter()
        .map(|ended| lengths(printable(&ended.reason), &ended.took, course.entered))
        .collect();
    let under_way = course.under_way();
    if under_way > 0 {
        let share = format!("{} %", percent(under_way, course.entered));
        rows.push(vec!["(under way)".to_owned(), under_way.to_string(), share]);
    }
    match rows.is_empty() {
        true => String::new(),
        false => drawn(&["ending", "journeys", "share", "p50", "p90", "p99", "longest"], rows, &[]),
    }
}

fn holds(outcome: &Outcome) -> String {
    let course = outcome.course();
    let held = course.steps.iter().enumerate().filter(|(_, step)| step.held.count() > 0);
    let rows: Vec<Vec<String>> = held
        .map(|(number, step)| {
            let id = course.plan.node(NodeIx(number as u16)).id.to_string();
            lengths(id, &step.held, course.held.count())
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => drawn(&["held at", "updates", "share", "p50", "p90", "p99", "longest"], rows, &[]),
    }
}

fn lengths(name: String, spread: &Spread, all: u64) -> Vec<String> {
    let said = |length: Option<Millis>| length.map(moment::length).unwrap_or_default();
    let mut row = vec![name, spread.count().to_string()];
    row.push(format!("{} %", percent(spread.count(), all)));
    row.extend([50, 90, 99].map(|percent| said(spread.percentile(percent))));
    row.push(said(spread.most()));
    row
}

/// Requests and messages.
fn flows(outcome: &Outcome) -> String {
    let requests = &outcome.funnel.requests;
    let mut text = String::new();
    if requests.count > 0 {
        let bins = requests.bins().into_iter().filter(|(_, bin)| bin.objects > 0);
        let bins = bins.map(|(name, bin)| {
            format!(" · {name} {} of {}", each(bin.objects, requests.count), bin.limit)
        });
        let bins: String = bins.collect();
        let again = match requests.again {
            0 => String::new(),
            again => format!(" · {again} of them again"),
        };
        text.push_str(&format!(
            "requests  {} with {} objects, {} each{bins}{again}\n",
            requests.count,
            requests.objects,
            each(requests.objects, requests.count),
        ));
    }
    if !outcome.funnel.channels.is_empty() {
        let channels = outcome.funnel.channels.iter();
        let channels = channels.map(|(channel, count)| format!("{} {count}", printable(channel)));
        text.push_str(&format!("messages  {}\n", channels.collect::<Vec<_>>().join(" · ")));
    }
    text
}

fn dead_letters(outcome: &Outcome, palette: Palette) -> String {
    let letters = &outcome.funnel.dead_letters;
    if letters.is_empty() {
        return String::new();
    }
    let all: u64 = letters.values().sum();
    let mut kinds: Vec<_> = letters.iter().collect();
    // The most frequent first, and in order where they are alike.
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let title = palette.paint(Look::Bad, &format!("dead letters ({all})"));
    let rows = kinds
        .iter()
        .take(LISTED)
        .map(|((step, reason), count)| vec![step.to_string(), count.to_string(), cut(reason)]);
    let mut text = format!("{title}\n{}", drawn(&["step", "letters", "reason"], rows, &[2]));
    if kinds.len() > LISTED {
        let more = kinds.len() - LISTED;
        text.push_str(&format!("and {more} more reasons; --json and --report have them all\n"));
    }
    text
}

fn turned_away(outcome: &Outcome) -> String {
    let reasons = outcome.turned_away();
    let reasons = reasons.iter().filter(|(_, _, count)| *count > 0);
    let said: Vec<String> = reasons.map(|(_, why, count)| format!("{count} {why}")).collect();
    if said.is_empty() { String::new() } else { format!("did not enter: {}\n", said.join(", ")) }
}

pub fn cut(reason: &str) -> String {
    let reason = printable(reason);
    match reason.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    }
}

/// A table whose columns are numbers, but for the first and those named.
pub fn drawn(
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    texts: &[usize],
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(columns);
    for mut row in rows {
        row.resize(columns.len(), String::new());
        table.add_row(row);
    }
    for (number, column) in table.column_iter_mut().enumerate().skip(1) {
        if !texts.contains(&number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    // The preset fills every cell up to its width, the last one too.
    text.lines()
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line).trim_end()))
        .collect()
}
