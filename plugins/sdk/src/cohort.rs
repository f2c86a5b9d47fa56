//! The users who are at one step now, with everything the step may look at.
//!
//! A cohort is a grid: a row per visit, a column per slot (rendered template or
//! condition) and per attribute that the step reads. One buffer holds all rendered text,
//! so that a thousand users cost a handful of allocations, and so that the same grid can
//! be laid into bytes for a step on the other side of a boundary.

use serde_json::Value as Json;

use crate::settings::{Condition, Text, Tree};
use crate::{Door, Millis};

/// One cell of the grid.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// Nothing: a missing attribute, or a slot whose text is the same for everybody.
    Empty,
    /// Bytes of the cohort's text buffer.
    Text {
        start: u32,
        end: u32,
    },
    Flag(bool),
    Int(i64),
    Float(f64),
    /// A list, an object, or a leaf that kept its type.
    Value(Box<Json>),
}

/// An attribute of a profile as a step sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Attribute<'a> {
    Missing,
    Text(&'a str),
    Flag(bool),
    Int(i64),
    Float(f64),
    Value(&'a Json),
}

/// All users who are at one step at one moment.
pub struct Cohort<'a> {
    pub(crate) now: Millis,
    pub(crate) seed: u64,
    /// `canvas/step`: what a stable random choice is tied to.
    pub(crate) place: &'a str,
    pub(crate) company_zone: &'a str,
    pub(crate) reads: &'a [String],
    pub(crate) slots: usize,
    pub(crate) users: Vec<&'a str>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) text: String,
}

impl<'a> Cohort<'a> {
    pub fn len(&self) -> usize {
        self.users.len()
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The moment of the decision.
    pub fn now(&self) -> Millis {
        self.now
    }

    pub fn visits(&self) -> impl ExactSizeIterator<Item = Visit<'_>> {
        (0..self.users.len()).map(|row| Visit { cohort: self, row })
    }

    fn cell(&self, row: usize, column: usize) -> &Cell {
        &self.cells[row * (self.slots + self.reads.len()) + column]
    }

    fn text_of(&self, start: u32, end: u32) -> &str {
        &self.text[start as usize..end as usize]
    }
}

/// One user at the step.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    cohort: &'a Cohort<'a>,
    row: usize,
}

impl<'a> Visit<'a> {
    /// The user's external id.
    pub fn user(&self) -> &'a str {
        self.cohort.users[self.row]
    }

    pub fn now(&self) -> Millis {
        self.cohort.now
    }

    /// The Canvas's zone (`time_zone:` in the file), for users without one.
    pub fn company_zone(&self) -> &'a str {
        self.cohort.company_zone
    }

    /// The rendered text.
    pub fn text(&self, text: &'a Text) -> &'a str {
        match self.cohort.cell(self.row, text.slot.into()) {
            Cell::Text { start, end } => self.cohort.text_of(*start, *end),
            _ => &text.source,
        }
    }

    /// Whether the condition holds.
    pub fn holds(&self, condition: &Condition) -> bool {
        matches!(self.cohort.cell(self.row, condition.slot.into()), Cell::Flag(true))
    }

    /// The tree with its rendered leaves put in.
    pub fn fill(&self, tree: &Tree) -> Json {
        tree.filled(&mut |slot| match self.cohort.cell(self.row, slot.into()) {
            Cell::Value(value) => (**value).clone(),
            Cell::Text { start, end } => Json::from(self.cohort.text_of(*start, *end)),
            Cell::Flag(flag) => Json::from(*flag),
            Cell::Int(number) => Json::from(*number),
            Cell::Float(number) => Json::from(*number),
            Cell::Empty => Json::Null,
        })
    }

    /// Appends all that was rendered for this user. Where two users' bytes are the same, texts,
    /// conditions and trees come out the same for both.
    pub fn rendered(&self, into: &mut Vec<u8>) {
        for column in 0..self.cohort.slots {
            // A line for each: JSON has no line breaks of its own.
            let written = match self.cohort.cell(self.row, column) {
                Cell::Empty => Ok(()),
                Cell::Text { start, end } => {
                    serde_json::to_writer(&mut *into, self.cohort.text_of(*start, *end))
                }
                Cell::Flag(flag) => serde_json::to_writer(&mut *into, flag),
                Cell::Int(number) => serde_json::to_writer(&mut *into, number),
                Cell::Float(number) => serde_json::to_writer(&mut *into, number),
                Cell::Value(value) => serde_json::to_writer(&mut *into, value),
            };
            written.expect("JSON is JSON");
            into.push(b'\n');
        }
    }

    /// An attribute of the profile that the step declared to read.
    pub fn attribute(&self, name: &str) -> Attribute<'a> {
        let Some(column) = self.cohort.reads.iter().position(|read| read == name) else {
            return Attribute::Missing;
        };
        match self.cohort.cell(self.row, self.cohort.slots + column) {
            Cell::Empty => Attribute::Missing,
            Cell::Text { start, end } => Attribute::Text(self.cohort.text_of(*start, *end)),
            Cell::Flag(flag) => Attribute::Flag(*flag),
            Cell::Int(number) => Attribute::Int(*number),
            Cell::Float(number) => Attribute::Float(*number),
            Cell::Value(value) => Attribute::Value(value),
        }
    }

    /// A number below `buckets` that is always the same for this user at this step and
    /// seed: what "random" means in a Canvas.
    pub fn bucket(&self, buckets: u32) -> u32 {
        ((u128::from(self.hash()) * u128::from(buckets)) >> 64) as u32
    }

    pub(crate) fn hash(&self) -> u64 {
        let mut key = Vec::with_capacity(64);
        key.extend_from_slice(self.cohort.place.as_bytes());
        key.push(0);
        key.extend_from_slice(self.user().as_bytes());
        xxhash_rust::xxh3::xxh3_64_with_seed(&key, self.cohort.seed)
    }

    /// The door by which everybody leaves who has no reason to take another.
    pub fn next(&self) -> Door {
        Door::NEXT
    }
}

/// Lays a cohort out. The runtime's side of the boundary, and the test kit's.
pub struct CohortBuilder<'a> {
    cohort: Cohort<'a>,
}

impl<'a> CohortBuilder<'a> {
    pub fn new(
        now: Millis,
        seed: u64,
        place: &'a str,
        company_zone: &'a str,
        slots: usize,
        reads: &'a [String],
    ) -> CohortBuilder<'a> {
        CohortBuilder {
            cohort: Cohort {
                now,
                seed,
                place,
                company_zone,
                reads,
                slots,
                users: Vec::new(),
                cells: Vec::new(),
                text: String::new(),
            },
        }
    }

    pub fn reserve(&mut self, visits: usize) {
        self.cohort.users.reserve(visits);
        self.cohort.cells.reserve(visits * (self.cohort.slots + self.cohort.reads.len()));
    }

    /// The buffer that rendered text is appended to; then say so with [`Self::text_since`].
    pub fn buffer(&mut self) -> &mut String {
        &mut self.cohort.text
    }

    /// A cell that holds what was appended to the buffer since it was `start` bytes long.
    pub fn text_since(&mut self, start: usize) {
        let (start, end) = (start as u32, self.cohort.text.len() as u32);
        self.cohort.cells.push(Cell::Text { start, end });
    }

    pub fn cell(&mut self, cell: Cell) {
        self.cohort.cells.push(cell);
    }

    /// A cell with a text of its own.
    pub fn text(&mut self, text: &str) {
        let start = self.cohort.text.len();
        self.cohort.text.push_str(text);
        self.text_since(start);
    }

    /// How many cells stand so far; see [`Self::forget`].
    pub fn mark(&self) -> (usize, usize) {
        (self.cohort.cells.len(), self.cohort.text.len())
    }

    /// Takes back an unfinished row: a user whose rendering failed does not visit.
    pub fn forget(&mut self, mark: (usize, usize)) {
        self.cohort.cells.truncate(mark.0);
        self.cohort.text.truncate(mark.1);
    }

    /// Ends the row: its cells, slots first and then attributes, belong to this user.
    pub fn visit(&mut self, user: &'a str) {
        self.cohort.users.push(user);
        let columns = self.cohort.slots + self.cohort.reads.len();
        assert_eq!(self.cohort.cells.len(), self.cohort.users.len() * columns, "a whole row");
    }

    /// True when the text buffer is so full that the rest belongs into another cohort.
    pub fn is_full(&self) -> bool {
        self.cohort.text.len() > 64 << 20
    }

    pub fn build(self) -> Cohort<'a> {
        self.cohort
    }
}
