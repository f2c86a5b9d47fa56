//! What an update becomes for a user of whom nothing is known but the id.
//!
//! `{"orders": {{custom_attribute.${orders}}}}` is JSON for everybody who has orders, and
//! ends in the dead letter for everybody else. To find that before the first such user does,
//! a step that writes is asked once, for a user without any attribute.
//!
//! What the journey carries (context, entry properties) is not missing because the profile
//! is empty. It is tried with several values: nothing is said if one of them does, or if it
//! can't be told from the attributes which of the two is to blame.

use std::sync::LazyLock;

use flowrun_core::template::{Budget, Options, Root, Uses, Value, View};
use flowrun_core::{Slot, render_slots};
use flowrun_sdk::{Cell, CohortBuilder, Decide, Decision, Millis};
use serde_json::{Value as Json, json};

/// The moment of the visit: 2026-01-01T00:00:00Z.
const NOW: Millis = Millis(1_767_225_600_000);

/// Visits of one Canvas. Far more than people write, and over in a moment.
const VISITS: usize = 1000;

/// Enough for a composer of the greatest length.
const BUDGET: Budget = Budget {
    steps: 5_000,
    output_bytes: 128 << 10,
    made_bytes: 512 << 10,
    requests: 0,
    depth: 200,
};

/// The roots of what a journey carries.
const CARRIED: [Root; 4] =
    [Root::Context, Root::EntryProperties, Root::EventProperties, Root::ApiTriggerProperties];

/// What a variable may be: nothing, a number, a text that is a time too, an object.
fn samples() -> [Value<'static>; 4] {
    static OBJECT: LazyLock<Json> = LazyLock::new(|| json!({ "name": 1 }));
    [Value::Nil, Value::Int(1), Value::Str("2026-01-01T00:00:00Z"), Value::Json(&OBJECT)]
}

/// What happens where a value is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// It renders empty.
    Lenient,
    /// Rendering fails, which is what the author asked for.
    Strict,
}

/// Visits the steps of a Canvas.
pub(crate) struct PlainUser {
    strictness: Strictness,
    visits: usize,
}

/// How a visit went.
enum Visit {
    /// The step can do its work.
    Fine,
    /// It can't, and why.
    Failed(String),
    /// The text aborts, or it can't be rendered here.
    Unclear,
}

impl PlainUser {
    pub(crate) fn new(strictness: Strictness) -> PlainUser {
        PlainUser { strictness, visits: VISITS }
    }

    /// Why the step can't do its work for a user without attributes, if that is certain.
    pub(crate) fn refused(&mut self, step: &dyn Decide, slots: &[Slot]) -> Option<String> {
        let strict = self.strictness == Strictness::Strict;
        if strict || slots.iter().all(Slot::is_constant) || slots.iter().any(needs_network) {
            return None;
        }
        let depends = slots.iter().any(reads_carried);
        let values = samples();
        let values = if depends { &values[..] } else { &values[..1] };
        let mut reasons = Vec::new();
        for &carried in values {
            match self.visit(step, slots, &Sight { attributes: Value::Nil, carried }) {
                Visit::Failed(reason) => reasons.push(reason),
                Visit::Fine | Visit::Unclear => return None,
            }
        }
        if !depends {
            return reasons.pop();
        }
        // The reason is that of a visit which an attribute would have mended.
        values.iter().zip(reasons).find_map(|(&carried, reason)| {
            let mends = |&attributes: &Value<'static>| {
                let sight = Sight { attributes, carried };
                matches!(self.visit(step, slots, &sight), Visit::Fine)
            };
            values.iter().any(mends).then_some(reason)
        })
    }

    fn visit(&mut self, step: &dyn Decide, slots: &[Slot], sight: &Sight) -> Visit {
        let Some(left) = self.visits.checked_sub(1) else { return Visit::Unclear };
        self.visits = left;
        let reads = step.reads();
        let mut cohort = CohortBuilder::new(NOW, 0, "", "UTC", slots.len(), &reads);
        let options = Options { strict: false, budget: BUDGET };
        if render_slots(slots, sight, &options, &mut cohort).is_err() {
            return Visit::Unclear;
        }
        for _ in &reads {
            cohort.cell(Cell::Empty);
        }
        cohort.visit("user");
        let mut decisions = Vec::new();
        step.decide_cohort(&cohort.build(), &mut decisions);
        match decisions.pop() {
            Some(Decision::Fail { reason, .. }) => Visit::Failed(reason),
            Some(_) => Visit::Fine,
            None => Visit::Unclear,
        }
    }
}

fn uses(slot: &Slot) -> &Uses {
    match slot {
        Slot::Text(template) | Slot::Value(template) => template.uses(),
        Slot::Condition(condition) => condition.uses(),
    }
}

fn needs_network(slot: &Slot) -> bool {
    uses(slot).needs_network()
}

fn reads_carried(slot: &Slot) -> bool {
    uses(slot).reads.iter().any(|read| CARRIED.contains(&read.root))
}

/// What the templates see.
struct Sight {
    attributes: Value<'static>,
    carried: Value<'static>,
}

impl View for Sight {
    fn get(&self, root: Root, name: &str) -> Value<'_> {
        match (root, name) {
            (Root::Profile, "user_id") => Value::Str("user"),
            (Root::Profile, "random_bucket_number") => Value::Int(0),
            (Root::Canvas | Root::Campaign, "name" | "api_id" | "message_name") => {
                Value::Str("name")
            }
            (Root::Profile | Root::Custom, _) => self.attributes,
            (root, _) if CARRIED.contains(&root) => self.carried,
            _ => Value::Nil,
        }
    }

    fn now(&self) -> i64 {
        NOW.0
    }
}
