//! Test files (`NAME.test.yaml`): what users do, what goes wrong, and what is to come of it.
//!
//! As with a Canvas, all faults of a file come at once, each with its place, a code (FR06..) and
//! a way out; and a file without faults is a value in which every expectation knows its place, so
//! that one that fails can be shown where it stands.
//!
//! Pure: what a test file names (the Canvas, users, fixtures) comes in through [`Beside`].

mod act;
mod expect;
mod read;
mod read_act;
mod read_expect;
mod schema;

use std::collections::BTreeSet;
use std::sync::Arc;

use flowrun_core::{Canvas, Context, Millis};
use serde_json::{Map, Value as Json};

use crate::diagnostic::{Diagnostic, Span};
use crate::load::finish;
use crate::{Code, Source};

pub use act::{Event, Fault, Hit, Reply};
pub use expect::{Counted, Expectation, Pattern, What, When, Whose};
pub use read::read;
pub use schema::schema;

/// What lies around a test file. The messages say what is wrong, as the end of a sentence.
pub trait Beside {
    /// The Canvas at this path, seen from the test file. `None` if it has faults: they are told
    /// elsewhere, and the test file is checked as far as that goes without it.
    fn canvas(&mut self, path: &str) -> Result<Option<Arc<Canvas>>, String>;

    /// The ids of the users in the file at this path.
    fn users(&mut self, path: &str) -> Result<BTreeSet<String>, String>;

    /// Whether it is a user, as a users file has them; all that is wrong if not.
    fn user(&mut self, user: &Map<String, Json>) -> Result<(), Vec<String>>;

    /// Whether it is an event.
    fn event(&mut self, event: &Event) -> Result<(), String>;

    /// Whether the file at this path holds fixtures.
    fn fixtures(&mut self, path: &str) -> Result<(), String>;

    /// Whether these rows are fixtures.
    fn rows(&mut self, rows: &Json) -> Result<(), String>;
}

/// A value, and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed<T> {
    pub value: T,
    pub span: Span,
}

/// A test file that is all right.
#[derive(Clone)]
pub struct TestFile {
    pub canvas: Arc<Canvas>,
    /// The Canvas's path, seen from the test file.
    pub path: Placed<String>,
    pub start: Millis,
    pub seed: u64,
    pub users: Cast,
    pub fixtures: Option<Fixtures>,
    pub tests: Vec<Test>,
}

/// Who takes part.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Cast {
    #[default]
    Nobody,
    Listed(Vec<Member>),
    File(String),
    /// `count` users called `prefix1`, `prefix2`, …, all alike.
    Alike {
        count: u32,
        prefix: String,
        attributes: Map<String, Json>,
    },
}

/// One who takes part.
#[derive(Clone, PartialEq, Debug)]
pub enum Member {
    /// A User Track object, as in a users file.
    User(Map<String, Json>),
    /// A user of the file, by id.
    Known(String),
}

/// What answers Connected Content and webhooks.
#[derive(Clone, PartialEq, Debug)]
pub enum Fixtures {
    Rows(Json),
    File(String),
}

/// One test.
#[derive(Clone, PartialEq, Debug)]
pub struct Test {
    pub name: Placed<String>,
    /// In place of the file's, if there are any.
    pub users: Option<Cast>,
    pub events: Vec<Event>,
    pub faults: Vec<Fault>,
    /// No moment after this is reached; without it, the test goes on until nothing happens.
    pub until: Option<Millis>,
    pub expect: Vec<Expectation>,
    /// The trace that is to come of it, byte for byte: a file's path, seen from the test file.
    pub trace: Option<Placed<String>>,
}

/// What a test file turned out to be.
pub struct ReadTest {
    /// The file, if nothing is wrong with it, and the Canvas is there.
    pub file: Option<TestFile>,
    pub diagnostics: Vec<Diagnostic>,
    pub source: Source,
}

/// An expectation that did not come true, as a diagnostic: the place, what was expected and got,
/// and what else is to be said.
pub fn unmet(
    source: &Source,
    code: Code,
    span: &Span,
    message: &str,
    got: &str,
    hint: Option<String>,
) -> Diagnostic {
    let fault = Diagnostic::error(code, span.clone(), message).label(got).hint_if(hint);
    let sources = std::slice::from_ref(source);
    finish(vec![fault], sources).pop().expect("one goes in")
}

/// Variables as a map in order.
pub(crate) type Properties = Option<Arc<Context>>;

/// When a test starts that isn't told when: Monday, 5 January 2026, 09:00 UTC, as a run does.
pub const START: Millis = Millis(1_767_603_600_000);
