//! A checked Canvas, ready to move users: a petgraph DAG of created steps.
//!
//! The loader resolves names and reports faults; what arrives here is right. Still, the
//! two properties that the shard's single pass over the nodes rests on are asserted: the
//! graph has no cycle, and no node has two edges for one door.

use std::fmt;
use std::sync::Arc;

use flowrun_sdk::settings::Tree;
use flowrun_sdk::{Cohort, Decide, Decision, Door, Fault, Millis};
use flowrun_template::{Condition, Root, Template};
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use serde::{Deserialize, Serialize};

/// A node's number in its Canvas: the place of its step in the file, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeIx(pub u16);

impl NodeIx {
    pub fn index(self) -> usize {
        self.0.into()
    }
}

/// A fingerprint of all that a Canvas consists of: two files of one version decide alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The version of a Canvas made of these texts (the file, and the files it names).
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Version {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for text in texts {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        Version(hash.digest())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is true of the Canvas as a whole.
pub struct Head {
    pub name: Arc<str>,
    pub version: Version,
    pub description: Option<String>,
    /// IANA name of the "company" zone.
    pub time_zone: String,
    /// Missing values are render errors instead of empty.
    pub strict: bool,
    pub entry: Entry,
}

/// Who may enter.
#[derive(Default)]
pub struct Entry {
    /// Users enter by an API call; in a run, those of the users file do.
    pub api: bool,
    /// Users enter by what they do.
    pub event: Option<Trigger>,
    /// Only users for whom this holds.
    pub audience: Option<Condition>,
    pub reentry: Reentry,
}

/// The event that lets users in.
pub struct Trigger {
    pub name: Box<str>,
    /// Only if this holds for the event's properties and the user's profile.
    pub condition: Option<Condition>,
}

/// Whether a user may enter again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reentry {
    #[default]
    Never,
    Always,
    /// So long after the last entry.
    After(Millis),
}

/// A step in its place.
pub struct Node {
    pub id: Arc<str>,
    pub kind: Arc<str>,
    pub step: Box<dyn Decide>,
    /// What the runtime renders or evaluates before the step decides, by slot number.
    pub slots: Vec<Slot>,
    /// Names of the doors by number: `next`, `on_failure`, `on_timeout`, then the step's own.
    /// Traces call them so.
    pub doors: Vec<Arc<str>>,
}

/// A setting that has a value per user.
pub enum Slot {
    Text(Template),
    Condition(Box<Condition>),
    /// A leaf of structured settings: keeps its type if it is a single output.
    Value(Template),
}

impl Slot {
    /// Whether it has the same value for everybody.
    pub fn is_constant(&self) -> bool {
        matches!(self, Slot::Text(template) if template.constant().is_some())
    }
}

/// A Canvas that users can move through.
pub struct Canvas {
    pub head: Head,
    graph: DiGraph<Node, Door>,
    order: Vec<NodeIx>,
    /// By node and door: where it leads; `None` ends the journey.
    ways: Vec<Vec<Option<NodeIx>>>,
    reads: Vec<Vec<String>>,
    needs_profile: Vec<bool>,
    early: Vec<Vec<Early>>,
    stands_for_a_retired_one: bool,
}

/// The step of a version that nobody is on.
struct Retired;

impl Decide for Retired {
    fn warnings(&self) -> Vec<Fault> {
        Vec::new()
    }

    fn reads(&self) -> Vec<String> {
        Vec::new()
    }

    fn decide_cohort(&self, _: &Cohort<'_>, _: &mut Vec<Decision>) {
        unreachable!("nobody is on a retired version, and nobody enters it");
    }
}

/// A variable that a step sets and reads itself, further down.
pub struct Early {
    pub name: String,
    pub(crate) value: Tree,
    /// The first slot that sees it.
    pub(crate) from: usize,
}

/// Whether what is read under this root is what the journey carries.
fn is_of_context(root: Root) -> bool {
    matches!(root, Root::Context | Root::EntryProperties | Root::ApiTriggerProperties)
}

/// The variables of a step that later slots of it read.
pub fn early(step: &dyn Decide, slots: &[Slot]) -> Vec<Early> {
    let reads = |name: &str, slot: &Slot| {
        let uses = match slot {
            Slot::Text(template) | Slot::Value(template) => template.uses(),
            Slot::Condition(condition) => condition.uses(),
        };
        uses.reads.iter().any(|read| is_of_context(read.root) && read.name == name)
    };
    let mut from = 0;
    let mut early = Vec::new();
    for (name, value) in step.sets_in_order() {
        value.filled(&mut |slot| {
            from = from.max(usize::from(slot) + 1);
            serde_json::Value::Null
        });
        if slots.iter().skip(from).any(|slot| reads(&name, slot)) {
            early.push(Early { name, value, from });
        }
    }
    early
}

impl Canvas {
    /// Takes over a checked graph. The first node (index 0) is where users enter.
    ///
    /// # Panics
    /// On an empty graph, a cycle, or two edges for one door of a node.
    pub fn new(head: Head, graph: DiGraph<Node, Door>) -> Canvas {
        assert!(graph.node_count() > 0, "a Canvas has at least one step");
        assert!(graph.node_count() <= usize::from(u16::MAX), "node numbers fit");
        let order = toposort(&graph, None).expect("the loader refuses cycles");
        let order = order.into_iter().map(|node| NodeIx(node.index() as u16)).collect();
        let ways = graph
            .node_indices()
            .map(|node| {
                let mut ways = vec![None; graph[node].doors.len()];
                for edge in graph.edges(node) {
                    use petgraph::visit::EdgeRef;
                    let way = &mut ways[usize::from(edge.weight().0)];
                    assert!(way.is_none(), "one edge per door");
                    *way = Some(NodeIx(edge.target().index() as u16));
                }
                // Who is too late and has no way of their own goes where failures go.
                let [_, failure, timeout, ..] = &mut ways[..] else {
                    panic!("every node has the three general doors");
                };
                *timeout = timeout.or(*failure);
                ways
            })
            .collect();
        let reads: Vec<Vec<String>> = graph.node_weights().map(|node| node.step.reads()).collect();
        let needs_profile = graph
            .node_weights()
            .zip(&reads)
            .map(|(node, reads)| !reads.is_empty() || !node.slots.iter().all(Slot::is_constant))
            .collect();
        let early = graph.node_weights();
        let early = early.map(|node| self::early(&*node.step, &node.slots)).collect();
        let stands_for_a_retired_one = false;
        Canvas { head, graph, order, ways, reads, needs_profile, early, stands_for_a_retired_one }
    }

    /// What stands for a version that nobody is on, and nothing speaks of but by its number: it
    /// keeps that number, and takes nobody.
    pub fn retired(name: Arc<str>, version: Version) -> Canvas {
        let mut graph = DiGraph::new();
        let doors = ["next", "on_failure", "on_timeout"].map(Arc::from).to_vec();
        let (id, step) = (Arc::<str>::from("retired"), Box::new(Retired));
        graph.add_node(Node { kind: id.clone(), id, step, slots: Vec::new(), doors });
        let (description, time_zone) = (None, "UTC".to_owned());
        let entry = Entry::default();
        let head = Head { name, version, description, time_zone, strict: false, entry };
        Canvas { stands_for_a_retired_one: true, ..Canvas::new(head, graph) }
    }

    /// Whether it only stands for a version that nobody is on.
    pub fn is_retired(&self) -> bool {
        self.stands_for_a_retired_one
    }

    pub fn graph(&self) -> &DiGraph<Node, Door> {
        &self.graph
    }

    pub fn node(&self, node: NodeIx) -> &Node {
        &self.graph[NodeIndex::new(node.index())]
    }

    pub fn node_count(&self) -> usize {
        self.graph.node_count()
    }

    /// Where users enter.
    pub fn start(&self) -> NodeIx {
        NodeIx(0)
    }

    /// All nodes, each before those its doors lead to.
    pub fn order(&self) -> &[NodeIx] {
        &self.order
    }

    /// Where a door leads; `None` ends the journey.
    pub fn way(&self, node: NodeIx, door: Door) -> Option<NodeIx> {
        self.ways[node.index()].get(usize::from(door.0)).copied().flatten()
    }

    /// Whether the node has a door of that number at all: a step may decide nonsense.
    pub fn has_door(&self, node: NodeIx, door: Door) -> bool {
        usize::from(door.0) < self.ways[node.index()].len()
    }

    /// Whether anything at the node depends on the user's profile: others are spared the look-up.
    pub fn needs_profile(&self, node: NodeIx) -> bool {
        self.needs_profile[node.index()]
    }

    /// The attributes that the step reads itself.
    pub fn reads(&self, node: NodeIx) -> &[String] {
        &self.reads[node.index()]
    }

    /// Variables that the step sets and reads itself.
    pub(crate) fn early(&self, node: NodeIx) -> &[Early] {
        &self.early[node.index()]
    }
}
