//! `flowrun status`: who is where in a state folder, and how it is with what holds them.

use clap::Args;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::console::{Console, Look, Palette, printable};
use crate::core::Millis;
use crate::exit::Exit;
use crate::moment;
use crate::operations::At;
use crate::operations::protocol::{CanvasRow, Moment, Overview, StepRow};

/// The longest name of a step in the table, in characters; less where the table is too wide.
const LONGEST: usize = 24;
const SHORTEST: usize = 12;

/// Columns of a terminal.
const WIDTH: usize = 80;

const COLUMNS: [&str; 7] = ["step", "waiting", "held", "sending", "parked", "oldest", "next"];

const EXAMPLES: &str = "\
Examples:
  flowrun status --state data                  who is where, dead letters, log and disk
  flowrun status --state data --json | jq .dead_letters.count

A server that holds the folder is asked; without one the folder is read as it stands. `oldest` is
for how long the first of those who are at a step has been there, `next` when the first of those
who wait there goes on; `sending` are at a message or webhook.";

/// Show who is where, and how the state folder is
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Status {
    #[command(flatten)]
    at: At,

    /// Print it as one JSON object
    #[arg(long)]
    json: bool,
}

impl Status {
    pub fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let overview = self.at.desk(console)?.overview()?;
        if self.json {
            console.line(&serde_json::to_string_pretty(&overview)?)?;
        } else {
            let palette = console.palette;
            console.print(&told(&overview, palette))?;
        }
        Ok(Exit::Done)
    }
}

fn told(overview: &Overview, palette: Palette) -> String {
    let mut text = String::new();
    let mut line = |said: &str| {
        text.push_str(said);
        text.push('\n');
    };
    let now = overview.at.0;
    match overview.running {
        true => line("at work"),
        false => line("at rest: no server holds the folder, and nobody moves"),
    }
    for reason in &overview.overload {
        line(&palette.paint(Look::Bad, reason));
    }
    if overview.overdue > 0 {
        let count = overview.overdue;
        line(&format!("{count} waits that ended meanwhile are let go little by little"));
    }
    if overview.canvases.is_empty() {
        line("\nno Canvas was ever served from this folder");
    }
    for canvas in &overview.canvases {
        line("");
        line(&heading(canvas, palette));
        if canvas.journeys > 0 {
            line(steps(canvas, now).trim_end());
            retries(canvas, now).iter().for_each(|said| line(said));
        }
    }
    line("");
    let letters = match overview.dead_letters.count {
        0 => "dead letters 0".to_owned(),
        count => palette.paint(Look::Bad, &format!("dead letters {count}")),
    };
    line(&format!("{letters} · users {}", overview.users));
    let log = &overview.log;
    line(&format!(
        "log {} records, {} · snapshots {} · files {} + profiles {}",
        log.records,
        bytes(log.record_bytes),
        bytes(log.snapshot_bytes),
        bytes(log.file_bytes),
        bytes(overview.profiles_bytes),
    ));
    if let Some(at) = log.snapshotted {
        line(&format!("last snapshot {}", moment::long(at.0)));
    }
    if overview.to_be_swept {
        line("bytes of deleted users are swept out of the files at the next stop");
    }
    text
}

fn heading(canvas: &CanvasRow, palette: Palette) -> String {
    let mut said = vec![format!("version {}", canvas.version)];
    if !canvas.newest {
        said.push("earlier".to_owned());
    }
    if canvas.has_no_file {
        said.push("its file is gone, nobody enters".to_owned());
    }
    said.push(match canvas.journeys {
        0 => "nobody is on it".to_owned(),
        1 => "1 journey".to_owned(),
        count => format!("{count} journeys"),
    });
    let name = palette.paint(Look::Bold, &printable(&canvas.canvas));
    let paused = match canvas.paused {
        true => format!(" · {}", palette.paint(Look::Note, "paused")),
        false => String::new(),
    };
    format!("{name} · {}{paused}", said.join(" · "))
}

/// Steps that somebody is at.
fn steps(canvas: &CanvasRow, now: Millis) -> String {
    let table = table(canvas, now, LONGEST);
    let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    match widest.saturating_sub(WIDTH) {
        0 => table,
        excess => self::table(canvas, now, LONGEST.saturating_sub(excess).max(SHORTEST)),
    }
}

fn table(canvas: &CanvasRow, now: Millis, longest: usize) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(COLUMNS);
    for step in canvas.steps.iter().filter(|step| step.all() > 0) {
        let next = step.earliest_due.map_or_else(String::new, |due| away(due, now));
        let oldest = step.oldest_since.map_or_else(String::new, |since| age(since, now));
        table.add_row([
            shortened(&step.step, longest),
            (step.waiting + step.fetching).to_string(),
            step.held.to_string(),
            step.sending.to_string(),
            step.parked.to_string(),
            oldest,
            next,
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = table.to_string();
    text.lines()
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line).trim_end()))
        .collect()
}

/// Of steps whose writes or messages failed before: how far they are.
fn retries(canvas: &CanvasRow, now: Millis) -> Vec<String> {
    let told = |step: &StepRow| {
        let attempts = &step.attempts;
        let mut said = Vec::new();
        if attempts.again > 0 {
            let next = attempts
                .next
                .map_or_else(String::new, |next| format!(", the first {}", away(next, now)));
            said.push(format!("{} to be tried again{next}", attempts.again));
        }
        if attempts.under_way > 0 && attempts.most > 1 {
            said.push(format!("{} under way", attempts.under_way));
        }
        if attempts.queued > 0 {
            said.push(format!("{} behind earlier writes", attempts.queued));
        }
        if attempts.most > 1 {
            said.push(format!("up to attempt {}", attempts.most));
        }
        if let Some(deadline) = attempts.earliest_deadline {
            said.push(format!("first timeout {}", away(deadline, now)));
        }
        if let Some(since) = step.parked_since {
            said.push(format!("parked since {}", moment::long(since.0)));
        }
        (!said.is_empty()).then(|| format!("  {}: {}", cut(&step.step), said.join(" · ")))
    };
    canvas.steps.iter().filter_map(told).collect()
}

/// How long ago it was, in whole seconds: it isn't known more precisely.
fn age(since: Moment, now: Millis) -> String {
    let seconds = now.0.saturating_sub(since.0.0).max(0) / 1000;
    match seconds {
        0 => "just now".to_owned(),
        _ => moment::length(Millis(seconds * 1000)),
    }
}

/// How far away a moment is.
pub fn away(at: Moment, now: Millis) -> String {
    match at.0 > now {
        true => format!("in {}", moment::length(at.0 - now)),
        false => "now".to_owned(),
    }
}

pub fn cut(name: &str) -> String {
    shortened(name, LONGEST)
}

/// Text with an end, in so many characters.
pub fn shortened(text: &str, most: usize) -> String {
    let text = printable(text);
    match text.char_indices().nth(most) {
        Some(_) => {
            let kept: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{kept}…")
        }
        None => text,
    }
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (count as f64, "B");
    for next in UNITS {
        if amount < 1024.0 {
            break;
        }
        (amount, unit) = (amount / 1024.0, next);
    }
    match unit {
        "B" => format!("{count} B"),
        unit => format!("{amount:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::protocol::{AttemptsRow, Burden, LogRow};

    fn step(name: &str) -> StepRow {
        StepRow {
            step: name.to_owned(),
            kind: "delay".to_owned(),
            waiting: 9_999_999,
            earliest_due: Some(Moment(Millis((23 * 60 + 59) * 60_000))),
            fetching: 0,
            held: 9_999_999,
            sending: 9_999_999,
            parked: 9_999_999,
            parked_since: Some(Moment(Millis(0))),
            oldest_since: Some(Moment(Millis(-(23 * 60 + 59) * 60_000))),
            waiting_since: None,
            held_since: None,
            sending_since: None,
            attempts: AttemptsRow {
                queued: 1,
                under_way: 2,
                again: 3,
                most: 4,
                next: Some(Moment(Millis(0))),
                earliest_deadline: None,
            },
        }
    }

    #[test]
    fn the_table_fits_eighty_columns_and_says_what_is_the_matter() {
        let overview = Overview {
            at: Moment(Millis(0)),
            running: false,
            overload: vec!["too much".to_owned()],
            users: 5,
            overdue: 7,
            canvases: vec![CanvasRow {
                canvas: "vip".to_owned(),
                version: "0123456789abcdef".to_owned(),
                newest: false,
                has_no_file: true,
                paused: true,
                journeys: 4,
                steps: vec![step(&"long_name_".repeat(9)), step("short")],
            }],
            dead_letters: Burden { count: 2, bytes: 9 },
            log: LogRow {
                records: 1,
                record_bytes: 2_048,
                snapshot_bytes: 0,
                file_bytes: 5 << 30,
                snapshotted: None,
            },
            profiles_bytes: 1,
            to_be_swept: true,
        };
        let text = told(&overview, Palette::Plain);
        let table = text.lines().filter(|line| line.contains("9999999"));
        assert!(table.clone().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(table.count(), 2, "{text}");
        for said in [
            "vip · version 0123456789abcdef · earlier · its file is gone, nobody enters · 4 journeys · \
             paused",
            "  23 h 59 min  in 23 h 59 min",
            "\nlong_name_long…",
            "3 to be tried again, the first now · 2 under way · 1 behind earlier writes",
            "7 waits that ended meanwhile",
            "too much",
            "log 1 records, 2.0 KiB · snapshots 0 B · files 5.0 GiB + profiles 1 B",
            "swept out",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
}
