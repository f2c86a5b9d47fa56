//! The picture of a Canvas: what there is to draw, whatever it is drawn with.

pub mod dot;
pub mod json;
mod layout;
pub mod mermaid;
pub mod svg;
pub mod text;

use std::collections::BTreeMap;

use crate::core::{Canvas, NodeIx};
use crate::trace::TraceLine;

/// A Canvas as boxes and ways.
pub struct Picture {
    pub title: String,
    /// Users who have entered, if they were counted.
    pub entered: Option<u64>,
    /// In the order of the file; the first is where users enter.
    pub boxes: Vec<Box>,
    pub ways: Vec<Way>,
}

/// A step.
pub struct Box {
    pub id: String,
    pub kind: String,
    /// Journeys that have ended here, if they were counted.
    pub exited: Option<u64>,
    /// Whether a journey can only end here.
    pub is_end: bool,
}

/// From one box to another, by one door or by several.
pub struct Way {
    pub from: usize,
    pub to: usize,
    pub doors: Vec<Door>,
}

/// A door that leads the way.
pub struct Door {
    pub name: String,
    /// How many took it, if they were counted.
    pub count: Option<u64>,
}

impl Door {
    /// What stands at the way; `next` goes without saying.
    fn label(&self) -> String {
        let name = if self.name == "next" { "" } else { &self.name };
        match self.count {
            Some(count) if name.is_empty() => count.to_string(),
            Some(count) => format!("{name} · {count}"),
            None => name.to_owned(),
        }
    }
}

impl Way {
    pub fn label(&self) -> String {
        let labels: Vec<String> = self.doors.iter().map(Door::label).collect();
        labels.into_iter().filter(|label| !label.is_empty()).collect::<Vec<_>>().join(" / ")
    }
}

impl Picture {
    pub fn of(canvas: &Canvas, counts: Option<&Counts>) -> Picture {
        let nodes = || (0..canvas.node_count()).map(|number| NodeIx(number as u16));
        let id = |node: NodeIx| canvas.node(node).id.to_string();
        let edges = canvas.graph().edge_indices().filter_map(|edge| {
            let (from, to) = canvas.graph().edge_endpoints(edge)?;
            let door = canvas.graph().edge_weight(edge)?;
            Some((from.index(), usize::from(door.0), to.index()))
        });
        // petgraph keeps edges in the order of adding; a picture has them in that of the file.
        let mut edges: Vec<(usize, usize, usize)> = edges.collect();
        edges.sort_unstable();
        let mut ways: Vec<Way> = Vec::new();
        for (from, door, to) in edges {
            let (from_ix, to_ix) = (NodeIx(from as u16), NodeIx(to as u16));
            let name = canvas.node(from_ix).doors[door].to_string();
            let count = counts.map(|counts| counts.moved(&id(from_ix), &name, &id(to_ix)));
            let door = Door { name, count };
            // Doors of one step stand together, so a shared way is among the last few.
            let shared = ways.iter_mut().rev().take_while(|way| way.from == from);
            match shared.into_iter().find(|way| way.to == to) {
                Some(way) => way.doors.push(door),
                None => ways.push(Way { from, to, doors: vec![door] }),
            }
        }
        let boxes = nodes().map(|node| {
            let step = canvas.node(node);
            Box {
                id: step.id.to_string(),
                kind: step.kind.to_string(),
                exited: counts.map(|counts| counts.exited(&step.id)),
                is_end: !ways.iter().any(|way| way.from == node.index()),
            }
        });
        let boxes = boxes.collect();
        let entered = counts.map(|counts| counts.entered);
        Picture { title: canvas.head.name.to_string(), entered, boxes, ways }
    }
}

/// How many went where, from a trace.
#[derive(Default)]
pub struct Counts {
    entered: u64,
    moved: BTreeMap<(String, String, String), u64>,
    exited: BTreeMap<String, u64>,
    lines: u64,
}

impl Counts {
    /// What was counted elsewhere: who moved from where by which door to where, and who ended
    /// where.
    pub fn of(
        entered: u64,
        moved: BTreeMap<(String, String, String), u64>,
        exited: BTreeMap<String, u64>,
    ) -> Counts {
        Counts { entered, moved, exited, lines: 1 }
    }

    pub fn add(&mut self, line: &TraceLine) {
        self.lines += 1;
        let step = || line.step.clone().unwrap_or_default();
        match line.kind.as_str() {
            "entered" => self.entered += 1,
            "exited" => *self.exited.entry(step()).or_default() += 1,
            "advanced" => {
                if let (Some(via), Some(to)) = (&line.via, &line.to) {
                    *self.moved.entry((step(), via.clone(), to.clone())).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    fn moved(&self, from: &str, door: &str, to: &str) -> u64 {
        let way = (from.to_owned(), door.to_owned(), to.to_owned());
        self.moved.get(&way).copied().unwrap_or(0)
    }

    fn exited(&self, step: &str) -> u64 {
        self.exited.get(step).copied().unwrap_or(0)
    }
}
