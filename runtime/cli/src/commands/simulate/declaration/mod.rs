//! `NAME.simulate.yaml`: who comes, when, and how they react to messages.
//!
//! Read into a tree with places first, so that all faults of a file are told at once.

mod draws;
mod faults;
mod reactions;
mod tree;

use std::path::Path;
use std::sync::Arc;

use anyhow::{anyhow, bail};

use self::draws::{Site, draw, draws};
pub use self::faults::nearest;
use self::faults::{Faults, Fields};
use self::tree::{Node, Value};
use crate::core::{Canvas, Context};
use crate::folder;
use crate::moment;
use crate::simulation::Reactions;
use crate::simulation::population::{
    Attribute, Draws, Enter, Occasion, Population, Sample, object_of,
};
use crate::track::{Array, Object};
use crate::users;

/// What the file says.
#[derive(Default)]
pub struct Declaration {
    pub population: Population,
    pub reactions: Reactions,
}

const TOP: [&str; 6] = ["users", "sample", "enter", "entry_properties", "event", "reactions"];

/// The most users that are sampled from.
const MOST_SAMPLES: usize = 100_000;

impl Declaration {
    /// Reads a file for these Canvases.
    ///
    /// # Errors
    /// If it can't be read, or has faults: all of them, with their places.
    pub fn read(path: &Path, canvases: &[Arc<Canvas>]) -> anyhow::Result<Declaration> {
        let shown = path.display().to_string();
        let text = folder::text(path)
            .map_err(|why| anyhow!("can't read the population `{shown}`: {why}"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        parse(&text, folder, canvases).map_err(|faults| anyhow!("{}", faults.told(&shown)))
    }

    /// What there is without a file: users with an id, who enter at the start.
    pub fn plain(canvases: &[Arc<Canvas>]) -> Declaration {
        let mut declaration = Declaration::default();
        declaration.population.event = usual_event(canvases);
        declaration
    }
}

fn parse(text: &str, folder: &Path, canvases: &[Arc<Canvas>]) -> Result<Declaration, Faults> {
    let mut faults = Faults::default();
    let tree = match tree::parse(text) {
        Ok(tree) => tree,
        Err((at, said)) => {
            faults.add(at, said);
            return Err(faults);
        }
    };
    let declaration = declaration(&tree, folder, canvases, &mut faults);
    match declaration {
        Some(declaration) if faults.is_empty() => Ok(declaration),
        _ => Err(faults),
    }
}

fn declaration(
    tree: &Node,
    folder: &Path,
    canvases: &[Arc<Canvas>],
    faults: &mut Faults,
) -> Option<Declaration> {
    let mut declaration = Declaration::plain(canvases);
    if tree.value == Value::Scalar(serde_json::Value::Null) {
        return Some(declaration);
    }
    let top = Fields::of(tree, "a population", &TOP, faults)?;
    let population = &mut declaration.population;
    if let Some(node) = top.get("users") {
        population.attributes = attributes(node, faults);
    }
    if let Some(node) = top.get("sample") {
        population.samples = samples(node, folder, faults);
    }
    if let Some(node) = top.get("enter") {
        population.enter = enter(node, faults).unwrap_or_default();
    }
    if let Some(node) = top.get("entry_properties") {
        let read = draws(node, "entry properties", faults);
        population.entry_properties = read.unwrap_or_default();
    }
    if let Some(node) = top.get("event") {
        if top.get("entry_properties").is_some() {
            faults.add(node.at, "who enters by an event has its properties as entry properties");
        }
        population.event = occasion(node, faults);
        check_event(node, population.event.as_ref(), canvases, faults);
    }
    if let Some(node) = top.get("reactions") {
        reactions::read(node, canvases, &mut declaration.reactions, faults);
    }
    Some(declaration)
}

/// The event that lets users in, if nothing else does.
fn usual_event(canvases: &[Arc<Canvas>]) -> Option<Occasion> {
    let entry = &canvases.first()?.head.entry;
    let trigger = entry.event.as_ref().filter(|_| !entry.api)?;
    Occasion::new(&trigger.name, Draws::default()).ok()
}

fn check_event(
    node: &Node,
    event: Option<&Occasion>,
    canvases: &[Arc<Canvas>],
    faults: &mut Faults,
) {
    let Some(event) = event else { return };
    let waits = |canvas: &Arc<Canvas>| {
        let trigger = canvas.head.entry.event.as_ref();
        trigger.is_some_and(|trigger| *trigger.name == *event.name())
    };
    if !canvases.iter().any(waits) {
        let name = event.name();
        let known = canvases.iter().filter_map(|canvas| canvas.head.entry.event.as_ref());
        let known: Vec<&str> = known.map(|trigger| &*trigger.name).collect();
        let hint = match known[..] {
            [] => "users enter it by a call".to_owned(),
            _ => format!("it waits for `{}`", known.join("`, `")),
        };
        faults.add(node.at, format!("the event `{name}` lets nobody into the Canvas: {hint}"));
    }
}

fn attributes(node: &Node, faults: &mut Faults) -> Vec<Attribute> {
    let Value::Map(entries) = &node.value else {
        faults.other(node, "a map of attributes and how they are drawn");
        return Vec::new();
    };
    let mut attributes = Vec::new();
    let mut before: Vec<&str> = Vec::new();
    for (key, node) in entries {
        let name = key.name.as_str();
        if name == "external_id" {
            faults.add(key.at, "ids are made: user-00000000, user-00000001 …");
            continue;
        }
        let judge = |json: &serde_json::Value| object_of(name, json).map(|_| ());
        let site = Site { before: &before, judge: &judge };
        if let Some(draw) = draw(node, &site, faults) {
            match Attribute::new(name, draw) {
                Ok(attribute) => attributes.push(attribute),
                // What was said of a value in its place is not said again here.
                Err(why) if faults.is_empty() => faults.add(key.at, why),
                Err(_) => {}
            }
        }
        before.push(name);
    }
    attributes
}

fn enter(node: &Node, faults: &mut Faults) -> Option<Enter> {
    if let Some(text) = node.text() {
        if text == "at_start" {
            return Some(Enter::AtStart);
        }
        let hint = match nearest(text, ["at_start"].into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write `at_start`, `{ over: 30d }` or `{ per_day: 1000 }`".to_owned(),
        };
        faults.add(node.at, format!("`{text}` doesn't say when users enter: {hint}"));
        return None;
    }
    let fields = Fields::of(node, "`enter`", &["over", "per_day"], faults)?;
    match (fields.get("over"), fields.get("per_day")) {
        (Some(over), None) => {
            let Some(text) = over.text() else {
                faults.other(over, "a length of time such as `30d`");
                return None;
            };
            match moment::parse_length(text) {
                Ok(length) => Some(Enter::Over(length)),
                Err(error) => {
                    faults.add(over.at, format!("{error:#}"));
                    None
                }
            }
        }
        (None, Some(per_day)) => match per_day.number() {
            Some(number) if number.fract() == 0.0 && (1.0..=1e9).contains(&number) => {
                Some(Enter::PerDay(number as u64))
            }
            _ => {
                faults.add(per_day.at, "`per_day` is how many users enter a day, from 1 on");
                None
            }
        },
        _ => {
            faults.add(node.at, "users enter either `over` a length of time or so many `per_day`");
            None
        }
    }
}

/// An event: its name, or its name and properties.
fn occasion(node: &Node, faults: &mut Faults) -> Option<Occasion> {
    let (name, properties) = match &node.value {
        Value::Scalar(_) => (node, Draws::default()),
        _ => {
            let fields = Fields::of(node, "an event", &["name", "properties"], faults)?;
            let properties = fields.get("properties");
            let properties = properties.map(|node| draws(node, "properties", faults));
            let name = fields.need("name", faults)?;
            (name, properties.flatten().unwrap_or_default())
        }
    };
    let Some(text) = name.text() else {
        faults.other(name, "the name of an event");
        return None;
    };
    Occasion::new(text, properties).map_err(|why| faults.add(name.at, why)).ok()
}

/// Users of a file to be drawn from.
fn samples(node: &Node, folder: &Path, faults: &mut Faults) -> Vec<Sample> {
    let Some(text) = node.text() else {
        faults.other(node, "the name of a users file");
        return Vec::new();
    };
    match read_samples(&folder.join(text)) {
        Ok(samples) => samples,
        Err(error) => {
            faults.add(node.at, format!("{error:#}"));
            Vec::new()
        }
    }
}

fn read_samples(path: &Path) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for row in users::raw(path, MOST_SAMPLES)? {
        let cant = |why: String| anyhow!("{}:{}: {why}", path.display(), row.line);
        let mut object = row.object.map_err(cant)?;
        for key in ["external_id", "enter_at"] {
            object.shift_remove(key);
        }
        let entry_properties: Option<Arc<Context>> = match object.shift_remove("entry_properties") {
            Some(serde_json::Value::Object(map)) => Some(Arc::new(map)),
            _ => None,
        };
        let attributes = Object::parse(Array::Attributes, &object);
        let attributes = attributes
            .map_err(|error| anyhow!("{}:{}: {}", path.display(), row.line, error.message))?;
        samples.push(Sample { attributes, entry_properties });
    }
    if samples.is_empty() {
        bail!("`{}` has no users to sample from", path.display())
    }
    Ok(samples)
}

#[cfg(test)]
mod tests;
