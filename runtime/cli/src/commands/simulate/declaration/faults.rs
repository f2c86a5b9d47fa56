//! What is wrong with a declaration: everything at once, in the order of the file.

use super::tree::{Key, Node, Place, Value};
use crate::console::printable;

/// The most that are shown.
const MOST: usize = 20;

/// Faults of one file.
#[derive(Default)]
pub struct Faults(Vec<(Place, String)>);

impl Faults {
    pub fn add(&mut self, at: Place, said: impl Into<String>) {
        self.0.push((at, said.into()));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, for people.
    pub fn told(mut self, file: &str) -> String {
        self.0.sort();
        self.0.dedup();
        let count = self.0.len();
        let word = if count == 1 { "fault" } else { "faults" };
        let mut text = format!("the population has {count} {word}");
        for (Place { line, column }, said) in self.0.iter().take(MOST) {
            text.push_str(&format!("\n{file}:{line}:{column}: {}", printable(said)));
        }
        if count > MOST {
            text.push_str(&format!("\nand {} more", count - MOST));
        }
        text
    }

    /// Says that something else belongs there.
    pub fn other(&mut self, node: &Node, expected: &str) {
        self.add(node.at, format!("{expected} belongs here, and this is {}", node.noun()));
    }

    /// Refuses a key, and names the one that was meant, or all that there are.
    pub fn unknown(&mut self, key: &Key, within: &str, known: &[&str]) {
        let hint = match nearest(&key.name, known.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there is `{}`", known.join("`, `")),
        };
        self.add(key.at, format!("`{}` is unknown in {within}: {hint}", key.name));
    }
}

/// The known name that a slip of the fingers was about.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Longer ones are no slips, and comparing takes the square of their length.
    if written.len() > 64 {
        return None;
    }
    let written = written.to_lowercase();
    let far = known.map(|name| (strsim::damerau_levenshtein(&written, name), name));
    let near = far.min_by_key(|(far, _)| *far);
    near.filter(|(far, name)| *far <= (name.len() / 3).max(1)).map(|(_, name)| name)
}

/// The entries of a map that has known keys only.
pub struct Fields<'t> {
    at: Place,
    within: String,
    entries: &'t [(Key, Node)],
}

impl<'t> Fields<'t> {
    /// The map, after everything unknown in it was said; `None` if it is none.
    pub fn of(
        node: &'t Node,
        within: impl Into<String>,
        known: &[&str],
        faults: &mut Faults,
    ) -> Option<Fields<'t>> {
        let within = within.into();
        let Value::Map(entries) = &node.value else {
            faults.other(node, &format!("a map with `{}`", known.join("`, `")));
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            faults.unknown(key, &within, known);
        }
        Some(Fields { at: node.at, within, entries })
    }

    pub fn get(&self, name: &str) -> Option<&'t Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    pub fn need(&self, name: &str, faults: &mut Faults) -> Option<&'t Node> {
        let found = self.get(name);
        if found.is_none() {
            faults.add(self.at, format!("`{name}` is missing in {}", self.within));
        }
        found
    }
}
