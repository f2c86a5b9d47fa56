//! The record that is kept outside: what was asked and answered, and what came out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

/// A small fixed generator.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Counts an attribute, an event and a purchase up.
    Track,
    /// Lets the user into the Canvas that waits before its update.
    Enter,
    /// An event that lets the user into the other one.
    Event,
}

/// A request, under a number that no other has.
#[derive(Clone, Debug)]
pub struct Asked {
    pub user: String,
    pub ask: Ask,
    /// The answer was 2xx.
    pub acknowledged: bool,
}

/// All copies of one message.
#[derive(Default, Debug)]
pub struct Copies {
    pub count: u32,
    ids: BTreeSet<String>,
    texts: BTreeSet<String>,
}

#[derive(Default)]
pub struct Books {
    pub asked: BTreeMap<u64, Asked>,
    /// By step, and the number of the request that let the user in.
    pub messages: BTreeMap<(String, u64), Copies>,
    /// Users of whom a message says that they are past their update, with the number.
    pub past: Vec<(String, u64)>,
    pub faults: Vec<String>,
}

impl Books {
    pub fn ask(&mut self, user: &str, ask: Ask) -> u64 {
        let number = self.asked.len() as u64 + 1;
        self.asked.insert(number, Asked { user: user.to_owned(), ask, acknowledged: false });
        number
    }

    pub fn acknowledge(&mut self, number: u64) {
        if let Some(asked) = self.asked.get_mut(&number) {
            asked.acknowledged = true;
        }
    }

    /// A message came out: one line, with who has got past an update if it says so.
    pub fn message(&mut self, line: &str) -> Option<(String, u64)> {
        let Ok(said) = serde_json::from_str::<Json>(line) else {
            self.faults.push(format!("a message that can't be read: {line}"));
            return None;
        };
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        let (step, user, body) = (text("step"), text("user"), text("body"));
        let number = body.split(' ').nth(1).and_then(|number| number.parse().ok());
        let Some(number) = number else {
            self.faults.push(format!("a message without its number: {line}"));
            return None;
        };
        if self.asked.get(&number).is_none_or(|asked| asked.user != user) {
            self.faults.push(format!("a message to {user} that nobody asked for: {line}"));
        }
        let copies = self.messages.entry((step.clone(), number)).or_default();
        copies.count += 1;
        copies.ids.insert(text("message"));
        copies.texts.insert(body);
        if copies.ids.len() > 1 || copies.texts.len() > 1 {
            self.faults.push(format!("copies of one message differ: {copies:?}"));
        }
        let is_past = step == "tell";
        if is_past {
            self.past.push((user.clone(), number));
        }
        is_past.then_some((user, number))
    }

    pub fn acknowledged(&self) -> usize {
        self.asked.values().filter(|asked| asked.acknowledged).count()
    }
}
