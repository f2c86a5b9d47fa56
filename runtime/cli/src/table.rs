//! How a run ends on paper: a table of the steps, the dead letters, and one line.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::console::{Look, Palette, printable};
use crate::core::{Canvas, DeadLetter, NodeIx, StepTally, Tally};
use crate::simulation::Totals;

/// The most dead letters that are listed.
const LISTED: usize = 10;
/// The longest reason that is shown of a dead letter, in characters.
const LONGEST_REASON: usize = 160;

const COLUMNS: [&str; 7] = ["step", "entered", "waiting", "held", "advanced", "exited", "failed"];

/// Who is at a step and can't go on yet: for a moment, or for the channel.
pub fn waiting(tally: &StepTally) -> u64 {
    tally.waiting + tally.sending
}

/// The steps of a Canvas with their counts, in the order of the file.
pub fn steps(canvas: &Canvas, tally: &Tally) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(COLUMNS);
    for (number, step) in tally.steps.iter().enumerate() {
        let id = canvas.node(NodeIx(number as u16)).id.to_string();
        let counts =
            [step.arrived, waiting(step), step.held, step.advanced, step.exited, step.failed];
        let cells = std::iter::once(id).chain(counts.iter().map(u64::to_string));
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let text = table.to_string();
    // The preset fills every cell up to its width, the last one too.
    text.lines()
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line).trim_end()))
        .collect()
}

/// The first dead letters, with their reasons.
pub fn dead_letters(letters: impl Iterator<Item = DeadLetter>, palette: Palette) -> String {
    let mut text = String::new();
    let mut count = 0_usize;
    for letter in letters {
        count += 1;
        if count <= LISTED {
            let place = format!("{}/{}", letter.key.canvas, letter.key.step);
            let user = printable(&letter.key.user);
            text.push_str(&format!("  {user}  {place}  {}\n", cut(&letter.reason)));
        }
    }
    if count == 0 {
        return String::new();
    }
    if count > LISTED {
        let more = count - LISTED;
        text.push_str(&format!("  and {more} more; `--trace FILE` has them all, with payloads\n"));
    }
    format!("{}\n{text}", palette.paint(Look::Bad, &format!("dead letters ({count})")))
}

fn cut(reason: &str) -> String {
    let reason = printable(reason);
    match reason.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    }
}

/// Users who did not get in, and why; nothing if there are none.
pub fn turned_away(canvas: &str, tally: &Tally) -> Option<String> {
    let reasons = [
        (tally.outside_audience, "outside the audience"),
        (tally.not_again, "had entered before"),
        (tally.audience_errors, "the audience condition failed"),
        (tally.bad_ids, "no usable id"),
    ];
    let said: Vec<String> = reasons
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} {why}"))
        .collect();
    (!said.is_empty()).then(|| format!("{canvas}: did not enter: {}", said.join(", ")))
}

/// The one line that every run ends with. Scripts read it.
pub fn closing(totals: &Totals) -> String {
    let Totals {
        users, completed, exited, held, dead_letters, objects, requests, messages, ..
    } = totals;
    let waiting = totals.waiting + totals.sending;
    format!(
        "users {users} · completed {completed} · exited {exited} · waiting {waiting} · held {held} \
         · dead-letter {dead_letters} · writes {objects} objects in {requests} requests \
         · messages {messages}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_a_contract() {
        let totals = Totals {
            users: 12,
            completed: 10,
            exited: 1,
            dead_letters: 1,
            objects: 14,
            requests: 2,
            messages: 21,
            ..Totals::default()
        };
        assert_eq!(
            closing(&totals),
            "users 12 · completed 10 · exited 1 · waiting 0 · held 0 · dead-letter 1 \
             · writes 14 objects in 2 requests · messages 21"
        );
    }
}
