//! What a run has come to: for people as tables, dead letters and one line, for programs as
//! one JSON object.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::console::{Look, Palette};
use crate::core::trace::rfc3339;
use crate::core::{Canvas, CanvasIx, DeadLetter, Millis, NodeIx, Tally};
use crate::exit::Exit;
use crate::scene::Scene;
use crate::sdk::Door;
use crate::simulation::Totals;
use crate::table;

/// What a run has come to.
pub struct Outcome<'a> {
    /// In the order in which they are told.
    pub canvases: Vec<(&'a Canvas, Tally)>,
    pub letters: Vec<DeadLetter>,
    pub totals: Totals,
    pub start: Millis,
    pub end: Millis,
    pub seed: u64,
}

impl<'a> Outcome<'a> {
    pub fn of(scene: &'a Scene) -> Outcome<'a> {
        let numbered = scene.canvases.iter().enumerate();
        let simulation = &scene.simulation;
        Outcome {
            canvases: numbered
                .map(|(ix, canvas)| (&**canvas, simulation.tally(CanvasIx(ix as u16))))
                .collect(),
            letters: simulation.dead_letters().collect(),
            totals: simulation.totals(),
            start: scene.start,
            end: simulation.now(),
            seed: scene.seed,
        }
    }
}

pub fn as_text(outcome: &Outcome<'_>, palette: Palette) -> String {
    let mut text = String::new();
    for (canvas, tally) in &outcome.canvases {
        if outcome.canvases.len() > 1 {
            text.push_str(&palette.paint(Look::Bold, &canvas.head.name));
            text.push('\n');
        }
        text.push_str(&table::steps(canvas, tally));
        text.push('\n');
    }
    let turned_away: Vec<String> = outcome
        .canvases
        .iter()
        .filter_map(|(canvas, tally)| table::turned_away(&canvas.head.name, tally))
        .collect();
    for block in [
        turned_away.iter().map(|line| format!("{line}\n")).collect(),
        table::dead_letters(outcome.letters.iter().cloned(), palette),
    ] {
        if !block.is_empty() {
            text.push_str(&block);
            text.push('\n');
        }
    }
    text.push_str(&table::closing(&accounted(outcome)));
    text.push('\n');
    text
}

pub fn as_json(outcome: &Outcome<'_>, exit: Exit) -> Json {
    json!({
        "start": rfc3339(outcome.start),
        "end": rfc3339(outcome.end),
        "seed": outcome.seed,
        "interrupted": exit == Exit::Interrupted,
        "totals": totals_json(&outcome.totals),
        "canvases": outcome.canvases.iter().map(|(canvas, tally)| canvas_json(canvas, tally)).collect::<Vec<_>>(),
        "dead_letters": outcome.letters.iter().cloned().map(letter_json).collect::<Vec<_>>(),
    })
}

/// The totals with every journey in one place: who failed is where the dead letters are,
/// unless there is none, as after a deadline; then they have exited.
fn accounted(outcome: &Outcome<'_>) -> Totals {
    let totals = outcome.totals;
    let steps = outcome.canvases.iter().flat_map(|(canvas, _)| {
        let last =
            canvas.order().iter().filter(|node| canvas.way(**node, Door::ON_FAILURE).is_none());
        last.map(|node| (&*canvas.head.name, &*canvas.node(*node).id))
    });
    // A failure at one of these ends the journey.
    let steps: BTreeSet<(&str, &str)> = steps.collect();
    let letters = outcome.letters.iter();
    let ended = letters.filter(|letter| steps.contains(&(&*letter.key.canvas, &*letter.key.step)));
    let lettered = ended.count() as u64;
    Totals { exited: totals.exited + totals.failed.saturating_sub(lettered), ..totals }
}

fn totals_json(totals: &Totals) -> Json {
    json!({
        "users": totals.users,
        "entered": totals.entered,
        "completed": totals.completed,
        "exited": totals.exited,
        "failed": totals.failed,
        "waiting": totals.waiting + totals.sending,
        "held": totals.held,
        "turned_away": totals.turned_away,
        "dead_letters": totals.dead_letters,
        "objects": totals.objects,
        "requests": totals.requests,
        "messages": totals.messages,
    })
}

fn canvas_json(canvas: &Canvas, tally: &Tally) -> Json {
    let steps = tally.steps.iter().enumerate().map(|(number, step)| {
        let node = canvas.node(NodeIx(number as u16));
        json!({
            "step": &*node.id,
            "kind": &*node.kind,
            "entered": step.arrived,
            "waiting": table::waiting(step),
            "held": step.held,
            "advanced": step.advanced,
            "exited": step.exited,
            "failed": step.failed,
            "aborted": step.aborted,
        })
    });
    json!({
        "canvas": &*canvas.head.name,
        "version": canvas.head.version.to_string(),
        "entered": tally.entered,
        "completed": tally.completed,
        "exited": tally.exited,
        "failed": tally.failed,
        "messages": tally.messages,
        "dead_letters": tally.dead_letters,
        "turned_away": {
            "outside_audience": tally.outside_audience,
            "entered_before": tally.not_again,
            "audience_failed": tally.audience_errors,
            "no_usable_id": tally.bad_ids,
        },
        "steps": steps.collect::<Vec<_>>(),
    })
}

fn letter_json(letter: DeadLetter) -> Json {
    json!({
        "at": rfc3339(letter.at),
        "canvas": &*letter.key.canvas,
        "user": &*letter.key.user,
        "entry": letter.key.entry,
        "step": &*letter.key.step,
        "key": letter.key.to_string(),
        "reason": letter.reason,
        "payload": letter.payload,
    })
}
