//! Names resolved: which door of which step leads where, and whether that is a journey.
//!
//! Checked here: every target exists, nothing runs in a circle, every step can be reached.
//! All numbers are places of steps in the file.

use std::collections::{BTreeMap, VecDeque};

use flowrun_sdk::{Door, Exits};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::codes;
use crate::diagnostic::{Diagnostic, Span};
use crate::outline::{Name, Step};
use crate::schema::OwnDoor;

/// A way from one step to another.
pub(crate) struct Way {
    pub(crate) door: Door,
    /// Where the target is written; `None`: goes on to the step below.
    pub(crate) written: Option<Span>,
}

/// The ways between the steps.
pub(crate) struct Wiring {
    pub(crate) graph: DiGraph<(), Way>,
    /// A way was lost to a fault, so that what seems unreachable may not be.
    unsure: bool,
}

/// Most steps of a circle that are named.
const NAMED: usize = 12;

/// Names that are compared for "did you mean" in one file: ten thousand wrong targets among
/// ten thousand ids would take minutes.
const COMPARISONS: usize = 200_000;

/// Finds every target.
pub(crate) fn wire(
    steps: &[Step<'_, '_>],
    doors: &[&[OwnDoor]],
    faults: &mut Vec<Diagnostic>,
) -> Wiring {
    let numbers = numbers(steps, faults);
    let mut graph = DiGraph::with_capacity(steps.len(), 2 * steps.len());
    for _ in steps {
        graph.add_node(());
    }
    let unsure = steps.iter().any(|step| step.kind.is_none() || step.lost_way);
    let mut wiring = Wiring { graph, unsure };
    // Of equally near names the first in the file.
    let known: Vec<&str> =
        steps.iter().filter_map(|step| step.id.as_ref()).map(|id| id.text.as_str()).collect();
    let mut hints = COMPARISONS / known.len().max(1);
    let mut find = |door: &str, name: &Name| {
        let found = numbers.get(name.text.as_str()).copied();
        if found.is_none() {
            let known = if hints > 0 { known.as_slice() } else { &[] };
            hints = hints.saturating_sub(1);
            faults.push(unknown_target(door, name, known));
        }
        found
    };
    let mut lost = false;
    for (number, step) in steps.iter().enumerate() {
        let exits = step.kind.map(|kind| kind.declaration.exits);
        let next = match &step.next {
            Some(name) => find("next", name).map(|to| (to, Some(name.span.clone()))),
            None if exits == Some(Exits::None) => None,
            None => Some((number + 1, None)).filter(|(to, _)| *to < steps.len()),
        };
        lost |= step.next.is_some() && next.is_none();
        let mut lead = |door: Door, to: Option<(usize, Option<Span>)>| {
            if let Some((to, written)) = to {
                let (from, to) = (NodeIndex::new(number), NodeIndex::new(to));
                wiring.graph.add_edge(from, to, Way { door, written });
            }
        };
        // Nobody leaves a split by `next`: an edge for it would be a way that no user takes.
        if exits != Some(Exits::Branches) {
            lead(Door::NEXT, next.clone());
        }
        for (own, door) in doors[number].iter().enumerate() {
            let to = match &door.to {
                Some((text, span)) => {
                    let name = Name { text: text.clone(), span: span.clone() };
                    let to = find(&door.name, &name);
                    lost |= to.is_none();
                    to.map(|to| (to, Some(span.clone())))
                }
                None => next.clone(),
            };
            lead(Door(Door::FIRST_OWN + own as u16), to);
        }
        let failure = step.on_failure.as_ref();
        let failure =
            failure.and_then(|name| Some((find("on_failure", name)?, Some(name.span.clone()))));
        let timeout = step.on_timeout.as_ref();
        let timeout =
            timeout.and_then(|name| Some((find("on_timeout", name)?, Some(name.span.clone()))));
        lost |= step.on_failure.is_some() && failure.is_none();
        lost |= step.on_timeout.is_some() && timeout.is_none();
        lead(Door::ON_FAILURE, failure.clone());
        if exits == Some(Exits::NextFailureOrTimeout) {
            // Too late is a failure, unless the file says otherwise.
            let otherwise = failure.filter(|_| step.on_timeout.is_none());
            lead(Door::ON_TIMEOUT, timeout.or(otherwise));
        }
    }
    wiring.unsure |= lost;
    wiring
}

/// The number of every id; the first of two counts.
fn numbers<'p>(
    steps: &'p [Step<'_, '_>],
    faults: &mut Vec<Diagnostic>,
) -> BTreeMap<&'p str, usize> {
    let mut numbers = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        let Some(id) = &step.id else { continue };
        let first = *numbers.entry(id.text.as_str()).or_insert(number);
        if first == number {
            continue;
        }
        let message = format!("two steps are called `{}`", id.text);
        let mut fault = Diagnostic::error(codes::DUPLICATE_ID, id.span.clone(), message)
            .hint("ids tell users in flight where they are: give each step its own");
        if let Some(first) = &steps[first].id {
            fault = fault.related(first.span.clone(), "the first one");
        }
        faults.push(fault);
    }
    numbers
}

fn unknown_target(door: &str, name: &Name, known: &[&str]) -> Diagnostic {
    let message = format!("`{door}` leads to `{}`, but no step is called so", name.text);
    Diagnostic::error(codes::UNKNOWN_TARGET, name.span.clone(), message)
        .label("no step has this id")
        .did_you_mean(&name.text, known.iter().copied())
}

impl Wiring {
    /// The ways alone, unless one was lost to a fault.
    pub(crate) fn ways(&self) -> Option<DiGraph<(), ()>> {
        (!self.unsure).then(|| self.graph.map(|_, ()| (), |_, _| ()))
    }

    /// Reports circles, and steps that no way leads to.
    pub(crate) fn check(&self, steps: &[Step<'_, '_>], faults: &mut Vec<Diagnostic>) {
        let mut circular = false;
        // Tarjan's algorithm in petgraph calls itself once per step of a circle; this one has
        // a stack of its own, and ten thousand steps may stand in one.
        for component in kosaraju_scc(&self.graph) {
            let itself = self.graph.contains_edge(component[0], component[0]);
            if component.len() > 1 || itself {
                circular = true;
                faults.push(self.circle(&component, steps));
            }
        }
        if !circular && !self.unsure {
            self.unreachable(steps, faults);
        }
    }

    /// One circle of the component: a shortest one through its first step.
    fn circle(&self, component: &[NodeIndex], steps: &[Step<'_, '_>]) -> Diagnostic {
        let start = *component.iter().min().expect("a component has a node");
        let path = self.way_back(start);
        let name = |node: NodeIndex| {
            steps[node.index()].id.as_ref().map_or("(a step without id)", |id| id.text.as_str())
        };
        let mut named: Vec<String> =
            path.iter().take(NAMED).map(|(from, ..)| format!("`{}`", name(*from))).collect();
        if path.len() > NAMED {
            named.push("…".to_owned());
        }
        named.push(format!("`{}`", name(start)));
        let message = match path.len() {
            1 => format!("`{}` leads to itself", name(start)),
            _ => format!("the steps run in a circle: {}", named.join(" → ")),
        };
        let place = |(from, way, _): &(NodeIndex, &Way, NodeIndex)| match &way.written {
            Some(span) => span.clone(),
            None => steps[from.index()].name_place(),
        };
        let label = |(from, way, to): &(NodeIndex, &Way, NodeIndex)| match way.written {
            Some(_) => format!("`{}` leads to `{}`", name(*from), name(*to)),
            None => format!("`{}` goes on to `{}`", name(*from), name(*to)),
        };
        // The way that closes the circle is the one to change, so it is the place.
        let (last, before) = path.split_last().expect("a circle has a way");
        let mut fault = Diagnostic::error(codes::CYCLE, place(last), message).label(label(last));
        for way in before.iter().take(NAMED) {
            fault = fault.related(place(way), label(way));
        }
        fault.hint("a journey only goes forward; copy the steps, or end with an `exit`")
    }

    /// The shortest way from a step back to itself.
    fn way_back(&self, start: NodeIndex) -> Vec<(NodeIndex, &Way, NodeIndex)> {
        let mut came_by = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        'search: while let Some(node) = queue.pop_front() {
            for edge in self.graph.edges(node) {
                let new = !came_by.contains_key(&edge.target());
                if new {
                    came_by.insert(edge.target(), edge.id());
                    queue.push_back(edge.target());
                }
                if edge.target() == start {
                    break 'search;
                }
            }
        }
        let mut path = Vec::new();
        let mut node = start;
        while let Some(edge) = came_by.remove(&node) {
            let (from, to) = self.graph.edge_endpoints(edge).expect("an edge of this graph");
            path.push((from, &self.graph[edge], to));
            node = from;
        }
        path.reverse();
        path
    }

    fn unreachable(&self, steps: &[Step<'_, '_>], faults: &mut Vec<Diagnostic>) {
        let mut reached = vec![false; steps.len()];
        let mut open = vec![NodeIndex::new(0)];
        while let Some(node) = open.pop() {
            if std::mem::replace(&mut reached[node.index()], true) {
                continue;
            }
            open.extend(self.graph.neighbors(node));
        }
        for (step, _) in steps.iter().zip(reached).filter(|(_, reached)| !reached) {
            let name = step.id.as_ref().map_or("this step", |id| id.text.as_str());
            let message = format!("no way leads to `{name}`");
            faults.push(
                Diagnostic::error(codes::UNREACHABLE, step.name_place(), message)
                    .hint("let a step lead to it, or take it out"),
            );
        }
    }
}

impl Step<'_, '_> {
    /// The id, or what stands for it.
    fn name_place(&self) -> Span {
        self.id.as_ref().map_or(self.place.clone(), |id| id.span.clone())
    }
}
