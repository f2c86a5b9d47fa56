//! Rendering of a step's slots for one user, before the step is asked.

use flowrun_sdk::{Attribute, Cell, CohortBuilder};
use flowrun_template::{Condition, Options, Request, Stop, View};
use serde_json::Value as Json;

use crate::graph::{Early, Node, Slot};
use crate::input::Context;
use crate::view::UserView;

/// Why a user does not visit the step after all.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum NoVisit {
    /// A text aborted on purpose.
    Aborted(String),
    /// A text asks for answers first.
    Needs(Vec<Request>),
    /// A text could not be rendered; with where and why.
    Failed(String),
}

pub(crate) fn condition_holds(condition: &Condition, view: &UserView<'_>) -> Result<bool, String> {
    let options = options(view);
    condition.holds(view, &options).map_err(|stop| stop.to_string())
}

/// Lays one user's row: slots, then the attributes that the step reads.
pub(crate) fn row(
    node: &Node,
    reads: &[String],
    early: &[Early],
    view: &UserView<'_>,
    cohort: &mut CohortBuilder<'_>,
) -> Result<(), NoVisit> {
    let laid = match early {
        [] => slots(&node.slots, view, &options(view), cohort),
        early => in_order(&node.slots, early, view, cohort),
    };
    laid.map_err(no_visit)?;
    for name in reads {
        let value =
            view.profile.and_then(|profile| profile.field(name).or_else(|| profile.custom(name)));
        match attribute(value) {
            Attribute::Missing => cohort.cell(Cell::Empty),
            Attribute::Text(text) => cohort.text(text),
            Attribute::Flag(flag) => cohort.cell(Cell::Flag(flag)),
            Attribute::Int(number) => cohort.cell(Cell::Int(number)),
            Attribute::Float(number) => cohort.cell(Cell::Float(number)),
            Attribute::Value(value) => cohort.cell(Cell::Value(Box::new(value.clone()))),
        }
    }
    Ok(())
}

/// Lays the cells of a row that are slots. Also for a checker that wants to know what a step
/// would decide, long before there is a user.
pub fn slots(
    slots: &[Slot],
    view: &dyn View,
    options: &Options,
    cohort: &mut CohortBuilder<'_>,
) -> Result<(), Stop> {
    slots.iter().try_for_each(|slot| lay(slot, view, options, cohort))
}

/// The same for a step that reads variables which it sets itself: each is there from where
/// it is set on.
fn in_order(
    slots: &[Slot],
    early: &[Early],
    view: &UserView<'_>,
    cohort: &mut CohortBuilder<'_>,
) -> Result<(), Stop> {
    let options = options(view);
    let mut context: Context = view.context.cloned().unwrap_or_default();
    let mut values: Vec<Json> = Vec::with_capacity(slots.len());
    let mut early = early.iter().peekable();
    for (number, slot) in slots.iter().enumerate() {
        while let Some(set) = early.next_if(|set| set.from <= number) {
            let value = set
                .value
                .filled(&mut |slot| values.get(usize::from(slot)).cloned().unwrap_or_default());
            context.insert(set.name.clone(), value);
        }
        let view = UserView { context: Some(&context), ..*view };
        lay(slot, &view, &options, cohort)?;
        values.push(match slot {
            Slot::Value(template) => present(template.value(&view, &options)?),
            Slot::Text(_) | Slot::Condition(_) => Json::Null,
        });
    }
    Ok(())
}

/// What is missing renders empty, here as in a text: a null would remove the attribute that
/// it stands for.
fn present(value: Json) -> Json {
    if value.is_null() { "".into() } else { value }
}

fn lay(
    slot: &Slot,
    view: &dyn View,
    options: &Options,
    cohort: &mut CohortBuilder<'_>,
) -> Result<(), Stop> {
    match slot {
        Slot::Text(template) if template.constant().is_some() => cohort.cell(Cell::Empty),
        Slot::Text(template) => {
            let start = cohort.buffer().len();
            template.render(view, options, cohort.buffer())?;
            cohort.text_since(start);
        }
        Slot::Condition(condition) => {
            let holds = condition.holds(view, options)?;
            cohort.cell(Cell::Flag(holds));
        }
        Slot::Value(template) => {
            let value = present(template.value(view, options)?);
            cohort.cell(Cell::Value(Box::new(value)));
        }
    }
    Ok(())
}

fn attribute(value: Option<&flowrun_track::Value>) -> Attribute<'_> {
    match value {
        None => Attribute::Missing,
        Some(flowrun_track::Value::Bool(flag)) => Attribute::Flag(*flag),
        Some(flowrun_track::Value::Int(number)) => Attribute::Int(*number),
        Some(flowrun_track::Value::Float(number)) => Attribute::Float(*number),
        Some(flowrun_track::Value::Str(text)) => Attribute::Text(text),
        Some(flowrun_track::Value::Json(json)) => Attribute::Value(json),
    }
}

fn options(view: &UserView<'_>) -> Options {
    Options { strict: view.canvas.head.strict, ..Options::default() }
}

fn no_visit(stop: Stop) -> NoVisit {
    match stop {
        Stop::Abort(reason) => NoVisit::Aborted(reason),
        Stop::Needs(requests) => NoVisit::Needs(requests),
        Stop::Error(error) => NoVisit::Failed(error.to_string()),
    }
}
