//! How users react to messages, as it is written.

use std::sync::Arc;

use super::draws::{after, draws, probability};
use super::faults::{Faults, Fields, nearest};
use super::occasion;
use super::tree::{Node, Value};
use crate::core::Canvas;
use crate::sdk::Duration;
use crate::simulation::population::{After, Draws};
use crate::simulation::{Reaction, Reactions};

const FIRST: [&str; 6] = ["to", "probability", "after", "set", "event", "then"];
const FOLLOWING: [&str; 5] = ["probability", "after", "set", "event", "then"];

/// How long one reaction may follow another.
const DEEPEST: usize = 8;

/// Steps that send something.
const SENDING: [&str; 2] = ["message", "webhook"];

/// Reads all reactions.
pub fn read(node: &Node, canvases: &[Arc<Canvas>], all: &mut Reactions, faults: &mut Faults) {
    let Value::List(list) = &node.value else {
        return faults.other(node, "a list of reactions");
    };
    for node in list {
        let Some(fields) = Fields::of(node, "a reaction", &FIRST, faults) else { continue };
        let steps = fields.need("to", faults).map(|to| steps(to, canvases, faults));
        let reaction = reaction(node, &fields, faults, 0);
        if let (Some(steps), Some(reaction)) = (steps, reaction) {
            steps.iter().for_each(|step| all.add(step, reaction.clone()));
        }
    }
}

fn steps(node: &Node, canvases: &[Arc<Canvas>], faults: &mut Faults) -> Vec<String> {
    let all: Vec<&Node> = match &node.value {
        Value::List(list) => list.iter().collect(),
        _ => vec![node],
    };
    let mut steps = Vec::new();
    for node in all {
        let Some(text) = node.text() else {
            faults.other(node, "the id of a step");
            continue;
        };
        let nodes = || canvases.iter().flat_map(|canvas| canvas.graph().node_weights());
        let sending = |kind: &str| SENDING.contains(&kind);
        match nodes().find(|node| &*node.id == text) {
            Some(step) if sending(&step.kind) => steps.push(text.to_owned()),
            Some(step) => {
                let kind = &step.kind;
                faults.add(node.at, format!("`{text}` is a {kind} and sends nothing to react to"));
            }
            None => {
                let ids = nodes().filter(|step| sending(&step.kind)).map(|step| &*step.id);
                let ids: Vec<&str> = ids.collect();
                let hint = match nearest(text, ids.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        format!("messages are sent by `{}`", ids[..ids.len().min(20)].join("`, `"))
                    }
                };
                faults.add(node.at, format!("there is no step `{text}`: {hint}"));
            }
        }
    }
    steps
}

fn reaction(
    node: &Node,
    fields: &Fields<'_>,
    faults: &mut Faults,
    depth: usize,
) -> Option<Reaction> {
    if depth > DEEPEST {
        faults.add(node.at, "reactions follow each other too deep");
        return None;
    }
    let probability = fields.get("probability").map(|node| probability(node, faults));
    let minute = Duration { days: 0, exact: crate::core::Millis(60_000) };
    let after = match fields.get("after") {
        Some(node) => after(node, faults),
        None => Some(After::exactly(minute.as_millis())),
    };
    let set = fields.get("set").map(|node| draws(node, "attributes", faults));
    let event = fields.get("event").map(|node| occasion(node, faults));
    let mut then = Vec::new();
    if let Some(node) = fields.get("then") {
        let Value::List(list) = &node.value else {
            faults.other(node, "a list of reactions");
            return None;
        };
        for node in list {
            let fields = Fields::of(node, "a reaction that follows", &FOLLOWING, faults);
            let reaction = fields.and_then(|fields| reaction(node, &fields, faults, depth + 1));
            then.extend(reaction);
        }
    }
    if set.is_none() && event.is_none() {
        faults.add(node.at, "nothing comes of this reaction: say what to `set`, or which `event`");
        return None;
    }
    let (probability, set) =
        (probability.unwrap_or(Some(1.0))?, set.unwrap_or(Some(Draws::default()))?);
    let event = match event {
        Some(event) => Some(event?),
        None => None,
    };
    let made = Reaction::new(probability, after?, set, event, then);
    made.map_err(|why| faults.add(fields.get("set").unwrap_or(node).at, why)).ok()
}
