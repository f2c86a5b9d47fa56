//! The oracle: keeps its own books of a run, from outside, and says where the run breaks a
//! promise.
//!
//! It sees the trace lines, every request and its replies, what the faulty backend really
//! applied, and what the channels really sent. It shares no code with what it judges: the
//! state of a journey is worked out again from the lines. The numbers I1 to I22 are those of
//! the reliability table in `runtime/README.md`.

mod inspector;
mod journeys;
mod marks;
mod messages;
mod operations;
mod writes;

use std::collections::BTreeMap;
use std::sync::Arc;

use flowrun_core::{Canvas, Millis};
use flowrun_profiles::Memory;

pub use inspector::Inspector;
pub use marks::{Mark, Marks};

use journeys::Journeys;
use messages::Messages;
use operations::Operations;
use writes::Writes;

/// A promise that a run has broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The invariant: `I3`.
    pub rule: &'static str,
    pub at: Millis,
    /// Whom it concerns, where it concerns somebody.
    pub user: Option<String>,
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is broken at ", self.rule)?;
        match self.at {
            // Nothing was in the books yet.
            Millis(i64::MIN) => write!(f, "the start")?,
            at => write!(f, "{}", flowrun_core::trace::rfc3339(at))?,
        }
        if let Some(user) = &self.user {
            write!(f, ", user {user}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// The most violations that are kept: after the first few a run is wrong all over.
const MOST_VIOLATIONS: usize = 20;

/// What is to be expected of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expectations {
    /// The backend applies a write once, however often it comes.
    pub once: bool,
    /// Nothing dies, and the clock is right: then moments can be compared to the millisecond.
    pub calm_machine: bool,
    /// The clock is right, even if the machine dies.
    pub right_clock: bool,
    pub patience: Patience,
}

/// How attempts are to be spread over time. The numbers stand here for themselves: what is
/// judged by them has its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// The wait after the first failure, doubled with each further one.
    pub first: Millis,
    /// The longest wait that flowrun chooses.
    pub longest: Millis,
    /// The longest wait that a backend may ask for.
    pub longest_told: Millis,
    /// Failures after which a write is given up.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Patience {
        let (first, longest, longest_told) = (Millis(1_000), Millis(600_000), Millis(3_600_000));
        Patience { first, longest, longest_told, attempts: 13 }
    }
}

/// The books of a run.
pub struct Ledger {
    expectations: Expectations,
    /// The moment of the last line: what the machine's clock showed.
    shown: Millis,
    canvases: BTreeMap<String, Arc<Canvas>>,
    journeys: Journeys,
    writes: Writes,
    messages: Messages,
    operations: Operations,
    /// The backend's own profiles: what it really applied.
    pub truth: Memory,
    pub marks: Marks,
    violations: Vec<Violation>,
}

impl Ledger {
    /// Books for a run through these Canvases, whose backend knows these profiles.
    pub fn new(
        expectations: Expectations,
        canvases: impl IntoIterator<Item = Arc<Canvas>>,
        truth: Memory,
    ) -> Ledger {
        let mut ledger = Ledger {
            expectations,
            shown: Millis(i64::MIN),
            canvases: BTreeMap::new(),
            journeys: Journeys::default(),
            writes: Writes::default(),
            messages: Messages::default(),
            operations: Operations::default(),
            truth,
            marks: Marks::default(),
            violations: Vec::new(),
        };
        canvases.into_iter().for_each(|canvas| ledger.add_canvas(canvas));
        ledger
    }

    /// A Canvas version that users may enter from now on.
    pub fn add_canvas(&mut self, canvas: Arc<Canvas>) {
        self.operations.canvases.push(canvas.head.name.to_string());
        self.canvases
            .insert(version_of(&canvas.head.name, &canvas.head.version.to_string()), canvas);
    }

    /// Whether the backend is expected to apply a write once, however often it comes.
    pub fn expects_once(&self) -> bool {
        self.expectations.once
    }

    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn broken(&mut self, rule: &'static str, user: Option<&str>, what: impl Into<String>) {
        if self.violations.len() < MOST_VIOLATIONS {
            let (at, user) = (self.shown, user.map(str::to_owned));
            self.violations.push(Violation { rule, at, user, what: what.into() });
        }
    }

    /// The machine has died: what was on its way to it never arrived.
    pub(crate) fn disconnected(&mut self) {
        if self.writes.anybody_held() {
            self.marks.hit(Mark::CrashWhileHeld);
        }
        self.writes.disconnected();
    }

    /// Users all of whose writes were committed: what the backend has of them is what was
    /// asked for, and nothing else.
    pub fn well_written(&self) -> impl Iterator<Item = &str> {
        self.writes.well_written()
    }

    /// The run is over and nothing more will happen. Checks what must then be true.
    pub fn finish(&mut self) {
        self.finish_writes();
        self.finish_journeys();
    }
}

fn version_of(canvas: &str, version: &str) -> String {
    format!("{canvas}/{version}")
}
