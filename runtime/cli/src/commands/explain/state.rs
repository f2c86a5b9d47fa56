//! `flowrun explain --state`: where a user is in a Canvas now, why, and what comes next; with
//! what happened before, as far as the log still tells.

use std::path::Path;

use anyhow::bail;

use super::Explain;
use crate::commands::status::away;
use crate::console::{Console, Look, Palette, printable};
use crate::core::{Canvas, Millis};
use crate::exit::Exit;
use crate::moment;
use crate::operations::Desk;
use crate::operations::protocol::{JourneyRow, Rest, Whereabouts};
use crate::timeline::Timeline;

pub fn tell(
    explain: &Explain,
    canvas: &Canvas,
    state: &Path,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let mut desk = Desk::at(state, &explain.setting.plugins, console)?;
    let found = desk.whereabouts(&explain.user, &canvas.head.name)?;
    if !found.known {
        let (user, shown) = (printable(&explain.user), state.display());
        bail!("no journey of a user `{user}` is known in `{shown}`")
    }
    if explain.json {
        console.line(&serde_json::to_string_pretty(&found)?)?;
        return Ok(Exit::Done);
    }
    let running = desk.is_at_work();
    let palette = console.palette;
    let user = palette.paint(Look::Bold, &printable(&found.user));
    console.line(&format!("{user} in {}; times are UTC\n", canvas.head.name))?;
    console.print(&before(&found, canvas, palette))?;
    console.print(&now(&found, running, palette))?;
    Ok(Exit::Done)
}

fn before(found: &Whereabouts, canvas: &Canvas, palette: Palette) -> String {
    let mut timeline = Timeline::default();
    found.lines.iter().for_each(|line| timeline.add(line.clone()));
    match (found.told_from, timeline.is_empty()) {
        (_, false) => format!("{}\n", timeline.told(canvas, palette)),
        (Some(from), true) => {
            let from = moment::long(from.0);
            format!(
                "nothing has happened to them since {from}; what was before is not told any more\n\n"
            )
        }
        (None, true) => {
            "how they came here is not told any more: a snapshot stands for it\n\n".to_owned()
        }
    }
}

fn now(found: &Whereabouts, running: bool, palette: Palette) -> String {
    let at = found.at.0;
    let title = format!("now, {}", moment::long(at));
    let mut text = format!("{}\n", palette.paint(Look::Bold, &title));
    if found.paused {
        text.push_str("  the Canvas is paused: nobody moves until `flowrun resume`\n");
    }
    if !running {
        text.push_str("  no server holds the folder: nobody moves until one is started\n");
    }
    if found.journeys.is_empty() {
        text.push_str("  on no journey of this Canvas\n");
    }
    for journey in &found.journeys {
        let step = palette.paint(Look::Accent, &printable(&journey.step));
        let (entry, version) = (journey.entry, &journey.version);
        text.push_str(&format!(
            "  entry {entry}, version {version}: {step}, {}\n",
            why(journey, at)
        ));
        if let Some(key) = &journey.key {
            text.push_str(&format!("    key {}\n", printable(key)));
        }
    }
    for letter in &found.dead_letters {
        let (step, reason) = (printable(&letter.step), printable(&letter.reason));
        text.push_str(&format!("  dead letter {} of {step}: {reason}\n", letter.id));
    }
    text
}

/// What they rest in, since when, and what ends it.
fn why(journey: &JourneyRow, now: Millis) -> String {
    let since =
        journey.since.map_or_else(String::new, |at| format!(" since {}", moment::long(at.0)));
    let attempt = journey.attempt.unwrap_or(1);
    let tried = match journey.due {
        Some(due) => format!("attempt {attempt} comes {}", away(due, now)),
        None => format!("attempt {attempt} is under way"),
    };
    let deadline = journey.deadline.map_or_else(String::new, |deadline| {
        format!("; goes on by `on_timeout` {}", away(deadline, now))
    });
    match journey.state {
        Rest::Waiting => {
            let until = journey.due.map_or_else(String::new, |due| {
                format!(" until {} ({})", moment::long(due.0), away(due, now))
            });
            format!("waits{since}{until}")
        }
        Rest::Fetching => format!("waits for an answer that a template asked for{since}"),
        Rest::HeldBehind => {
            format!("held{since}: an earlier write of theirs comes first{deadline}")
        }
        Rest::Held => format!("held{since} until the update is written: {tried}{deadline}"),
        Rest::Sending => format!("a message is on its way{since}: {tried}"),
        Rest::Parked => format!("stays here{since}, because the Canvas is paused"),
    }
}
