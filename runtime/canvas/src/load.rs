//! The way of a file: text, tree, outline, wiring, graph. Every stage goes on with what the
//! one before could make out, so that all faults of a file come in one go.

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_core::{Canvas, Entry, Head, Node, Version};
use flowrun_sdk::{Catalogue, Door};
use petgraph::graph::DiGraph;

use crate::diagnostic::Diagnostic;
use crate::head::Written;
use crate::lines::Lines;
use crate::outline::{self, Step};
use crate::plain_user::{PlainUser, Strictness};
use crate::schema::{Area, At, OwnDoor, Walker};
use crate::settings::{Created, Settled, settle};
use crate::texts::Texts;
use crate::variables::{Entrance, Sources};
use crate::wiring::{Wiring, wire};
use crate::yaml::{self, Plain, Value};
use crate::{Files, Loaded, Source, codes, secrets};

/// Reads a Canvas.
///
/// The Canvas is there if and only if no diagnostic is an error; warnings may stand beside it.
pub fn load(source: Source, catalogue: &Catalogue, files: &dyn Files) -> Loaded {
    load_beside(source, Vec::new(), catalogue, files)
}

/// The same where something is known to be wrong with the file already.
pub(crate) fn load_beside(
    source: Source,
    mut faults: Vec<Diagnostic>,
    catalogue: &Catalogue,
    files: &dyn Files,
) -> Loaded {
    let mut texts = Texts::new(&source, files);
    let parts = yaml::parse(&source.text, &mut faults)
        .and_then(|root| read(&root, &source, catalogue, &mut texts, &mut faults));
    let mut sources = texts.into_sources();
    sources.insert(0, source);
    let canvas = match parts {
        Some(parts) if !faults.iter().any(Diagnostic::is_error) => Some(parts.canvas(&sources)),
        _ => None,
    };
    Loaded { canvas, diagnostics: finish(faults, &sources), sources }
}

/// A Canvas without its version, which needs all texts.
struct Parts {
    written: Written,
    entry: Entry,
    graph: DiGraph<Node, Door>,
}

impl Parts {
    fn canvas(self, sources: &[Source]) -> Canvas {
        let Written { canvas, description, time_zone, strict, .. } = self.written;
        let head = Head {
            name: canvas.into(),
            version: Version::of(sources.iter().map(|source| source.text.as_str())),
            description,
            time_zone: time_zone.unwrap_or_else(|| "UTC".to_owned()),
            strict,
            entry: self.entry,
        };
        Canvas::new(head, self.graph)
    }
}

fn read<'s>(
    root: &yaml::Node<'s>,
    source: &'s Source,
    catalogue: &Catalogue,
    texts: &mut Texts<'s>,
    faults: &mut Vec<Diagnostic>,
) -> Option<Parts> {
    let Some(map) = root.map() else {
        let message = format!("a Canvas is a map with `canvas:` and `steps:`, not {}", root.noun());
        let place = root.span.start..root.span.start;
        faults.push(Diagnostic::error(codes::WRONG_TYPE, place, message));
        return None;
    };
    let head = read_head(root, texts, faults);
    let list = map.get("steps")?;
    let mut steps = outline::outline(list, catalogue, faults);
    let mut plain_user = PlainUser::new(strictness(root));
    let settled: Vec<Settled> = steps
        .iter()
        .enumerate()
        .map(|(number, step)| match (step.kind, step.settings) {
            (Some(kind), Some(entry)) => {
                texts.enter(number);
                settle(kind, entry, &source.text, texts, &mut plain_user, faults)
            }
            _ => Settled { doors: Vec::new(), created: None, lost_way: false },
        })
        .collect();
    for (step, settled) in steps.iter_mut().zip(&settled) {
        step.lost_way |= settled.lost_way;
    }
    let whole = matches!(&list.value.value, Value::List(items) if items.len() == steps.len());
    let sets = whole.then(|| sets(&settled)).flatten();
    secrets::look(root, faults);
    let doors: Vec<&[OwnDoor]> = settled.iter().map(|settled| settled.doors.as_slice()).collect();
    let wiring = wire(&steps, &doors, faults);
    let early = || settled.iter().map(early).collect();
    let sources = sets.map(|sets| Sources { sets, early: early(), ways: wiring.ways() });
    texts.variables().judge(Entrance::of(root), sources, faults);
    if !steps.is_empty() {
        wiring.check(&steps, faults);
    }
    if faults.iter().any(Diagnostic::is_error) {
        return None;
    }
    let (written, entry) = head?;
    Some(Parts { written, entry, graph: graph(&steps, settled, wiring)? })
}

fn read_head<'s>(
    root: &yaml::Node<'s>,
    texts: &mut Texts<'s>,
    faults: &mut Vec<Diagnostic>,
) -> Option<(Written, Entry)> {
    let schema = Written::schema();
    let mut walker = Walker::new(schema, Area::File, texts, faults);
    let at = At { key: "", place: root.span.start..root.span.start, item: None, item_index: None };
    let settings = walker.walk(schema, root, &at)?;
    let slots = walker.slots;
    where_alone(root, faults);
    match serde_json::from_value::<Written>(settings) {
        Ok(mut written) => {
            let entry = std::mem::take(&mut written.entry).compiled(slots);
            Some((written, entry))
        }
        Err(error) => {
            // The schema is made from the type, so this is a mistake of ours; say it all the same.
            faults.push(Diagnostic::error(codes::REFUSED, at.place, error.to_string()));
            None
        }
    }
}

/// A condition on an event that isn't named.
fn where_alone(root: &yaml::Node<'_>, faults: &mut Vec<Diagnostic>) {
    let entry = root.map().and_then(|map| map.get("entry")?.value.map());
    let Some(entry) = entry.filter(|entry| !entry.partial && entry.get("event").is_none()) else {
        return;
    };
    if let Some(alone) = entry.get("where") {
        let message = "`where` is a condition on an event, and no `event` is named";
        let fault = Diagnostic::error(codes::WHERE_ALONE, alone.key_span.clone(), message);
        faults.push(fault.hint("name the event, or write `audience` for a condition on the user"));
    }
}

/// Whether missing values are errors; also where the head of the file has faults.
fn strictness(root: &yaml::Node<'_>) -> Strictness {
    let strict = root.map().and_then(|map| map.get("strict")?.value.scalar());
    match strict.map(|strict| strict.plain()) {
        Some(Plain::Flag(true)) => Strictness::Strict,
        _ => Strictness::Lenient,
    }
}

/// The variables that each step puts into the context; `None` while a step has a fault.
fn sets(settled: &[Settled]) -> Option<Vec<Vec<String>>> {
    let created = settled.iter().map(|settled| settled.created.as_ref());
    created.map(|created| Some(created?.step.sets())).collect()
}

/// The variables of a step that its own settings read further down.
fn early(settled: &Settled) -> Vec<String> {
    let created = settled.created.as_ref();
    let early = created.map(|created| flowrun_core::early(&*created.step, &created.slots));
    early.into_iter().flatten().map(|early| early.name).collect()
}

/// The graph of steps that are all right.
fn graph(
    steps: &[Step<'_, '_>],
    settled: Vec<Settled>,
    wiring: Wiring,
) -> Option<DiGraph<Node, Door>> {
    let mut graph = DiGraph::with_capacity(steps.len(), wiring.graph.edge_count());
    let general: [Arc<str>; 3] = ["next".into(), "on_failure".into(), "on_timeout".into()];
    // A thousand steps are of a handful of kinds.
    let mut kinds: BTreeMap<&str, Arc<str>> = BTreeMap::new();
    for (step, settled) in steps.iter().zip(settled) {
        let Created { step: decide, slots } = settled.created?;
        let kind = step.kind?.declaration.name.as_str();
        let kind = kinds.entry(kind).or_insert_with(|| Arc::from(kind)).clone();
        let own = settled.doors.iter().map(|door| Arc::from(door.name.as_str()));
        let doors = general.iter().cloned().chain(own).collect();
        graph.add_node(Node {
            id: step.id.as_ref()?.text.as_str().into(),
            kind,
            step: decide,
            slots,
            doors,
        });
    }
    let (_, edges) = wiring.graph.into_nodes_edges();
    for edge in edges {
        graph.add_edge(edge.source(), edge.target(), edge.weight.door);
    }
    Some(graph)
}

/// The most diagnostics that a load gives: nobody reads more, and each takes memory.
pub(crate) const MAX_DIAGNOSTICS: usize = 1000;

/// Puts diagnostics into the order of the files, and gives them lines and columns.
pub(crate) fn finish(mut faults: Vec<Diagnostic>, sources: &[Source]) -> Vec<Diagnostic> {
    let lines: Vec<Lines<'_>> = sources.iter().map(|source| Lines::of(&source.text)).collect();
    let number = |path: &str| {
        // A fault without a path lies in the Canvas itself.
        sources.iter().position(|source| source.path == path).unwrap_or(0)
    };
    faults
        .sort_by_cached_key(|fault| (number(&fault.file), fault.span.start, fault.severity as u8));
    faults.dedup();
    shorten(&mut faults);
    for fault in &mut faults {
        let file = number(&fault.file);
        fault.file.clone_from(&sources[file].path);
        clean(&mut fault.message);
        fault.label.iter_mut().for_each(clean);
        fault.hint.iter_mut().for_each(clean);
        fault.span = lines[file].within(&fault.span);
        fault.start = lines[file].position(fault.span.start);
        fault.end = lines[file].position(fault.span.end);
        if let Some(suggestion) = &mut fault.suggestion {
            suggestion.span = lines[file].within(&suggestion.span);
        }
        for label in &mut fault.related {
            let file = if label.file.is_empty() { file } else { number(&label.file) };
            label.file.clone_from(&sources[file].path);
            clean(&mut label.text);
            label.span = lines[file].within(&label.span);
            label.start = lines[file].position(label.span.start);
            label.end = lines[file].position(label.span.end);
        }
    }
    faults
}

/// A file must not reach the terminal through a message that quotes it.
fn clean(text: &mut String) {
    if text.contains(char::is_control) {
        *text = text.replace(char::is_control, "\u{FFFD}");
    }
}

fn shorten(faults: &mut Vec<Diagnostic>) {
    let more = faults.len().saturating_sub(MAX_DIAGNOSTICS);
    if more == 0 {
        return;
    }
    // An error must not be hidden behind a thousand warnings.
    faults.sort_by_key(|fault| !fault.is_error());
    let place = faults[0].span.clone();
    faults.truncate(MAX_DIAGNOSTICS);
    let message = format!("at least {more} more faults are not shown");
    let mut rest = Diagnostic::error(codes::AND_MORE, place, message);
    rest.severity = faults[0].severity;
    faults.push(rest);
}
