//! Rendering of a step's slots for one user, before the step is asked.

use flowrun_sdk::{Attribute, Cell, CohortBuilder};
use flowrun_template::{Condition, Options, Request, Stop, View};

use crate::graph::{Node, Slot};
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
    view: &UserView<'_>,
    cohort: &mut CohortBuilder<'_>,
) -> Result<(), NoVisit> {
    slots(&node.slots, view, &options(view), cohort).map_err(no_visit)?;
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
    for slot in slots {
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
                // What is missing renders empty, here as in a text: a null would remove the
                // attribute that it stands for.
                let value = match template.value(view, options)? {
                    serde_json::Value::Null => "".into(),
                    value => value,
                };
                cohort.cell(Cell::Value(Box::new(value)));
            }
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
