//! Canvases as `/canvas/list` and `/canvas/details` show them.

use std::collections::BTreeSet;

use crate::engine::core::sdk::{Door, WrittenMessage};
use crate::engine::core::{self, NodeIx};
use crate::workspace::{Canvas, EntryKind, Message, State, Step};

/// What the API shows of a Canvas; `edited_ms` is when its file was last changed.
pub fn shown(canvas: &core::Canvas, edited_ms: i64) -> Canvas {
    let head = &canvas.head;
    let entry = match (&head.entry.event, head.entry.api) {
        (Some(_), false) => EntryKind::Event,
        _ => EntryKind::Api,
    };
    Canvas {
        id: head.name.to_string(),
        name: head.name.to_string(),
        description: head.description.clone().unwrap_or_default(),
        state: State::Active,
        entry,
        tags: Vec::new(),
        created_ms: edited_ms,
        edited_ms,
        first_entry_ms: None,
        last_entry_ms: None,
        steps: (0..canvas.node_count()).map(|at| step(canvas, NodeIx(at as u16))).collect(),
    }
}

fn step(canvas: &core::Canvas, at: NodeIx) -> Step {
    let node = canvas.node(at);
    // Only ways that are drawn: a timeout without one of its own goes where failures go.
    let edges = canvas.graph().raw_edges().iter();
    let drawn: BTreeSet<u16> = edges
        .filter(|edge| edge.source().index() == at.index())
        .map(|edge| edge.weight.0)
        .collect();
    let way = |door: u16| {
        let (to, name) = (canvas.way(at, Door(door))?, node.doors.get(usize::from(door))?);
        Some((name.to_string(), canvas.node(to).id.to_string()))
    };
    let message = |(written, number): (WrittenMessage, usize)| Message {
        id: format!("{}/{}/{number}", canvas.head.name, node.id),
        channel: written.channel,
        texts: written.texts,
    };
    Step {
        id: node.id.to_string(),
        kind: node.kind.to_string(),
        messages: node.step.messages().into_iter().zip(1..).map(message).collect(),
        next: drawn.into_iter().filter_map(way).collect(),
    }
}
